"""Formulas applied to large arrays piece by piece, so that their temporaries stay in the cache.

A formula such as ``m *= beta; m += g`` reads as on paper, and NumPy makes a temporary array for
each intermediate result. On pieces of 32,768 elements (128 KB in single precision) temporaries
never leave the L2 cache and cost next to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from numpy.typing import NDArray

CHUNK = 32_768


def chunks(*arrays: NDArray) -> Iterator[tuple[NDArray, ...]]:
    """Yield matching pieces of flat views of contiguous arrays of one size.

    Parameters
    ----------
    *arrays : contiguous ndarrays, all of the same size
        Whatever their shapes, they are walked in memory order.

    Yields
    ------
    pieces : tuple of ndarray of shape (at most 32,768,)
        Views: writing to them writes to the arrays.

    Examples
    --------
    >>> import numpy as np
    >>> a, b = np.ones((100, 1000)), np.zeros(100_000)
    >>> for x, y in chunks(a, b):
    ...     y += 2 * x
    >>> float(b.min()), float(b.max())
    (2.0, 2.0)
    """
    size = arrays[0].size
    if size <= CHUNK:
        yield arrays
        return
    flat = [array.reshape(-1) for array in arrays]
    for start in range(0, size, CHUNK):
        yield tuple(array[start : start + CHUNK] for array in flat)
