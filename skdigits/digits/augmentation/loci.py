"""What a point of the paper sees around it: features of the hollows that strokes enclose.

::

    images -> ink seen to the left, right, above, below -> 16 planes of paper -> averages at 7 x 7
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skdigits.component import bounded
from skdigits.digits.augmentation.averages import PLACES, Averages


@dataclass(kw_only=True, eq=False, repr=False)
class Loci(Averages):
    r"""Replace the pixels of each image by where its paper has ink on which of four sides.

    With the ink :math:`p` of each pixel, as a share of the most that the image has, what it sees on
    one side :math:`s` is the most ink from there to the border, :math:`m_s`. Each of the 16 sets
    :math:`A` of sides has a plane,

    .. math:: L_A = (1 - p) \prod_{s \in A} m_s \prod_{s \notin A} (1 - m_s),

    large where there is paper from which ink is seen on these sides and on no other: inside of a
    loop on all four, in the bay of a 3 on all but the left. The planes sum to :math:`1 - p`; they
    are averaged around :math:`places \times places` points, and the features are the square roots.

    Edges tell where strokes run, but hardly whether they close. So these features go beside those
    of edges: ``Views(steps=[Directions(), Bends(), Loci()])``.

    Parameters
    ----------
    places : int in [1, 1000], default=7
        Along each side of the image; there are ``16 * places ** 2`` features.
    image_shape : tuple of int, default=(28, 28)
        ``(height, width)``.

    References
    ----------
    Glucksman (1967), Classification of mixed-font alphabetics by characteristic loci. Digest of the
    1st Annual IEEE Computer Conference. There, strokes are counted on each side, up to two, and
    the features are how many pixels see what.

    Examples
    --------
    Of the pixels of a ring one is paper, which sees ink on all sides, so it is in the last plane:

    >>> ring = np.array([[[1, 1, 1], [1, 0, 1], [1, 1, 1]]], dtype=np.float32)
    >>> Loci(places=1, image_shape=(3, 3)).planes(ring).sum(axis=(1, 2, 3))[-3:]
    array([0., 0., 1.], dtype=float32)
    """

    places: int = bounded(7, PLACES)

    def planes(self, images: NDArray) -> NDArray:
        """Return the planes, whose numbers are sums of 1, 2, 4, 8 for left, right, above, below."""
        ink = _ink(images)
        planes = np.empty((16, *ink.shape), ink.dtype)
        planes[0] = 1 - ink
        for side, seen in enumerate(_seen(ink)):
            without, with_ink = planes[: 2**side], planes[2**side : 2 ** (side + 1)]
            np.multiply(without, seen, out=with_ink)
            without -= with_ink
        return planes


def _ink(images: NDArray) -> NDArray:
    """Return pixels as shares of the most ink in their image."""
    ink = np.maximum(images, 0)
    most = ink.max(axis=(1, 2), keepdims=True)
    return ink / np.where(most > 0, most, 1)


def _seen(ink: NDArray) -> Iterator[NDArray]:
    """Yield the most ink that each pixel sees to the left, to the right, above and below."""
    for axis in (2, 1):
        yield np.maximum.accumulate(ink, axis=axis)
        yield np.flip(np.maximum.accumulate(np.flip(ink, axis), axis=axis), axis)
