"""The order in which the digits of a page are read.

::

    boxes -> how steep the lines are -> as if they were level -> line by line, from the left
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_STEEPEST = 0.6  # Slope: more than 30 degrees. What is further below is on another line.


def reading_order(boxes: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the order in which to read boxes: line by line, and each from the left to the right.

    Parameters
    ----------
    boxes : ndarray of shape (n_boxes, 4), dtype int64
        Top, left, bottom and right of each.

    Returns
    -------
    order : ndarray of shape (n_boxes,), dtype intp

    Examples
    --------
    Two lines that drop by a fifth of their length.

    >>> boxes = np.array([[60, 90, 70, 95], [0, 0, 10, 5], [18, 90, 28, 95], [42, 0, 52, 5]])
    >>> reading_order(boxes)
    array([1, 2, 3, 0])
    """
    rows, columns = ((boxes[:, side] + boxes[:, side + 2]) / 2 for side in (0, 1))
    level = rows - _slope(rows, columns) * columns
    downwards = np.argsort(level)
    step = np.median(boxes[:, 2] - boxes[:, 0]) / 2
    lines = np.empty(len(boxes), np.intp)
    lines[downwards] = np.cumsum(np.diff(level[downwards], prepend=level.min()) > step)
    return np.lexsort((boxes[:, 1], lines))


def _slope(rows: NDArray[np.float64], columns: NDArray[np.float64]) -> float:
    """Return how far lines drop per pixel: the median from each digit to the one right of it."""
    down, right = np.subtract.outer(rows, rows).T, np.subtract.outer(columns, columns).T
    beside = (right > 0) & (np.abs(down) <= _STEEPEST * right)
    distances = np.where(beside, np.hypot(down, right), np.inf)
    nearest = distances.argmin(axis=1)
    found = np.flatnonzero(beside.any(axis=1))
    if len(found) < 2:  # One step to the right may as well be one to another line.
        return 0.0
    return float(np.median(down[found, nearest[found]] / right[found, nearest[found]]))
