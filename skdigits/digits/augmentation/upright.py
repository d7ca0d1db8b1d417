"""Digits of one slant, place and size: normalised by their moments.

What only the writer's hand decides, and not the class, need not be learnt::

    images -> moments of the ink -> slant, centre, height, width -> read along an affine grid
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skdigits.component import NON_NEGATIVE, POSITIVE, bounded
from skdigits.digits.augmentation.composing import Preparation
from skdigits.digits.augmentation.moments import centred_fields, moments
from skdigits.digits.augmentation.warping import warp

_FLAT = 1e-3
"""A variance in square pixels below which ink lies in a single row or column."""


@dataclass(kw_only=True, eq=False, repr=False)
class Upright(Preparation):
    r"""Shear, shift and stretch each image until its ink stands upright, centred, of one size.

    With the pixels, less the darkest of the image, as masses at rows :math:`r` and columns
    :math:`c`, the slant is the slope of the regression of columns on rows, and what is left of the
    columns' variance is the square of the width,

    .. math::
        s = \frac{\sigma_{rc}}{\sigma_{rr}}, \qquad h^2 = \sigma_{rr}, \qquad
        w^2 = \sigma_{cc} - s \, \sigma_{rc}.

    The point :math:`(R, C)` of the new image, counted from its centre, is read at
    :math:`(\bar r + a R, \; \bar c + s a R + b C)`, where :math:`a = h / h_0` and
    :math:`b = w / w_0` are as far from 1 as `stretch` allows.

    As the last step of an augmentation it normalises deformed digits, and by its `prepare` the
    network's predictions normalise what they are given, which is not deformed.

    Parameters
    ----------
    stretch : float in [0, inf), default=0.2
        Height and width change by factors between ``1 / (1 + stretch)`` and ``1 + stretch``; with
        0 they stay as they are. A 1 is not made as wide as a 0 by that.
    height, width : float in (0, inf), default=0.21 and 0.15
        The standard deviations of the ink that are aimed at, :math:`h_0` as a share of the height
        of the image and :math:`w_0` as a share of its width.
    image_shape : tuple of int, default=(28, 28)
        ``(height, width)``.

    References
    ----------
    Casey (1970), Moment normalization of handprinted characters. IBM Journal of Research and
    Development 14(5).

    LeCun, Bottou, Bengio and Haffner (1998), Gradient-based learning applied to document
    recognition, which gives deslanted digits to a multilayer perceptron too.

    Examples
    --------
    >>> slanted = np.eye(5, dtype=np.float32).reshape(1, -1)
    >>> upright = Upright(stretch=0, image_shape=(5, 5))
    >>> upright.prepare(slanted).reshape(5, 5)[:, 2]
    array([1., 1., 1., 1., 1.], dtype=float32)

    In front of any estimator, without a network's augmentation:

    >>> from sklearn.preprocessing import FunctionTransformer
    >>> transformer = FunctionTransformer(upright.prepare)
    """

    stretch: float = bounded(0.2, NON_NEGATIVE)
    height: float = bounded(0.21, POSITIVE)
    width: float = bounded(0.15, POSITIVE)

    def prepare(self, batch: NDArray) -> NDArray:
        """Return the images upright; see `Preparation`."""
        self.check(batch)
        fields = centred_fields(self.image_shape, batch.dtype)
        return warp(batch, self._displacements(batch, fields), fields, self.image_shape)

    def _displacements(self, batch: NDArray, fields: NDArray) -> NDArray:
        """Return the coefficients of (1, R, C) that displace rows and columns."""
        ink = batch - batch.min(axis=1, keepdims=True)
        row, column, rows, both, columns = moments(ink, fields)
        flat = rows < _FLAT
        slant = np.where(flat, 0, both / np.where(flat, 1, rows))
        a = self._zoom(rows, self.height * self.image_shape[0])
        b = self._zoom(columns - slant * both, self.width * self.image_shape[1])
        none = np.zeros_like(row)
        return np.array([[row, a - 1, none], [column, slant * a, b - 1]]).transpose(0, 2, 1)

    def _zoom(self, variance: NDArray, deviation: float) -> NDArray:
        """Return by how much further apart the image is read than it is written."""
        most = 1 + self.stretch
        return np.clip(np.sqrt(np.maximum(variance, _FLAT)) / deviation, 1 / most, most)
