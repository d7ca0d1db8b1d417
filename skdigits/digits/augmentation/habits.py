"""How digits are written elsewhere: strokes that few of MNIST's writers, Americans, drew.

::

    Upstroke    |          /|        Slash     ---           ---/
                |   ->    / |                 |   |   ->    | / |
                |           |                 |   |         |/  |
                |           |                  ---          /---

Which digit it is, no label tells, but the moments of the ink: an upstroke is for what is one
straight stroke, a slash for what is one ring.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skdigits.component import NON_NEGATIVE, SHARE, bounded
from skdigits.digits.augmentation.composing import ImageAugmentation
from skdigits.digits.augmentation.moments import Moments, centred_fields, moments

_SLIM = 0.048  # Deviation across a stem, as a share of the image's height, at most.
_LONG = 0.14  # Deviation along it, at least.
_STEEP = np.radians(20)  # From the vertical, at most: beyond it, a stem and its upstroke are a 7.
_FORK = np.radians(25)  # Between stem and upstroke, at least.
_ROUND = 0.5  # Variance of the squared distances of a ring's ink to its centre, at most.


class Segments(NamedTuple):
    """A straight stroke for each image, in rows and columns from the centre.

    Parameters
    ----------
    start, direction : ndarray of shape (2, n_images)
        Its upper end, and the way down from there, of length 1.
    length, width : ndarray of shape (n_images,)
        In pixels.
    """

    start: NDArray
    direction: NDArray
    length: NDArray
    width: NDArray

    def drawn(self, grid: NDArray) -> NDArray:
        """Return images of the strokes, with round ends and soft edges one pixel wide.

        Parameters
        ----------
        grid : ndarray of shape (2, n_pixels)
        """
        offset = grid[:, None] - self.start[:, :, None]
        along = np.einsum("ik,ikp->kp", self.direction, offset).clip(0, self.length[:, None])
        distance = np.hypot(*(offset - self.direction[:, :, None] * along))
        return np.clip(self.width[:, None] / 2 + 0.5 - distance, 0, 1)


@dataclass(kw_only=True, eq=False, repr=False)
class AddedStroke(ImageAugmentation):
    """What gives some digits of a class one straight stroke more, from the upper right downwards.

    Parameters
    ----------
    share : float in [0, 1]
        The share of the images of such digits that get one.
    length : float in [0, inf)
        Its length at most, in lengths of the digit.
    image_shape : tuple of int, default=(28, 28)
        ``(height, width)``.
    """

    share: float = bounded(0.5, SHARE)
    length: float = bounded(1.0, NON_NEGATIVE)
    amounts: ClassVar[tuple[str, ...]] = ("share",)
    shortest: ClassVar[float] = 0.0
    """The least length, as a share of `length`."""
    angles: ClassVar[tuple[float, float]]
    """The least and the largest angle to the vertical, in degrees."""

    def __call__(self, batch: NDArray, rng: np.random.Generator) -> NDArray:
        """Return a batch with more strokes; see `Augmentation`."""
        self.check(batch)
        self.check_range(batch)
        fields = centred_fields(self.image_shape, batch.dtype)
        chosen = np.flatnonzero(rng.random(len(batch)) < self.share)
        ink = moments(batch[chosen], fields)
        suits = self.suits(batch[chosen], fields[1:], ink)
        chosen, ink = chosen[suits], ink.of(suits)
        length = rng.uniform(self.shortest * self.length, self.length, len(chosen))
        angle = np.radians(rng.uniform(*self.angles, len(chosen)))
        images = batch[chosen]
        segments = self.segments(images, fields[1:], ink, length, angle)
        changed = batch.copy()
        changed[chosen] = np.maximum(images, segments.drawn(fields[1:]))
        return changed

    def suits(self, images: NDArray, grid: NDArray, ink: Moments) -> NDArray[np.bool_]:
        """Tell which images show what may get a stroke.

        Parameters
        ----------
        images : ndarray of shape (n_images, n_pixels)
        grid : ndarray of shape (2, n_pixels)
            The rows and columns of the pixels, from the centre.
        ink : Moments
        """
        raise NotImplementedError

    def segments(
        self, images: NDArray, grid: NDArray, ink: Moments, length: NDArray, angle: NDArray
    ) -> Segments:
        """Return where the stroke of each image is.

        Parameters
        ----------
        images : ndarray of shape (n_images, n_pixels)
        grid : ndarray of shape (2, n_pixels)
        ink : Moments
        length : ndarray of shape (n_images,)
            In lengths of the digit.
        angle : ndarray of shape (n_images,)
            From the vertical, in radians; the lower end is on the left.
        """
        raise NotImplementedError


@dataclass(kw_only=True, eq=False, repr=False)
class Upstroke(AddedStroke):
    r"""Give steep straight strokes, which ones are, an upstroke from the lower left to their top.

    Ones have it in much of Europe. What is straight, the deviations of the ink along and across its
    long axis tell (:attr:`Moments.axes`). The upstroke is as wide as the stem, :math:`\sqrt{12}`
    times the deviation across, and is drawn at 25 to 60 degrees from the vertical. Of MNIST's
    digits but the ones, one in 3,000 is taken for a stem.

    Parameters
    ----------
    share : float in [0, 1], default=0.5
        The share of such images that get an upstroke.
    length : float in [0, inf), default=0.6
        The length of the upstroke, drawn uniformly from [0, `length`], as a share of the stem's.
    image_shape : tuple of int, default=(28, 28)
        ``(height, width)``.

    Examples
    --------
    >>> stem = np.zeros((1, 9, 7), dtype=np.float32)
    >>> stem[:, 1:8, 4] = 1
    >>> flag = Upstroke(share=1, image_shape=(9, 7))(stem.reshape(1, -1), np.random.default_rng(1))
    >>> flag.reshape(9, 7)[1:5, 2:5].round(1)
    array([[0. , 0. , 1. ],
           [0. , 0.1, 1. ],
           [0. , 0.4, 1. ],
           [0.2, 0. , 1. ]], dtype=float32)
    """

    length: float = bounded(0.6, NON_NEGATIVE)
    angles: ClassVar[tuple[float, float]] = (25, 60)

    def suits(self, images: NDArray, grid: NDArray, ink: Moments) -> NDArray[np.bool_]:
        """Tell which images show one straight, slim, steep stroke."""
        along, across, lean = ink.axes
        height = self.image_shape[0]
        return (across <= _SLIM * height) & (along >= _LONG * height) & (abs(lean) <= _STEEP)

    def segments(
        self, images: NDArray, grid: NDArray, ink: Moments, length: NDArray, angle: NDArray
    ) -> Segments:
        """Return strokes that end in the tops of the stems."""
        _, across, lean = ink.axes
        centre, up = np.array([ink.row, ink.column]), -np.array([np.cos(lean), np.sin(lean)])
        height = up.T @ grid - (centre * up).sum(axis=0)[:, None]
        is_ink = images >= images.max(axis=1, keepdims=True) / 2
        top = height.max(axis=1, initial=-np.inf, where=is_ink)
        bottom = height.min(axis=1, initial=np.inf, where=is_ink)
        width = np.sqrt(12) * across
        return Segments(
            start=centre + up * (top - width / 2),
            direction=_downwards(np.maximum(angle, _FORK - lean)),
            length=length * (top - bottom),
            width=width,
        )


@dataclass(kw_only=True, eq=False, repr=False)
class Slash(AddedStroke):
    r"""Give rings, which zeros are, a slash from the upper right to the lower left.

    Zeros have it where they could be taken for the letter O, as in programs. In a ring, circle or
    ellipse, all ink is equally far from the centre if the distance is measured in deviations
    (`Moments.squared_distances`): their squares, of mean 2, have a variance of 0.5 at most. A
    ring of the half axes :math:`a` and :math:`b` has deviations of :math:`a / \sqrt 2` and
    :math:`b / \sqrt 2` and a length of about :math:`\pi (a + b)`, so its ink tells the width of the
    stroke. Of MNIST's digits but the zeros, one in 15,000 is taken for a ring.

    Parameters
    ----------
    share : float in [0, 1], default=0.1
        The share of such images that get a slash.
    length : float in [0, inf), default=1.6
        The length of the slash, drawn uniformly from [`length` / 2, `length`], as a share of the
        ring's diameter in its direction, between 20 and 55 degrees from the vertical.
    image_shape : tuple of int, default=(28, 28)
        ``(height, width)``.

    Examples
    --------
    >>> rows, columns = np.indices((9, 9)) - 4
    >>> ring = (abs(np.hypot(rows, columns) - 3) < 0.5).astype(np.float32)
    >>> zero = Slash(share=1, image_shape=(9, 9))(ring.reshape(1, -1), np.random.default_rng(0))
    >>> zero.reshape(9, 9)[3:6, 1:8].round(1)
    array([[1. , 0. , 0. , 0.6, 0.4, 0. , 1. ],
           [1. , 0. , 0. , 0.9, 0. , 0. , 1. ],
           [1. , 0. , 0.4, 0.6, 0. , 0. , 1. ]], dtype=float32)
    """

    share: float = bounded(0.1, SHARE)
    length: float = bounded(1.6, NON_NEGATIVE)
    shortest: ClassVar[float] = 0.5
    angles: ClassVar[tuple[float, float]] = (20, 55)

    def suits(self, images: NDArray, grid: NDArray, ink: Moments) -> NDArray[np.bool_]:
        """Tell which images show one ring."""
        down, right = grid[0] - ink.row[:, None], grid[1] - ink.column[:, None]
        from_circle = (ink.squared_distances(down, right) - 2) ** 2
        mass = images.sum(axis=1)
        return (mass > 0) & ((images * from_circle).sum(axis=1) <= _ROUND * mass)

    def segments(
        self, images: NDArray, grid: NDArray, ink: Moments, length: NDArray, angle: NDArray
    ) -> Segments:
        """Return strokes through the centres of the rings."""
        along, across, _ = ink.axes
        direction = _downwards(angle)
        radius = np.sqrt(2 / ink.squared_distances(*direction[:, :, None]))[:, 0]
        return Segments(
            start=np.array([ink.row, ink.column]) - direction * length * radius,
            direction=direction,
            length=2 * length * radius,
            width=images.sum(axis=1) / (np.pi * np.sqrt(2) * (along + across)),
        )


def _downwards(angle: NDArray) -> NDArray:
    """Return directions to the lower left, at these angles to the vertical."""
    return np.array([np.cos(angle), -np.sin(angle)])
