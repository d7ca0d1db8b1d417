"""What augmentations have in common, and how they are put together: for the parameter ``augment``.

An augmentation changes a batch of images and leaves each digit what it is. `Compose`, which ``+``
makes, applies one after the other; what is random comes first, and what prediction needs as well,
its `prepare`, last::

    batch -> RandomAffine + ElasticDeformation -> RandomStroke -> Upright -> batch for the network
    X     ----------------------------------------------------> Upright -> X for the network

Images are rows of floats from 0, the background, to 1. Nothing here has state: the same generator
gives the same images.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from skdigits.component import (
    COUNT,
    NON_NEGATIVE,
    SHARE,
    Component,
    Function,
    Instance,
    InvalidParameterError,
    bounded,
    check_parameter,
)

_STEP = Function("(batch, rng) -> batch")
_ROUNDING = 1e-3


class _ImageShape:
    """Pairs of a height and a width."""

    def __contains__(self, value: Any) -> bool:
        is_pair = isinstance(value, (tuple, list)) and len(value) == 2
        return is_pair and all(length in COUNT for length in value)

    def __str__(self) -> str:
        return f"(height, width), each {COUNT}"


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
        >>> from skdigits.digits import RandomStroke
        >>> RandomStroke().scaled(0.5)
        RandomStroke(thicker=0.5, thinner=0.25)
        """
        amounts = {name: strength * getattr(self, name) for name in self.amounts}
        return clone(self).set_params(**amounts)

    def __call__(self, batch: NDArray, rng: np.random.Generator) -> NDArray:
        """Return a changed batch.

        Parameters
        ----------
        batch : ndarray of shape (n_images, height * width) and a float dtype
            Images as rows, pixels from 0 (background) to 1. It is left as it is.
        rng : numpy.random.Generator
            The only source of randomness.

        Returns
        -------
        changed : ndarray of shape (n_images, n_features) and the same dtype
            Images again, or other features of them: as many as `prepare` makes of an image.

        Raises
        ------
        ValueError
            A parameter is out of bounds, the batch doesn't hold images of `image_shape`, or pixels
            are not from 0 to 1, where something is added to them.
        """
        raise NotImplementedError

    @staticmethod
    def together(steps: Sequence[Any], batch: NDArray, rng: np.random.Generator) -> NDArray:
        """Return what neighbours in a chain, all with this function, make of a batch.

        Parameters
        ----------
        steps : sequence of callable
        batch : ndarray of shape (n_images, height * width)
        rng : numpy.random.Generator
        """
        for step in steps:
            batch = step(batch, rng)
        return batch

    def __add__(self, following: Any) -> Compose:
        if following not in _STEP:
            return NotImplemented
        return Compose(steps=[*_steps(self), *_steps(following)])


@dataclass(kw_only=True, eq=False, repr=False)
class ImageAugmentation(Augmentation):
    """What the augmentations of images of one known shape share."""

    image_shape: tuple[int, int] = bounded((28, 28), _ImageShape())

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

    def check_range(self, batch: NDArray) -> None:
        """Check that pixels are from 0 to 1, for what is added to them.

        Raises
        ------
        ValueError
            They are not, by more than rounding.
        """
        lowest, highest = float(batch.min(initial=0)), float(batch.max(initial=0))
        if lowest < -_ROUNDING or highest > 1 + _ROUNDING:
            raise ValueError(
                f"{type(self).__name__}: batch has pixels from {lowest:g} to {highest:g}; they "
                "must be from 0 to 1: multiply 8-bit ones by 1 / 255."
            )


class Preparation(ImageAugmentation):
    """What images go through in prediction as they do in training, without randomness."""

    def prepare(self, batch: NDArray) -> NDArray:
        """Return a prepared batch.

        Parameters
        ----------
        batch : ndarray of shape (n_images, height * width) and a float dtype
            Images as rows. It is left as it is.

        Returns
        -------
        prepared : ndarray of shape (n_images, n_features) and the same dtype

        Raises
        ------
        ValueError
            A parameter is out of bounds, or the batch doesn't hold images of `image_shape`.
        """
        raise NotImplementedError

    def __call__(self, batch: NDArray, rng: np.random.Generator) -> NDArray:
        """Return a prepared batch; see `Augmentation`."""
        return self.prepare(batch)


@dataclass(kw_only=True, eq=False, repr=False)
class Combination(Augmentation):
    """What several augmentations make together; see `Compose` and `Views`."""

    steps: Sequence[Any] = bounded(
        (), Instance((list, tuple), "a list of functions (batch, rng) -> batch")
    )

    def validate(self) -> None:
        """Check the steps and their parameters.

        Raises
        ------
        InvalidParameterError
            One of the steps can't be called or fades, or a parameter of it is out of bounds.
        """
        super().validate()
        for i, step in enumerate(self.steps):
            check_parameter(type(self).__name__, f"steps[{i}]", step, (_STEP,))
            if hasattr(step, "at"):
                raise InvalidParameterError(
                    f"{type(self).__name__}: steps[{i}]={step!r} changes as training goes on, "
                    "which only the whole can: Fading(augment=...) around all steps."
                )
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
    >>> from skdigits.digits import ElasticDeformation, RandomAffine, RandomStroke
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
        """Return what the steps make of a batch; see `Augmentation`."""
        self.validate()
        for together, steps in groupby(self.steps, _together):
            batch = together(list(steps), batch, rng)
        return batch


@dataclass(kw_only=True, eq=False, repr=False)
class Fading(Component):
    """An augmentation that fades in the last part of a training.

    The network ends on images that are nearly those it is for. Until `start` the strength is 1;
    from there, at progress p, it is ``1 + (end - 1) * (p - start) / (1 - start)``, which goes down
    evenly from epoch to epoch and would reach `end` after the last.

    Parameters
    ----------
    augment : Augmentation
        What fades.
    start : float in [0, 1], default=0.7
        The share of the training after which the strength goes down.
    end : float in [0, inf), default=0.5
        The strength at the end.

    References
    ----------
    He et al. (2019), Data augmentation revisited: rethinking the distribution gap between clean and
    augmented data. There the augmentation ends at once.

    Examples
    --------
    >>> from skdigits.digits import ElasticDeformation, RandomAffine
    >>> fading = Fading(augment=RandomAffine(shift=4) + ElasticDeformation(alpha=40))
    >>> fading.at(0.7) is fading.augment
    True
    >>> fading.at(1.0).steps[1]
    ElasticDeformation(alpha=20.0)
    """

    augment: Any = bounded(None, Instance(Augmentation, "an augmentation such as RandomAffine()"))
    start: float = bounded(0.7, SHARE)
    end: float = bounded(0.5, NON_NEGATIVE)

    def validate(self) -> None:
        """Check the parameters, and those of what fades, at both ends.

        Raises
        ------
        InvalidParameterError
            One of them is out of bounds.
        """
        super().validate()
        self.augment.validate()
        self.augment.scaled(self.end).validate()

    def at(self, progress: float) -> Augmentation:
        """Return the augmentation after this share of the training.

        Parameters
        ----------
        progress : float in [0, 1]
            The share of the epochs that lie behind.
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
        """Return a batch changed in full strength; see `Augmentation`."""
        self.validate()
        return self.augment(batch, rng)


def _steps(augmentation: Any) -> Sequence[Any]:
    """Return the steps of a composition; anything else is one step."""
    return augmentation.steps if isinstance(augmentation, Compose) else [augmentation]


def _together(step: Any) -> Callable[..., NDArray]:
    """Return how a step works with its neighbours of the same kind."""
    return getattr(step, "together", Augmentation.together)
