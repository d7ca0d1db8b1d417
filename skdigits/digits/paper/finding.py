"""From the connected components of a page to its digits.

::

    components -> no specks, no shadows at the border, no frames, lines and grids
               -> the digit in the middle, with its parts
               -> all digits, in reading order (reading_order.py)
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse.csgraph import connected_components

from skdigits.digits.paper.boxes import Box, box_of, inked_box, longer_sides, overlaps
from skdigits.digits.paper.levels import NEIGHBOURS
from skdigits.digits.paper.normalizing import normalize, normalize_coarse
from skdigits.digits.paper.pages import Page
from skdigits.digits.paper.reading_order import reading_order
from skdigits.digits.paper.resampling import Grey, Mask

_COARSE = 12  # Pixels of the image: a digit of so few is as grey as it is inked.
_SPECK = 0.03  # Share of the largest component's ink.
_EDGE = 2  # Pixels: the soft edge of a stroke, which lies outside of it.
_AROUND = 0.03  # Share that ink at the border, or around or between digits, counts.
# Of a digit at the border: heights of the highest other, and the share of a side that is there.
_HIGHER, _LYING = 1.6, 0.6
_FOOT = 0.35  # Share of the height of a digit, from its lower end.
_PART = 0.6  # Share of the height of a digit: what is higher is a digit, not a part.
_NEAR = 0.25  # Share of the size of a digit: its parts are no further from each other.
_THICKER = 1.6  # Times as thick as a digit: no part of it is.
_CLOSE = 0.3  # Share of the height of a digit: a point or comma is no further from it.
_ABOVE = 0.3  # Share of the narrower part's width that lies above or below the other.
_JOINT = 1.25  # Times the height of the highest component: no digit is higher.
# Shares of the height of the highest digit: another is as high, and one of its parts as large.
_HIGH, _LARGE = 0.4, 0.25


class Strokes(NamedTuple):
    """What is written on a part of a page.

    Parameters
    ----------
    top, left : int
        The first row and column of the part.
    mask : ndarray of shape (height, width), dtype bool
        Where there is ink.
    """

    top: int
    left: int
    mask: Mask

    @property
    def box(self) -> Box:
        """The smallest box around the strokes, in pixels of the page."""
        top, left, bottom, right = inked_box(self.mask)
        return Box(self.top + top, self.left + left, self.top + bottom, self.left + right)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the box."""
        top, left, bottom, right = self.box
        return bottom - top, right - left

    def part(self, mask: Mask) -> Strokes:
        """Return some of the strokes.

        Parameters
        ----------
        mask : ndarray of shape (height, width), dtype bool
            Which.

        Returns
        -------
        strokes : Strokes
        """
        box = inked_box(mask).grown(_EDGE)
        return Strokes(self.top + box.top, self.left + box.left, box.of(mask))


def central_digit(page: Page) -> NDArray[np.intp]:
    """Return the components of the digit in the middle of a page.

    Parameters
    ----------
    page : Page

    Returns
    -------
    components : ndarray of shape (n_components,), dtype intp
        Rows of `page.boxes`; empty if nothing is written.
    """
    if not page.legible.any():
        return np.empty(0, np.intp)
    shape = np.array(page.labels.shape)
    middle = (page.boxes[:, :2] + page.boxes[:, 2:]) / 2
    off = (middle / shape - 0.5) * 2
    around = page.at_border | page.ruling
    score = page.weights * np.exp(-2 * (off**2).sum(axis=1)) * np.where(around, _AROUND, 1)
    main = int(score.argmax())
    kept = (around <= around[main]) & (page.weights >= _SPECK * page.weights[main])
    near = _gaps(page.boxes) <= _NEAR * longer_sides(page.boxes)[main]
    # What is near to a part is a part, too.
    _, groups = connected_components(near & kept & kept[:, np.newaxis], directed=False)
    digit = (groups == groups[main]).nonzero()[0]
    thickness = _thickness(page, digit)
    return digit[thickness <= _THICKER * thickness[digit == main]]


