"""Digits in frames and tables whose lines they touch."""

import numpy as np
import pytest
from drawing import alike, normalized, paper, photograph, strokes, write
from numpy.testing import assert_allclose
from scipy.ndimage import rotate

from skdigits.digits import find_digits
from skdigits.digits.paper.cleaning import read_page
from skdigits.digits.paper.forms import without_forms

CELL, MARGIN, LINE = 110, 60, 3


def cells(n_rows, n_columns):
    """Draw cells of a form on a page with margins."""
    page = paper((n_rows * CELL + 2 * MARGIN, n_columns * CELL + 2 * MARGIN))
    bottom, right = (side - MARGIN + LINE for side in page.shape)
    for row in range(n_rows + 1):
        page[MARGIN + row * CELL :, MARGIN:right][:LINE] = 1
    for column in range(n_columns + 1):
        page[MARGIN:bottom, MARGIN + column * CELL :][:, :LINE] = 1
    return page


def in_cell(page, ink, row, column, down):
    """Write a digit amid a cell, or that much further down, and return its box."""
    top, left = MARGIN + row * CELL, MARGIN + column * CELL
    height, width = ink.shape
    top += (CELL + LINE - height) // 2 + down
    return write(page, ink, top, left + (CELL + LINE - width) // 2)


@pytest.mark.parametrize("angle", [0, 3, -6.5])
@pytest.mark.parametrize(("n_rows", "number"), [(1, [6, 2, 8, 3, 0]), (2, [5, 9, 2, 0, 6, 3])])
def test_digits_touch_the_lines_of_cells(n_rows, number, angle):
    page = cells(n_rows, len(number) // n_rows)
    alone = paper(page.shape)
    for place, digit in enumerate(number):
        row, column = divmod(place, len(number) // n_rows)
        for sheet in (page, alone):
            in_cell(sheet, strokes(digit, 76), row, column, down=(0, 17, -17)[place % 3])
    page, alone = (rotate(sheet, angle, order=1).clip(0, 1) for sheet in (page, alone))
    found = np.array(find_digits(photograph(page)))
    assert_allclose(found, np.array(find_digits(photograph(alone))), atol=6)


@pytest.mark.parametrize("angle", [0, 3])
@pytest.mark.parametrize("tines", [30, 60, 110])
def test_digits_touch_a_comb(tines, angle):
    number = [6, 2, 8, 3, 0]
    page = cells(1, len(number))
    page[: MARGIN + CELL - tines] = 0
    alone = paper(page.shape)
    for place, digit in enumerate(number):
        for sheet in (page, alone):
            in_cell(sheet, strokes(digit, 76), 0, place, down=18 - 6 * place)
    page, alone = (rotate(sheet, angle, order=1).clip(0, 1) for sheet in (page, alone))
    found = np.array(find_digits(photograph(page)))
    assert_allclose(found, np.array(find_digits(photograph(alone))), atol=8)


@pytest.mark.parametrize("angle", [0, 6.5])
@pytest.mark.parametrize("digit", [0, 2, 3, 4, 5, 6, 7, 8, 9])
def test_one_digit_touches_its_frame(digit, angle):
    framed = cells(1, 1)
    alone = paper(framed.shape)
    for sheet in (framed, alone):
        in_cell(sheet, strokes(digit, 84), 0, 0, down=13)
    turned = (photograph(rotate(sheet, angle, order=1).clip(0, 1)) for sheet in (framed, alone))
    assert alike(*normalized(*turned)) > 0.95


@pytest.mark.parametrize("angle", [0, 4])
@pytest.mark.parametrize("digit", range(10))
def test_one_digit_touches_the_line_under_it(digit, angle):
    underlined = paper((240, 300))
    bottom = write(underlined, strokes(digit, 110), 60, 110)[2]
    alone = underlined.copy()
    underlined[bottom - 9 : bottom - 6, 80:220] = 1
    turned = (photograph(rotate(sheet, angle, order=1).clip(0, 1)) for sheet in (underlined, alone))
    assert alike(*normalized(*turned)) > 0.95


@pytest.mark.parametrize("bar", [False, True])
def test_a_digit_of_straight_lines_is_no_form(bar):
    """A zero, or an eight."""
    page = paper((300, 300))
    page[80:220, 110:190] = 1
    page[83:217, 113:187] = 0
    if bar:
        page[148:151, 110:190] = 1
    read = read_page(photograph(page).astype(np.float32) / 255)
    assert read.boxes.tolist() == [[80, 110, 220, 190]]
    assert without_forms(read.ink, read) is None


def test_a_page_without_forms_is_left_as_it_is():
    page = paper((200, 500))
    for place, digit in enumerate(range(4)):
        write(page, strokes(digit, 90), 50, 40 + 110 * place)
    read = read_page(photograph(page).astype(np.float32) / 255)
    assert without_forms(read.ink, read) is None
