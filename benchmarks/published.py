"""Networks from tutorials on MNIST: as they were published, and improved at the same size.

``python benchmarks/published.py`` prints a table with a row for each; names pick some of them, so
that several machines can share the work: ``python benchmarks/published.py sigmoid widening``. Each
network is trained with three seeds. Where the tutorial held out rows of the training digits, so do
we, and the network as published is judged on those alone, with standardised pixels; all others are
trained on the 60,000 training digits and look at the 10,000 test digits once, after the last epoch.

``python benchmarks/published.py choose`` compares candidates for the improvements on training
digits of other writers, and then, for what the tutorials on all rows at once leave open, ways to
scale pixels and initial weights on other random splits than the table's.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings

import numpy as np
from common import compare, machine, mnist
from sklearn.base import TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skdigits import FromScratchMLPClassifier
from skdigits.digits import RandomAffine
from skdigits.digits.published import PUBLISHED, improved_network, published_network

SEEDS = (0, 1, 2)
FIGURES = {
    "mini_batches": "97.10 % test",
    "full_batch_10": "92.3 % held out, 92.5 % training, 2.3 ms an image",
    "full_batch_256": "92.3 % held out, 92.5 % training, 2.3 ms an image",
    "sigmoid": "92.3 % test, 95.45 % training",
    "one_by_one": "none",
    "widening": "97 % test",
}
HELD_OUT = {"full_batch_10": 1_000, "full_batch_256": 12_000}
CANDIDATES: dict[str, dict[str, dict]] = {
    "mini_batches": {
        "as it is": {},
        "affine alone": {"augment": RandomAffine(rotation=8, scale=0.1, shear=0.1, shift=1.5)},
        "noise in its place": {"augment": None, "noise": 0.15},
        "layer norm, gelu": {"normalization": "layer", "activation": "gelu"},
    },
    "sigmoid": {
        "as it is": {},
        "relu": {"activation": "relu"},
        "silu": {"activation": "silu"},
        "tanh": {"activation": "tanh"},
    },
}
UNIT, CENTRED = FunctionTransformer(), StandardScaler(with_std=False)
OPEN = [(scaler, "lecun_normal") for scaler in (UNIT, CENTRED, StandardScaler())] + [
    (StandardScaler(), name) for name in ("glorot_uniform", "he_normal", "orthogonal")
]
OTHER_SEEDS = range(10, 16)
Digits = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def held_out(n_rows: int, seed: int, scaler: TransformerMixin) -> Digits:
    """Set so many of the training digits aside; scale pixels by what the others are like."""
    X, y, _, _ = mnist()
    X, X_unseen, y, y_unseen = train_test_split(
        X, y, test_size=n_rows, stratify=y, random_state=seed
    )
    scaler.fit(X)
    return scaler.transform(X), y, scaler.transform(X_unseen), y_unseen


def milliseconds_an_image(model: FromScratchMLPClassifier, X: np.ndarray) -> float:
    """Time predictions of single rows."""
    times = []
    for i in range(200):
        started = time.perf_counter()
        model.predict(X[i : i + 1])
        times.append(time.perf_counter() - started)
    return 1000 * statistics.median(times)


def measure(model: FromScratchMLPClassifier, digits: Digits) -> dict[str, float]:
    """Train a network and judge it; say so at once, since a row of the table takes minutes."""
    X, y, X_unseen, y_unseen = digits
    started = time.perf_counter()
    model.fit(X, y)
    seconds = time.perf_counter() - started
    figures = {
        "unseen": 100 * model.score(X_unseen, y_unseen),
        "training": 100 * model.score(X, y),
        "ms": milliseconds_an_image(model, X),
        "seconds": seconds,
    }
    line = ", ".join(f"{name} {value:.2f}" for name, value in figures.items())
    print(f"seed {model.random_state}: {line}", file=sys.stderr, flush=True)
    return figures


def told(runs: list[dict[str, float]], unseen: str) -> str:
    mean = {key: statistics.mean(run[key] for run in runs) for key in runs[0]}
    each = ", ".join(f"{run['unseen']:.2f}" for run in runs)
    return (
        f"{mean['unseen']:.2f} % {unseen} ({each}), {mean['training']:.2f} % training, "
        f"{mean['ms']:.2f} ms an image, {mean['seconds']:.0f} s"
    )


def show(names: list[str]) -> None:
    print("| network | published | as published, here | improved |")
    print("|---|---|---|---|", flush=True)
    for name in names:
        n_rows = HELD_OUT.get(name)
        before, after = [], []
        for seed in SEEDS:
            digits = held_out(n_rows, seed, StandardScaler()) if n_rows else mnist()
            before.append(measure(published_network(name, random_state=seed), digits))
            after.append(measure(improved_network(name, random_state=seed), mnist()))
        told_before = told(before, "held out" if n_rows else "test")
        print(f"| `{name}` | {FIGURES[name]} | {told_before} | {told(after, 'test')} |", flush=True)


def choose() -> None:
    candidates = {
        f"{name}, {label}": improved_network(name, random_state=0, **changes)
        for name, labelled in CANDIDATES.items()
        for label, changes in labelled.items()
    }
    compare(candidates)
    for scaler, initializer in OPEN:
        show_choice(scaler, initializer)


def show_choice(scaler: TransformerMixin, initializer: str) -> None:
    accuracies = []
    for seed in OTHER_SEEDS:
        X, y, X_unseen, y_unseen = held_out(12_000, seed, scaler)
        changes = {"initializer": initializer, "batch_size": len(X), "random_state": seed}
        model = published_network("full_batch_10", **changes).fit(X, y)
        accuracies.append(100 * model.score(X_unseen, y_unseen))
    each = ", ".join(f"{accuracy:.2f}" for accuracy in accuracies)
    print(f"{scaler}, {initializer}: {statistics.mean(accuracies):.2f} % held out ({each})")


def main() -> None:
    # As published, a network stops after a number of epochs.
    warnings.simplefilter("ignore", ConvergenceWarning)
    print(machine(), flush=True)
    if sys.argv[1:] == ["choose"]:
        choose()
    else:
        show(sys.argv[1:] or list(PUBLISHED))


if __name__ == "__main__":
    main()
