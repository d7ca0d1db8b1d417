"""Noise: what is noisier than its ink is dark is blurred before it is read.

::

    contrast -> is Otsu's threshold clear of the noise? -> unchanged
                                 no -> blurred, wider each time, until it is

Noise of that kind comes from cameras in the dark and from dithering, by which images of two levels
show grey.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from skdigits.digits.paper.levels import otsu
from skdigits.digits.paper.resampling import Grey

SIGMAS = 6  # Standard deviations of noise, which hardly any pixel exceeds.
_BLURS = 1, 1.5, 2, 3  # Standard deviations in pixels: no wider than strokes are.


def without_noise(contrast: Grey) -> tuple[Grey, float]:
    """Blur a page as far as its noise hides what is written.

    Parameters
    ----------
    contrast : ndarray of shape (height, width), dtype float32
        The share of the paper's light that ink takes away.

    Returns
    -------
    contrast : ndarray of shape (height, width), dtype float32
        The same array where noise hides nothing, or all there may be.
    noise : float
        The standard deviation of the noise that is left.
    """
    noise = _noise(contrast, 1)
    if SIGMAS * noise <= otsu(np.clip(contrast, 0, 1))[0]:
        return contrast, noise
    for blur in _BLURS:
        smooth = ndimage.gaussian_filter(contrast, blur)
        # Pixels closer to each other share much of their noise.
        left = _noise(smooth, round(4 * blur))
        if SIGMAS * left <= otsu(np.clip(smooth, 0, 1))[0] - np.median(smooth):
            return smooth, left
    return contrast, noise


def _noise(contrast: Grey, apart: int) -> float:
    """Return the standard deviation of the noise, from the differences of pixels.

    The median of these is one of blank paper, where two pixels differ by noise alone.
    """
    return float(np.median(np.abs(contrast[:, apart:] - contrast[:, :-apart]))) / 0.954
