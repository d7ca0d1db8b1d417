"""What is drawn around, under and between digits: frames, lines, grids and combs.

They are found by where they are among other components of ink, since as pixels a frame is not
unlike a zero, nor a line unlike a one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skdigits.digits.paper.boxes import overlaps
from skdigits.digits.paper.resampling import Mask

_FRAMED = 0.3  # Share of the height of a frame: what is lower is a dot in a zero.
_FLAT = 0.2  # Share of the length of a line, at most.
_NEAR = 0.5  # Share of the height of what is above or below a line.
_SHARED = 0.5  # Share of its width that is.
# Share of the height of what is above or below a line: the bars of fives and sevens are shorter.
_UNDER = 0.75
_OVER = 1.5
_WIDE = 2, 10  # Times as wide as high: from two digits on a line to ten.
_AS_HIGH = 0.6, 1.6  # Shares of the height of the highest other: neither a comb nor a table.
_CROSSED = 0.15  # Share of the height of what a grid goes between.
_CELL = 0.2  # Share of the height of a grid: what is lower is a speck in a digit.


def frames(boxes: NDArray[np.int64], labels: NDArray[np.int32]) -> Mask:
    """Tell which components go around another, as frames and circles do around a digit.

    Parameters
    ----------
    boxes : ndarray of shape (n_components, 4), dtype int64
        Top, left, bottom and right of each; bottom and right are exclusive.
    labels : ndarray of shape (height, width), dtype int32
        0 where the page is blank, otherwise the number of the component, from 1.

    Returns
    -------
    frames : ndarray of shape (n_components,), dtype bool
    """
    start, stop = boxes[:, :2], boxes[:, 2:]
    heights = (stop - start)[:, 0]
    within = ((start > start[:, None]) & (stop < stop[:, None])).all(axis=2)
    found = np.zeros(len(boxes), bool)
    for outer, inner in np.argwhere(within & (heights >= _FRAMED * heights[:, None])):
        found[outer] |= _encloses(labels == outer + 1, boxes[inner])
    return found


def lines(boxes: NDArray[np.int64]) -> Mask:
    """Tell which components are lines under others, or long ones above them.

    Parameters
    ----------
    boxes : ndarray of shape (n_components, 4), dtype int64

    Returns
    -------
    lines : ndarray of shape (n_components,), dtype bool
    """
    top, left, bottom, right = boxes.T
    height, width = bottom - top, right - left
    flat = height <= _FLAT * width
    beside = (overlaps(left, right) >= _SHARED * width) & ~flat
    below, above = top[:, None] - bottom, top - bottom[:, None]
    # The foot of a two rarely is alone, but the bars of fives and sevens often are.
    under = (below >= 0) & (below <= _NEAR * height) & _longer(width, height, _UNDER)
    over = (above >= 0) & (above <= _NEAR * height) & _longer(width, height, _OVER)
    return flat & (beside & (under | over)).any(axis=1)


def grids(boxes: NDArray[np.int64]) -> Mask:
    """Tell which components go between others: the lines of tables, and combs.

    Parameters
    ----------
    boxes : ndarray of shape (n_components, 4), dtype int64

    Returns
    -------
    grids : ndarray of shape (n_components,), dtype bool
    """
    top, left, bottom, right = boxes.T
    height, width = bottom - top, right - left
    between = overlaps(left, right) >= width
    between &= height >= _CELL * height[:, None]
    crossed = between & (overlaps(top, bottom) >= _CROSSED * height)
    # Each is between itself, too.
    return crossed.sum(axis=1) > 2


def standing_on_lines(boxes: NDArray[np.int64]) -> Mask:
    """Tell which components may be digits and a line that they touch: wide, but not much higher.

    Parameters
    ----------
    boxes : ndarray of shape (n_components, 4), dtype int64

    Returns
    -------
    standing : ndarray of shape (n_components,), dtype bool
    """
    height, width = (boxes[:, 2:] - boxes[:, :2]).T
    wide = (width >= _WIDE[0] * height) & (width <= _WIDE[1] * height)
    if wide.all():
        return wide
    low, high = (share * height[~wide].max() for share in _AS_HIGH)
    return wide & (height >= low) & (height <= high)


def _longer(width: NDArray[np.int64], height: NDArray[np.int64], share: float) -> Mask:
    """Tell which components are as long as a share of the height of another, and wider than it."""
    return width[:, None] >= np.maximum(width, share * height)


def _encloses(mask: Mask, box: NDArray[np.int64]) -> bool:
    """Tell whether there is ink on all four sides of a box, and none in it."""
    top, left, bottom, right = box
    rows, columns = mask[top:bottom], mask[:, left:right]
    sides = columns[:top], columns[bottom:], rows[:, :left], rows[:, right:]
    return all(side.any() for side in sides) and not rows[:, left:right].any()
