"""What is on a page besides digits: the table around the paper, and rules and lines.

::

    ink -> rules of the page or of a box (ruled_paper.py), or other lines whose paths are known
        -> profile across -> taken for paper -> once more for the wider lines of cells close up
    mask -> rows and columns at the border that are full -> no part of the paper
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from skdigits.digits.paper.boxes import Box
from skdigits.digits.paper.resampling import Grey, Mask
from skdigits.digits.paper.ruled_paper import BROKEN, rules

_FRAME = 0.9  # Share of a row or column of pixels, at least.
# Shares of the page's longer side, at most.
_RULE_WIDTH = 0.015
_WIDER = 0.03  # Of cells seen from near.
_DARKEST = 0.95  # Share of the paper's light that a rule takes away, at most.


def paper_within(mask: Mask) -> Box:
    """Return where the paper is, without a table or the like around it, which a digit may touch.

    A digit that is cut out tightly looks like a table, too, but reaches other sides of the image.

    Parameters
    ----------
    mask : ndarray of shape (height, width), dtype bool
        Where there is ink.

    Returns
    -------
    paper : Box

    Examples
    --------
    >>> mask = np.zeros((9, 9), bool)
    >>> mask[:2] = mask[2:5, 4] = True
    >>> paper_within(mask)
    Box(top=2, left=0, bottom=9, right=9)
    """
    sides = (np.rot90(mask, turns).mean(axis=1) < _FRAME for turns in range(4))
    top, right, bottom, left = (int(side.argmax()) for side in sides)
    height, width = mask.shape
    paper = Box(top, left, height - bottom, width - right)
    bare = paper.alone(mask)
    inside = bare[1:-1, 1:-1]
    return paper if inside.any() and inside.sum() == bare.sum() else Box(0, 0, height, width)


def erase_rules(ink: Grey) -> Grey:
    """Take the lines of ruled and squared paper for paper.

    Parameters
    ----------
    ink : ndarray of shape (height, width), dtype float32
        The share of the paper's light that ink takes away.

    Returns
    -------
    ink : ndarray of shape (height, width), dtype float32
    """
    thin = rule_width(ink)
    return _erase_wide_grid(_erase_horizontal(_erase_horizontal(ink, thin).T, thin).T)


def erase_lines(ink: Grey, boxes: Iterable[Box]) -> Grey:
    """Take lines for paper that go from the left to the right of a box.

    Parameters
    ----------
    ink : ndarray of shape (height, width), dtype float32
        The share of the paper's light that ink takes away.
    boxes : iterable of Box
        Around digits that touch such a line.

    Returns
    -------
    ink : ndarray of shape (height, width), dtype float32
    """
    rest, thin = ink.copy(), rule_width(ink)
    for box in boxes:
        # With paper above and below it, so that a line at its foot is seen to be thin.
        around = box.heightened(2 * thin)
        around.of(rest)[...] = _erase_horizontal(around.of(ink), thin)
    return rest


def erase_along(ink: Grey, paths: Iterable[NDArray[np.float64]], thin: int) -> Grey:
    """Take lines for paper whose paths are known.

    Parameters
    ----------
    ink : ndarray of shape (height, width), dtype float32
        The share of the paper's light that ink takes away.
    paths : iterable of ndarray of shape (width,), dtype float64
        The row of a line in each column.
    thin : int
        An odd number of pixels, less than which lines are wide.

    Returns
    -------
    ink : ndarray of shape (height, width), dtype float32
    """
    rest = ink.copy()
    for path in paths:
        _erase_rule(rest, path, thin)
    return rest


def rule_width(ink: Grey) -> int:
    """Return an odd number of pixels, less than which the rules of a page are wide.

    Parameters
    ----------
    ink : ndarray of shape (height, width), dtype float32

    Returns
    -------
    thin : int
    """
    return _odd(_RULE_WIDTH * max(ink.shape))


def _odd(width: float) -> int:
    return max(3, round(width)) | 1


def _erase_wide_grid(ink: Grey) -> Grey:
    """Erase wider lines where they cross each other: those of one direction may be strokes."""
    width = _odd(_WIDER * max(ink.shape))
    paths, upright = list(rules(ink, width)), list(rules(ink.T, width))
    if not (paths and upright):
        return ink
    return erase_along(erase_along(ink, paths, width).T, upright, width).T


def _erase_horizontal(ink: Grey, thin: int) -> Grey:
    """Erase thin lines that go from one side of the page to the other."""
    return erase_along(ink, rules(ink, thin), thin)


def _erase_rule(ink: Grey, path: NDArray[np.float64], thin: int) -> None:
    """Divide the light that is left by what a rule lets through, and heal strokes across it.

    How dark the rule is at each distance from its path is what most of its columns have at least:
    not the bars of sevens side by side, between which is paper.
    """
    rows = np.rint(path + np.arange(-thin, thin + 1)[:, None]).astype(np.intp)
    rows = rows.clip(0, len(ink) - 1)
    strip = ink[rows.min() : rows.max() + 1]
    before, across = strip.copy(), (rows - rows.min(), np.arange(len(path)))
    # Give or take a pixel.
    thick = ndimage.maximum_filter1d(before[across], 3, axis=0)
    profile = np.quantile(thick, BROKEN, axis=1).clip(0, _DARKEST).astype(np.float32)
    strip[across] = 1 - (1 - before[across]) / (1 - profile[:, None])
    reach = 2 + int(np.count_nonzero(profile > profile.max() / 4))
    healed = np.minimum(before, ndimage.grey_closing(strip, (reach, 1)))
    strip[across] = np.maximum(strip[across], healed[across])
