"""The recipe `fast` on MNIST: how soon 98.0 % (and 98.5 %) of the test digits are read, against
scikit-learn's `MLPClassifier`. ``python benchmarks/fast.py`` trains all of them in turn with three
seeds (or with those that are given). `MLPClassifier` has one hidden layer and its other defaults,
is given digits that were scaled before the clock started, and is checked after each epoch with the
clock stopped: the first epoch that gets there counts. The recipe is given raw 8-bit digits, and its
schedule is planned to an end that was chosen on validation digits: it is timed as a whole and
checked once, there.
"""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections import defaultdict

import numpy as np
from common import machine, mnist
from sklearn.neural_network import MLPClassifier

from skdigits.digits.recipes import recipe

SEEDS = (0, 1, 2)
GOALS: dict[float, dict] = {
    0.980: {},
    0.985: {"hidden_layer_sizes": (512, 256), "max_iter": 5},
}
"""What differs from the recipe on the way to each accuracy."""

EPOCHS = {100: 50, 256: 25, 512: 15}
"""Epochs that `MLPClassifier` may take with so many hidden units; about as long for each."""

Seconds = dict[float, float]
"""The seconds to each goal; infinite where it was not reached."""


def ours(seed: int) -> Seconds:
    """Return the seconds of whole fits from raw 8-bit digits."""
    X, y, X_test, y_test = mnist("uint8")
    seconds = {}
    for goal, changes in GOALS.items():
        model = recipe("fast", random_state=seed, **changes)
        started = time.perf_counter()
        model.fit(X, y)
        spent, score = time.perf_counter() - started, model.score(X_test, y_test)
        tell(seed, f"recipe for {goal:.1%}", model.n_iter_, spent, score)
        seconds[goal] = spent if score >= goal else math.inf
    return seconds


def theirs(units: int, seed: int) -> Seconds:
    """Return the seconds of training until the first epochs that reach the goals."""
    X, y, X_test, y_test = mnist()
    model = MLPClassifier((units,), random_state=seed)
    classes, spent, best = np.unique(y), 0.0, 0.0
    seconds = dict.fromkeys(GOALS, math.inf)
    for epoch in range(1, EPOCHS[units] + 1):
        started = time.perf_counter()
        model.partial_fit(X, y, classes=classes)
        spent += time.perf_counter() - started
        best = max(best, model.score(X_test, y_test))
        reached = [goal for goal in GOALS if best >= goal and seconds[goal] == math.inf]
        seconds |= dict.fromkeys(reached, spent)
        if reached or epoch == EPOCHS[units]:
            tell(seed, f"MLPClassifier({units})", epoch, spent, best)
        if math.inf not in seconds.values():
            break
    return seconds


def tell(seed: int, name: str, epochs: int, seconds: float, score: float) -> None:
    """Print a line; the test accuracy is the best of the training so far."""
    print(
        f"seed {seed}  {name:18}  {epochs:2} epochs {seconds:7.2f} s  test accuracy {score:.2%}",
        flush=True,
    )


def report(rounds: dict[str, list[Seconds]]) -> None:
    """Print the medians, and how many times as fast the recipe is as the quickest other."""
    for goal in GOALS:
        medians = {
            name: statistics.median(seconds[goal] for seconds in of_seeds)
            for name, of_seeds in rounds.items()
        }
        for name, median in medians.items():
            reached = f"median {median:.2f} s" if median < math.inf else "not reached"
            print(f"{goal:.1%}  {name:18}  {reached}")
        own = medians.pop("recipe")
        name = min(medians, key=medians.__getitem__)
        if max(own, medians[name]) < math.inf:
            print(f"{goal:.1%}  {medians[name] / own:.1f} times as fast as {name}, the quickest")


def main() -> None:
    print(machine(), flush=True)
    # Compiles what is compiled, outside the clock.
    X, y, _, _ = mnist("uint8")
    recipe("fast", max_iter=1).fit(X[:1000], y[:1000])
    rounds: dict[str, list[Seconds]] = defaultdict(list)
    for seed in [int(seed) for seed in sys.argv[1:]] or SEEDS:
        rounds["recipe"].append(ours(seed))
        for units in EPOCHS:
            rounds[f"MLPClassifier({units})"].append(theirs(units, seed))
    report(rounds)


if __name__ == "__main__":
    main()
