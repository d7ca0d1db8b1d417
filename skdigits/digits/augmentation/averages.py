"""Averages around some places: what makes features of planes that hardly move with the pen.

::

    images -> planes, one for each kind of thing -> averages at places x places -> square roots
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from skdigits.component import Interval
from skdigits.digits.augmentation.composing import Preparation

PLACES = Interval("[1, 1000]", integer=True)
_AT_ONCE = 2**15
"""Pixels of which all planes stay in the cache."""


class Averages(Preparation):
    """The square roots of the averages of planes around places; subclasses make the planes."""

    places: int

    def planes(self, images: NDArray) -> NDArray:
        """Return what is averaged.

        Parameters
        ----------
        images : ndarray of shape (n_images, height, width)

        Returns
        -------
        planes : ndarray of shape (n_planes, n_images, their height, their width)
            None is negative.
        """
        raise NotImplementedError

    def prepare(self, batch: NDArray) -> NDArray:
        """Return features of the images; see `Preparation`."""
        self.check(batch)
        images = batch.reshape(-1, *self.image_shape)
        n_planes, _, *shape = self.planes(images[:0]).shape
        rows, columns = (windows(self.places, side).astype(batch.dtype) for side in shape)
        features = np.empty((len(batch), n_planes, self.places, self.places), batch.dtype)
        size = max(1, _AT_ONCE // batch.shape[1])
        for start in range(0, len(batch), size):
            part = slice(start, start + size)
            averages = rows.T @ (self.planes(images[part]) @ columns)
            features[part] = averages.swapaxes(0, 1)
        return np.sqrt(features, out=features).reshape(len(batch), n_planes * self.places**2)


def windows(places: int, side: int) -> NDArray:
    r"""Return the weights of the pixels along a side of an image in averages around places.

    A Gaussian around a point of the image is the product of two, one along each side, so the
    averages of a plane :math:`P` are :math:`R^\top P C`, with the weights of its rows and columns.

    Parameters
    ----------
    places : int
        Along the side, equally far from each other.
    side : int
        Pixels.

    Returns
    -------
    weights : ndarray of shape (side, places)
        Those of each place sum to 1.

    Examples
    --------
    >>> windows(2, 4).round(2)
    array([[0.38, 0.05],
           [0.38, 0.19],
           [0.19, 0.38],
           [0.05, 0.38]])
    """
    distance = side / places
    centres = (np.arange(places) + 0.5) * distance - 0.5
    steps = (np.arange(side)[:, np.newaxis] - centres) / (0.6 * distance)
    return softmax(-0.5 * steps**2, axis=0)
