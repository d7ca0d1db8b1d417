"""Whether numbers are finite, found out by products with ones: BLAS reads rows faster than a sum.

A product is finite only if all its numbers are. The other way round, finite numbers may have a sum
that overflows; then whoever asks has to look at each of them.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

_ROWS = 1024
"""Rows that are looked at a time, of which a product may need a copy."""


def is_plain(X: Any) -> bool:
    """Whether X is a table of floating-point numbers, without any wrapping.

    Examples
    --------
    >>> is_plain(np.zeros((2, 3))), is_plain([[0.0]])
    (True, False)
    """
    return type(X) is np.ndarray and X.dtype in (np.float32, np.float64) and X.ndim == 2


def must_be_finite(block: NDArray) -> NDArray:
    """Return a block of rows whose sum is finite.

    Raises
    ------
    FloatingPointError
        It is not: a number is infinite or nan, or some are so large that their sum overflows.
    """
    sums = np.matmul(block, np.ones(block.shape[1], block.dtype))
    if not math.isfinite(sums.sum()):
        raise FloatingPointError("The sum is not finite.")
    return block


@np.errstate(all="ignore")
def seems_finite(X: Any) -> bool:
    """Return True only for a plain table all of whose numbers are finite.

    Examples
    --------
    >>> seems_finite(np.ones((2, 3))), seems_finite(np.array([[1.0, np.inf]]))
    (True, False)
    """
    if not is_plain(X):
        return False
    with suppress(FloatingPointError):
        for start in range(0, len(X), _ROWS):
            must_be_finite(X[start : start + _ROWS])
        return True
    return False
