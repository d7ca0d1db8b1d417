"""The lines of frames and tables, which the digits in them may touch.

::

    component -> lines across its box, two or more -> lines between the first and the last of these
              -> all erased (erasing.py), if something as high as a digit in a cell is left

What is drawn around digits that touch nothing needs none of this: it is a component of its own,
which ruling.py knows by where it is. Lines that reach the sides of the paper are rules of the page.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from skdigits.digits.paper.boxes import Box
from skdigits.digits.paper.erasing import erase_along, rule_width
from skdigits.digits.paper.levels import NEIGHBOURS
from skdigits.digits.paper.pages import Page
from skdigits.digits.paper.resampling import Grey, Mask
from skdigits.digits.paper.ruled_paper import Slopes, rules

_ROOM = 4  # Times the width of a rule: cells are larger.
_SPANNED = 0.7  # Share of a form between its first and last line, at least.
_FILLED = 0.3  # Share of the height of a cell: what is written in one is at least as high.
Path = NDArray[np.float64]  # The row of a line in each column.
# Where a page is seen at an angle, the corners of cells are right ones give or take this slope.
_SKEW = 0.06
_BROKEN = 0.1  # Share of the height of a form that its lines leave out: those of ones are shorter.


def without_forms(ink: Grey, page: Page) -> Grey | None:
    """Take the lines of frames and tables for paper.

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
        across, down = _lines(inside * (around.of(page.labels) == number + 1), thin)
        if _enclose(across, down, box, thin):
            erased = _without_lines(inside, across, down, thin)
            cell = (box.bottom - box.top) / (len(across) - 1)
            if _highest(erased > page.threshold) >= _FILLED * cell:
                inside[...] = erased
                found = True
    return rest if found else None


def _lines(ink: Grey, thin: int) -> tuple[list[Path], list[Path]]:
    """Return the paths of lines across, and of lines down the strip between these."""
    across = list(rules(ink, thin))
    if len(across) < 2:
        return across, []
    slope = -np.mean([path[-1] - path[0] for path in across]) / ink.shape[1]
    strip = _transposed(ink, _rows_between(across, len(ink)), thin)
    return across, list(rules(strip, thin, Slopes(slope - _SKEW, slope + _SKEW, _BROKEN)))


def _enclose(across: list[Path], down: list[Path], box: Box, thin: int) -> bool:
    """Tell whether lines do not meet, and enclose nearly all of a box."""
    if min(len(across), len(down)) < 2:
        return False
    apart = min(np.diff(paths, axis=0).min() for paths in (across, down))
    # From the top of a form askew to its bottom.
    height = np.max(across) - np.min(across)
    width = (down[-1] - down[0]).min()
    spanned = min(height / (box.bottom - box.top), width / (box.right - box.left))
    return apart > thin and spanned >= _SPANNED


def _without_lines(ink: Grey, across: list[Path], down: list[Path], thin: int) -> Grey:
    """Erase the lines across, and the lines down the strip between these."""
    rest = erase_along(ink, across, thin)
    rows = _rows_between(across, len(ink))
    strip = erase_along(_transposed(rest, rows, thin), down, thin)
    np.put_along_axis(rest, rows, strip[2 * thin : -2 * thin].T, axis=0)
    return rest


def _rows_between(across: list[Path], height: int) -> NDArray[np.intp]:
    """Return the rows from the first to the last line in each column, so many in all of them."""
    first, last = across[0], across[-1]
    n_rows = max(2, int(np.ceil((last - first).max())) + 1)
    return np.rint(np.linspace(first, last, n_rows)).astype(np.intp).clip(0, height - 1)


def _transposed(ink: Grey, rows: NDArray[np.intp], thin: int) -> Grey:
    """Return the ink in some rows of each column on its side, with paper on both sides of it."""
    return np.pad(np.take_along_axis(ink, rows, axis=0).T, ((2 * thin, 2 * thin), (0, 0)))


def _highest(mask: Mask) -> int:
    """Return the height of the highest component."""
    places = ndimage.find_objects(ndimage.label(mask, NEIGHBOURS)[0])
    return max((rows.stop - rows.start for rows, _ in places), default=0)
