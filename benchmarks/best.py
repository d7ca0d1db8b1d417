"""The recipe `best` on MNIST: one fully connected network, trained on deformed digits.

``python benchmarks/best.py FOLDER`` trains it on all 60,000 training digits, saves it in the folder
and looks at the 10,000 test digits once, after the last epoch.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import joblib
from common import machine, mnist

from skdigits.digits.recipes import recipe


def main() -> None:
    folder, *seeds = sys.argv[1:]
    print(machine(), flush=True)
    X, y, X_test, y_test = mnist()
    for seed in map(int, seeds or ["0"]):
        model = recipe("best", random_state=seed, verbose=True)
        started = time.perf_counter()
        model.fit(X, y)
        minutes = (time.perf_counter() - started) / 60
        joblib.dump(model, Path(folder) / f"best-{seed}.joblib")
        print(
            f"seed {seed}: test accuracy {model.score(X_test, y_test):.4f}, "
            f"{sum(w.size for w in model.coefs_):,} weights, {model.n_iter_} epochs, "
            f"{minutes:.1f} minutes",
            flush=True,
        )


if __name__ == "__main__":
    main()