def _thickness(page: Page, components: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return half the width of the thickest stroke of each component."""
    labels = box_of(page.boxes[components]).grown(1).of(page.labels)
    inside = ndimage.distance_transform_edt(labels)
    return np.atleast_1d(ndimage.maximum(inside, labels, components + 1))


def digits_in_reading_order(page: Page) -> list[NDArray[np.intp]]:
    """Return the components of every digit of a page, line by line from left to right.

    Parameters
    ----------
    page : Page

    Returns
    -------
    digits : list of ndarray of shape (n_components,), dtype intp
        Rows of `page.boxes`.
    """
    kept = _written(page)
    if not page.legible[kept].any():
        return []
    boxes = page.boxes[kept]
    groups = _joined(boxes)
    whole = np.array([box_of(boxes[groups == group]) for group in range(groups.max() + 1)])
    heights = whole[:, 2] - whole[:, 0]
    # The two points of a colon are as high as some digits, but neither of them is large.
    largest = ndimage.maximum(longer_sides(boxes), groups, range(len(whole)))
    tall = (heights >= _HIGH * heights.max()) & (largest >= _LARGE * heights.max())
    digits = (tall & ~_marks(whole)).nonzero()[0]
    order = reading_order(whole[digits])
    return [kept[groups == group] for group in digits[order]]


def strokes_of(page: Page, components: NDArray[np.intp]) -> Strokes:
    """Cut components out of a page.

    Parameters
    ----------
    page : Page
    components : ndarray of shape (n_components,), dtype intp
        Rows of `page.boxes`.

    Returns
    -------
    strokes : Strokes
    """
    box = box_of(page.boxes[components]).grown(_EDGE)
    return Strokes(box.top, box.left, np.isin(box.of(page.labels), components + 1))


def normalized_digit(page: Page, strokes: Strokes) -> Grey:
    """Give a digit the form of MNIST's.

    Parameters
    ----------
    page : Page
    strokes : Strokes
        Of the digit.

    Returns
    -------
    image : ndarray of shape (28, 28), dtype float32
        0 for paper to 1.
    """
    top, left, mask = strokes
    window = np.s_[top : top + mask.shape[0], left : left + mask.shape[1]]
    # What touches it is not its own edge.
    blank = (page.labels[window] == 0) | mask
    near = ndimage.binary_dilation(mask, NEIGHBOURS) & blank
    ink = np.where(near, page.ink[window], np.float32(0))
    if max(strokes.size) <= _COARSE * page.magnified:
        return normalize_coarse(ink)
    return normalize(ink, page.threshold)


def _gaps(boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the distance between each two boxes, along the axis that separates them more."""
    return -overlaps(boxes[:, :2], boxes[:, 2:]).min(axis=2).clip(max=0)


def _written(page: Page) -> NDArray[np.intp]:
    """Return the components that are no texture of the paper, no specks, and not around others."""
    around = (page.at_border & ~_cut_off(page)) | page.ruling
    weights = np.where(around, 0, page.weights)
    if not weights.any():
        weights = page.weights
    return (page.distinct & (weights > _SPECK * weights.max(initial=0))).nonzero()[0]


def _cut_off(page: Page) -> Mask:
    """Tell which components may be digits at the border: with little of them, as high as others."""
    heights = page.boxes[:, 2] - page.boxes[:, 0]
    highest = heights[page.distinct & ~(page.at_border | page.ruling)].max(initial=0)
    as_high = (heights >= _HIGH * highest) & (heights <= _HIGHER * highest)
    return as_high & (page.lying_at_border <= _LYING)


def _joined(boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of the digit to which each component belongs."""
    groups = np.arange(len(boxes))
    heights = boxes[:, 2] - boxes[:, 0]
    height = heights.max()
    near = _gaps(boxes) <= _NEAR * height
    _, left, _, right = boxes.T
    width = right - left
    above = overlaps(left, right) >= _ABOVE * np.minimum(width[:, None], width)
    for part in np.argsort(heights):
        if heights[part] < _PART * height:
            for whole in (near[part] & above[part]).nonzero()[0]:
                joint = box_of(boxes[(groups == groups[part]) | (groups == groups[whole])])
                if joint.bottom - joint.top <= _JOINT * height:
                    groups[groups == groups[part]] = groups[whole]
    return np.unique(groups, return_inverse=True)[1]


def _marks(boxes: NDArray[np.int64]) -> Mask:
    """Tell which are points and commas, at the foot of what they are close to."""
    top, _, bottom, _ = boxes.T
    height = bottom - top
    at_foot = (top[:, None] >= bottom - _FOOT * height) & (top[:, None] <= bottom)
    small = height[:, None] <= _PART * height
    return (at_foot & small & (_gaps(boxes) <= _CLOSE * height)).any(axis=1)
