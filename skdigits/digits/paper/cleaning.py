"""From the grey levels of a page to what is written on it.

::

    grey -> no surroundings (sheets.py) -> dark on light (levels.py) -> divided by the paper's light
         -> blurred, if noisy (noise.py) -> ink, from 0 for paper to 1 -> no rules (erasing.py)
         -> threshold with hysteresis -> no table at the border -> connected components
         -> once more without the lines of forms (forms.py), or of those on which digits stand
            (ruling.py), if there are any

Ink is what differs most from its surroundings. The paper's light is a quadratic surface, plus what
a morphological closing finds that is too wide for a stroke: shading and shadows. A thick stroke may
be wider than a shadow, but is darker: that decides between several widths.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from skdigits.digits.paper.boxes import Box, longer_sides
from skdigits.digits.paper.erasing import erase_lines, erase_rules, paper_within
from skdigits.digits.paper.forms import without_forms
from skdigits.digits.paper.levels import NEIGHBOURS, hysteresis, light_on_dark, otsu
from skdigits.digits.paper.noise import SIGMAS, without_noise
from skdigits.digits.paper.pages import Page
from skdigits.digits.paper.resampling import PAGE_SIDE, Grey, enlarge, magnify, shrunk
from skdigits.digits.paper.ruling import standing_on_lines
from skdigits.digits.paper.sheets import only_sheet

_COARSE_SIDE = 64  # Pixels: shading is smooth, and a smaller image shows none.
# Pixels, of an image that was enlarged if need be: a digit may be cut out along its strokes. What
# reaches the sides of a larger one is rather the table under a page.
_SMALL = 128
_MARGIN = 4  # Pixels.
# Shares of the page's longer side.
_WIDE = 0.4  # A stroke is thinner, and shading wider.
_BROAD = 0.6  # Strokes cover less of a side, and shadows more.
# Narrow shadows are wider, but so are thick strokes: windows, and how thick strokes may be.
_NARROW = (0.2, 0.2), (0.1, 0.04)
_SPECK = 0.015  # What is smaller is a speck.
_THUMBNAIL = 64  # Pixels.
_TINY = 14  # Pixels, of which each may be a stroke.
_STRAIGHT = 5  # Times as long as wide.
_FAINTEST = 0.02  # Share of the paper's light that ink takes away.
_SHADOW = 0.75  # Share of the darkness of ink, at most.
_INKED = 1 / 3  # Share of the range of grey levels, at most.


def read_page(grey: Grey) -> Page:
    """Separate what is written from the paper.

    Parameters
    ----------
    grey : ndarray of shape (height, width), dtype float32
        From 0 for black to 1 for white, dark on light or light on dark.

    Returns
    -------
    page : Page
        Without components if nothing is written. That of a small image has more pixels.
    """
    if min(grey.shape) < _THUMBNAIL:
        # Its neighbours differ by strokes, and what goes through most of it is a stroke.
        return _small_page(dark_on_light(grey))
    contrast, noise = without_noise(paper_contrast(dark_on_light(only_sheet(grey))))
    page = _page(contrast, noise)
    erased = without_forms(contrast, page)
    if erased is not None:
        contrast = erased
        page = _page(contrast, noise)
    if not _lacks_rules(page):
        contrast = erase_rules(contrast)
        page = _page(contrast, noise)
    on_lines = standing_on_lines(page.boxes) & ~page.frames
    if not on_lines.any():
        return page
    return _page(erase_lines(contrast, [Box(*box) for box in page.boxes[on_lines]]), noise)


def _lacks_rules(page: Page) -> bool:
    """Tell whether the lines of a page are forms or straight ones, which end before its sides."""
    shorter, longer = np.sort(page.boxes[:, 2:] - page.boxes[:, :2]).T
    inside, legible, straight = ~page.at_border, page.legible, longer >= _STRAIGHT * shorter
    all_end = legible.any() and inside[legible].all()
    only_ones = all_end and straight[legible].all()
    return bool((inside & page.frames).any() or only_ones or (all_end and page.grids.any()))


def _small_page(grey: Grey) -> Page:
    """Find what is written on a small image, which is magnified."""
    magnified = max(1, min(math.ceil(_THUMBNAIL / min(grey.shape)), PAGE_SIDE // max(grey.shape)))
    if min(grey.shape) < _TINY:
        # Magnified before, its strokes would be as wide as shadows are.
        return _page(magnify(paper_contrast(grey), magnified), 0.0, magnified)
    return _page(paper_contrast(magnify(grey, magnified)), 0.0, magnified)


def _page(ink: Grey, noise: float, magnified: int = 1) -> Page:
    """Find what is written, given the standard deviation of the noise."""
    ink = np.clip(ink, 0, 1)
    threshold = max(otsu(ink)[0], _FAINTEST, SIGMAS * noise)
    written = hysteresis(ink, threshold)
    paper = paper_within(written)
    labels, n_components = ndimage.label(paper.alone(written), NEIGHBOURS)
    places = ndimage.find_objects(labels)
    boxes = np.array(
        [[rows.start, columns.start, rows.stop, columns.stop] for rows, columns in places],
        dtype=np.int64,
    ).reshape(-1, 4)
    weights = np.bincount(labels.ravel(), ink.ravel(), n_components + 1)[1:]
    large = longer_sides(boxes) >= _SPECK * max(ink.shape)
    numbers = np.zeros(n_components + 1, np.int32)
    numbers[1:][large] = np.arange(1, large.sum() + 1)
    return Page(ink, numbers[labels], boxes[large], weights[large], threshold, paper, magnified)


def dark_on_light(grey: Grey) -> Grey:
    """Invert an image whose ink is lighter than its paper.

    Parameters
    ----------
    grey : ndarray of shape (height, width), dtype float32

    Returns
    -------
    grey : ndarray of shape (height, width), dtype float32
    """
    coarse = shrunk(grey, _COARSE_SIDE)
    return 1 - grey if light_on_dark(grey, coarse, _wide(coarse)) else grey


def paper_contrast(grey: Grey) -> Grey:
    """Return the share of the paper's light that ink takes away.

    Parameters
    ----------
    grey : ndarray of shape (height, width), dtype float32
        Dark on light.

    Returns
    -------
    contrast : ndarray of shape (height, width), dtype float32
        0 for paper, give or take noise, to 1.
    """
    coarse = shrunk(grey, _COARSE_SIDE)
    side = max(coarse.shape)
    around, inside = _with_margins(coarse) if max(grey.shape) <= _SMALL else (coarse, np.s_[:, :])
    slope = _slope(around)

    def contrast_to_paper(window: int) -> Grey:
        """Return the contrast, if all that is wider than the window is paper."""
        return _contrast(grey, _paper(around, slope, window)[inside])

    contrast = contrast_to_paper(_wide(coarse))
    for share, thickest in _NARROW if side == _COARSE_SIDE else ():
        finer = contrast_to_paper(int(share * side) | 1)
        if _shows_shadows(contrast, finer, thickest * max(grey.shape)):
            contrast = finer
    return contrast


def _wide(coarse: Grey) -> int:
    """Return the odd number of pixels that is wider than any stroke."""
    return max(13, int(_WIDE * max(coarse.shape))) | 1


def _shows_shadows(contrast: Grey, finer: Grey, thickest: float) -> bool:
    """Tell whether what only the wider window takes for ink is lighter than what both do.

    A shadow is lighter than ink, but the middle of a thick stroke is as dark as all of it. What
    both windows take for ink has to be thinner than a number of pixels.
    """
    threshold, finer_threshold = (otsu(np.clip(ink, 0, 1))[0] for ink in (contrast, finer))
    inked = contrast > threshold
    lost, kept = inked & (finer < finer_threshold / 2), inked & (finer > finer_threshold)
    if not (lost.any() and kept.any()) or contrast[lost].mean() >= _SHADOW * contrast[kept].mean():
        return False
    return bool(2 * np.quantile(ndimage.distance_transform_edt(kept)[kept], 0.95) < thickest)


def _contrast(grey: Grey, coarse_paper: Grey) -> Grey:
    """Return the share of the paper's light that is missing."""
    paper = enlarge(coarse_paper, *grey.shape)
    # In deep shadow, noise is no ink.
    floor = max(paper.max() / 4, np.finfo(np.float32).tiny)
    return (paper - grey) / np.maximum(paper, floor)


