"""From the ink of one digit to the 28x28 pixels that MNIST would have of it.

::

    ink of the digit -> bilevel, 8 times finer than MNIST's 20x20 -> stroke width as in MNIST
    of few pixels    -> divided by the darkest nearby
    both             -> cut out -> 20x20 -> centre of mass to the centre of 28x28

LeCun et al. (1998) made MNIST that way from NIST's bilevel scans: what is grey in it comes from
the anti-aliasing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from skdigits.digits.paper.boxes import inked_box
from skdigits.digits.paper.resampling import Grey, Mask, area_average, enlarge

SIDE = 28
BOX_SIDE = 20
_FINE = 8
_MARGIN = 3 * _FINE
_NEARBY = 20  # Of the fine pixels: a stroke of MNIST.
_LEAST = 0.02  # Share of the darkest ink: what is lighter is paper.
_NEIGHBOURHOODS = 3  # Side by side, as wide as the digit.
_STROKE_WIDTHS = 2.2, 3.1  # Pixels: the middle half of MNIST.


def is_normalized(images: NDArray) -> NDArray[np.bool_]:
    """Tell which images have the form of MNIST's.

    The longer side of the box of a digit in MNIST is 19 or 20 pixels, its peak at least 254, and
    its centre of mass nowhere further than 0.52 pixels from row and column 14.

    Parameters
    ----------
    images : ndarray of shape (n_images, 28, 28)
        From 0 to 1 or from 0 to 255.

    Returns
    -------
    normalized : ndarray of shape (n_images,), dtype bool
    """
    inked = images != 0
    longer = np.maximum(_extent(inked.any(axis=2)), _extent(inked.any(axis=1)))
    rows, columns = np.indices((SIDE, SIDE), np.float32).reshape(2, -1)
    moments = np.stack([np.ones_like(rows), rows, columns], axis=1)
    flat = images.reshape(len(images), -1)
    with np.errstate(invalid="ignore", over="ignore"):
        mass, *first = (flat.astype(np.float32) @ moments).T
        off = np.maximum(*(np.abs(moment - SIDE / 2 * mass) for moment in first))
    peak = flat.max(axis=1, initial=0) * (1 - 1e-6)  # Rounding may have added to it.
    full = np.where(peak > 1, 255, 1)
    fits = (longer >= BOX_SIDE - 2) & (longer <= BOX_SIDE) & (flat.min(axis=1, initial=0) == 0)
    return fits & (off <= 0.55 * mass) & (peak >= 0.9 * full) & (peak <= full)


def _extent(inked: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return from the first to the last inked row or column how many there are."""
    return inked.shape[1] - inked.argmax(axis=1) - inked[:, ::-1].argmax(axis=1)


def normalize(ink: Grey, threshold: float) -> Grey:
    """Give a digit the size, place and stroke width of those in MNIST.

    Parameters
    ----------
    ink : ndarray of shape (height, width), dtype float32
        The box of a digit, 0 for paper to 1, 0 too where something else is written.
    threshold : float
        The ink between paper and stroke.

    Returns
    -------
    image : ndarray of shape (28, 28), dtype float32
        0 for paper to 1.
    """
    mask = _even_stroke(_fine_mask(ink, threshold))
    return _in_place(mask.astype(np.float32), mask)


def normalize_coarse(ink: Grey) -> Grey:
    """Give a digit whose strokes are hardly wider than a pixel the size and place of MNIST's.

    How grey a pixel is tells how much of it is inked, which a threshold would forget.

    Parameters
    ----------
    ink : ndarray of shape (height, width), dtype float32
        As `normalize` takes it.

    Returns
    -------
    image : ndarray of shape (28, 28), dtype float32
        0 for paper to 1.
    """
    # Where a stroke is fainter than the others, all of it is.
    full = np.maximum(_darkest_nearby(ink, max(ink.shape) // _NEIGHBOURHOODS | 1), ink.max() / 2)
    return _in_place(np.minimum(ink / full, 1), ink > _LEAST * ink.max())


def _in_place(ink: Grey, mask: Mask) -> Grey:
    """Scale what the mask marks to 20x20 pixels, and centre it in 28x28."""
    digit = inked_box(mask).of(ink)
    scale = BOX_SIDE / max(digit.shape)
    resize = enlarge if scale > 1 else area_average
    digit = resize(digit, *(max(1, round(side * scale)) for side in digit.shape))
    # In 8 bits, as in MNIST.
    return _centre(np.rint(digit * (255 / digit.max())) / np.float32(255))


def _fine_mask(ink: Grey, threshold: float) -> Mask:
    """Return where the strokes are on a fine grid, with a margin for them to grow."""
    fine = BOX_SIDE * _FINE
    scale = fine / max(ink.shape)
    height, width = (max(_FINE, round(side * scale)) for side in ink.shape)
    ink = np.pad(ink, 1)
    resize = enlarge if scale > 1 else area_average
    padding = round(scale)
    resized = resize(ink, height + 2 * padding, width + 2 * padding)
    # Half of the darkest ink nearby is the edge of a stroke, however blurred.
    peak = _darkest_nearby(resized, _NEARBY)
    mask = resized > np.minimum(np.maximum(0.7 * threshold, peak / 2), resized.max() / 2)
    return np.pad(mask, _MARGIN)


def _darkest_nearby(ink: Grey, window: int) -> Grey:
    """Return the darkest ink in a window around each pixel, smoothly from place to place."""
    return ndimage.gaussian_filter(ndimage.maximum_filter(ink, window), window / 4)


def _even_stroke(mask: Mask) -> Mask:
    """Thicken or thin the strokes towards the widths in MNIST."""
    pixel = max(inked_box(mask).of(mask).shape) / BOX_SIDE
    inside = ndimage.distance_transform_edt(mask)
    # Across a stroke, the distance to the paper rises to half of the width and falls again.
    width = 4 * float(inside[mask].mean()) / pixel
    change = (np.clip(width, *_STROKE_WIDTHS) - width) * pixel / 2
    if change > 0:
        return ndimage.distance_transform_edt(~mask) <= change
    # However thin, something is left.
    return inside > min(-change, inside.max() - 1)


def _centre(digit: Grey) -> Grey:
    """Place a digit with its centre of mass at the centre of 28x28 pixels."""
    image = np.zeros((SIDE, SIDE), np.float32)
    height, width = digit.shape
    row, column = ndimage.center_of_mass(digit)
    top = int(np.clip(np.floor(SIDE / 2 + 0.5 - row), 0, SIDE - height))
    left = int(np.clip(np.floor(SIDE / 2 + 0.5 - column), 0, SIDE - width))
    image[top : top + height, left : left + width] = digit
    return image
