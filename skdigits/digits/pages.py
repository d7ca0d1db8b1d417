"""What is written on a page: connected components of ink, and where each of them is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skdigits.digits.resampling import Grey, Mask

_LEGIBLE = 0.05  # Share of the page's longer side: what is smaller is the grain of the paper.
_FRAMED = 0.3  # Share of the height of a frame: what is lower is a dot in a zero.


@dataclass(frozen=True)
class Page:
    """What is written on a page.

    Attributes
    ----------
    ink : ndarray of shape (height, width), dtype float32
        The share of the paper's light that ink takes away.
    labels : ndarray of shape (height, width), dtype int32
        0 where the paper is blank, otherwise the number of the connected component.
    boxes : ndarray of shape (n_components, 4), dtype int64
        Top, left, bottom and right of each component, in pixels; bottom and right are exclusive.
    weights : ndarray of shape (n_components,), dtype float64
        The sum of each component's ink.
    threshold : float
        The ink between paper and stroke.
    """

    ink: Grey
    labels: NDArray[np.int32]
    boxes: NDArray[np.int64]
    weights: NDArray[np.float64]
    threshold: float

    @property
    def legible(self) -> Mask:
        """Which components are larger than the grain of the paper."""
        sides = self.boxes[:, 2:] - self.boxes[:, :2]
        return sides.max(axis=1) >= _LEGIBLE * max(self.labels.shape)

    @property
    def at_border(self) -> Mask:
        """Which components reach a side of the page."""
        height, width = self.labels.shape
        top, left, bottom, right = self.boxes.T
        return (top == 0) | (left == 0) | (bottom == height) | (right == width)

    @property
    def frames(self) -> Mask:
        """Which components go around another, as frames and circles do around a digit."""
        start, stop = self.boxes[:, :2], self.boxes[:, 2:]
        heights = (stop - start)[:, 0]
        within = ((start > start[:, None]) & (stop < stop[:, None])).all(axis=2)
        frames = np.zeros(len(self.boxes), bool)
        for outer, inner in np.argwhere(within & (heights >= _FRAMED * heights[:, None])):
            frames[outer] |= _encloses(self.labels == outer + 1, self.boxes[inner])
        return frames


def _encloses(mask: Mask, box: NDArray[np.int64]) -> bool:
    """Tell whether there is ink on all four sides of a box, and none in it."""
    top, left, bottom, right = box
    rows, columns = mask[top:bottom], mask[:, left:right]
    sides = columns[:top], columns[bottom:], rows[:, :left], rows[:, right:]
    return all(side.any() for side in sides) and not rows[:, left:right].any()
