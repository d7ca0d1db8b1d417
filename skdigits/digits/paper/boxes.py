"""Boxes: where a digit, or a part of one, is on an image."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Box(NamedTuple):
    """Where a digit is, in pixels; bottom and right are exclusive.

    Attributes
    ----------
    top, left, bottom, right : int
        So that ``image[top:bottom, left:right]`` is the digit.
    """

    top: int
    left: int
    bottom: int
    right: int

    def grown(self, margin: int) -> Box:
        """Return the box with a margin around it, as far as there is room above and left of it."""
        top, left = max(0, self.top - margin), max(0, self.left - margin)
        return Box(top, left, self.bottom + margin, self.right + margin)

    def heightened(self, margin: int) -> Box:
        """Return the box with a margin below it, and above it as far as there is room."""
        return Box(max(0, self.top - margin), self.left, self.bottom + margin, self.right)

    def of(self, image: NDArray) -> NDArray:
        """Return what is inside, as a view."""
        return image[self.top : self.bottom, self.left : self.right]

    def alone(self, image: NDArray) -> NDArray:
        """Return an image that is the same inside, and 0 outside."""
        rest = np.zeros_like(image)
        self.of(rest)[...] = self.of(image)
        return rest

    def scaled(self, old: tuple[int, ...], new: tuple[int, ...]) -> Box:
        """Return the box on the same image in another resolution; it never is empty.

        Parameters
        ----------
        old, new : tuple of two ints
            Height and width of the image, here and there.

        Returns
        -------
        box : Box
        """
        top, bottom = _scaled(self.top, self.bottom, new[0] / old[0], new[0])
        left, right = _scaled(self.left, self.right, new[1] / old[1], new[1])
        return Box(top, left, bottom, right)


def _scaled(start: int, stop: int, factor: float, size: int) -> tuple[int, int]:
    """Return where a side of a box begins and ends among so many pixels; it has one of them."""
    first = min(round(start * factor), size - 1)
    return first, max(first + 1, round(stop * factor))


def box_of(boxes: NDArray[np.int64]) -> Box:
    """Return the smallest box around others.

    Parameters
    ----------
    boxes : ndarray of shape (n_boxes, 4), dtype int64

    Returns
    -------
    box : Box
    """
    return Box(*map(int, [*boxes[:, :2].min(axis=0), *boxes[:, 2:].max(axis=0)]))


def longer_sides(boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the larger of height and width of each box.

    Parameters
    ----------
    boxes : ndarray of shape (n_boxes, 4), dtype int64

    Returns
    -------
    sides : ndarray of shape (n_boxes,), dtype int64
    """
    return (boxes[:, 2:] - boxes[:, :2]).max(axis=1)


def inked_box(image: NDArray) -> Box:
    """Return the smallest box around all pixels that are not 0.

    Parameters
    ----------
    image : ndarray of shape (height, width)

    Returns
    -------
    box : Box
    """
    rows, columns = (np.flatnonzero(image.any(axis)) for axis in (1, 0))
    return Box(*map(int, (rows[0], columns[0], rows[-1] + 1, columns[-1] + 1)))


def overlaps(start: NDArray[np.int64], stop: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many pixels each two boxes share along an axis; less than 0 if they are apart.

    Parameters
    ----------
    start, stop : ndarray of shape (n_boxes,) or (n_boxes, n_axes), dtype int64
        The first pixel of each box, and the one after its last.

    Returns
    -------
    shared : ndarray of shape (n_boxes, n_boxes) or (n_boxes, n_boxes, n_axes), dtype int64

    Examples
    --------
    >>> overlaps(np.array([0, 3, 9]), np.array([5, 7, 10]))
    array([[ 5,  2, -4],
           [ 2,  4, -2],
           [-4, -2,  1]])
    """
    return np.minimum(stop[:, None], stop) - np.maximum(start[:, None], start)
