"""Tables of pixels in text: a line for each image."""

from __future__ import annotations

import warnings
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def parse_rows(lines: Iterable[str]) -> NDArray[np.uint8]:
    """Parse comma-separated integers from 0 to 255; quotes around them don't count.

    Parameters
    ----------
    lines : iterable of str
        Blank ones are left out.

    Returns
    -------
    rows : ndarray of shape (n_lines, n_columns), dtype uint8

    Raises
    ------
    ValueError or Warning
        There is something else, or nothing at all.

    Examples
    --------
    >>> parse_rows(["0,255", "7,'1'"])
    array([[  0, 255],
           [  7,   1]], dtype=uint8)
    """
    with warnings.catch_warnings():
        # NumPy 2.0 lets 300 wrap around and cuts 1.5, with no more than a warning.
        warnings.filterwarnings("error", "loadtxt")
        plain = (unquoted(line) for line in lines if not line.isspace())
        return np.loadtxt(plain, dtype=np.uint8, delimiter=",", comments=None, ndmin=2)


def unquoted(line: str) -> str:
    """Return a line without its quotes, of either kind."""
    return line.replace("'", "").replace('"', "")
