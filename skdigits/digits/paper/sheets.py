"""A sheet in other surroundings, such as paper on a table or a canvas on a screen.

::

    grey -> thumbnail -> light, or else dark -> largest area -> filled -> a rectangle, written on?
         -> without its margin -> what is beyond takes the light of the nearest paper

Such a sheet is found by its form, however askew. An area that reaches most sides of the image may
be paper half in shadow, one beside others as light a cell of a table, and one that is as light
beyond a line along it a square of squared paper: those are no sheets.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from skdigits.digits.paper.boxes import inked_box
from skdigits.digits.paper.levels import otsu, texture
from skdigits.digits.paper.resampling import Grey, Mask, enlarge, shrunk

_THUMBNAIL = 200  # Pixels: enough for the form of a sheet, and quick.
_LEAST, _MOST = 0.15, 0.97  # Shares of the image that a sheet covers.
_SIDES = 2  # So many sides of the image a sheet may reach,
_REACHED = 0.1  # each with more than a corner: this share of it.
# Share of the smallest rectangle around it, at least, of a light sheet and of a dark one, which is
# drawn by a program, if it is no ink. A disk has 0.79.
_RECTANGULAR = 0.85, 0.93
# Share that a light sheet seen at an angle has in common with a quadrilateral. A disk has 0.64.
_QUADRILATERAL = 0.93
_TURNS = np.exp(1j * np.linspace(0, np.pi / 2, 31))  # Rotations by three degrees more each.
_AROUND = np.exp(1j * np.linspace(0, 2 * np.pi, 72, endpoint=False))  # By five degrees.
_LIGHT = 0.2  # Share of the surroundings that is as light as the sheet, at most.
_BLANK = 0.75  # Share of a sheet that ink leaves blank, at least.
_WRITTEN = 0.1  # Length of the largest ink, as a share of the sheet's shorter side, at least.
_THIN = 11  # Pixels of the thumbnail, at least, that are wider than a thin stroke.
_FAINTEST = 0.03  # Share of the light that a thin stroke takes away.
_PAPER = 0.75, 4  # Standard deviations that paper's texture reaches, by the quantile.
_DARKER = 0.9  # Share of the sheet's light that is left beyond its edge, at most,
_MOSTLY = 0.75  # along so much of it.
_MARGIN = 0.02  # Share of its shorter side: a sheet's edge is blurred, curls and throws a shadow.


def only_sheet(grey: Grey) -> Grey:
    """Take all that surrounds a sheet for more of its paper.

    Parameters
    ----------
    grey : ndarray of shape (height, width), dtype float32
        From 0 for black to 1 for white.

    Returns
    -------
    grey : ndarray of shape (height, width), dtype float32
        The same array if it shows no such sheet.
    """
    thumbnail = shrunk(grey, _THUMBNAIL)
    sheet = _sheet(thumbnail, _is_paper)
    if sheet is None:
        sheet = _sheet(1 - thumbnail, _is_canvas)
    if sheet is None:
        return grey
    inside = _without_margin(sheet)
    beyond = enlarge(thumbnail[tuple(_nearest(inside))], *grey.shape)
    within = enlarge(inside.astype(np.float32), *grey.shape) > 0.5
    return np.where(within, grey, beyond)


def _sheet(grey: Grey, has_form: Callable[[Mask], bool]) -> Mask | None:
    """Return where a sheet is: what is lighter than all else, or than all else but ink."""
    threshold = otsu(grey)[0]
    for darkest in (threshold, otsu(grey[grey > threshold])[0]):
        light = grey > darkest
        blank = _largest(light)
        if sum(np.rot90(blank, turns)[0].mean() > _REACHED for turns in range(4)) > _SIDES:
            continue  # As most papers, which saves time.
        sheet = ndimage.binary_fill_holes(blank)
        if (
            _LEAST <= sheet.mean() <= _MOST
            and light[~sheet].mean() <= _LIGHT
            and has_form(sheet)
            and _is_written_on(grey, sheet, blank)
            and _stands_out(grey, sheet)
        ):
            return sheet
    return None


def _largest(mask: Mask) -> Mask:
    """Return the largest connected area, or nothing of nothing."""
    areas, _ = ndimage.label(mask)
    return areas == max(1, np.bincount(areas[mask], minlength=1).argmax())


def _is_paper(sheet: Mask) -> bool:
    """Tell whether an area has the form of a sheet of paper, seen at an angle or not."""
    return _rectangularity(sheet) >= _RECTANGULAR[0] or _quadrangularity(sheet) >= _QUADRILATERAL


def _is_canvas(sheet: Mask) -> bool:
    """Tell whether an area has the form of a canvas on a screen."""
    return _rectangularity(sheet) >= _RECTANGULAR[1]


def _outline(sheet: Mask) -> NDArray[np.complex128]:
    """Return where the pixels at the edge of an area are: the column, plus i times the row."""
    rows, columns = (sheet & ~ndimage.binary_erosion(sheet)).nonzero()
    return columns + 1j * rows


def _rectangularity(sheet: Mask) -> float:
    """Return how much an area fills of the smallest rectangle around it, however turned."""
    turned = _TURNS[:, None] * _outline(sheet)
    rectangles = (np.ptp(turned.real, axis=1) + 1) * (np.ptp(turned.imag, axis=1) + 1)
    return float(sheet.sum() / rectangles.min())


def _quadrangularity(sheet: Mask) -> float:
    """Return how much of its convex hull an area, and the largest quadrilateral in it, fill."""
    outline = _outline(sheet)
    hull = outline[(_AROUND[:, None] * outline).real.argmax(axis=1)]
    apart = hull - hull[:, None]
    # Twice the area of the triangle of each two corners, a diagonal, and each third one; less than
    # 0 on one side of the diagonal.
    triangles = (apart.conj()[:, :, None] * apart[:, None, :]).imag
    quadrilateral = (triangles.max(axis=2) - triangles.min(axis=2)).max() / 2
    whole = abs((hull.conj() * np.roll(hull, -1)).imag.sum()) / 2
    # From the middle of one pixel at the edge to that of the next.
    filled = sheet.sum() - len(outline) / 2
    return float(min(quadrilateral, filled) / max(whole, 1))


def _is_written_on(grey: Grey, sheet: Mask, blank: Mask) -> bool:
    """Tell whether there is something large on a sheet, but not too much."""
    inside = _without_margin(sheet)
    if not inside.any() or blank.sum() < _BLANK * sheet.sum():
        return False
    # Thin strokes hardly change a thumbnail, but they differ from the paper around them.
    darker = ndimage.grey_closing(grey, (_THIN, _THIN)) - grey
    lighter = grey - ndimage.grey_opening(grey, (_THIN, _THIN))
    inks = (_largest(inside & (_is_stroke(thin, inside) | ~blank)) for thin in (darker, lighter))
    least = _WRITTEN * min(_sides(sheet))
    return any(ink.any() and max(_sides(ink)) >= least for ink in inks)


def _is_stroke(differs: Grey, inside: Mask) -> Mask:
    """Tell which pixels differ more from their surroundings than the texture of the paper does."""
    return differs > max(_FAINTEST, texture(differs[inside], *_PAPER))


def _stands_out(grey: Grey, sheet: Mask) -> bool:
    """Tell whether it is darker beyond a sheet's edge, rather than only on a line along it."""
    inside = ndimage.binary_erosion(sheet, iterations=3, border_value=1)
    near, far = (ndimage.binary_dilation(sheet, iterations=n) for n in (4, 7))
    beyond = far & ~near
    darker = grey[beyond] < _DARKER * grey[tuple(_nearest(inside)[:, beyond])]
    return bool(darker.sum() >= _MOSTLY * max(1, darker.size))


def _nearest(mask: Mask) -> NDArray[np.int32]:
    """Return row and column of the pixel of a mask that is nearest to each pixel."""
    return ndimage.distance_transform_edt(~mask, return_distances=False, return_indices=True)


def _without_margin(sheet: Mask) -> Mask:
    return ndimage.binary_erosion(sheet, iterations=max(2, round(_MARGIN * min(_sides(sheet)))))


def _sides(mask: Mask) -> tuple[int, ...]:
    """Return the height and width of the box around a mask."""
    return inked_box(mask).of(mask).shape
