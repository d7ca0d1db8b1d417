"""Moments of images, the pixels as masses: where the ink lies, how far it spreads, how it leans."""

from __future__ import annotations

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Moments(NamedTuple):
    r"""The ink's mean row and column in each image, and its variances.

    Parameters
    ----------
    row, column : ndarray of shape (n_images,)
        :math:`\bar r, \bar c`, in pixels.
    rr, rc, cc : ndarray of shape (n_images,)
        :math:`\sigma_{rr}, \sigma_{rc}, \sigma_{cc}`, in their squares.

    References
    ----------
    Hu (1962), Visual pattern recognition by moment invariants. IRE Transactions on Information
    Theory 8(2).
    """

    row: NDArray
    column: NDArray
    rr: NDArray
    rc: NDArray
    cc: NDArray

    def of(self, images: NDArray) -> Self:
        """Return the moments of some of the images.

        Parameters
        ----------
        images : ndarray of shape (n_chosen,), dtype int, or of shape (n_images,), dtype bool
        """
        return type(self)(*(moment[images] for moment in self))

    @property
    def axes(self) -> tuple[NDArray, NDArray, NDArray]:
        r"""The deviations along and across the long axis, and its angle to the vertical.

        .. math::
            \frac{\sigma_{rr} + \sigma_{cc}}{2} \pm
            \sqrt{\left(\frac{\sigma_{rr} - \sigma_{cc}}{2}\right)^2 + \sigma_{rc}^2}, \qquad
            \tan 2 \theta = \frac{2 \sigma_{rc}}{\sigma_{rr} - \sigma_{cc}}

        are the two variances and the angle in radians, which is positive where the lower end lies
        to the right.
        """
        middle = (self.rr + self.cc) / 2
        apart = np.hypot((self.rr - self.cc) / 2, self.rc)
        along, across = np.sqrt(np.maximum([middle + apart, middle - apart], 0))
        return along, across, np.arctan2(2 * self.rc, self.rr - self.cc) / 2

    def squared_distances(self, down: NDArray, right: NDArray) -> NDArray:
        r"""Return how far points are from the centre, measured in deviations of the ink.

        Parameters
        ----------
        down, right : ndarray of shape (n_images, n_points)
            The points, from the centre of each image's ink.

        Returns
        -------
        distances : ndarray of shape (n_images, n_points)
            :math:`d^T \Sigma^{-1} d` (Mahalanobis 1936), whose mean over the ink is 2; beside ink
            that lies on a line large, but finite.
        """
        rr, rc, cc = (moment[:, None] for moment in self[2:])
        determinant = np.maximum(rr * cc - rc * rc, np.finfo(rr.dtype).eps)
        return (cc * down**2 - 2 * rc * down * right + rr * right**2) / determinant


def centred_fields(image_shape: tuple[int, int], dtype: DTypeLike) -> NDArray:
    """Return 1, the rows and the columns, from the centre where MNIST's digits have theirs.

    Parameters
    ----------
    image_shape : tuple of int
        ``(height, width)``.
    dtype : dtype
        Of the images.

    Returns
    -------
    fields : ndarray of shape (3, height * width)
        In single precision at least, since sums of squares of rows overflow half precision.

    Examples
    --------
    >>> centred_fields((2, 3), float)
    array([[ 1.,  1.,  1.,  1.,  1.,  1.],
           [-1., -1., -1.,  0.,  0.,  0.],
           [-1.,  0.,  1., -1.,  0.,  1.]])
    """
    height, width = image_shape
    rows, columns = np.indices((height, width), np.result_type(dtype, np.float32)).reshape(2, -1)
    return np.stack([np.ones_like(rows), rows - height // 2, columns - width // 2])


def moments(batch: NDArray, fields: NDArray) -> Moments:
    """Return the moments of each image, 0 for those without ink.

    Parameters
    ----------
    batch : ndarray of shape (n_images, height * width)
    fields : ndarray of shape (3, height * width)
        Of `centred_fields`.

    Returns
    -------
    moments : Moments

    Examples
    --------
    >>> rod = moments(np.array([[0.0, 0.0, 2.0, 2.0]]), centred_fields((2, 2), float))
    >>> float(rod.row[0]), float(rod.column[0]), float(rod.cc[0])
    (0.0, -0.5, 0.25)
    """
    ones, rows, columns = fields
    basis = np.stack([ones, rows, columns, rows * rows, rows * columns, columns * columns])
    mass, *sums = (batch @ basis.T).T
    r, c, rr, rc, cc = np.array(sums) / np.maximum(mass, np.finfo(mass.dtype).tiny)
    return Moments(r, c, rr - r * r, rc - r * c, cc - c * c)
