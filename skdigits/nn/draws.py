"""Random numbers that belong to rows rather than to their positions in a batch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from .elementwise import CHUNK


class RowDraws:
    """Random numbers for the rows of a batch.

    Parameters
    ----------
    rng : numpy.random.Generator
        Advanced by each draw.

    Examples
    --------
    >>> draws = RowDraws(np.random.default_rng(0))
    >>> draws.begin(np.array([7, 3, 7], dtype=np.uint64))
    >>> noise = draws.normal(np.empty((3, 4)))
    >>> bool((noise[0] == noise[2]).all()), bool((noise[0] == noise[1]).all())
    (True, False)
    """

    def __init__(self, rng: np.random.Generator):
        self.rng = rng

    def begin(self, keys: NDArray) -> None:
        """Take the keys of the rows of a batch; equal keys mean equal rows."""
        # As np.unique with its inverse does it, in a quarter of the time.
        order = np.argsort(keys)
        ordered = keys[order]
        ranks = np.zeros(len(keys), np.intp)
        np.cumsum(ordered[1:] != ordered[:-1], out=ranks[1:])
        self._rank = np.empty_like(ranks)
        self._rank[order] = ranks
        self._n_distinct = int(ranks[-1]) + 1

    def _drawn(self, size: int) -> NDArray:
        """Return uniform 16-bit integers."""
        # The raw 64-bit words of the generator are by far the fastest source of random bits.
        words = self.rng.bit_generator.random_raw(math.ceil(size / 4))
        return words.view(np.uint16)[:size]

    def blocks(self, n_columns: int) -> Iterator[tuple[slice, NDArray]]:
        """Yield the bits of some columns at a time, so that temporaries stay in the cache.

        Yields
        ------
        columns : slice
        bits : ndarray of shape (n_rows, some columns)
        """
        # What is drawn depends on the distinct rows alone, not on how often each is there.
        wide, narrow = (max(1, CHUNK // rows) for rows in (self._n_distinct, len(self._rank)))
        for start in range(0, n_columns, wide):
            width = min(wide, n_columns - start)
            drawn = self._drawn(self._n_distinct * width).reshape(-1, width)
            for left in range(0, drawn.shape[1], narrow):
                part = drawn[:, left : left + narrow]
                columns = slice(start + left, start + left + part.shape[1])
                yield columns, part.take(self._rank, axis=0)

    def of_stored(self, rows: Any) -> NDArray:
        """Return bits for each stored number of sparse rows; those of equal rows are equal.

        Parameters
        ----------
        rows : CSR of shape (n_rows, n_features)
            In canonical format, without stored zeros.

        Returns
        -------
        bits : ndarray of shape (n_stored,)
        """
        n_stored = np.diff(rows.indptr)
        of_rank = np.zeros(self._n_distinct, np.intp)
        of_rank[self._rank] = n_stored
        shift = (np.cumsum(of_rank) - of_rank)[self._rank] - rows.indptr[:-1]
        return self._drawn(of_rank.sum())[np.arange(rows.nnz) + np.repeat(shift, n_stored)]

    def normal(self, out: NDArray) -> NDArray:
        """Fill `out` of shape (n_rows, n_columns) with standard normal numbers."""
        # Sixteen random bits choose among equally likely quantiles: four times as fast as exact
        # normal numbers, and for noise in a network as good.
        quantiles = _quantiles(out.dtype)
        for columns, bits in self.blocks(out.shape[1]):
            out[:, columns] = quantiles.take(bits, mode="clip")
        return out


@cache
def _quantiles(dtype: np.dtype) -> NDArray:
    """Return 2^16 equally likely quantiles of the normal distribution, of variance 1."""
    quantiles = ndtri((np.arange(2**16) + 0.5) / 2**16)
    return (quantiles / quantiles.std()).astype(dtype)
