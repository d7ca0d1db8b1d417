"""Time beside every peer, in one process, run after run: A B C, C B A, ..., medians.

``SCIKIT_LEARN_DATA=... OPENBLAS_NUM_THREADS=2 OMP_NUM_THREADS=2 python benchmarks/speed.py`` prints
every table; with ``epochs``, ``parts``, ``predict``, ``record``, ``search`` or ``imports``
only that one. Peers that are not installed are left out.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import warnings
from pathlib import Path
from unittest.mock import patch

import numpy as np
from common import alternate, machine, mnist
from peers import EPOCHS, present, skdigits_run
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

from skdigits import FromScratchMLPClassifier

ROUNDS = 3
SHAPES = [
    ((128, 64, 32), 32),
    ((128, 64, 32), 64),
    ((128, 256, 512), 32),
    ((100,), 200),
    ((10,), 64),
    ((256,), 128),
    ((1024, 1024), 128),
]
RATIOS = [("fast", "sklearn"), ("fast", "torch"), ("fast", "skorch"), ("numpy", "sklearn")]


def epochs() -> None:
    X, y, _, _ = mnist()
    contenders = present()
    ratios = [(ours, peer) for ours, peer in RATIOS if {ours, peer} <= contenders.keys()]
    found: dict[tuple[str, str], list[float]] = {pair: [] for pair in ratios}
    print(f"\nSeconds per epoch of MNIST with Adam, {EPOCHS} epochs at a time, medians of {ROUNDS}")
    print(f"{'hidden / batch':22}" + "".join(f"{name:>9}" for name in contenders), end="")
    print("".join(f"{peer + '/' + ours:>15}" for ours, peer in ratios) + "  share of products")
    for hidden, batch in SHAPES:
        runs = {name: make(X, y, hidden, batch) for name, make in contenders.items()}
        alternate(
            {name: make(X[:500], y[:500], hidden, batch) for name, make in contenders.items()}, 1
        )
        seconds = alternate(runs, ROUNDS)
        for ours, peer in ratios:
            found[ours, peer].append(seconds[peer] / seconds[ours])
        row = f"{hidden!s:>17} /{batch:4}"
        row += "".join(f"{seconds[name] / EPOCHS:9.3f}" for name in contenders)
        row += "".join(f"{values[-1]:15.2f}" for values in found.values())
        best = min(seconds[name] for name in ("fast", "numpy") if name in seconds)
        print(f"{row}{seconds['products'] / best:19.2f}", flush=True)
    for (ours, peer), values in found.items():
        mean = statistics.geometric_mean(values)
        print(f"{peer}/{ours}: geometric mean {mean:.2f}, least {min(values):.2f}")


def parts() -> None:
    X, y, _, _ = mnist()
    rich = {"dropout": 0.2, "normalization": "batch", "clip_norm": 1.0, "solver": "adamw"}
    seconds = alternate(
        {
            "plain": skdigits_run(X, y, (256, 256), 128),
            "dropout, batch norm, clipping, AdamW": skdigits_run(X, y, (256, 256), 128, **rich),
        },
        3 * ROUNDS,
    )
    print(f"\n{EPOCHS} epochs of (256, 256) / 128")
    plain = seconds["plain"]
    for name, median in seconds.items():
        print(f"{name:40}{median:7.3f} s{median / plain:7.2f} times the plain one")


def predict() -> None:
    X, y, X_test, _ = mnist()
    shape = {"hidden_layer_sizes": (128, 64, 32), "max_iter": 1, "random_state": 0}
    models = {
        "skdigits": FromScratchMLPClassifier(**shape).fit(X[:5000], y[:5000]),
        "MLPClassifier": MLPClassifier(**shape).fit(X[:5000], y[:5000]),
    }
    print("\npredict_proba of (128, 64, 32), validation included")
    for n_rows, repeats in ((1, 300), (10_000, 3)):
        rows = X_test[:n_rows]

        def calls(model, rows=rows, repeats=repeats):
            return lambda: [model.predict_proba(rows) for _ in range(repeats)]

        seconds = alternate({name: calls(model) for name, model in models.items()}, 15)
        for name, median in seconds.items():
            print(f"{n_rows:6} rows {name:14}{median / repeats * 1e6:10.0f} us")
        print(f"{n_rows:6} rows ratio {seconds['MLPClassifier'] / seconds['skdigits']:.2f}")


def record() -> None:
    """The bookkeeping of epochs, against the same fit without it."""
    X, y, _, _ = mnist()
    clf = FromScratchMLPClassifier((128, 64, 32), batch_size=64, max_iter=1, random_state=0)

    def bare():
        with patch("skdigits.training.monitor.Monitor.end_of_epoch", lambda *_: False):
            clf.fit(X, y)

    seconds = alternate({"bare": bare, "recorded": lambda: clf.fit(X, y)}, 2 * ROUNDS)
    print("\nhistory_, no callbacks, verbose=0")
    print(f"an epoch is {seconds['recorded'] / seconds['bare'] - 1:+.1%} slower than a bare one")


def search() -> None:
    X, y = load_digits(return_X_y=True)
    clf = FromScratchMLPClassifier(64, max_iter=60, n_iter_no_change=60, random_state=0)
    grid = {"alpha": np.logspace(-5, -1, 5), "learning_rate_init": [1e-3, 3e-3]}
    jobs = {f"n_jobs={n}": GridSearchCV(clf, grid, cv=4, n_jobs=n, refit=False) for n in (1, 2)}
    seconds = alternate({name: lambda s=s: s.fit(X / 16, y) for name, s in jobs.items()}, 3)
    print("\nGridSearchCV of 10 settings in 4 folds on the 8x8 digits")
    for name, median in seconds.items():
        print(f"{name} {median:7.2f} s")
    print(f"ratio {seconds['n_jobs=1'] / seconds['n_jobs=2']:.2f}")


def imports() -> None:
    def run(module):
        command = [sys.executable, "-c", f"import {module}"]
        return lambda: subprocess.run(command, check=True, cwd=Path(__file__).parents[1])

    seconds = alternate({name: run(name) for name in ("skdigits", "sklearn.neural_network")}, 15)
    print("\nA process that only imports")
    for name, median in seconds.items():
        print(f"{name:24}{median:7.3f} s")
    print(f"ratio {seconds['skdigits'] / seconds['sklearn.neural_network']:.3f}")


TABLES = {f.__name__: f for f in (epochs, parts, predict, record, search, imports)}


def main() -> None:
    warnings.simplefilter("ignore")
    print(machine(), flush=True)
    for name in sys.argv[1:] or TABLES:
        TABLES[name]()


if __name__ == "__main__":
    main()
