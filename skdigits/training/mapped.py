"""Memory maps: what has been read is let go, so that a file larger than memory trains in little.

Pages of a mapped file that a process has touched count as its memory until the system wants them
back. They are in the file, so they can as well be given back at once.
"""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np

RELEASE_EVERY = 1024
"""Rows between two releases. Each row read may map up to 64 KB around it: 64 MB in all."""


class Mapping:
    """The memory map behind an array, if there is one.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        A view of a memory map, or anything else.

    Examples
    --------
    >>> Mapping(np.zeros((2, 2))).read(2)
    """

    def __init__(self, X: Any):
        self._map = _shared_map(X)
        self._unreleased = 0

    def read(self, n_rows: int) -> None:
        """Note that so many rows have been read, and release their pages now and then."""
        if self._map is None:
            return
        self._unreleased += n_rows
        if self._unreleased >= RELEASE_EVERY:
            self._map.madvise(mmap.MADV_DONTNEED)
            self._unreleased = 0


def _shared_map(X: Any) -> mmap.mmap | None:
    """Return the map that X is a view of, if its pages can be read from the file again."""
    array, mode = X, None
    while isinstance(array, np.ndarray):
        mode = getattr(array, "mode", mode)
        array = array.base
    # A private map ("c") may hold changes that are not in the file.
    shared = isinstance(array, mmap.mmap) and mode in ("r", "r+", "w+")
    return array if shared and hasattr(mmap, "MADV_DONTNEED") else None
