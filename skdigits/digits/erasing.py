"""What is on a page besides digits: the table around the paper, and rules and lines.

::

    ink -> lines through most of the page, or of a box -> their profile across -> taken for paper
    mask -> rows and columns at the border that are full -> no part of the paper

Rules are found before there is a threshold between ink and paper, since they are often too faint
for one of them and too dark for the other: along a line, though, they add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray
from scipy import ndimage

from skdigits.digits.boxes import Box
from skdigits.digits.resampling import Grey, Mask, area_average

_FRAME = 0.9  # Share of a row or column of pixels, at least.
_RULE_WIDTH = 0.015  # Share of the page's longer side, at most.
_BROKEN = 0.25  # Share of a rule's length, at most.
_BLOCKS = 32  # From the left to the right.
_ACROSS = np.linspace(-0.5, 0.5, _BLOCKS)
_MISSING = round(_BROKEN * _BLOCKS)
_STEEPEST = 0.15  # Slope: more than eight degrees.
_FAINTEST = 0.02  # Share of the paper's light that a rule takes away.
_DARKEST = 0.95  # So much of it, at most.


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
    thin = _thin(ink)
    return _erase_horizontal(_erase_horizontal(ink, thin).T, thin).T


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
    rest, thin = ink.copy(), _thin(ink)
    for box in boxes:
        # With paper around it, so that a line at the foot of the box is seen to be thin.
        around = box.grown(2 * thin)
        around.of(rest)[...] = _erase_horizontal(around.of(ink), thin)
    return rest


def _thin(ink: Grey) -> int:
    """Return an odd number of pixels, less than which rules are wide."""
    return max(3, round(_RULE_WIDTH * max(ink.shape))) | 1


def _erase_horizontal(ink: Grey, thin: int) -> Grey:
    """Erase thin lines that go from one side of the page to the other."""
    rest = ink.copy()
    for path in _rules(ink, thin):
        _erase_rule(rest, path, thin)
    return rest


def _rules(ink: Grey, thin: int) -> Iterator[NDArray[np.float64]]:
    """Find lines across the page, about parallel to each other: the row of each, by column."""
    height, width = ink.shape
    blocks = area_average(ink, height, _BLOCKS)
    thick = ndimage.grey_opening(blocks, (thin, 1))
    blocks -= thick
    # Under a thick stroke there may be a rule. A path meets it give or take a pixel.
    possible = ndimage.uniform_filter1d(np.maximum(blocks, thick), 3, axis=0)
    drop, strength = _strongest_slope(possible, round(_STEEPEST * width))
    for row in _peaks(strength, thin):
        path = _fitted(blocks, row + drop * _ACROSS, thin, strength[row])
        yield path(np.linspace(-0.5, 0.5, width))


def _strongest_slope(blocks: Grey, steepest: int) -> tuple[int, Grey]:
    """Return how far the lines of a page drop from side to side, and how strong each row's is."""
    rows = np.arange(len(blocks))[:, None]
    drops = range(-steepest, steepest + 1, 2)
    # Lines are three rows wide here, so every other row meets each of them.
    sums = [np.sum(_along(blocks, rows[::2] + drop * _ACROSS) ** 2) for drop in drops]
    best = drops[int(np.argmax(sums))]
    return best, _along(blocks, rows + best * _ACROSS)


def _peaks(strength: Grey, thin: int) -> NDArray[np.intp]:
    """Return the rows of lines that are strong and thin."""
    # A table's edge is not thin, nor is a blurred stroke.
    beside = ndimage.grey_opening(strength, (thin + 2,))
    thin_enough = strength > np.maximum(2 * beside, _FAINTEST)
    return np.flatnonzero(
        thin_enough & (strength == ndimage.maximum_filter1d(strength, 2 * thin + 1))
    )


def _fitted(blocks: Grey, rows: NDArray[np.float64], thin: int, strength: float) -> Polynomial:
    """Return the curve along the darkest pixels near a straight line, whose row it has by block."""
    nearby = np.arange(-(thin // 2), thin // 2 + 1)[:, None]
    near = blocks[_within(rows + nearby, len(blocks)), np.arange(_BLOCKS)]
    found = rows + nearby[near.argmax(axis=0), 0]
    trust = near.max(axis=0).clip(1e-6, strength)
    for _ in range(3):
        path = Polynomial.fit(_ACROSS, found, 2, w=trust)
        # A stroke beside the rule is no part of it.
        trust = trust / (1 + (found - path(_ACROSS)) ** 2)
    return path


def _along(blocks: Grey, paths: NDArray[np.float64]) -> Grey:
    """Return what all but `_MISSING` blocks along each path have at least."""
    values = blocks[_within(paths, len(blocks)), np.arange(_BLOCKS)]
    return np.partition(values, _MISSING, axis=1)[:, _MISSING]


def _within(rows: NDArray[np.float64], height: int) -> NDArray[np.intp]:
    return np.rint(rows).astype(np.intp).clip(0, height - 1)


def _erase_rule(ink: Grey, path: NDArray[np.float64], thin: int) -> None:
    """Divide the light that is left by what a rule lets through, and heal strokes across it.

    How dark the rule is at each distance from its path is what most of its columns have at least:
    not the bars of sevens side by side, between which is paper.
    """
    rows = _within(path + np.arange(-thin, thin + 1)[:, None], len(ink))
    strip = ink[rows.min() : rows.max() + 1]
    before, across = strip.copy(), (rows - rows.min(), np.arange(len(path)))
    # Give or take a pixel.
    thick = ndimage.maximum_filter1d(before[across], 3, axis=0)
    profile = np.quantile(thick, _BROKEN, axis=1).clip(0, _DARKEST).astype(np.float32)
    strip[across] = 1 - (1 - before[across]) / (1 - profile[:, None])
    reach = 2 + int(np.count_nonzero(profile > profile.max() / 4))
    healed = np.minimum(before, ndimage.grey_closing(strip, (reach, 1)))
    strip[across] = np.maximum(strip[across], healed[across])
