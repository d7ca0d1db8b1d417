"""When to stop, and which weights to keep."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skdigits.nn.network import Network

from .caller import caller_stacklevel


@dataclass
class Plateau:
    """Counts epochs without progress of a value that should grow.

    Parameters
    ----------
    tol : float, default=0
        The least gain over the best value so far that counts as progress.
    patience : float, default=inf
        How many epochs in a row may go without.

    Examples
    --------
    >>> plateau = Plateau(tol=0.1, patience=1)
    >>> for value in (0.0, 1.0, 1.05, 1.0):
    ...     plateau.update(value)
    >>> plateau.reached
    True
    """

    tol: float = 0.0
    patience: float = np.inf
    best: float = -np.inf
    count: int = 0

    def expect(self, tol: float, patience: float) -> None:
        """Change what is expected of the next epochs, but not what they are measured against."""
        self.tol, self.patience = tol, patience

    def update(self, value: float) -> None:
        """Take the value of an epoch."""
        # Nan is no progress.
        self.count = 0 if value >= self.best + self.tol else self.count + 1
        if value > self.best:
            self.best = value

    @property
    def reached(self) -> bool:
        """Whether more than `patience` epochs in a row went without progress."""
        return self.count > self.patience

    def forget(self) -> None:
        """Measure the next epochs against nothing that came before."""
        self.best, self.count = -np.inf, 0


class Validation:
    """Scores the network after each epoch and remembers the best weights.

    Parameters
    ----------
    network : Network
        Whose weights are scored.
    evaluate : callable
        ``() -> {"validation_score": ..., "validation_loss": ...}``, greater scores being better;
        among equal scores the least loss is best.
    """

    def __init__(self, network: Network, evaluate: Callable[[], dict[str, float]]):
        self.network = network
        self.evaluate = evaluate
        self.best = (-np.inf, -np.inf)
        self.n_scored = 0
        self._best = network.vector.copy()

    def score(self) -> dict[str, float]:
        """Evaluate, and keep the weights if they are the best so far."""
        figures = self.evaluate()
        self.n_scored += 1
        merit = figures["validation_score"], -figures["validation_loss"]
        if merit > self.best:
            self.best = merit
            self._best[...] = self.network.vector
        return figures

    def restore_best(self) -> None:
        """Give the network the best weights that were seen, if any epoch was scored."""
        if self.best[0] > -np.inf:
            self.network.vector[...] = self._best
        elif self.n_scored:
            warnings.warn(
                f"The weights of the last epoch were kept, for none of {self.n_scored} validation "
                "scores is a number above minus infinity.",
                UserWarning,
                stacklevel=caller_stacklevel(),
            )


def warn_of_end(n_calls: int, max_iter: int) -> None:
    """Warn that `partial_fit` goes on where its schedule has ended."""
    warnings.warn(
        f"Next to nothing is learnt any more: after {n_calls} calls of partial_fit, learning_rate "
        f"has come to the end that it plans for max_iter={max_iter}. Raise max_iter, or choose a "
        "schedule without an end.",
        ConvergenceWarning,
        stacklevel=caller_stacklevel(),
    )


def warn_of_limit(n_epochs: int, max_iter: int) -> None:
    """Warn that training ended only because it was out of epochs."""
    limit = f"max_iter={max_iter}" if n_epochs >= max_iter else "the max_fun of its LBFGS"
    warnings.warn(
        f"Training ended after epoch {n_epochs} without converging: it reached {limit}. Raise "
        "that, or loosen tol.",
        ConvergenceWarning,
        stacklevel=caller_stacklevel(),
    )
