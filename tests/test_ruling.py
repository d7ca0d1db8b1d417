"""Lines under, over and between digits are no digits, nor are points and commas."""

import numpy as np
import pytest
from drawing import alike, paper, photograph, strokes, write
from numpy.testing import assert_allclose, assert_array_equal

from skdigits.digits import DigitImages, find_digits
from skdigits.digits.paper.ruling import grids, lines, standing_on_lines

NUMBER = [6, 2, 8, 3]


def written(page, top=80, left=60, height=90, gap=30):
    """Write a number and return where its digits are found if nothing else is on the page."""
    boxes = []
    for digit in NUMBER:
        boxes.append(write(page, strokes(digit, height), top, left))
        left = boxes[-1][3] + gap
    return np.array(boxes) + np.array([3, 3, -3, -3])


@pytest.mark.parametrize("rows", [[185], [185, 195], [60], [60, 185]])
def test_lines_under_and_over_a_number(rows):
    page = paper((260, 600))
    boxes = written(page)
    for row in rows:
        page[row : row + 4, 50:450] = 1
    assert_allclose(np.array(find_digits(photograph(page))), boxes, atol=3)


@pytest.mark.parametrize("digit", [0, 1, 2, 7])
def test_a_line_under_a_digit(digit):
    page = paper()
    write(page, strokes(digit, 100), 60, 80)
    underlined = page.copy()
    underlined[175:181, 60:180] = 1
    one, other = DigitImages().transform([photograph(page), photograph(underlined)])
    assert alike(one.reshape(28, 28), other.reshape(28, 28)) > 0.99


@pytest.mark.parametrize("row", [174, 179])
def test_digits_may_touch_the_line_that_they_stand_on(row):
    page = paper((260, 600))
    boxes = written(page)
    page[row : row + 4, 50:450] = 1
    assert_allclose(np.array(find_digits(photograph(page))), boxes, atol=8)


def test_a_line_between_the_terms_of_a_sum_and_the_sum():
    page = paper((440, 600))
    above, below = written(page, top=60), written(page, top=220)
    page[180:184, 50:450] = 1
    assert_allclose(np.array(find_digits(photograph(page))), np.vstack([above, below]), atol=3)


def test_the_bar_of_a_five_below_another_digit_is_no_line():
    page = paper((400, 240))
    write(page, strokes(1, 120), 40, 80)
    write(page, strokes(3, 90), 215, 70)
    page[207:215, 75:125] = 1
    assert [round(box.top, -1) for box in find_digits(photograph(page))] == [40, 210]


def test_a_comb_and_a_table_drawn_by_hand():
    page = paper((260, 600))
    boxes = written(page)
    comb = page.copy()
    comb[190:194, 45:460] = 1
    for column in (45, 150, 250, 355, 456):
        comb[145:194, column : column + 4] = 1
    assert_allclose(np.array(find_digits(photograph(comb))), boxes, atol=3)

    page = paper((480, 1200))
    cells = [written(page, top, left) for top in (60, 300) for left in (60, 700)]
    page[220:224, 20:1180] = page[20:460, 560:564] = 1
    expected = np.vstack([np.vstack(cells[:2]), np.vstack(cells[2:])])
    assert_allclose(np.array(find_digits(photograph(page))), expected, atol=4)


@pytest.mark.parametrize("place", [1, 4])
def test_a_comma_is_no_digit(place):
    page = paper((260, 600))
    boxes = written(page)
    _, _, bottom, right = boxes[place - 1]
    for row in range(45):
        page[bottom - 15 + row, right + 16 - row // 4 : right + 24 - row // 4] = 1
    assert_allclose(np.array(find_digits(photograph(page))), boxes, atol=3)


def test_a_small_number_on_a_large_page():
    page = paper((1600, 2400))
    boxes = written(page, top=700, left=900, height=80, gap=20)
    noise = np.random.default_rng(0).normal(0, 4, page.shape)
    found = np.array(find_digits(photograph(page, 220 + noise)))
    assert_allclose(found, boxes, atol=8)


def test_lines_are_flat_and_as_wide_as_what_they_are_under():
    digit, line, dash, far = (
        (0, 0, 100, 60),
        (110, 0, 118, 80),
        (110, 0, 118, 50),
        (160, 0, 168, 80),
    )
    assert_array_equal(lines(np.array([digit, line])), [False, True])
    assert_array_equal(lines(np.array([digit, dash])), [False, False])
    assert_array_equal(lines(np.array([digit, far])), [False, False])
    assert_array_equal(lines(np.array([line])), [False])


def test_a_grid_goes_between_two_others():
    grid, one, other, outside = (
        (0, 0, 50, 100),
        (30, 10, 90, 40),
        (30, 60, 90, 90),
        (30, 95, 90, 130),
    )
    assert_array_equal(grids(np.array([grid, one, other])), [True, False, False])
    assert_array_equal(grids(np.array([grid, one, outside])), [False, False, False])


def test_a_digit_among_specks_is_no_grid():
    digit, one, other = (0, 0, 100, 60), (90, 5, 105, 15), (90, 30, 105, 45)
    assert_array_equal(grids(np.array([digit, one, other])), [False, False, False])


def test_digits_on_a_line_are_wide_and_as_high_as_others():
    alone, number, comb = (0, 0, 100, 60), (0, 100, 110, 500), (70, 100, 110, 500)
    assert_array_equal(standing_on_lines(np.array([alone, number])), [False, True])
    assert_array_equal(standing_on_lines(np.array([alone, comb])), [False, False])
    assert_array_equal(standing_on_lines(np.array([number])), [True])
