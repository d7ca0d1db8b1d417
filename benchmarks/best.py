"""The recipes `best` and `committee` on MNIST: networks that see deformed digits in several ways.

``python benchmarks/best.py FOLDER`` trains, one after the other, the networks of the committee on
all 60,000 training digits, saves each in the folder and looks at the 10,000 test digits once for
each, after its last epoch; then all of them vote. Those named best are `best`. With names, such as
``python benchmarks/best.py FOLDER best-0``, only these are trained, so that several processes
can share the work. What is already in the folder is not trained again.

``python benchmarks/best.py choose`` compares candidates, of fewer units, on training digits of
other writers; names pick some of them.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import joblib
import numpy as np
from common import compare, machine, mnist, told

from skdigits.digits import (
    Bends,
    Compose,
    Directions,
    ElasticDeformation,
    Loci,
    RandomAffine,
    RandomStroke,
    Upright,
    Views,
)
from skdigits.digits.recipes import committee, recipe


def fading(deformed: Compose, **changes: float) -> dict:
    """Return the recipe's augmentation with other deformations, or another way to fade."""
    return {"augment": recipe("best").augment.set_params(augment=deformed, **changes)}


_DEFORMED = RandomAffine(shift=0) + ElasticDeformation(alpha=44)
_WEAKER = RandomAffine(shift=0, rotation=8, scale=0.1, shear=0.1) + ElasticDeformation(alpha=30)
_STRONGER = RandomAffine(shift=0, rotation=15, scale=0.2, shear=0.2) + ElasticDeformation(alpha=60)
_UPRIGHT = Upright() + Directions()
_BENT = Views(steps=[Directions(), Bends()])
_SEEN = Upright() + Views(steps=[Directions(), Bends(), Loci()])
_WITHOUT_LOCI = fading(_DEFORMED + Upright() + _BENT)
CANDIDATES: dict[str, dict] = {
    "upright edges, bends and loci": {},
    "upright edges and bends": _WITHOUT_LOCI,
    "upright loci": fading(_DEFORMED + Upright() + Loci()),
    "upright edges, bends at 3 x 3": fading(
        _DEFORMED + Upright() + Views(steps=[Directions(), Bends(places=3)])
    ),
    "upright edges and bends, stretched": fading(
        _DEFORMED + Upright(stretch=1, width=0.18) + _BENT
    ),
    "upright edges, bends and loci, stretched": fading(
        _DEFORMED + Upright(stretch=1, width=0.18) + Views(steps=[Directions(), Bends(), Loci()])
    ),
    "finer waves": fading(RandomAffine(shift=0) + ElasticDeformation(sigma=4, alpha=34) + _SEEN),
    "coarser waves": fading(RandomAffine(shift=0) + ElasticDeformation(sigma=6, alpha=60) + _SEEN),
    "coarse and fine waves": fading(
        RandomAffine(shift=0)
        + ElasticDeformation(sigma=6, alpha=50)
        + ElasticDeformation(sigma=3, alpha=10)
        + _SEEN
    ),
    "noise": {"noise": 0.1},
    "more noise, no dropout": {"noise": 0.2, "dropout": 0.0},
    "weight decay": {"alpha": 0.02},
    "three hidden layers": {"hidden_layer_sizes": (1024, 512, 512)},
    "averaged weights": {"ema_decay": 0.9995},
    "batches of 256": {"batch_size": 256},
    "twice the rate": {"learning_rate_init": 0.006},
    "half the rate": {"learning_rate_init": 0.0015},
    "edges and bends": fading(_DEFORMED + _BENT),
    "edges, upright edges and bends": fading(
        _DEFORMED + Views(steps=[Directions(), Upright() + _BENT])
    ),
    "edges, upright edges": fading(_DEFORMED + Views(steps=[Directions(), _UPRIGHT])),
    "pixels": fading(_DEFORMED) | {"max_iter": 60},
    "upright pixels": fading(_DEFORMED + Upright()),
    "edges": fading(_DEFORMED + Directions()),
    "upright edges": fading(_DEFORMED + _UPRIGHT),
    "upright edges, strokes": fading(_DEFORMED + RandomStroke() + _UPRIGHT),
    "upright edges, pixels": fading(_DEFORMED + Upright() + Views(steps=[Directions(), Compose()])),
    "upright edges at 9 x 9 places": fading(_DEFORMED + Upright() + Directions(places=9)),
    "upright edges, weaker": fading(_WEAKER + _UPRIGHT),
    "upright edges, stronger": fading(_STRONGER + _UPRIGHT, start=0.9, end=0.5),
    "upright edges, fading to 0": fading(_DEFORMED + _UPRIGHT, start=0.6, end=0.0),
    "upright edges, no fading": {"augment": _DEFORMED + _UPRIGHT},
    "upright edges, dropped inputs": fading(_DEFORMED + _UPRIGHT) | {"input_dropout": 0.1},
    "more dropout": _WITHOUT_LOCI | {"dropout": 0.2},
    "label smoothing": _WITHOUT_LOCI | {"label_smoothing": 0.05},
    "gelu": _WITHOUT_LOCI | {"activation": "gelu"},
    "60 epochs": _WITHOUT_LOCI | {"max_iter": 60},
    "60 epochs, label smoothing": _WITHOUT_LOCI | {"max_iter": 60, "label_smoothing": 0.05},
    "2048 and 1024 units": _WITHOUT_LOCI | {"hidden_layer_sizes": (2048, 1024)},
    "90 epochs": _WITHOUT_LOCI | {"max_iter": 90},
}


def train(name: str, model, file: Path) -> None:
    X, y, X_test, y_test = mnist()
    model.set_params(verbose=True)
    started = time.perf_counter()
    model.fit(X, y)
    minutes = (time.perf_counter() - started) / 60
    joblib.dump(model, file)
    weights = sum(w.size for w in model.coefs_)
    print(
        f"{name}: test accuracy {model.score(X_test, y_test):.4f}, {weights:,} weights, "
        f"{model.n_iter_} epochs, {minutes:.1f} minutes",
        flush=True,
    )


def vote(files: list[Path]) -> None:
    """Let the networks vote as VotingClassifier does: by the mean of their probabilities."""
    *_, X_test, y_test = mnist()
    probabilities = np.array([joblib.load(file).predict_proba(X_test) for file in files])
    wrong = int((probabilities.mean(axis=0).argmax(axis=1) != y_test).sum())
    print(f"committee of {len(files)}: test accuracy {1 - wrong / len(y_test):.4f}, {wrong} wrong")
    n_wrong = (probabilities.argmax(axis=2) != y_test).sum(axis=0)
    for least in (1, len(files) // 2 + 1, len(files)):
        print(f"misread by {least} or more: {(n_wrong >= least).sum()}")


def choose(names: list[str]) -> None:
    smaller = {"hidden_layer_sizes": (1024, 512), "random_state": 0}
    models = {name: recipe("best", **(smaller | CANDIDATES[name])) for name in names or CANDIDATES}
    print(told("their vote", np.mean(list(compare(models).values()), axis=0)))


def train_and_vote(folder: Path, names: list[str]) -> None:
    voters = dict(committee().estimators)
    for name in names or voters:
        file = folder / f"{name}.joblib"
        if not file.exists():
            train(name, voters[name], file)
    files = [folder / f"{name}.joblib" for name in voters]
    if all(file.exists() for file in files):
        vote(files)


def main() -> None:
    print(machine(), flush=True)
    folder, *names = sys.argv[1:]
    if folder == "choose":
        choose(names)
    else:
        train_and_vote(Path(folder), names)


if __name__ == "__main__":
    main()
