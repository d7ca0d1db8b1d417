"""Edges of images, shared out to eight directions: the arithmetic of `Directions` and `Bends`.

::

    images -> gradient at each pixel -> shares in 8 directions
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from skdigits.digits.augmentation.warping import framed


def edges(images: NDArray) -> NDArray:
    """Return the strengths of the edges of images in eight directions.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width)

    Returns
    -------
    planes : ndarray of shape (8, n_images, height, width)
        None is negative; see `skdigits.digits.Directions` for the equation.

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
    quarter = framed(images)
    quarter *= images.dtype.type(0.25)
    across = quarter[:, :, :-2] + 2 * quarter[:, :, 1:-1] + quarter[:, :, 2:]
    down = quarter[:, :-2] + 2 * quarter[:, 1:-1] + quarter[:, 2:]
    return across[:, 2:] - across[:, :-2], down[:, :, 2:] - down[:, :, :-2]


def _shares(r: NDArray, c: NDArray) -> NDArray:
    """Return the shares of a gradient in eight directions, of shape (8, *its shape)."""
    down, up, right, left = r, -r, c, -c
    steep, flat = np.abs(r), np.abs(c)
    axes = (down, flat), (up, flat), (right, steep), (left, steep)
    diagonals = (down, right), (down, left), (up, right), (up, left)
    shares = np.empty((8, *r.shape), r.dtype)
    for share, (along, aside) in zip(shares[:4], axes, strict=True):
        np.subtract(along, aside, out=share)
    for share, both in zip(shares[4:], diagonals, strict=True):
        np.minimum(*both, out=share)
    shares[4:] *= r.dtype.type(2**0.5)
    return np.maximum(shares, 0, out=shares)
