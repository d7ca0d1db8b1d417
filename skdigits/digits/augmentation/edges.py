"""Edges of images, shared out to eight directions: the arithmetic of `Directions` and `Bends`.

::

    images -> gradient at each pixel -> shares in 8 directions
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def edges(images: NDArray) -> NDArray:
    """Return the strengths of the edges of images in eight directions.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width)

    Returns
    -------
    planes : ndarray of shape (8, n_images, height, width)
        None is negative; see :class:`~skdigits.digits.Directions` for the equation.

    Examples
    --------
    >>> image = np.zeros((1, 4, 4))
    >>> image[0, 2:] = 1
    >>> edges(image)[0, 0, 1]
    array([0.5, 1. , 1. , 0.5])
    """
    return _shares(*_gradient(images))


def halved(images: NDArray) -> NDArray:
    """Return images of half the height and width, rounded up: the means of squares of 4 pixels.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width)
        Beyond their sides, pixels are 0.

    Examples
    --------
    >>> halved(np.ones((1, 2, 3)))
    array([[[1. , 0.5]]])
    """
    height, width = images.shape[1:]
    if height % 2 or width % 2:
        images = np.pad(images, ((0, 0), (0, height % 2), (0, width % 2)))
    rows = images[:, ::2] + images[:, 1::2]
    return (rows[:, :, ::2] + rows[:, :, 1::2]) * images.dtype.type(0.25)


def _gradient(images: NDArray) -> tuple[NDArray, NDArray]:
    """Return the differences along rows and columns by Sobel's operator, of 1 at a sharp edge."""
    n, height, width = images.shape
    framed = np.zeros((n, height + 2, width + 2), images.dtype)
    framed[:, 1:-1, 1:-1] = images
    framed *= images.dtype.type(0.25)
    across = framed[:, :, :-2] + 2 * framed[:, :, 1:-1] + framed[:, :, 2:]
    down = framed[:, :-2] + 2 * framed[:, 1:-1] + framed[:, 2:]
    return across[:, 2:] - across[:, :-2], down[:, :, 2:] - down[:, :, :-2]


def _shares(r: NDArray, c: NDArray) -> NDArray:
    """Return the shares of a gradient in eight directions, of shape (8, *its shape)."""
    shares = np.empty((8, *r.shape), r.dtype)
    steep, flat = np.abs(r), np.abs(c)
    for axis, (along, aside) in enumerate(((r, flat), (c, steep))):
        np.subtract(along, aside, out=shares[2 * axis])
        np.subtract(-along, aside, out=shares[2 * axis + 1])
    for i, (along, aside) in enumerate(((r, c), (r, -c), (-r, c), (-r, -c)), start=4):
        np.minimum(along, aside, out=shares[i])
    shares[4:] *= r.dtype.type(2**0.5)
    return np.maximum(shares, 0, out=shares)
