"""Images read at other points than those of their pixels, linear in between.

::

    grid + coefficients @ fields -> points -> the four pixels around each -> blended
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PIECE = 2**14
"""Pixels worked on at a time: few enough that all arrays fit the L2 cache and that none comes
fresh from the kernel, page by page."""


def warp(
    batch: NDArray, coefficients: NDArray, fields: NDArray, image_shape: Sequence[int]
) -> NDArray:
    """Read each image at displaced points, ``grid + coefficients @ fields``.

    Parameters
    ----------
    batch : ndarray of shape (n_images, height * width)
        Images as rows; beyond their border everything is 0.
    coefficients : ndarray of shape (2, n_images, n_fields)
        Of the displacements along the rows and along the columns, in pixels.
    fields : ndarray of shape (n_fields, height * width)
    image_shape : tuple of int
        ``(height, width)``.

    Returns
    -------
    warped : ndarray of the same shape and dtype as `batch`
        Bilinear interpolations, computed in single precision at least.

    Examples
    --------
    >>> one_field = np.ones((1, 3))
    >>> warp(np.array([[1.0, 2.0, 4.0]]), np.array([[[0.0]], [[0.5]]]), one_field, (1, 3))
    array([[1.5, 3. , 2. ]])
    """
    height, width = image_shape
    dtype = np.result_type(batch.dtype, np.float32)
    coefficients, fields = coefficients.astype(dtype), fields.astype(dtype)
    # Within a frame of zeros, no neighbour of a point can lie outside.
    grid = np.indices((height, width), dtype).reshape(2, 1, -1) + 1
    size = max(1, PIECE // batch.shape[1])
    warped = np.empty(batch.shape, batch.dtype)
    for start in range(0, len(batch), size):
        part = slice(start, start + size)
        points = coefficients[:, part] @ fields
        points += grid
        images = framed(batch[part].reshape(-1, height, width).astype(dtype, copy=False))
        warped[part] = _interpolate(images, points)
    return warped


def framed(images: NDArray) -> NDArray:
    """Return images within a frame of zeros, one pixel wide.

    Parameters
    ----------
    images : ndarray of shape (n_images, height, width)

    Returns
    -------
    framed : ndarray of shape (n_images, height + 2, width + 2)

    Examples
    --------
    >>> framed(np.ones((1, 1, 2)))
    array([[[0., 0., 0., 0.],
            [0., 1., 1., 0.],
            [0., 0., 0., 0.]]])
    """
    n, height, width = images.shape
    # np.pad takes five times as long on twenty images, and twenty times as long on one.
    within = np.zeros((n, height + 2, width + 2), images.dtype)
    within[:, 1:-1, 1:-1] = images
    return within


def _interpolate(images: NDArray, points: NDArray) -> NDArray:
    """Read images within a frame of zeros at points of shape (2, n, n_points); overwrite those."""
    n, height, width = images.shape
    rows, columns = points
    np.clip(rows, 0, height - 1, out=rows)
    np.clip(columns, 0, width - 1, out=columns)
    corner = np.floor(points)
    points -= corner
    # Whole numbers as floats, exact below 2^24 pixels, since converting one array costs less.
    index = corner[0]
    index *= width
    index += corner[1]
    index += (np.arange(n) * (height * width)).astype(index.dtype)[:, None]
    index = index.astype(np.intp)
    pixels = images.ravel()
    # On the last row or column of the frame a neighbour's share is 0, so it may be any pixel.
    left, right, lower_left, lower_right = (
        pixels[offset:].take(index, mode="clip") for offset in (0, 1, width, width + 1)
    )
    return blend(blend(left, right, columns), blend(lower_left, lower_right, columns), rows)


def blend(start: NDArray, end: NDArray, share: NDArray) -> NDArray:
    """Go from start to end by a share of the way; the end is overwritten."""
    end -= start
    end *= share
    end += start
    return end
