"""Formulas on large arrays, piece by piece, so that temporaries stay in the cache.

A formula such as ``m *= beta; m += g`` reads as on paper, and NumPy makes a temporary array for
each intermediate result. On pieces of 32,768 elements (128 KB in single precision) temporaries
never leave the L2 cache and cost next to nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

CHUNK = 32_768
TINY = 1e-30
"""What is smaller might as well be zero."""


def chunks(*arrays: NDArray) -> Iterator[tuple[NDArray, ...]]:
    """Yield matching pieces of contiguous arrays of one size.

    Parameters
    ----------
    *arrays : contiguous ndarrays, all of the same size
        Whatever their shapes, they are walked in memory order.

    Yields
    ------
    pieces : tuple of ndarray
        The arrays themselves where they have at most 32,768 elements, otherwise flat views of at
        most that many: writing to them writes to the arrays.

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


def euclidean_norm(vector: NDArray) -> float:
    """Return the root of the sum of squares, also where the squares overflow single precision.

    Parameters
    ----------
    vector : ndarray of shape (n,)

    Examples
    --------
    >>> round(euclidean_norm(np.array([3e30, 4e30], np.float32)) / 1e30, 6)
    5.0
    """
    with np.errstate(over="ignore"):
        square = float(vector @ vector)
    if math.isinf(square):
        wide = vector.astype(np.float64)
        square = float(wide @ wide)
    return math.sqrt(square)


def flush_tiny(vector: NDArray) -> None:
    """Set numbers below 1e-30 to zero, before they get so small that they slow processors down.

    A running average of nothing but zeros shrinks forever. Below 1e-38 its numbers are subnormal
    in single precision, and each operation takes a hundred times as long.

    Parameters
    ----------
    vector : contiguous ndarray
        Changed in place.

    Examples
    --------
    >>> m = np.array([1.0, -1e-31, 1e-29])
    >>> flush_tiny(m)
    >>> m
    array([1.e+00, 0.e+00, 1.e-29])
    """
    for (piece,) in chunks(vector):
        piece[np.abs(piece) < TINY] = 0
