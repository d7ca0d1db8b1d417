"""What is written on a page: connected components of ink, and where each of them is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skdigits.digits.paper.boxes import Box, longer_sides
from skdigits.digits.paper.levels import texture
from skdigits.digits.paper.resampling import Grey, Mask
from skdigits.digits.paper.ruling import frames, grids, lines

# Shares of the page's longer side: what is smaller is the grain of the paper,
_LEGIBLE = 0.05
_SMALL = 0.025  # unless it is darker than that.
_DARK = 0.25  # Share of the paper's light that it takes away, in the mean.
# Standard deviations that no component of the paper's texture is above, in the mean. The edges of
# strokes are blank, too, but rarely a quarter of it.
_PAPER = 0.75, 4
_INK = 0.55  # Share of the paper's light that no texture takes away, in the mean.


@dataclass(frozen=True, eq=False)
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
    paper : Box
        Where the paper is; a table or the like may be around it.
    magnified : int
        How many of its pixels, along a side, were one of the image's.
    """

    ink: Grey
    labels: NDArray[np.int32]
    boxes: NDArray[np.int64]
    weights: NDArray[np.float64]
    threshold: float
    paper: Box
    magnified: int = 1

    @property
    def legible(self) -> Mask:
        """Which components are larger or darker than the grain of the paper."""
        size = longer_sides(self.boxes) / max(self.labels.shape)
        return (size >= _LEGIBLE) | ((size >= _SMALL) & (self._darkness >= _DARK))

    @property
    def distinct(self) -> Mask:
        """Which components are darker than the texture of the paper."""
        grain = texture(self.ink[self.labels == 0], *_PAPER)
        return self._darkness >= min(grain, _INK)

    @property
    def _darkness(self) -> NDArray[np.float64]:
        """The mean ink of each component."""
        return self.weights / np.bincount(self.labels.ravel(), minlength=len(self.boxes) + 1)[1:]

    @property
    def at_border(self) -> Mask:
        """Which components reach a side of the paper."""
        return (self.boxes == self.paper).any(axis=1)

    @property
    def lying_at_border(self) -> NDArray[np.float64]:
        """The largest share of its height or width with which each lies at a side of the paper."""
        top, left, bottom, right = self.paper
        heights, widths = (self.boxes[:, 2:] - self.boxes[:, :2]).T
        sides = (
            (self.labels[top], widths),
            (self.labels[bottom - 1], widths),
            (self.labels[:, left], heights),
            (self.labels[:, right - 1], heights),
        )
        n_labels = len(self.boxes) + 1
        shares = [np.bincount(side, minlength=n_labels)[1:] / length for side, length in sides]
        return np.max(shares, axis=0)

    @property
    def frames(self) -> Mask:
        """Which components go around another, as frames and circles do around a digit."""
        return frames(self.boxes, self.labels)

    @property
    def grids(self) -> Mask:
        """Which components go between others: the lines of tables, and combs."""
        return grids(self.boxes)

    @property
    def ruling(self) -> Mask:
        """Which components are no digits by where they are: frames, grids, lines under others."""
        return self.frames | self.grids | lines(self.boxes)