def _paper(coarse: Grey, slope: Grey, window: int) -> Grey:
    """Return how light the paper is, also where ink covers it."""
    # Closing would take the dark end of a slope for ink.
    paper = ndimage.grey_closing(coarse - slope, (window, window), mode="nearest")
    # Beside the edge of a shadow, the darker paper: what is darker still is ink.
    return ndimage.minimum_filter(slope + paper, 3)


def _with_margins(coarse: Grey) -> tuple[Grey, tuple[slice, slice]]:
    """Let the paper go on beyond the sides that strokes reach; return where the image is in it."""
    window = int(_BROAD * max(coarse.shape)) | 1
    inked = coarse.min() + _INKED * np.ptp(coarse)
    around = np.pad(coarse, _MARGIN, mode="edge")
    reached = False
    for _ in range(4):  # Sides, each of which is turned to the top.
        paper = ndimage.grey_closing(around[0], (window,), mode="nearest")
        written = (around[0] < inked) & (around[0] < paper)
        around[:_MARGIN] = np.where(written, paper, around[0])
        reached |= bool(written.any())
        around = np.rot90(around)
    if not reached:
        return coarse, np.s_[:, :]
    return around, np.s_[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]


def _slope(coarse: Grey) -> Grey:
    """Fit a quadratic surface to the paper, by least squares that care little for ink."""
    rows, columns = (np.linspace(-1, 1, side, dtype=np.float32) for side in coarse.shape)
    y, x = (axis.ravel() for axis in np.meshgrid(rows, columns, indexing="ij"))
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=1)
    values = coarse.ravel()
    surface = np.full_like(values, np.median(values))
    for _ in range(5):
        difference = values - surface
        spread = np.median(np.abs(difference)) + 1e-3 * np.ptp(values) + np.finfo(np.float32).tiny
        trust = 1 / (1 + (difference / (2 * spread)) ** 2)
        solution = np.linalg.lstsq(terms * trust[:, None], values * trust, rcond=None)[0]
        surface = terms @ solution
    return surface.reshape(coarse.shape)
