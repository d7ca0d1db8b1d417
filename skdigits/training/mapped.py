"""Memory maps: pages that have been read are released, so that a file may be larger than memory.

Pages of a mapped file that a process has touched count as its memory until the system wants them
back. They can be read from the file again, so those of a large file are given back at once.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any

import numpy as np

_SMALL = 2**28
"""Bytes of a map that may stay in memory. To read its pages again and again takes several times as
long, and joblib hands any array over 1 MB to its workers as a map."""

_ROWS_AT_A_TIME = 16
"""Rows read between two releases. Each may map some 2 MB around it, since the system maps large
blocks of a file at once."""


class MappedPages:
    """The pages of the large memory map behind an array, if there is one.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        A view of a memory map, or anything else.

    Examples
    --------
    >>> list(MappedPages(np.zeros((50, 2))).pieces(40))
    [slice(0, 40, None)]
    """

    def __init__(self, X: Any):
        self._map = _large_map(X)

    def pieces(self, n_rows: int) -> Iterator[slice]:
        """Yield the pieces in which to read so many rows; what was read before is released."""
        size = n_rows if self._map is None else _ROWS_AT_A_TIME
        for start in range(0, n_rows, size):
            self.release()
            yield slice(start, start + size)

    def release(self) -> None:
        """Release all pages that have been read."""
        if self._map is not None:
            self._map.madvise(mmap.MADV_DONTNEED)


def _large_map(X: Any) -> mmap.mmap | None:
    """Return the map that X is a view of, if its pages can be and should be read again."""
    array, mode = X, None
    while isinstance(array, np.ndarray):
        mode = getattr(array, "mode", mode)
        array = array.base
    # A private map ("c") may hold changes that are not in the file.
    shared = isinstance(array, mmap.mmap) and mode in ("r", "r+", "w+")
    return array if shared and len(array) > _SMALL and hasattr(mmap, "MADV_DONTNEED") else None
