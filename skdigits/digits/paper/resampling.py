"""Grey images of other sizes: the mean where they shrink, lines or splines where they grow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Grey = NDArray[np.float32]
Mask = NDArray[np.bool_]

PAGE_SIDE = 800  # Pixels: enough for a line of ten digits, and quick.


def area_average(image: Grey, height: int, width: int) -> Grey:
    """Shrink an image: each new pixel is the mean of the area it covers.

    Parameters
    ----------
    image : ndarray of shape (old_height, old_width)
    height, width : int
        The new size.

    Returns
    -------
    image : ndarray of shape (height, width), dtype float32
    """
    for axis, size in enumerate((height, width)):
        old = image.shape[axis]
        # The difference of two integrals up to the edges of the new pixels.
        edges = np.linspace(0, old, size + 1)
        integral = np.insert(np.cumsum(image, axis, dtype=np.float64), 0, 0, axis)
        image = np.diff(_interpolate(integral, edges, axis), axis=axis) * (size / old)
    return image.astype(np.float32)


def shrunk(image: Grey, longest: int) -> Grey:
    """Shrink an image until its longer side has no more than so many pixels.

    Parameters
    ----------
    image : ndarray of shape (old_height, old_width), dtype float32
    longest : int

    Returns
    -------
    image : ndarray of shape (height, width), dtype float32
        The same array if it is no larger than that.

    Examples
    --------
    >>> shrunk(np.zeros((30, 10), np.float32), 20).shape
    (20, 7)
    """
    shrink = max(image.shape) / longest
    if shrink <= 1:
        return image
    return area_average(image, *(max(1, round(side / shrink)) for side in image.shape))


def enlarge(image: Grey, height: int, width: int) -> Grey:
    """Interpolate linearly between the centres of an image's pixels.

    Parameters
    ----------
    image : ndarray of shape (old_height, old_width)
    height, width : int
        The new size.

    Returns
    -------
    image : ndarray of shape (height, width)
    """
    for axis, size in enumerate((height, width)):
        old = image.shape[axis]
        centres = (np.arange(size) + 0.5) * (old / size) - 0.5
        image = _interpolate(image, np.clip(centres, 0, old - 1), axis)
    return image


def magnify(image: Grey, factor: int) -> Grey:
    """Interpolate by cubic splines between the centres of an image's pixels.

    Where each of them is as wide as a stroke, straight lines would leave little of its edges.

    Parameters
    ----------
    image : ndarray of shape (height, width), dtype float32
    factor : int

    Returns
    -------
    image : ndarray of shape (factor * height, factor * width), dtype float32
        Nowhere darker or lighter than before.

    Examples
    --------
    >>> magnify(np.array([[0, 0, 1, 1]], np.float32), 3).round(1)[1]
    array([0. , 0. , 0. , 0. , 0. , 0.3, 0.7, 1. , 1. , 1. , 1. , 1. ],
          dtype=float32)
    """
    magnified = ndimage.zoom(image, factor, order=3, mode="nearest", grid_mode=True)
    return np.clip(magnified, image.min(), image.max())


def _interpolate(values: NDArray, places: NDArray[np.float64], axis: int) -> NDArray:
    """Return linearly interpolated values at fractional indices along an axis."""
    before = np.minimum(places.astype(np.intp), values.shape[axis] - 1)
    after = np.minimum(before + 1, values.shape[axis] - 1)
    share = (places - before).astype(values.dtype)
    share = share[:, None] if axis == 0 else share
    return values.take(before, axis) * (1 - share) + values.take(after, axis) * share
