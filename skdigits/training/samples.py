"""Which rows take part, with their targets and weights, and which of them are set aside.

::

    rows of weight 0 -> left out
    all others ------> training rows, and validation rows of the same classes: no copies of those,
                       but for rows that are too much of a class to be missing in either
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .caller import caller_stacklevel
from .hashing import drawn_order, row_keys, with_targets

HEAVY = 2
"""Times what is to be set aside of a class: heavier rows are in both parts."""

HEAVY_MIXED = 0.1
"""The same for rows with several targets: what their shares are, is learnt from no other rows."""


@dataclass(frozen=True)
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

        Equal rows stay together, whatever their targets, so that a validation row is no copy of a
        training row, and a row of weight 2 is treated as the row twice would be. Rows with several
        targets count as a class of their own. Where too much of a class's weight lies on equal rows
        for that, they go to both parts, with shares of their weight.

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
            Some rows with one target go to both parts.
        """
        keys, first, kind = np.unique(
            self.row_keys[self.rows], return_index=True, return_inverse=True
        )
        mixed = self._have_several_targets(kind)
        stratum = np.zeros(len(first), int)
        # Combinations of labels are too many to keep the shares of.
        if self.targets.ndim == 1:
            stratum = self.targets[self.rows[first]].astype(int)
        stratum = np.unique(np.where(mixed, -1, stratum), return_inverse=True)[1]
        totals = np.bincount(kind, None if self.weights is None else self.weights[self.rows])
        aside = np.empty(len(first))
        order = drawn_order(keys, seed)
        by_stratum = order[np.argsort(stratum[order], kind="stable")]
        for members in np.split(by_stratum, np.cumsum(np.bincount(stratum))[:-1]):
            heavy = HEAVY_MIXED if mixed[members[0]] else HEAVY
            aside[members] = _shares_aside(totals[members], fraction, heavy)
        _warn_of_shared(stratum[(aside > 0) & (aside < 1) & ~mixed], fraction)
        return self._part(1 - aside[kind]), self._part(aside[kind])

    def _have_several_targets(self, kind: NDArray) -> NDArray:
        """Return whether each kind of row comes with several targets."""
        distinct = np.unique(self.keys[self.rows], return_index=True)[1]
        return np.bincount(kind[distinct]) > 1

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


def _shares_aside(weights: NDArray, fraction: float, heavy: float = HEAVY) -> NDArray:
    """Return the share of each weight to set aside, so that together they are a fraction of all.

    Each is set aside whole or not at all, in order, but for those that are so many times as heavy
    as what is to be set aside of all: of these, a fraction.

    Examples
    --------
    >>> _shares_aside(np.array([1, 1, 2, 1, 1, 1, 1]), 0.25)
    array([1., 1., 0., 0., 0., 0., 0.])
    >>> _shares_aside(np.array([9, 1, 2, 1, 1, 1, 1]), 0.25, heavy=1.5)
    array([0.25, 1.  , 0.  , 0.  , 0.  , 0.  , 0.  ])
    """
    total = weights.sum()
    shared = (weights > heavy * fraction * total) | (weights == total)
    whole = np.flatnonzero(~shared)
    wanted = fraction * weights[whole].sum()
    if not shared.any():
        whole = whole[:-1]  # Something must be left to train on.
    # A weight belongs to the fraction if more than half of it lies within.
    halfway = np.cumsum(weights[whole]) - weights[whole] / 2
    shares = np.where(shared, fraction, 0.0)
    shares[whole[halfway <= wanted]] = 1
    return shares


def _warn_of_shared(strata: NDArray, fraction: float) -> None:
    """Warn where distinct rows, of these classes, are in both parts of a split."""
    if len(strata):
        warnings.warn(
            f"Too few distinct rows for validation_fraction={fraction:g} in "
            f"{len(np.unique(strata))} of the classes: these are both trained on and validated on.",
            stacklevel=caller_stacklevel(),
        )
