"""Grey levels in two classes: ink and paper.

::

    image of two levels, much ink -> paper is around -------v
    any other --------------------> ink is what stands out -> dark on light, or light on dark
    ink -> Otsu's threshold -> hysteresis -> mask
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.special import ndtri

from skdigits.digits.paper.resampling import Grey, Mask, enlarge

NEIGHBOURS = np.ones((3, 3), bool)  # A pixel touches eight others.
_MEDIAN_SIDE = 32  # Pixels; the median is slow.
_TWO_LEVELS = 0.95  # Share of the variance between the classes, at least.
_SMALL = 16  # Pixels.
_LEVELS = 256
_EDGE = 0.15  # Share of the range of grey levels, at least, between neighbours.
_BLURRED = 0.07  # The same, of an edge that counts in full.
_ALL_RANGE = 0.8  # Share of the range of grey levels, at least, between the levels.
_MUCH = 0.15  # Share of the pixels, at least.
_PLAIN = 0.98  # Share of the pixels along a side, at least.
_CERTAIN = 0.65  # Share of the pixels around, at least.
_ALMOST = 0.95  # Share of the threshold, at most.
_SAMPLED = 7  # Every so many pixels.
_PAPER = 0.84, 3  # Pixels of paper reach so many standard deviations, by the quantile.


def light_on_dark(grey: Grey, coarse: Grey, window: int) -> bool:
    """Tell whether ink is lighter than the paper.

    Ink differs most from its surroundings. But thick digits that fill the image are the
    surroundings of their paper as much; then, what reaches the sides of the image less is ink.

    Parameters
    ----------
    grey : ndarray of shape (height, width), dtype float32
    coarse : ndarray of shape (coarse_height, coarse_width), dtype float32
        The same, shrunk.
    window : int
        The side of the surroundings, in pixels of `coarse`; odd.

    Returns
    -------
    light_on_dark : bool
    """
    threshold, separation = otsu(grey)
    light = float(np.mean(grey > threshold))
    sharp = separation > _TWO_LEVELS and min(light, 1 - light) > _MUCH
    if min(coarse.shape) >= _SMALL and (sharp or _has_even_levels(coarse, threshold)):
        around = _light_around(coarse > threshold)
        if max(around, 1 - around) > _CERTAIN:
            return around < 0.5
    if max(coarse.shape) > _MEDIAN_SIDE:
        coarse, window = coarse[::2, ::2], window // 2 | 1
    paper = ndimage.median_filter(coarse, window, mode="nearest")
    difference = grey - enlarge(paper, *grey.shape)
    # Strokes have edges, however blurred, but a spot of light on the paper has none.
    edges = np.minimum(_steps(grey), _BLURRED * np.ptp(grey))
    return bool(np.sum(difference**3 * edges, dtype=np.float64) > 0)


def _steps(grey: Grey) -> Grey:
    """Return by how much the neighbours of each pixel differ."""
    return ndimage.maximum_filter(grey, 3) - ndimage.minimum_filter(grey, 3)


def _has_even_levels(grey: Grey, threshold: float) -> bool:
    """Tell whether much of an image is light and much dark, each evenly, apart from edges.

    Nothing thin is darker or lighter still, as ink is on paper that is half in shadow.
    """
    even = grey[_steps(grey) < _EDGE * np.ptp(grey)]
    light, dark = even[even > threshold], even[even <= threshold]
    if min(light.size, dark.size) < _MUCH * grey.size or otsu(even)[1] < _TWO_LEVELS:
        return False
    return bool(light.mean() - dark.mean() > _ALL_RANGE * np.ptp(grey))


def _light_around(light: Mask) -> float:
    """Return the share of light pixels on the sides of the image, without its plain margins."""
    n_kept = 0
    while n_kept < 4 and light.min() < light.max():
        share = light[0].mean()
        if len(light) > 1 and max(share, 1 - share) >= _PLAIN:
            light, n_kept = light[1:], 0
        else:
            light, n_kept = np.rot90(light), n_kept + 1
    if n_kept < 4:
        # A bar of ink is left.
        return 1 - float(light[0, 0])
    return float(np.concatenate([light[0], light[-1], light[:, 0], light[:, -1]]).mean())


def otsu(values: Grey) -> tuple[float, float]:
    """Return the threshold that separates two classes best, and how well, after Otsu (1979).

    Parameters
    ----------
    values : ndarray
        From 0 to 1.

    Returns
    -------
    threshold : float
        Between two values of `values`, unless all are equal.
    separation : float
        The share of the variance that lies between the classes, from 0 to 1.
    """
    # Several times as fast as a histogram, which takes edges of any kind.
    levels = (values.ravel() * _LEVELS).astype(np.int16).clip(0, _LEVELS - 1)
    counts = np.bincount(levels, minlength=_LEVELS)
    centres = (np.arange(_LEVELS) + 0.5) / _LEVELS
    variance = values.size * (counts @ centres**2) - (counts @ centres) ** 2
    below = np.cumsum(counts)[:-1]
    above = values.size - below
    total = np.cumsum(counts * centres)
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = total[:-1] / below - (total[-1] - total[:-1]) / above
    between = np.nan_to_num(below * above * gap**2)
    # Between two levels with nothing in between, any threshold is as good as any other.
    best = (between >= between.max() * (1 - 1e-9)).nonzero()[0]
    separation = between.max() / variance if variance > 0 else 0.0
    return (best.mean().astype(int) + 1) / _LEVELS, float(separation)


def hysteresis(ink: Grey, threshold: float) -> Mask:
    """Keep weaker ink where it is connected to ink over the threshold.

    Weaker ink is over half the threshold and over what the paper's texture takes for itself.

    Parameters
    ----------
    ink : ndarray of shape (height, width), dtype float32
    threshold : float

    Returns
    -------
    mask : ndarray of shape (height, width), dtype bool
    """
    paper = texture(ink[ink <= threshold], *_PAPER)
    least = np.clip(paper, threshold / 2, _ALMOST * threshold)
    weak, n_weak = ndimage.label(ink > least, NEIGHBOURS)
    kept = np.zeros(n_weak + 1, bool)
    kept[weak[ink > threshold]] = True
    kept[0] = False
    return kept[weak]


def texture(blank: Grey, quantile: float, deviations: float) -> float:
    """Return how dark blank paper is, so many standard deviations above its median.

    One standard deviation is that of a normal distribution with the same median and quantile. Where
    the paper has two levels, the darker one is weak ink, such as the middle of a thick stroke.

    Parameters
    ----------
    blank : ndarray of shape (n_pixels,), dtype float32
    quantile : float
        Above 0.5.
    deviations : float

    Returns
    -------
    ink : float

    Examples
    --------
    >>> paper = np.random.default_rng(0).normal(0.1, 0.02, 100_000)
    >>> round(texture(paper, 0.75, 3), 2)
    0.16
    """
    # At least one pixel is blank; a sample is enough.
    sample = np.append(blank[::_SAMPLED], np.float32(0))
    if otsu(sample)[1] > _TWO_LEVELS:
        return 0.0
    middle, upper = np.quantile(sample, (0.5, quantile))
    return float(middle + deviations * (upper - middle) / ndtri(quantile))
