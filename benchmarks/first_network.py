"""The network of many tutorials, 784-128-64-32-10, on MNIST: accuracy, and time per epoch.

Ten epochs in a pipeline on digits from ``fetch_openml`` are scored on the 10,000 test digits; then
one epoch is timed in turn with scikit-learn's ``MLPClassifier`` on the same float32 arrays.
Usage: ``SCIKIT_LEARN_DATA=... python benchmarks/first_network.py``
"""

from __future__ import annotations

import warnings

from common import alternate, machine, mnist
from sklearn.datasets import fetch_openml
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdigits import FromScratchMLPClassifier

SHAPE = {"hidden_layer_sizes": (128, 64, 32), "batch_size": 64, "random_state": 0}
ROUNDS = 5


def accuracy() -> float:
    X, y = fetch_openml("mnist_784", version=1, as_frame=False, return_X_y=True)
    model = make_pipeline(MinMaxScaler(), FromScratchMLPClassifier(**SHAPE, max_iter=10))
    return model.fit(X[:60_000], y[:60_000]).score(X[60_000:], y[60_000:])


def epoch_times() -> dict[str, float]:
    X, y, _, _ = mnist()
    return alternate(
        {
            "skdigits": lambda: FromScratchMLPClassifier(**SHAPE, max_iter=1).fit(X, y),
            "MLPClassifier": lambda: MLPClassifier(**SHAPE, max_iter=1).fit(X, y),
        },
        ROUNDS,
    )


def main() -> None:
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(machine())
    print(f"test accuracy after 10 epochs: {accuracy():.4f}")
    seconds = epoch_times()
    for name, median in seconds.items():
        print(f"{name:14} {median:6.2f} s per epoch (median of {ROUNDS})")
    print(f"ratio {seconds['MLPClassifier'] / seconds['skdigits']:.2f}")


if __name__ == "__main__":
    main()
