"""The lines of frames, tables and combs, and under digits, all of which digits may touch.

::

    component -> two lines or more across its box -> lines down from the first to the last of these
              -> otherwise the lowest line across -> lines down to it, as high as those at its ends
                                                  -> or none, but nothing else at its ends
              -> all erased (erasing.py), if something as high as a digit in a cell is left

What is drawn around digits that touch nothing needs none of this: it is a component of its own,
which ruling.py knows by where it is. Lines that reach the sides of the paper are rules of the page.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from skdigits.digits.paper.boxes import Box
from skdigits.digits.paper.erasing import erase_along, rule_width
from skdigits.digits.paper.levels import NEIGHBOURS
from skdigits.digits.paper.pages import Page
from skdigits.digits.paper.resampling import Grey, Mask
from skdigits.digits.paper.ruled_paper import Wanted, rules

Path = NDArray[np.float64]  # The row of a line in each column.

_ROOM = 4  # Times the width of a rule: cells are larger.
_SPANNED = 0.7  # Share of a form between its first and last line, at least.
_FILLED = 0.3  # Share of the height of a cell: what is written in one is at least as high.
_FOOT = 0.6  # Share of the height of a digit, at least, that is above the line under it.
_TINES = 3  # Of a comb, at least: no digit has as many.
# Where a page is seen at an angle, the corners of cells are right ones give or take this slope.
_SKEW = 0.06
_BROKEN = 0.1  # Share of the height of a form that its lines leave out: those of ones are shorter.


class _Form(NamedTuple):
    """Lines across, and those down the strip from one path to another, as columns of it."""

    across: list[Path]
    first: Path
    last: Path
    down: list[Path]

    def spans(self, box: Box, n_down: int, thin: int) -> bool:
        """Tell whether so many lines down are apart, the outer ones nearly as wide as the box."""
        if len(self.down) < n_down:
            return False
        apart = min(np.diff(self.down, axis=0).min(), (self.last - self.first).min())
        width = (self.down[-1] - self.down[0]).min()
        return bool(apart > thin and width >= _SPANNED * (box.right - box.left))


def without_forms(ink: Grey, page: Page) -> Grey | None:
    """Take the lines of frames, tables and combs, and those under digits, for paper.

    Parameters
    ----------
    ink : ndarray of shape (height, width), dtype float32
        The share of the paper's light that ink takes away.
    page : Page
        What is written with it.

    Returns
    -------
    ink : ndarray of shape (height, width), dtype float32, or None
        None if there are no forms.
    """
    rest, found = ink.copy(), False
    thin = rule_width(ink)
    roomy = (page.boxes[:, 2:] - page.boxes[:, :2]).min(axis=1) > _ROOM * thin
    for number in (roomy & ~page.at_border).nonzero()[0]:
        box = Box(*map(int, page.boxes[number]))
        around = box.heightened(2 * thin)
        inside = around.of(rest)
        form = _form(inside * (around.of(page.labels) == number + 1), box, thin)
        if form is not None:
            erased = _without_lines(inside, form, thin)
            cell = (box.bottom - box.top) / max(1, len(form.across) - 1)
            if _highest(erased > page.threshold) >= _FILLED * cell:
                inside[...] = erased
                found = True
    return rest if found else None


def _form(ink: Grey, box: Box, thin: int) -> _Form | None:
    """Return the lines of the form that has that ink and box, or None if it is none."""
    across = list(rules(ink, thin))
    return (
        _table(across, ink, box, thin)
        or _comb(across, ink, box, thin)
        or _underline(across, ink, box, thin)
    )


def _table(across: list[Path], ink: Grey, box: Box, thin: int) -> _Form | None:
    """Return the lines of a table, or of a frame."""
    if len(across) < 2 or np.ptp(across) < _SPANNED * (box.bottom - box.top):
        return None
    table = _with_lines_down(across, across[0], across[-1], ink, thin)
    return table if table.spans(box, 2, thin) else None


def _comb(across: list[Path], ink: Grey, box: Box, thin: int) -> _Form | None:
    """Return the lines of a comb, with tines as high as those at its ends, evenly spaced."""
    if not across:
        return None
    base = across[-1]
    ends = (ink[:, : 2 * thin], base[0]), (ink[:, -2 * thin :], base[-1])
    height = min(foot - end.any(axis=1).argmax() for end, foot in ends)
    if height <= thin:
        return None
    comb = _with_lines_down([base], base - height, base, ink, thin)
    comb = comb._replace(down=_evenly_spaced(comb.down, thin))
    return comb if comb.spans(box, _TINES, thin) else None


def _underline(across: list[Path], ink: Grey, box: Box, thin: int) -> _Form | None:
    """Return a line as long as what stands on it is high, which goes further to both sides."""
    if not across or box.bottom - box.top > box.right - box.left:
        return None
    base = across[-1]
    inked = np.flatnonzero(ink.any(axis=1))
    if base.mean() < np.quantile(inked, _FOOT):
        return None
    off = np.abs(np.arange(len(ink))[:, np.newaxis] - base) > thin
    bare = np.logical_not((off & (ink > 0)).any(axis=0))
    overhang = min(bare.argmin(), bare[::-1].argmin())
    return _Form([base], base, base, []) if overhang > thin else None


def _with_lines_down(across: list[Path], first: Path, last: Path, ink: Grey, thin: int) -> _Form:
    """Look for lines down a strip, at right angles to those across."""
    slope = -np.mean([path[-1] - path[0] for path in across]) / ink.shape[1]
    strip = _transposed(ink, _rows_between(first, last, len(ink)), thin)
    down = list(rules(strip, thin, Wanted(slope - _SKEW, slope + _SKEW, _BROKEN)))
    return _Form(across, first, last, down)


def _evenly_spaced(lines: list[Path], thin: int) -> list[Path]:
    """Return the first line, the last, and as many between them as are equally far apart."""
    places = np.array([path.mean() for path in lines])
    for n_cells in range(len(lines) - 1, 0, -1):
        even = np.linspace(places[0], places[-1], n_cells + 1)
        off = np.abs(np.subtract.outer(even, places))
        if off.min(axis=1).max() <= thin:
            return [lines[nearest] for nearest in off.argmin(axis=1)]
    return lines


def _without_lines(ink: Grey, form: _Form, thin: int) -> Grey:
    """Erase the lines across, and the lines down the strip between these."""
    rest = erase_along(ink, form.across, thin)
    rows = _rows_between(form.first, form.last, len(ink))
    strip = erase_along(_transposed(rest, rows, thin), form.down, thin)
    np.put_along_axis(rest, rows, strip[2 * thin : -2 * thin].T, axis=0)
    return rest


def _rows_between(first: Path, last: Path, height: int) -> NDArray[np.intp]:
    """Return the rows from one path to another in each column, as many in all of them."""
    n_rows = max(2, int(np.ceil((last - first).max())) + 1)
    return np.rint(np.linspace(first, last, n_rows)).astype(np.intp).clip(0, height - 1)


def _transposed(ink: Grey, rows: NDArray[np.intp], thin: int) -> Grey:
    """Return the ink in some rows of each column on its side, with paper on both sides of it."""
    return np.pad(np.take_along_axis(ink, rows, axis=0).T, ((2 * thin, 2 * thin), (0, 0)))


def _highest(mask: Mask) -> int:
    """Return the height of the highest component."""
    places = ndimage.find_objects(ndimage.label(mask, NEIGHBOURS)[0])
    return max((rows.stop - rows.start for rows, _ in places), default=0)
