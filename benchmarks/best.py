"""The recipes `best` and `committee` on MNIST: networks trained on deformed digits.

``python benchmarks/best.py FOLDER`` trains, one after the other, the five networks of the committee
on all 60,000 training digits (the first is `best`), saves each in the folder and looks at the
10,000 test digits once for each, after its last epoch; then all of them vote. With names, such as
``python benchmarks/best.py FOLDER best-0``, only these are trained, so that several processes can
share the work. What is already in the folder is not trained again.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import joblib
import numpy as np
from common import machine, mnist
from sklearn.pipeline import Pipeline

from skdigits.digits.recipes import committee


def network(model):
    """Return the classifier behind whatever comes before it."""
    return model[-1] if isinstance(model, Pipeline) else model


def train(name: str, model, file: Path) -> None:
    X, y, X_test, y_test = mnist()
    network(model).set_params(verbose=True)
    started = time.perf_counter()
    model.fit(X, y)
    minutes = (time.perf_counter() - started) / 60
    joblib.dump(model, file)
    weights = sum(w.size for w in network(model).coefs_)
    print(
        f"{name}: test accuracy {model.score(X_test, y_test):.4f}, {weights:,} weights, "
        f"{network(model).n_iter_} epochs, {minutes:.1f} minutes",
        flush=True,
    )


def vote(files: list[Path]) -> None:
    """Let the networks vote as VotingClassifier does: by the mean of their probabilities."""
    *_, X_test, y_test = mnist()
    probabilities = np.mean([joblib.load(file).predict_proba(X_test) for file in files], axis=0)
    wrong = int((probabilities.argmax(axis=1) != y_test).sum())
    print(f"committee of {len(files)}: test accuracy {1 - wrong / len(y_test):.4f}, {wrong} wrong")


def main() -> None:
    print(machine(), flush=True)
    folder, *names = sys.argv[1:]
    files = {name: Path(folder) / f"{name}.joblib" for name, _ in committee().estimators}
    for name, model in committee().estimators:
        if name in (names or files) and not files[name].exists():
            train(name, model, files[name])
    if all(file.exists() for file in files.values()):
        vote(list(files.values()))


if __name__ == "__main__":
    main()
