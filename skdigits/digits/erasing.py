"""What is on a page besides digits: the table around the paper, and the paper's rules.

::

    ink, as a mask -> no frame -> no rules -> what may be digits
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from skdigits.digits.resampling import Mask

_FRAME = 0.9  # Share of a row or column of pixels, at least.
_RULE_WIDTH = 0.015  # Share of the page's longer side, at most.


def erase_frame(mask: Mask) -> Mask:
    """Erase what lies around the paper, such as a table, and may touch a digit.

    A digit that is cut out tightly looks like that, too, but reaches other sides of the image.

    Parameters
    ----------
    mask : ndarray of shape (height, width), dtype bool

    Returns
    -------
    mask : ndarray of shape (height, width), dtype bool
    """
    bare = mask.copy()
    for turns in range(4):
        n_filled = (np.rot90(mask, turns).mean(axis=1) < _FRAME).argmax()
        np.rot90(bare, turns)[:n_filled] = False
    inside = bare[1:-1, 1:-1]
    return bare if inside.any() and inside.sum() == bare.sum() else mask


def erase_rules(mask: Mask) -> Mask:
    """Erase the lines of ruled and squared paper, but not where a stroke crosses them.

    Parameters
    ----------
    mask : ndarray of shape (height, width), dtype bool

    Returns
    -------
    mask : ndarray of shape (height, width), dtype bool
    """
    return _erase_horizontal(_erase_horizontal(mask).T).T


def _erase_horizontal(mask: Mask) -> Mask:
    """Erase thin lines that go from one side of the page to the other."""
    height, width = mask.shape
    thin = max(3, round(_RULE_WIDTH * max(height, width))) | 1
    run = max(9, width // 20) | 1
    # A rule that is askew is a chain of short runs, with gaps where strokes cross it,
    # and of still shorter ones on squared paper, where other rules cross it.
    level = _close(mask & ~_open(mask, thin, axis=0), thin, axis=1)
    pieces = _open(level, run, axis=1)
    labels, _ = ndimage.label(_maximum(_maximum(pieces, 10 * run, axis=1), 3, axis=0))
    rules = np.zeros_like(mask)
    for number, place in enumerate(ndimage.find_objects(labels), start=1):
        rule = (labels[place] == number) & pieces[place]
        columns = rule.any(axis=0).nonzero()[0]
        if len(columns) > 0.4 * width and np.ptp(columns) > 0.9 * width:
            rules[place] |= rule
    if not rules.any():
        return mask
    # What a rule leaves behind is next to it, and thin.
    rules = _maximum(_maximum(rules, run, axis=1), 3, axis=0) & mask & ~_open(mask, thin, axis=0)
    rest = mask & ~rules
    beside = np.zeros((2 * thin + 1, 1), bool)
    beside[:thin] = True
    crossed = ndimage.binary_dilation(rest, beside) & ndimage.binary_dilation(rest, beside[::-1])
    return rest | (rules & crossed)


def _maximum(mask: Mask, length: int, axis: int) -> Mask:
    return ndimage.maximum_filter1d(mask.view(np.uint8), length, axis, mode="constant").view(bool)


def _close(mask: Mask, length: int, axis: int) -> Mask:
    """Fill the gaps of less than `length` pixels along an axis."""
    return ~_open(~mask, length, axis)


def _open(mask: Mask, length: int, axis: int) -> Mask:
    """Keep the runs of at least `length` pixels along an axis."""
    runs = ndimage.minimum_filter1d(mask.view(np.uint8), length, axis, mode="nearest").view(bool)
    return _maximum(runs, length, axis)
