"""Random changes of an image's pixels, as other pens and other cameras make them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from skdigits.component import NON_NEGATIVE, bounded
from skdigits.digits.augmentation.composing import ImageAugmentation
from skdigits.digits.augmentation.warping import PIECE, blend, framed


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

    thinner: float = bounded(0.5, NON_NEGATIVE)
    thicker: float = bounded(1.0, NON_NEGATIVE)
    amounts: ClassVar[tuple[str, ...]] = ("thinner", "thicker")

    def __call__(self, batch: NDArray, rng: np.random.Generator) -> NDArray:
        """Return a batch with other strokes; see `Augmentation`."""
        self.check(batch)
        amount = rng.uniform(-self.thinner, self.thicker, len(batch)).astype(batch.dtype)
        images = batch.reshape(-1, *self.image_shape).copy()
        size = max(1, PIECE // batch.shape[1])
        for start in range(0, len(batch), size):
            _thicken(images[start : start + size], amount[start : start + size])
        return images.reshape(batch.shape)


def _thicken(images: NDArray, amount: NDArray) -> None:
    """Thicken the strokes of each image by so many pixels; thin them where that is negative."""
    for extreme, pixels in ((np.maximum, amount), (np.minimum, -amount)):
        # After that many, nothing changes any more.
        most = min(pixels.max(), max(images.shape[1:]))
        for done in range(math.ceil(most)):
            rows = np.flatnonzero(pixels > done)
            share = np.minimum(pixels[rows] - done, 1)[:, None, None]
            chosen = images[rows]
            images[rows] = blend(chosen, _neighbourhood(chosen, extreme), share)


def _neighbourhood(images: NDArray, extreme: np.ufunc) -> NDArray:
    """Return the extreme value within 3 x 3 pixels; there is background beyond the border."""
    wide = framed(images)
    tall = extreme(wide[:, :-2], wide[:, 1:-1])
    extreme(tall, wide[:, 2:], out=tall)
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

    std: float = bounded(0.1, NON_NEGATIVE)
    amounts: ClassVar[tuple[str, ...]] = ("std",)

    def __call__(self, batch: NDArray, rng: np.random.Generator) -> NDArray:
        """Return a batch with noise; see `Augmentation`."""
        self.check(batch)
        self.check_range(batch)
        noise = rng.standard_normal(batch.shape, dtype=np.float32)
        noise *= np.float32(self.std)
        changed = batch + noise.astype(batch.dtype, copy=False)
        return np.clip(changed, 0, 1, out=changed)
