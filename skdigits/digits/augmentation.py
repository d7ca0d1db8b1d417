"""Random changes that leave a digit what it is: for the classifier's parameter ``augment``.

Deformations bend the grid that an image is read from. Each is a sum of smooth fields, of which only
the coefficients are random, so those that follow one another add up, and one product with one
interpolation does for all of them. Whatever else there is works on the pixels, in its turn::

    RandomAffine: 3 fields -----------+
    ElasticDeformation: some 30 ------+-> coefficients @ fields + grid -> bilinear interpolation
                                                                                     |
    batch for the network <- PixelNoise <- RandomStroke <----------------------------+

Images are rows of floats from 0, the background, to 1. Nothing here has state: the same generator
gives the same images.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d
from sklearn.base import clone

from skdigits.nn.component import (
    Component,
    Function,
    Instance,
    Interval,
    InvalidParameterError,
    check_parameter,
)

_NON_NEGATIVE = (Interval("[0, inf)"),)
_STEP = Function("(batch, rng) -> batch")

_PIECE = 2**14
"""Pixels worked on at a time: few enough that all arrays fit the L2 cache and that none comes
fresh from the kernel, page by page."""

_LOST = 1e-4
"""The share of the variance of an elastic field that may be left out."""


class _ImageShape:
    """Pairs of a height and a width."""

    side = Interval("[1, inf)", integer=True)

    def __contains__(self, value: Any) -> bool:
        is_pair = isinstance(value, (tuple, list)) and len(value) == 2
        return is_pair and all(length in self.side for length in value)

    def __str__(self) -> str:
        return f"(height, width), each {self.side}"


class Augmentation(Component):
    """A function ``(batch, rng) -> batch`` that can be chained by ``+``."""

    amounts: ClassVar[tuple[str, ...]] = ()
    """The parameters that say how much is changed; where all are 0, nothing is."""

    @property
    def prepare(self) -> Callable[[NDArray], NDArray] | None:
        """What images outside training need as well, a function of a batch; None for nothing."""
        return None

    def scaled(self, strength: float) -> Self:
        """Return the same augmentation with all its amounts times a factor.

        Parameters
        ----------
        strength : float in [0, inf)

        Examples
        --------
        >>> RandomStroke().scaled(0.5)
        RandomStroke(thicker=0.5, thinner=0.25)
        """
        amounts = {name: strength * getattr(self, name) for name in self.amounts}
        return clone(self).set_params(**amounts)

    def __call__(self, batch: NDArray, rng: np.random.Generator) -> NDArray:
        """Return a batch of changed images.

        Parameters
        ----------
        batch : ndarray of shape (n_images, height * width) and a float dtype
            Images as rows, pixels from 0 (background) to 1. It is left as it is.
        rng : numpy.random.Generator
            The only source of randomness.

        Returns
        -------
        changed : ndarray of the same shape and dtype

        Raises
        ------
        ValueError
            A parameter is out of bounds, or the batch doesn't hold images of `image_shape`.
        """
        raise NotImplementedError

    def __add__(self, following: Any) -> Compose:
        if following not in _STEP:
            return NotImplemented
        return Compose(steps=[*_steps(self), *_steps(following)])


@dataclass(kw_only=True, eq=False, repr=False)
class ImageAugmentation(Augmentation):
    """What the augmentations of images of one known shape share."""

    image_shape: tuple[int, int] = (28, 28)
    allowed: ClassVar[Mapping[str, tuple[Any, ...]]] = {"image_shape": (_ImageShape(),)}

    def check(self, batch: NDArray) -> None:
        """Check the parameters, and that the batch holds images of that shape.

        Raises
        ------
        InvalidParameterError
            A parameter is out of bounds, or the number of columns is not height times width.
        ValueError
            The batch is not a matrix of floats.
        """
        self.validate()
        if batch.ndim != 2 or not np.issubdtype(batch.dtype, np.floating):
            raise ValueError(
                f"{type(self).__name__}: batch has shape {batch.shape} and dtype {batch.dtype}; "
                "it must have shape (n_images, height * width) and a float dtype."
            )
        if batch.shape[1] != math.prod(self.image_shape):
            raise InvalidParameterError(
                f"{type(self).__name__}: image_shape={self.image_shape!r} is not allowed for "
                f"images of {batch.shape[1]} pixels; it must be (height, width) with "
                f"height * width = {batch.shape[1]}."
            )


class Preparation(ImageAugmentation):
    """What images go through in prediction as they do in training, without randomness."""

    @property
    def prepare(self) -> Callable[[NDArray], NDArray]:
        """The function of a batch; what it is given stays as it is."""
        return self._prepared

    def _prepared(self, batch: NDArray) -> NDArray:
        raise NotImplementedError

    def __call__(self, batch: NDArray, rng: np.random.Generator) -> NDArray:
        """Return a prepared batch; see :class:`Augmentation`."""
        return self._prepared(batch)


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
        """Return a batch of deformed images; see :class:`Augmentation`."""
        return _deform([self], batch, rng)


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

    rotation: float = 12.0
    scale: float = 0.15
    shear: float = 0.15
    shift: float = 2.0
    amounts: ClassVar[tuple[str, ...]] = ("rotation", "scale", "shear", "shift")
    allowed: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        **ImageAugmentation.allowed,
        "rotation": (Interval("[0, 180]"),),
        "scale": _NON_NEGATIVE,
        "shear": _NON_NEGATIVE,
        "shift": _NON_NEGATIVE,
    }

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

    sigma: float = 5.0
    alpha: float = 36.0
    amounts: ClassVar[tuple[str, ...]] = ("alpha",)
    allowed: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        **ImageAugmentation.allowed,
        "sigma": (Interval("(0, inf)"),),
        "alpha": _NON_NEGATIVE,
    }

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


def _deform(steps: Sequence[Deformation], batch: NDArray, rng: np.random.Generator) -> NDArray:
    """Apply the sum of some deformations."""
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
    size = min(len(batch), max(1, _PIECE // batch.shape[1]))
    framed = np.zeros((size, height + 2, width + 2), dtype)
    warped = np.empty(batch.shape, batch.dtype)
    for start in range(0, len(batch), max(1, size)):
        images = batch[start : start + size]
        framed[: len(images), 1:-1, 1:-1] = images.reshape(-1, height, width)
        points = coefficients[:, start : start + size] @ fields
        points += grid
        warped[start : start + size] = _interpolate(framed[: len(images)], points)
    return warped


def _interpolate(framed: NDArray, points: NDArray) -> NDArray:
    """Read images within a frame of zeros at points of shape (2, n, n_points); overwrite those."""
    n, height, width = framed.shape
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
    pixels = framed.ravel()
    # On the last row or column of the frame a neighbour's share is 0, so it may be any pixel.
    left, right, lower_left, lower_right = (
        pixels[offset:].take(index, mode="clip") for offset in (0, 1, width, width + 1)
    )
    return _blend(_blend(left, right, columns), _blend(lower_left, lower_right, columns), rows)


def _blend(start: NDArray, end: NDArray, share: NDArray) -> NDArray:
    """Go from start to end by a share of the way; the end is overwritten."""
    end -= start
    end *= share
    end += start
    return end


@dataclass(kw_only=True, eq=False, repr=False)
class RandomStroke(ImageAugmentation):
    r"""Make the strokes of each image thinner or thicker, as another pen would.

    For an amount :math:`a` drawn uniformly from [-`thinner`, `thicker`], the image :math:`x`
    becomes

    .. math::
        x + a \, (\delta(x) - x) \text{ for } 0 \le a \le 1, \qquad
        x - a \, (\varepsilon(x) - x) \text{ for } -1 \le a < 0,

    with the grey dilation :math:`\delta` and erosion :math:`\varepsilon`, which are the largest and
    the smallest value within 3 x 3 pixels. Each whole pixel beyond 1 is once more the same.

    Parameters
    ----------
    thinner : float in [0, inf), default=0.5
        The most that strokes lose on each side, in pixels.
    thicker : float in [0, inf), default=1
        The most that strokes gain on each side, in pixels.
    image_shape : tuple of int, default=(28, 28)
        ``(height, width)``.

    References
    ----------
    Serra (1982), Image analysis and mathematical morphology.

    Examples
    --------
    >>> pen = RandomStroke(thinner=0, thicker=1, image_shape=(1, 5))
    >>> pen(np.array([[0.0, 0.0, 1.0, 0.0, 0.0]]), np.random.default_rng(0)).round(1)
    array([[0. , 0.6, 1. , 0.6, 0. ]])
    """

    thinner: float = 0.5
    thicker: float = 1.0
    amounts: ClassVar[tuple[str, ...]] = ("thinner", "thicker")
    allowed: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        **ImageAugmentation.allowed,
        "thinner": _NON_NEGATIVE,
        "thicker": _NON_NEGATIVE,
    }

    def __call__(self, batch: NDArray, rng: np.random.Generator) -> NDArray:
        """Return a batch with other strokes; see :class:`Augmentation`."""
        self.check(batch)
        amount = rng.uniform(-self.thinner, self.thicker, len(batch)).astype(batch.dtype)
        images = batch.reshape(-1, *self.image_shape).copy()
        size = max(1, _PIECE // batch.shape[1])
        for start in range(0, len(batch), size):
            _thicken(images[start : start + size], amount[start : start + size])
        return images.reshape(batch.shape)


def _thicken(images: NDArray, amount: NDArray) -> None:
    """Thicken the strokes of each image by so many pixels; thin them where that is negative."""
    for extreme, pixels in ((np.maximum, amount), (np.minimum, -amount)):
        for done in range(math.ceil(pixels.max())):
            rows = np.flatnonzero(pixels > done)
            share = np.minimum(pixels[rows] - done, 1)[:, None, None]
            chosen = images[rows]
            images[rows] = _blend(chosen, _neighbourhood(chosen, extreme), share)


def _neighbourhood(images: NDArray, extreme: np.ufunc) -> NDArray:
    """Return the extreme value within 3 x 3 pixels; there is background beyond the border."""
    n, height, width = images.shape
    framed = np.zeros((n, height + 2, width + 2), images.dtype)
    framed[:, 1:-1, 1:-1] = images
    tall = extreme(framed[:, :-2], framed[:, 1:-1])
    extreme(tall, framed[:, 2:], out=tall)
    square = extreme(tall[:, :, :-2], tall[:, :, 1:-1])
    return extreme(square, tall[:, :, 2:], out=square)


@dataclass(kw_only=True, eq=False, repr=False)
class PixelNoise(ImageAugmentation):
    """Add normal noise to every pixel and clip what then lies outside [0, 1].

    Parameters
    ----------
    std : float in [0, inf), default=0.1
        The standard deviation of the noise.
    image_shape : tuple of int, default=(28, 28)
        ``(height, width)``.

    References
    ----------
    Bishop (1995), Training with noise is equivalent to Tikhonov regularization. Neural
    Computation 7(1).

    Examples
    --------
    >>> grain = PixelNoise(std=0.1, image_shape=(1, 4))
    >>> grain(np.full((1, 4), 0.5), np.random.default_rng(0)).round(2)
    array([[0.61, 0.36, 0.46, 0.42]])
    """

    std: float = 0.1
    amounts: ClassVar[tuple[str, ...]] = ("std",)
    allowed: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        **ImageAugmentation.allowed,
        "std": _NON_NEGATIVE,
    }

    def __call__(self, batch: NDArray, rng: np.random.Generator) -> NDArray:
        """Return a batch with noise; see :class:`Augmentation`."""
        self.check(batch)
        noise = rng.standard_normal(batch.shape, dtype=np.float32)
        noise *= np.float32(self.std)
        changed = batch + noise.astype(batch.dtype, copy=False)
        return np.clip(changed, 0, 1, out=changed)


@dataclass(kw_only=True, eq=False, repr=False)
class Combination(Augmentation):
    """What several augmentations make together; see :class:`Compose` and :class:`Views`."""

    steps: Sequence[Any] = ()
    allowed: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "steps": (Instance((list, tuple), "a list of functions (batch, rng) -> batch"),)
    }

    def validate(self) -> None:
        """Check the steps and their parameters.

        Raises
        ------
        InvalidParameterError
            One of the steps can't be called, or a parameter of it is out of bounds.
        """
        super().validate()
        for i, step in enumerate(self.steps):
            check_parameter(type(self).__name__, f"steps[{i}]", step, (_STEP,))
            if isinstance(step, Augmentation):
                step.validate()

    def scaled(self, strength: float) -> Self:
        """Return a combination of the scaled steps; plain functions stay as they are.

        Parameters
        ----------
        strength : float in [0, inf)
        """
        steps = [
            step.scaled(strength) if isinstance(step, Augmentation) else step for step in self.steps
        ]
        return type(self)(steps=steps)

    def preparing(self) -> list[Callable[[NDArray], NDArray] | None]:
        """Return what each step does outside training."""
        return [getattr(step, "prepare", None) for step in self.steps]


@dataclass(kw_only=True, eq=False, repr=False)
class Compose(Combination):
    """One augmentation after the other, which is what ``+`` makes of them.

    Neighbours that are deformations share a single interpolation, which is faster and keeps strokes
    sharp: their displacements are added up.

    Parameters
    ----------
    steps : list of callable
        Augmentations, or functions ``(batch, rng) -> batch``.

    Examples
    --------
    >>> augment = RandomAffine(shift=1) + ElasticDeformation() + RandomStroke()
    >>> augment
    Compose(steps=[RandomAffine(shift=1), ElasticDeformation(), RandomStroke()])
    >>> images = np.zeros((2, 784), dtype=np.float32)
    >>> augment(images, np.random.default_rng(0)).shape
    (2, 784)
    """

    @property
    def prepare(self) -> Callable[[NDArray], NDArray] | None:
        """What all steps do outside training, one after the other."""
        return self._prepared if any(self.preparing()) else None

    def _prepared(self, batch: NDArray) -> NDArray:
        for function in filter(None, self.preparing()):
            batch = function(batch)
        return batch

    def __call__(self, batch: NDArray, rng: np.random.Generator) -> NDArray:
        """Return what the steps make of a batch; see :class:`Augmentation`."""
        self.validate()
        for deforming, steps in groupby(self.steps, lambda step: isinstance(step, Deformation)):
            if deforming:
                batch = _deform(list(steps), batch, rng)
            else:
                for step in steps:
                    batch = step(batch, rng)
        return batch


@dataclass(kw_only=True, eq=False, repr=False)
class Fading(Component):
    """An augmentation that fades in the last part of a training.

    The network ends on images that are nearly those it is for. Until `start` the strength is 1;
    from there it goes down to `end`, evenly from epoch to epoch.

    Parameters
    ----------
    augment : Augmentation
        What fades.
    start : float in [0, 1], default=0.7
        The share of the training after which the strength goes down.
    end : float in [0, inf), default=0.5
        The strength at the end.

    Examples
    --------
    >>> fading = Fading(augment=RandomAffine(shift=4) + ElasticDeformation(alpha=40))
    >>> fading.at(0.7) is fading.augment
    True
    >>> fading.at(1.0).steps[1]
    ElasticDeformation(alpha=20.0)
    """

    augment: Any = None
    start: float = 0.7
    end: float = 0.5
    allowed: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "augment": (Instance(Augmentation, "an augmentation such as RandomAffine()"),),
        "start": (Interval("[0, 1]"),),
        "end": _NON_NEGATIVE,
    }

    def validate(self) -> None:
        """Check the parameters, and those of what fades.

        Raises
        ------
        InvalidParameterError
            One of them is out of bounds.
        """
        super().validate()
        self.augment.validate()

    def at(self, progress: float) -> Augmentation:
        """Return the augmentation after this share of the training.

        Parameters
        ----------
        progress : float in [0, 1]
        """
        self.validate()
        if progress <= self.start:
            return self.augment
        gone = (progress - self.start) / (1 - self.start)
        return self.augment.scaled(1 + gone * (self.end - 1))

    @property
    def prepare(self) -> Callable[[NDArray], NDArray] | None:
        """That of what fades; it doesn't fade."""
        return self.augment.prepare

    def __call__(self, batch: NDArray, rng: np.random.Generator) -> NDArray:
        """Return a batch changed in full strength; see :class:`Augmentation`."""
        self.validate()
        return self.augment(batch, rng)


def _steps(augmentation: Any) -> Sequence[Any]:
    """Return the steps of a composition; anything else is one step."""
    return augmentation.steps if isinstance(augmentation, Compose) else [augmentation]
