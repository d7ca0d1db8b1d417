"""Random changes of a digit's form, such as a hand makes that never writes alike.

Deformations bend the grid that an image is read from. Each is a sum of smooth fields, of which only
the coefficients are random, so those that follow one another add up, and one product with one
interpolation does for all of them::

    RandomAffine: 3 fields -----------+
    ElasticDeformation: some 30 ------+-> coefficients @ fields + grid -> bilinear interpolation
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from skdigits.component import NON_NEGATIVE, POSITIVE, Interval, InvalidParameterError, bounded
from skdigits.digits.augmentation.composing import ImageAugmentation
from skdigits.digits.augmentation.warping import warp

_LOST = 1e-4
"""The share of the variance of an elastic field that may be left out."""


class Deformation(ImageAugmentation):
    """An augmentation that moves the points at which an image is read.

    The value at the point p of the new image is the old image's at
    ``p + sum_k coefficients[k] * fields[k](p)``, so a sum of deformations is a deformation.
    """

    def fields(self) -> NDArray:
        """Return the fields on the grid of pixels, of shape (n_fields, height * width)."""
        raise NotImplementedError

    def coefficients(self, n_images: int, rng: np.random.Generator) -> NDArray:
        """Draw what each field adds to the rows and to the columns, in pixels.

        Parameters
        ----------
        n_images : int
        rng : numpy.random.Generator

        Returns
        -------
        coefficients : ndarray of shape (2, n_images, n_fields)
        """
        raise NotImplementedError

    def __call__(self, batch: NDArray, rng: np.random.Generator) -> NDArray:
        """Return a batch of deformed images; see `Augmentation`."""
        return self.together([self], batch, rng)

    @staticmethod
    def together(steps: Sequence[Any], batch: NDArray, rng: np.random.Generator) -> NDArray:
        """Apply the sum of some deformations; see `Augmentation.together`."""
        shapes = [step.image_shape for step in steps]
        for step in steps:
            step.check(batch)
            if tuple(step.image_shape) != tuple(shapes[0]):
                raise InvalidParameterError(
                    f"Compose: image_shape is not the same throughout: {shapes}."
                )
        coefficients = [step.coefficients(len(batch), rng) for step in steps]
        fields = [step.fields() for step in steps]
        return warp(batch, np.concatenate(coefficients, axis=2), np.concatenate(fields), shapes[0])


@dataclass(kw_only=True, eq=False, repr=False)
class RandomAffine(Deformation):
    r"""Stretch, slant, turn and shift each image about its centre, by random amounts.

    The point :math:`p` of the new image is read at :math:`A (p - c - t) + c`, where :math:`c` is
    the centre of the image and

    .. math:: A^{-1} = \text{rotation} \cdot \text{shear} \cdot \text{diag}(\text{scales}).

    Each amount is drawn uniformly for each image. What comes in from outside is background.

    Parameters
    ----------
    rotation : float in [0, 180], default=12
        The largest angle either way, in degrees.
    scale : float in [0, inf), default=0.15
        Height and width change by separate factors from ``1 / (1 + scale)`` to ``1 + scale``,
        uniform in the logarithm.
    shear : float in [0, inf), default=0.15
        The largest slant either way, in columns per row: 0.15 is 8.5 degrees.
    shift : float in [0, inf), default=2
        The largest shift along each axis either way, in pixels.
    image_shape : tuple of int, default=(28, 28)
        ``(height, width)``.

    References
    ----------
    Ciresan, Meier, Gambardella and Schmidhuber (2010), Deep, big, simple neural nets for
    handwritten digit recognition. Neural Computation 22(12).

    Examples
    --------
    >>> turn = RandomAffine(rotation=180, scale=0, shear=0, shift=0, image_shape=(3, 3))
    >>> image = np.array([[0, 0, 0, 1, 1, 1, 0, 0, 0]], dtype=np.float32)
    >>> turn(image, np.random.default_rng(9)).reshape(3, 3).round(1)
    array([[0.6, 0.3, 0. ],
           [0.3, 1. , 0.3],
           [0. , 0.3, 0.6]], dtype=float32)
    """

    rotation: float = bounded(12.0, Interval("[0, 180]"))
    scale: float = bounded(0.15, NON_NEGATIVE)
    shear: float = bounded(0.15, NON_NEGATIVE)
    shift: float = bounded(2.0, NON_NEGATIVE)
    amounts: ClassVar[tuple[str, ...]] = ("rotation", "scale", "shear", "shift")

    def fields(self) -> NDArray:
        """Return the rows and columns from the centre, and 1."""
        height, width = self.image_shape
        rows, columns = np.indices((height, width)).reshape(2, -1)
        return np.stack([rows - (height - 1) / 2, columns - (width - 1) / 2, np.ones(len(rows))])

    def coefficients(self, n_images: int, rng: np.random.Generator) -> NDArray:
        """Draw ``A - 1`` and ``-A t`` of each image, of shape (2, n_images, 3)."""
        angle, slant, *others = rng.uniform(-1, 1, (n_images, 6)).T
        angle, slant = angle * math.radians(self.rotation), slant * self.shear
        zoom, shift = np.exp(np.log1p(self.scale) * np.stack(others[:2])), np.stack(others[2:])
        cos, sin = np.cos(angle), np.sin(angle)
        # A = diag(1 / scales) @ inverse shear @ inverse rotation; the signs and reciprocals of the
        # amounts are as likely as these themselves.
        matrix = np.stack([[cos, sin], [slant * cos - sin, slant * sin + cos]])
        matrix *= zoom[:, None]
        offset = -self.shift * np.einsum("abn,bn->an", matrix, shift)
        linear = matrix - np.eye(2)[:, :, None]
        return np.stack([linear[:, 0], linear[:, 1], offset], axis=-1)


@dataclass(kw_only=True, eq=False, repr=False)
class ElasticDeformation(Deformation):
    r"""Bend each image by a smooth random field, as a hand does that never writes alike.

    Rows and columns are displaced by separate fields

    .. math:: \alpha \, G_\sigma * z, \qquad z \sim \mathcal{U}(-1, 1) \text{ at each pixel}.

    Smoothing is linear and separable. Its singular vectors are few, smooth fields, and their
    coefficients, sums over hundreds of pixels, are drawn as the normal numbers that they are to all
    purposes, of the variance 1/3 of :math:`z`. What that leaves out is less than 0.01 % of the
    variance.

    Parameters
    ----------
    sigma : float in (0, inf), default=5
        The standard deviation of the Gaussian, in pixels. Below 2, fields get rough and many.
    alpha : float in [0, inf), default=36
        The strength, in pixels. Away from the border, a displacement has the standard deviation
        ``alpha / sigma / sqrt(12 pi)``: 1.2 pixels by default.
    image_shape : tuple of int, default=(28, 28)
        ``(height, width)``.

    References
    ----------
    Simard, Steinkraus and Platt (2003), Best practices for convolutional neural networks applied to
    visual document analysis. The defaults are those of Ciresan et al. (2010), Deep, big, simple
    neural nets for handwritten digit recognition.

    Examples
    --------
    >>> bend = ElasticDeformation()
    >>> len(bend.fields())
    32
    >>> coefficients = bend.coefficients(1000, np.random.default_rng(0))
    >>> displacements = (coefficients @ bend.fields()).reshape(2, 1000, 28, 28)
    >>> print(f"{displacements[:, :, 14, 14].std():.1f} pixels")
    1.2 pixels
    """

    sigma: float = bounded(5.0, POSITIVE)
    alpha: float = bounded(36.0, NON_NEGATIVE)
    amounts: ClassVar[tuple[str, ...]] = ("alpha",)

    def fields(self) -> NDArray:
        """Return the left singular vectors of Gaussian smoothing, times the singular values."""
        height, width = self.image_shape
        return _smooth_fields(float(self.sigma), int(height), int(width))

    def coefficients(self, n_images: int, rng: np.random.Generator) -> NDArray:
        """Draw normal numbers of variance ``alpha^2 / 3``, of shape (2, n_images, n_fields)."""
        normal = rng.standard_normal((2, n_images, len(self.fields())), dtype=np.float32)
        return normal * np.float32(self.alpha / math.sqrt(3))


@lru_cache(maxsize=8)
def _smooth_fields(sigma: float, height: int, width: int) -> NDArray:
    """Return fields whose sums with standard normal coefficients are smoothed white noise."""
    of_rows, of_columns = (
        np.linalg.svd(gaussian_filter1d(np.eye(length), sigma, axis=0, mode="constant"))
        for length in (height, width)
    )
    scales = np.multiply.outer(of_rows.S, of_columns.S).ravel()
    order = np.argsort(-scales)
    variance = np.cumsum(scales[order] ** 2)
    kept = order[: np.searchsorted(variance, (1 - _LOST) * variance[-1]) + 1]
    i, j = np.divmod(kept, width)
    fields = np.einsum("k,rk,ck->krc", scales[kept], of_rows.U[:, i], of_columns.U[:, j])
    fields.flags.writeable = False
    return fields.reshape(len(kept), -1)
