"""Where the lines of ruled and squared paper are.

::

    ink -> means of blocks -> how steep the lines are at the top and at the bottom of the page
        -> rows that are dark along such a line -> a curve through each

Rules are found before there is a threshold between ink and paper, since they are often too faint
for one of them and too dark for the other: along a line, though, they add up. Where paper is seen
at an angle, they converge.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray
from scipy import ndimage

from skdigits.digits.paper.resampling import Grey, area_average

BROKEN = 0.25  # Share of a rule's length, at most.
_BLOCKS = 64  # From the left to the right; in wider ones, steep lines would be blurred.
_ACROSS = np.linspace(-0.5, 0.5, _BLOCKS)
_STEEPEST = 0.5  # Slope: more than 26 degrees.
_CONVERGING = 0.25  # Difference of the slopes at the top and at the bottom of a page, at most.
_FLAT = 0.12  # Slope: nearly seven degrees. Steeper lines are stems of fours and sevens,
_SEVERAL = 3  # unless there are so many.
_FAINTEST = 0.02  # Share of the paper's light that a rule takes away.
_AROUND = tuple(product((0, -1, 1), repeat=2))


class Wanted(NamedTuple):
    """Which lines are wanted.

    Parameters
    ----------
    least, most : float
        How far they drop per pixel to the right.
    broken : float
        The share of a line's length that may be missing.
    """

    least: float = -_STEEPEST
    most: float = _STEEPEST
    broken: float = BROKEN

    @property
    def missing(self) -> int:
        """How many blocks of a line may be missing."""
        return round(self.broken * _BLOCKS)


ANY = Wanted()


def rules(ink: Grey, thin: int, wanted: Wanted = ANY) -> Iterator[NDArray[np.float64]]:
    """Find lines across the page, parallel or converging.

    Parameters
    ----------
    ink : ndarray of shape (height, width), dtype float32
        The share of the paper's light that ink takes away.
    thin : int
        An odd number of pixels, less than which rules are wide.
    wanted : Wanted, default=any
        Which lines.

    Yields
    ------
    path : ndarray of shape (width,), dtype float64
        The row of a line in each column; where the line has left the page, beyond it.

    Examples
    --------
    >>> page = np.zeros((200, 200), np.float32)
    >>> page[40] = page[120] = 0.3
    >>> [int(path.mean().round()) for path in rules(page, 3)]
    [40, 120]
    """
    height, width = ink.shape
    blocks = area_average(ink, height, _BLOCKS)
    thick = ndimage.grey_opening(blocks, (thin, 1))
    blocks -= thick
    # Under a thick stroke there may be a rule. A path meets it give or take a pixel.
    possible = ndimage.uniform_filter1d(np.maximum(blocks, thick), 3, axis=0)
    rows = np.arange(height)
    drops = _drops(possible, 2 * (thin // 3), width, wanted)
    strength = _along(possible, rows, drops, wanted.missing)
    lines = _peaks(strength, thin)
    if len(lines) < _SEVERAL:
        lines = lines[np.abs(drops[lines]) <= _FLAT * width]
    for row in lines:
        path = _fitted(blocks, row + drops[row] * _ACROSS, thin, strength[row])
        yield path(np.linspace(-0.5, 0.5, width))


def _drops(blocks: Grey, step: int, width: int, wanted: Wanted) -> NDArray[np.float64]:
    """Return how far the lines of a page drop from its left to its right, by the row amid it.

    That changes evenly down the page. First it is searched for in large steps, as if lines were as
    thick as these.
    """
    top, bottom = _roughly(blocks, step, width, wanted)
    while step > 1:
        step //= 2
        rows = np.arange(0, len(blocks), step)
        thicker = ndimage.maximum_filter1d(blocks, step, axis=0)
        around = [np.linspace(top + a * step, bottom + b * step, len(rows)) for a, b in _AROUND]
        sums = [np.sum(_along(thicker, rows, drops, wanted.missing) ** 2) for drops in around]
        top, bottom = around[int(np.argmax(sums))][[0, -1]]
    return np.linspace(top, bottom, len(blocks))


def _roughly(blocks: Grey, step: int, width: int, wanted: Wanted) -> tuple[float, float]:
    """Return how far lines drop at the top and at the bottom of a page, give or take a step."""
    rows = np.arange(0, len(blocks), step)
    thicker = ndimage.maximum_filter1d(blocks, step, axis=0)
    tried = np.arange(wanted.least * width, wanted.most * width + 1, step)
    strength = _along(thicker, rows, tried[:, None], wanted.missing)
    # For each two of those drops, what is nearest to the line between them in each row.
    apart = np.abs(np.subtract.outer(tried, tried))
    first, last = (apart <= _CONVERGING * width).nonzero()
    between = np.rint(np.linspace(first, last, len(rows))).astype(np.intp)
    sums = np.sum(strength[between, np.arange(len(rows))[:, None]] ** 2, axis=0)
    best = sums.argmax()
    return float(tried[first[best]]), float(tried[last[best]])


def _peaks(strength: Grey, thin: int) -> NDArray[np.intp]:
    """Return the rows of lines that are strong and thin."""
    # A table's edge is not thin, nor is a blurred stroke.
    beside = ndimage.grey_opening(strength, (thin + 2,))
    thin_enough = strength > np.maximum(2 * beside, _FAINTEST)
    peaks = thin_enough & (strength == ndimage.maximum_filter1d(strength, 2 * thin + 1))
    # What a program has drawn may be as strong in several rows of one line.
    runs, n_runs = ndimage.label(peaks)
    middles = ndimage.mean(np.arange(len(peaks)), runs, np.arange(1, n_runs + 1))
    return np.rint(middles).astype(np.intp)


def _fitted(blocks: Grey, rows: NDArray[np.float64], thin: int, strength: float) -> Polynomial:
    """Return the curve along the darkest pixels near a straight line, whose row it has by block."""
    nearby = np.arange(-(thin // 2), thin // 2 + 1)[:, None]
    near = _at(blocks, rows + nearby)
    found = rows + nearby[near.argmax(axis=0), 0]
    trust = near.max(axis=0).clip(1e-6, strength)
    for _ in range(3):
        path = Polynomial.fit(_ACROSS, found, 2, w=trust)
        # A stroke beside the rule is no part of it.
        trust = trust / (1 + (found - path(_ACROSS)) ** 2)
    return path


def _along(blocks: Grey, rows: NDArray[np.intp], drops: NDArray[np.float64], missing: int) -> Grey:
    """Return what all but some missing blocks along each straight line have at least.

    The drops are those of the rows, or of so many lines in each row.
    """
    values = _at(blocks, rows[:, None] + drops[..., None] * _ACROSS)
    return np.partition(values, missing)[..., missing]


def _at(blocks: Grey, paths: NDArray[np.float64]) -> Grey:
    """Return the ink in the block nearest to each point of paths, none beyond the page."""
    framed = np.pad(blocks, ((1, 1), (0, 0)))
    rows = (np.rint(paths).astype(np.intp) + 1).clip(0, len(framed) - 1)
    return framed[rows, np.arange(_BLOCKS)]
