"""Where the edges of strokes run, and in which direction: features that hardly move with the pen.

::

    images -> gradient at each pixel -> shared out to 8 directions -> blurred, read at 7 x 7 places
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from skdigits.digits.augmentation import ImageAugmentation, Preparation
from skdigits.nn.component import Interval
from skdigits.nn.elementwise import CHUNK


@dataclass(kw_only=True, eq=False, repr=False)
class Directions(Preparation):
    r"""Replace the pixels of each image by the strengths of its edges in eight directions.

    With the gradient :math:`(r, c)` of a pixel along the rows and columns, its share in the four
    directions along the axes and in the four diagonal ones is

    .. math::
        \max(\pm r - |c|, 0), \quad \max(\pm c - |r|, 0), \quad
        \sqrt 2 \max(\min(\pm r, \pm c), 0),

    of which two at most are not 0, and these are vectors that sum to the gradient. The shares in
    each direction are averaged around :math:`places \times places` points with the weights of a
    Gaussian, and the features are the square roots of these averages.

    A stroke that moves by a pixel, or that another pen wrote, changes all pixels along its edges
    but only little of this. On digits of writers that it has not learnt from, a network that sees
    them this way, rather than as pixels, makes about a third fewer errors.

    Parameters
    ----------
    places : int in [1, 1000], default=7
        Along each side of the image; there are ``8 * places ** 2`` features.
    image_shape : tuple of int, default=(28, 28)
        ``(height, width)``.

    References
    ----------
    Liu, Nakashima, Sako and Fujisawa (2003), Handwritten digit recognition: benchmarking of
    state-of-the-art techniques. Pattern Recognition 36(10).

    Examples
    --------
    The edges of a stroke along one diagonal face the other, to both sides:

    >>> stroke = np.eye(9, dtype=np.float32).reshape(1, -1)
    >>> Directions(places=1, image_shape=(9, 9)).prepare(stroke).round(1)
    array([[0. , 0. , 0. , 0. , 0.1, 0.3, 0.3, 0.1]], dtype=float32)
    """

    places: int = 7
    allowed: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        **ImageAugmentation.allowed,
        "places": (Interval("[1, 1000]", integer=True),),
    }

    def _prepared(self, batch: NDArray) -> NDArray:
        self.check(batch)
        height, width = self.image_shape
        windows = np.kron(_windows(self.places, height), _windows(self.places, width))
        windows = windows.astype(batch.dtype)
        features = np.empty((len(batch), 8 * len(windows)), batch.dtype)
        size = max(1, CHUNK // batch.shape[1])
        for start in range(0, len(batch), size):
            images = batch[start : start + size].reshape(-1, height, width)
            shares = _shares(*_gradient(images)).reshape(8, len(images), -1)
            averages = (shares @ windows.T).swapaxes(0, 1)
            features[start : start + size] = averages.reshape(len(images), -1)
        return np.sqrt(features, out=features)


def _gradient(images: NDArray) -> tuple[NDArray, NDArray]:
    """Return the differences along rows and columns by Sobel's operator, of 1 at a sharp edge."""
    n, height, width = images.shape
    framed = np.zeros((n, height + 2, width + 2), images.dtype)
    framed[:, 1:-1, 1:-1] = images
    framed *= images.dtype.type(0.25)
    across = framed[:, :, :-2] + 2 * framed[:, :, 1:-1] + framed[:, :, 2:]
    down = framed[:, :-2] + 2 * framed[:, 1:-1] + framed[:, 2:]
    return across[:, 2:] - across[:, :-2], down[:, :, 2:] - down[:, :, :-2]


def _shares(r: NDArray, c: NDArray) -> NDArray:
    """Return the shares of a gradient in eight directions, of shape (8, *its shape)."""
    shares = np.empty((8, *r.shape), r.dtype)
    steep, flat = np.abs(r), np.abs(c)
    for axis, (along, aside) in enumerate(((r, flat), (c, steep))):
        np.subtract(along, aside, out=shares[2 * axis])
        np.subtract(-along, aside, out=shares[2 * axis + 1])
    for i, (along, aside) in enumerate(((r, c), (r, -c), (-r, c), (-r, -c)), start=4):
        np.minimum(along, aside, out=shares[i])
    shares[4:] *= r.dtype.type(2**0.5)
    return np.maximum(shares, 0, out=shares)


def _windows(places: int, side: int) -> NDArray:
    """Return the weights of the pixels along a side in the averages around so many points."""
    distance = side / places
    centres = (np.arange(places) + 0.5) * distance - 0.5
    steps = (np.arange(side) - centres[:, np.newaxis]) / (0.6 * distance)
    weights = np.exp(-0.5 * steps**2)
    return weights / weights.sum(axis=1, keepdims=True)
