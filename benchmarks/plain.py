"""The recipe `plain` on MNIST: a plain network without augmentation or ensembles.

``python benchmarks/plain.py choose`` compares candidates on training digits of other writers;
``python benchmarks/plain.py`` trains the recipe on all 60,000 with three seeds (or with those that
are given, so that several machines can share the work) and looks at the 10,000 test digits once for
each, after the last epoch.
"""

from __future__ import annotations

import statistics
import sys
import time

from common import compare, machine, mnist

from skdigits.digits.recipes import recipe

SEEDS = (0, 1, 2)
CANDIDATES: dict[str, dict] = {
    "as it is": {},
    "label smoothing": {"label_smoothing": 0.1},
    "weight decay": {"solver": "adamw", "learning_rate_init": 0.01},
    "deeper, narrower": {"hidden_layer_sizes": (1000, 500, 250, 250, 250)},
    "dropout": {
        "hidden_layer_sizes": (1024, 1024),
        "noise": 0,
        "input_dropout": 0.2,
        "dropout": 0.5,
    },
}


def choose(names: list[str]) -> None:
    candidates = {
        name: recipe("plain", random_state=0, **CANDIDATES[name]) for name in names or CANDIDATES
    }
    compare(candidates)


def show(seeds: list[int]) -> None:
    X, y, X_test, y_test = mnist()
    scores = []
    for seed in seeds:
        model = recipe("plain", random_state=seed)
        started = time.perf_counter()
        model.fit(X, y)
        scores.append(model.score(X_test, y_test))
        weights = sum(w.size for w in model.coefs_)
        print(
            f"seed {seed}: test accuracy {scores[-1]:.4f}, {weights:,} weights, "
            f"{model.n_iter_} epochs, {time.perf_counter() - started:.0f} s",
            flush=True,
        )
    print(f"mean of {len(seeds)} seeds {statistics.mean(scores):.4f}")


def main() -> None:
    print(machine(), flush=True)
    if sys.argv[1:2] == ["choose"]:
        choose(sys.argv[2:])
    else:
        show([int(seed) for seed in sys.argv[1:]] or list(SEEDS))


if __name__ == "__main__":
    main()
