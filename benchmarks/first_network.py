"""The network of many tutorials, 784-128-64-32-10 with Adam at batch 64, on MNIST: time per epoch.

An epoch is timed in turn with scikit-learn's ``MLPClassifier`` on the same float32 arrays. What the
network reaches in ten epochs is printed by ``python examples/mnist_openml.py``.
Usage: ``SCIKIT_LEARN_DATA=... python benchmarks/first_network.py``
"""

from __future__ import annotations

import warnings

from common import alternate, machine, mnist
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skdigits import FromScratchMLPClassifier

SHAPE = {"hidden_layer_sizes": (128, 64, 32), "batch_size": 64, "random_state": 0}
ROUNDS = 5


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
    seconds = epoch_times()
    for name, median in seconds.items():
        print(f"{name:14} {median:6.2f} s per epoch (median of {ROUNDS})")
    print(f"ratio {seconds['MLPClassifier'] / seconds['skdigits']:.2f}")


if __name__ == "__main__":
    main()
