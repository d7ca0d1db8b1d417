"""Digits set upright: a transformer that takes out the slant of each image.

The slant is how far the ink moves sideways from row to row, and a shear takes it out again::

    images -> moments of each -> slant -> read along sheared columns -> images
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import validate_data

from skdigits.digits.augmentation import warp
from skdigits.nn.component import InvalidParameterError


class Deslant(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    r"""Shear each image about its centre of mass until its axis stands upright.

    With the pixels as masses at rows :math:`r` and columns :math:`c`, the slant is the slope of the
    regression of columns on rows,

    .. math:: s = \frac{\sum p \, (r - \bar r)(c - \bar c)}{\sum p \, (r - \bar r)^2},

    and the point :math:`(r, c)` of the new image is read at :math:`(r, c + s (r - \bar r))`.

    Parameters
    ----------
    image_shape : tuple of int, default=(28, 28)
        ``(height, width)``.

    References
    ----------
    LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document
    recognition, which gives deslanted digits to a multilayer perceptron too.

    Examples
    --------
    >>> slanted = np.eye(5, dtype=np.float32).reshape(1, -1)
    >>> Deslant(image_shape=(5, 5)).fit_transform(slanted).reshape(5, 5)[:, 2]
    array([1., 1., 1., 1., 1.], dtype=float32)
    """

    def __init__(self, image_shape: Any = (28, 28)):
        self.image_shape = image_shape

    def fit(self, X: Any, y: Any = None) -> Deslant:
        """Check the shape of the images; nothing is learnt.

        Parameters
        ----------
        X : array-like of shape (n_images, height * width)
        y : ignored

        Returns
        -------
        self : Deslant

        Raises
        ------
        InvalidParameterError
            The number of columns is not height times width.
        """
        X = validate_data(self, X, dtype="numeric")
        if np.prod(self.image_shape) != X.shape[1]:
            raise InvalidParameterError(
                f"Deslant: image_shape={self.image_shape!r} is not allowed for images of "
                f"{X.shape[1]} pixels; it must be (height, width) with "
                f"height * width = {X.shape[1]}."
            )
        return self

    def transform(self, X: Any) -> NDArray:
        """Return upright images.

        Parameters
        ----------
        X : array-like of shape (n_images, height * width)
            Pixels, 0 being the background.

        Returns
        -------
        upright : ndarray of the same shape
            In single precision, unless X is in double precision.
        """
        X = validate_data(self, X, dtype="numeric", reset=False)
        dtype = np.result_type(X.dtype, np.float32)
        rows, columns = np.indices(self.image_shape).reshape(2, -1).astype(dtype)
        upright = np.empty(X.shape, dtype)
        for start in range(0, len(X), _BLOCK):
            images = X[start : start + _BLOCK].astype(dtype)
            upright[start : start + _BLOCK] = self._upright(images, rows, columns)
        return upright

    def _upright(self, images: NDArray, rows: NDArray, columns: NDArray) -> NDArray:
        mass = np.maximum(images.sum(axis=1), np.finfo(images.dtype).tiny)
        row, column = images @ rows / mass, images @ columns / mass
        covariance = images @ (rows * columns) / mass - row * column
        variance = images @ (rows * rows) / mass - row * row
        # An image whose ink lies in a single row has no slant.
        slant = np.where(variance > 1e-3, covariance / np.maximum(variance, 1e-3), 0)
        still = np.zeros_like(slant)
        coefficients = np.array([[still, still], [slant, -slant * row]]).transpose(0, 2, 1)
        fields = np.stack([rows, np.ones_like(rows)])
        return warp(images, coefficients, fields, self.image_shape)


_BLOCK = 1024
"""Images worked on at a time, so that memory stays bounded."""
