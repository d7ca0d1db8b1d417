"""Which rows take part, with their targets and weights, and which of them are set aside.

::

    rows of weight 0 -> left out
    all others ------> training rows, and validation rows of the same classes: no copies of those,
                       unless that would misrepresent a class
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from .caller import caller_stacklevel
from .hashing import drawn, row_keys, with_targets

HEAVY = 2
"""Times what is to be set aside of a class: no heavier row is set aside as a whole."""


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows of X with their targets and weights.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_rows, n_features)
    targets : ndarray of shape (n_rows,) or (n_rows, n_outputs)
    weights : ndarray of shape (n_rows,), optional
        A weight of 2 means the row twice, 0 means no row; None means 1 throughout.
    rows : ndarray of shape (n,)
        The indices of the rows that take part.
    """

    X: Any
    targets: NDArray
    weights: NDArray | None
    rows: NDArray

    @classmethod
    def of(cls, X: Any, targets: NDArray, weights: NDArray | None = None) -> Samples:
        """Take the rows whose weight is not zero."""
        rows = np.arange(X.shape[0]) if weights is None else np.flatnonzero(weights)
        return cls(X, targets, weights, rows)

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def row_keys(self) -> NDArray:
        """A hash of each row, at the row's index in X."""
        keys = np.zeros(self.X.shape[0], np.uint64)
        keys[self.rows] = row_keys(self.X, self.rows)
        return keys

    @cached_property
    def keys(self) -> NDArray:
        """A hash of each row and its target, at the row's index in X."""
        return with_targets(self.row_keys, self.targets, self.X.shape[1])

    def split(self, fraction: float, seed: int) -> tuple[Samples, Samples]:
        """Set a part of each class aside, or of all rows alike where they have several labels.

        Equal rows stay together, so that a validation row is no copy of a training row, and a row
        of weight 2 is treated as the row twice would be. Where that would misrepresent a class,
        since rows come with several targets or are much of the class, each copy of them is set
        aside or not by chance.

        Parameters
        ----------
        fraction : float
            The share of each class's weight to set aside.
        seed : int
            The same seed splits the same rows alike, whatever their order, and puts all but a few
            rows on the same side where others have come or gone.

        Returns
        -------
        training, validation : Samples

        Warns
        -----
        UserWarning
            A class has too few rows: these go to both parts, with shares of their weight.
        """
        keys, first, group = np.unique(self.keys[self.rows], return_index=True, return_inverse=True)
        first = self.rows[first]
        kind, times = np.unique(self.row_keys[first], return_inverse=True, return_counts=True)[1:]
        stratum = np.zeros(len(first), int)
        # Combinations of labels are too many to keep the shares of.
        if self.targets.ndim == 1:
            stratum = np.unique(self.targets[first], return_inverse=True)[1]
        totals = np.bincount(group, None if self.weights is None else self.weights[self.rows])
        aside, chance, n_shared = np.empty(len(first)), drawn(keys, seed), 0
        order = np.lexsort((chance, stratum))
        for members in np.split(order, np.cumsum(np.bincount(stratum))[:-1]):
            weights, mixed = totals[members], times[kind[members]] > 1
            aside[members] = _shares_aside(weights, fraction, chance[members], mixed)
            if not 0 < aside[members] @ weights < weights.sum():
                aside[members] = fraction
                n_shared += 1
        if n_shared:
            of_classes = f"in {n_shared} of the classes: these"
            _warn_of_shared(of_classes if self.targets.ndim == 1 else "here: all", fraction)
        return self._part(1 - aside[group]), self._part(aside[group])

    def _part(self, shares: NDArray) -> Samples:
        """Return the rows with these shares of their weights."""
        taken = shares > 0
        part = replace(self, rows=self.rows[taken])
        vars(part)["row_keys"] = self.row_keys  # Not to be hashed again.
        if (shares[taken] == 1).all():
            return part
        weights = np.ones(self.X.shape[0]) if self.weights is None else self.weights.astype(float)
        weights[self.rows] *= shares
        return replace(part, weights=weights)


def _shares_aside(weights: NDArray, fraction: float, chance: NDArray, mixed: NDArray) -> NDArray:
    """Return the share of each weight to set aside, so that together they are a fraction of all.

    Parameters
    ----------
    weights : ndarray of shape (n,)
        Of different rows of a class.
    fraction : float
    chance : ndarray of shape (n,)
        Numbers drawn from [0, 1).
    mixed : ndarray of bool and shape (n,)
        Whether the row has other targets as well.

    Examples
    --------
    >>> chance = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    >>> _shares_aside(np.ones(5), 0.4, chance, np.zeros(5, bool))
    array([1., 1., 0., 0., 0.])
    >>> _shares_aside(np.array([1, 1, 1, 1, 20]), 0.25, chance, np.zeros(5, bool))
    array([1.  , 0.  , 0.  , 0.  , 0.25])
    """
    total = weights.sum()
    by_chance = mixed | (weights > HEAVY * fraction * total) | (weights == total)
    copies = np.maximum(1, np.round(weights[by_chance]))
    shares = np.zeros(len(weights))
    shares[by_chance] = binom.ppf(chance[by_chance], copies, fraction) / copies
    # Of the others, a row belongs to the fraction if more than half of it lies within.
    whole = np.flatnonzero(~by_chance)
    wanted = fraction * weights[whole].sum()
    # At least one row is left to train on.
    whole = whole[: len(weights) - 1]
    halfway = np.cumsum(weights[whole]) - weights[whole] / 2
    shares[whole[halfway <= wanted]] = 1
    return shares


def _warn_of_shared(where: str, fraction: float) -> None:
    """Warn that rows are in both parts of a split."""
    warnings.warn(
        f"Too few distinct rows for validation_fraction={fraction:g} {where} are both trained on "
        "and validated on.",
        stacklevel=caller_stacklevel(),
    )
