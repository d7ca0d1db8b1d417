"""What must not matter to DigitImages: paper, light, pen, place, and what else is on an image."""

import numpy as np
import pytest
from drawing import alike, normalized, page_with, paper, photograph, strokes, write
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.ndimage import gaussian_filter, grey_dilation, map_coordinates, rotate, zoom
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from skdigits.digits import DigitImages
from skdigits.digits.paper.resampling import area_average

digits = st.integers(0, 9)


def thin_seven():
    row, column = np.mgrid[:240, :240]
    bar = (np.abs(row - 60) < 4) & (np.abs(column - 120) < 35)
    stem = (np.abs(column - 155 + (row - 60) / 2) < 4) & (np.abs(row - 120) < 60)
    return (bar | stem).astype(float)


@given(digits)
@settings(max_examples=12)
def test_polarity_does_not_matter(digit):
    page = photograph(page_with(digit))
    one, other = normalized(page, 255 - page)
    assert_array_equal(one, other)


@given(digits, st.integers(2, 4))
@settings(max_examples=12)
def test_resolution_does_not_matter(digit, times):
    page = photograph(page_with(digit))
    one, other = normalized(page, np.kron(page, np.ones((times, times), np.uint8)))
    assert alike(one, other) > 0.97


@given(digits, st.integers(20, 90), st.integers(20, 110))
@settings(max_examples=12)
def test_place_does_not_matter(digit, top, left):
    one, other = normalized(
        photograph(page_with(digit)), photograph(page_with(digit, top=top, left=left))
    )
    assert alike(one, other) > 0.99


@given(digits, st.floats(0.3, 1), st.floats(0, 2 * np.pi), st.booleans())
@settings(max_examples=12)
def test_light_does_not_matter(digit, darkest, angle, inverted):
    y, x = np.mgrid[-1:1:240j, -1:1:240j]
    slope = (y * np.sin(angle) + x * np.cos(angle)) / 2**0.5
    light = 230 * (darkest + (1 - darkest) * (slope + 1) / 2)
    ink = page_with(digit)
    photo = photograph(ink, light)
    one, other = normalized(photograph(ink), 255 - photo if inverted else photo)
    assert alike(one, other) > 0.97


@pytest.mark.parametrize("angle", [0.25 * np.pi, 1.75 * np.pi])
@pytest.mark.parametrize("digit", range(10))
def test_the_edge_of_a_shadow_is_no_stroke(digit, angle):
    y, x = np.mgrid[-1:1:240j, -1:1:240j]
    shadow = gaussian_filter((y * np.sin(angle) + x * np.cos(angle) > 0).astype(float), 4)
    ink = page_with(digit, height=90)
    one, other = normalized(photograph(ink), photograph(ink, 220 * (1 - 0.5 * shadow)))
    assert alike(one, other) > 0.9


@given(digits, st.floats(0.15, 0.9), st.integers(0, 100))
@settings(max_examples=12)
def test_pen_and_noise_do_not_matter(digit, darkness, seed):
    ink = page_with(digit)
    grain = np.random.default_rng(seed).normal(0, 3, ink.shape)
    one, other = normalized(photograph(ink), photograph(ink, 220 + grain, darkness))
    assert alike(one, other) > 0.95


@pytest.mark.parametrize("digit", range(10))
def test_the_edge_of_a_hard_shadow_is_no_stroke(digit):
    light = np.full((240, 240), 220.0)
    light[:, 180:] *= 0.55
    ink = page_with(digit, height=90)
    one, other = normalized(photograph(ink), photograph(ink, light))
    assert alike(one, other) > 0.9


@pytest.mark.parametrize("height", [100, 180])
@pytest.mark.parametrize("digit", range(10))
def test_the_middle_of_a_thick_stroke_is_ink(digit, height):
    thin = page_with(digit, top=20, left=20, height=height)
    thick = grey_dilation(thin, height // 12)
    one, other = normalized(photograph(thin), photograph(thick))
    assert alike(one, other) > 0.75


@pytest.mark.parametrize(("gap", "squared"), [(45, False), (45, True), (12, True)])
@pytest.mark.parametrize("digit", range(10))
def test_rules_are_erased(digit, gap, squared):
    ink = page_with(digit, height=90)
    ruled = ink.copy()
    ruled[5::gap] = ruled[6::gap] = 0.8
    if squared:
        ruled[:, 5::gap] = ruled[:, 6::gap] = 0.8
    one, other = normalized(photograph(ink), photograph(ruled))
    assert alike(one, other) > 0.9


@pytest.mark.parametrize("digit", range(10))
def test_the_lines_of_cells_seen_from_near_are_erased(digit):
    ink = page_with(digit, height=90)
    squared = ink.copy()
    for first in range(60, 68):
        squared[first::90] = np.maximum(squared[first::90], 0.6)
        squared[:, first::90] = np.maximum(squared[:, first::90], 0.6)
    one, other = normalized(photograph(ink), photograph(squared))
    assert alike(one, other) > 0.9


@pytest.mark.parametrize("digit", range(10))
def test_specks_and_dark_borders_are_dropped(digit):
    ink = page_with(digit)
    dirty = ink.copy()
    rows, columns = np.random.default_rng(digit).integers(0, 236, (2, 20))
    for row, column in zip(rows, columns, strict=True):
        dirty[row : row + 3, column : column + 3] = 1
    dirty[:, :8] = dirty[-5:] = 1
    one, other = normalized(photograph(ink), photograph(dirty))
    assert alike(one, other) > 0.95


@pytest.mark.parametrize(
    "darkened",
    [[np.s_[15:225, :25]], [np.s_[:, :20], np.s_[40:200, :45]]],
    ids=["strip", "what reaches over a border"],
)
@pytest.mark.parametrize("digit", range(10))
def test_what_is_dark_at_the_border_is_not_the_digit(digit, darkened):
    ink = page_with(digit, top=95, left=105, height=45)
    held = ink.copy()
    for place in darkened:
        held[place] = 1
    one, other = normalized(photograph(ink), photograph(held))
    assert alike(one, other) > 0.95


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("digit", [0, 2, 3, 5, 6, 8, 9])
def test_a_thick_digit_may_fill_the_image(digit, inverted):
    thick = grey_dilation(strokes(digit, 180), 3)
    rows, columns = (np.flatnonzero((thick > 0.5).any(axis)) for axis in (1, 0))
    tight = thick[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    light = 220 + np.random.default_rng(0).normal(0, 4, tight.shape)
    photo = photograph(tight, light)
    one, other = normalized(255 - photo if inverted else photo, photograph(np.pad(thick, 60)))
    assert alike(one, other) > 0.9


@pytest.mark.parametrize("digit", [0, 2, 3, 5, 6, 8, 9])
def test_a_thick_digit_with_soft_edges_may_fill_the_image(digit):
    thick = 255 * gaussian_filter(grey_dilation(strokes(digit, 180), 3), 2)
    rows, columns = (np.flatnonzero((thick > 127).any(axis)) for axis in (1, 0))
    tight = thick[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    one, other = normalized(tight.astype(np.uint8), np.pad(thick, 60).astype(np.uint8))
    assert alike(one, other) > 0.9


@pytest.mark.parametrize("digit", range(10))
def test_a_digit_may_touch_a_dark_border(digit):
    ink = page_with(digit, top=88)
    framed = ink.copy()
    last = ink.any(axis=1).nonzero()[0][-1]
    framed[last - 4 :] = framed[:, -20:] = 1
    one, other = normalized(photograph(ink), photograph(framed))
    assert alike(one, other) > 0.85


@pytest.mark.parametrize("side", [28, 45])
@pytest.mark.parametrize("digit", [1, 2, 6, 7, 9])
def test_a_digit_may_touch_the_dark_border_of_a_small_image(digit, side):
    ink = page_with(digit, top=88)
    framed = ink.copy()
    framed[ink.any(axis=1).nonzero()[0][-1] - 4 :] = framed[:, -20:] = 1
    one, other = (area_average(photograph(page), side, side) for page in (ink, framed))
    assert alike(*normalized(one, other)) > 0.9


def test_a_digit_may_fill_the_image():
    row, column = np.mgrid[:200, :120]
    # A printed 7, its bar as wide as the image.
    seven = ((row < 24) | (np.abs(column - 100 + row / 3) < 20)).astype(float)
    assert alike(*normalized(photograph(seven), photograph(np.pad(seven, 40)))) > 0.9


@pytest.mark.parametrize("times", [2, 4, 12])
def test_a_small_image_may_be_cut_out_along_the_strokes(times):
    X = load_digits().images[:40] / 16
    tight = np.clip(zoom(X, (1, times, times), order=1), 0, 1)
    wide = np.pad(tight, ((0, 0), (times, times), (times, times)))
    pairs = zip(*(normalized(*map(photograph, images)) for images in (tight, wide)), strict=True)
    assert np.quantile([alike(*pair) for pair in pairs], 0.25) > 0.9


@pytest.mark.parametrize("side", [8, 16])
def test_rings_of_a_few_pixels_stay_open(side):
    top = side // 2 - 3
    eight = np.zeros((side, side))
    eight[top : top + 7, top + 1 : top + 4] = 1
    eight[[top + 1, top + 2, top + 4, top + 5], top + 2] = 0.6
    darkest = normalized(photograph(eight))[0, :, 12:16].max(axis=1)
    full = np.flatnonzero(darkest > 0.98)
    assert darkest[full[0] : full[-1]].min() < 0.96


def test_what_grey_tells_of_a_few_pixels_is_kept():
    X, y = load_digits(return_X_y=True)
    pixels = DigitImages().transform(X[:600])
    # Where all that grey tells is a threshold, the score is 0.89.
    assert cross_val_score(KNeighborsClassifier(3), pixels, y[:600]).mean() > 0.92


@pytest.mark.parametrize(("table", "turned"), [(50, 12), (50, -25), (150, 12)])
@pytest.mark.parametrize("digit", range(10))
def test_a_sheet_on_a_table_is_read_like_the_sheet(digit, turned, table):
    ink = page_with(digit)
    on_table = np.pad(photograph(ink) - float(table), 60)
    photo = rotate(on_table, turned, reshape=False, order=1) + table
    alone = rotate(np.pad(ink, 60), turned, reshape=False, order=1)
    assert alike(*normalized(photograph(alone), photo)) > 0.9


@pytest.mark.parametrize("turned", [-16, 12])
def test_the_corners_of_a_sheet_may_reach_all_sides(turned):
    ink = np.pad(thin_seven(), 140)
    photo = rotate(photograph(ink, np.linspace(140, 190, 520)).astype(float), turned, order=1)
    assert alike(*normalized(photograph(rotate(ink, turned, order=1)), photo)) > 0.9


@pytest.mark.parametrize("slope", [0.15, 0.3])
@pytest.mark.parametrize("digit", range(10))
def test_a_sheet_may_be_seen_at_an_angle(digit, slope):
    row, column = np.mgrid[-1:1:300j, -1:1:300j]
    # What is further away, at the top, is smaller.
    seen = np.array([row * 160, column * 160 / (1 + slope * row)]) + 120
    photo = map_coordinates(photograph(page_with(digit)).astype(float), seen, order=1, cval=60)
    alone = map_coordinates(page_with(digit), seen, order=1)
    assert alike(*normalized(photograph(alone), photo)) > 0.9


@pytest.mark.parametrize("digit", range(10))
def test_a_grey_sheet_on_a_white_page(digit):
    sheet = photograph(page_with(digit, height=60), 130, 0.3)
    page = np.pad(sheet, ((20, 80), (60, 30)), constant_values=255)
    assert alike(*normalized(sheet, page)) > 0.9


@pytest.mark.parametrize("digit", range(10))
def test_a_spot_of_light_is_no_ink(digit):
    row, column = np.mgrid[:240, :240]
    spot = np.exp(-((row - 180) ** 2 + (column - 60) ** 2) / (2 * 60**2))
    ink = page_with(digit, height=50, top=30, left=140)
    one, other = normalized(photograph(ink, 120, 0.3), photograph(ink, 120 + 130 * spot, 0.3))
    assert alike(one, other) > 0.9


@pytest.mark.parametrize("side", [16, 24])
def test_what_is_thicker_is_no_part_of_the_digit(side):
    seven = thin_seven()
    button = seven.copy()
    button[190 : 190 + side, 90 : 90 + side] = 1
    assert alike(*normalized(photograph(seven), photograph(button))) > 0.9


@pytest.mark.parametrize("darkness", [0.2, 0.35])
@pytest.mark.parametrize("digit", range(10))
def test_a_small_digit_in_pencil_on_a_sheet_on_a_table(digit, darkness):
    ink = page_with(digit, top=150, left=250, height=85, shape=(420, 560))
    wood = 70 + 12 * np.sin(np.arange(680) / 9) * np.ones((540, 1))
    photo = wood.astype(np.uint8)
    photo[60:-60, 60:-60] = photograph(ink, np.linspace(140, 230, 560), darkness)
    photo = rotate(photo, 6, reshape=False, order=1, mode="nearest")
    alone = rotate(np.pad(ink, 60), 6, reshape=False, order=1)
    assert alike(*normalized(photograph(alone), photo)) > 0.9


@pytest.mark.parametrize("window", [120.0, 230.0])
@pytest.mark.parametrize("digit", range(10))
def test_a_dark_canvas_in_a_window_is_read_like_the_canvas(digit, window):
    canvas = 255 * page_with(digit)
    screen = np.pad(canvas, ((90, 20), (30, 150)), constant_values=window)
    assert alike(*normalized(canvas.astype(np.uint8), screen.astype(np.uint8))) > 0.95


@pytest.mark.parametrize("digit", [1, 3, 4, 5, 7, 9])
def test_a_stroke_with_gaps_is_one_digit(digit):
    ink = page_with(digit)
    dashed = ink * (np.arange(240)[:, np.newaxis] % 20 > 4)
    assert alike(*normalized(photograph(ink), photograph(dashed))) > 0.8


@pytest.mark.parametrize("edge", [80, 120, 160])
def test_paper_half_in_shadow_is_no_sheet(edge):
    ink = page_with(4, height=90)
    light = np.where(np.arange(240) < edge, 220.0, 110.0)
    assert alike(*normalized(photograph(ink), photograph(ink, light))) > 0.9


@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize("round_", [False, True])
def test_what_is_drawn_around_a_digit_is_no_part_of_it(digit, round_):
    ink = page_with(digit, top=75, left=85, height=80)
    down, right = np.abs(np.mgrid[-119.5:120, -119.5:120])
    distance = np.hypot(down, right) if round_ else np.maximum(down, right)
    framed = np.maximum(ink, np.abs(distance - 100) < 2)
    assert alike(*normalized(photograph(ink), photograph(framed))) > 0.99


def test_a_zero_with_a_dot_in_it_is_a_zero():
    ink = page_with(0, height=150, top=40)
    dotted = ink.copy()
    down, right = np.argwhere(ink > 0.5).mean(axis=0).astype(int)
    dotted[down - 8 : down + 8, right - 4 : right + 4] = 1
    assert alike(*normalized(photograph(ink), photograph(dotted))) > 0.85


@pytest.mark.parametrize("width", [2, 3, 5])
@pytest.mark.parametrize("slope", [0, 0.05])
def test_a_straight_one_is_no_rule(width, slope):
    down, right = np.mgrid[:300, :200]
    one = (np.abs(right - 100 - slope * (down - 150)) < width / 2) & (np.abs(down - 150) < 140)
    wide = np.pad(one, 150)
    assert alike(*normalized(photograph(wide), photograph(one))) > 0.98


@pytest.mark.parametrize("width", [2, 3, 5])
@pytest.mark.parametrize("slope", [0.14, 0.3])
def test_the_stem_of_a_seven_that_reaches_both_sides_is_no_rule(width, slope):
    down, right = np.mgrid[:300, :220]
    stem = np.abs(right - 200 + slope * down) < width / 2
    seven = np.pad(stem | ((down < width) & (right > 90) & (right < 200)), ((0, 0), (0, 60)))
    assert alike(*normalized(photograph(np.pad(seven, 150)), photograph(seven))) > 0.95


def test_rules_alone_are_no_digit():
    rules = np.zeros((240, 300))
    rules[20::40] = rules[21::40] = 0.8
    with pytest.raises(ValueError, match="shows no digit"):
        normalized(photograph(rules))


@pytest.mark.parametrize("slope", [-0.14, 0.08, 0.14])
@pytest.mark.parametrize("digit", range(10))
def test_rules_may_rise_and_fall(digit, slope):
    ink = page_with(digit, height=90)
    down, right = np.mgrid[:240, :240]
    ruled = np.maximum(ink, 0.6 * ((down + slope * right) % 45 < 2))
    assert alike(*normalized(photograph(ink), photograph(ruled))) > 0.85


@pytest.mark.parametrize("turned", [-25, -12, 18, 25])
@pytest.mark.parametrize("digit", range(10))
def test_squared_paper_may_be_turned(digit, turned):
    ink = page_with(digit)
    turn = np.exp(1j * np.deg2rad(turned))
    across = (np.arange(240) + 1j * np.arange(240)[:, None]) * turn
    squares = (across.real % 35 < 1.5) | (across.imag % 35 < 1.5)
    assert alike(*normalized(photograph(ink), photograph(np.maximum(ink, 0.5 * squares)))) > 0.9


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("digit", range(10))
def test_rules_may_converge(digit, squared):
    ink = page_with(digit, height=100)
    down, right = np.mgrid[:240, :240] / 240
    nearer = 1 + 0.3 * right - 0.2 * down  # As on paper that lies askew to the camera.
    ruled = 9 * down / nearer % 1 < 0.07
    if squared:
        ruled |= 9 * right / nearer % 1 < 0.07
    assert alike(*normalized(photograph(ink), photograph(np.maximum(ink, 0.6 * ruled)))) > 0.9


@pytest.mark.parametrize("dithered", [False, True])
@pytest.mark.parametrize("digit", range(10))
def test_strong_noise_does_not_hide_a_digit(digit, dithered):
    ink = page_with(digit)
    photo = photograph(ink, 190 + np.random.default_rng(digit).normal(0, 40, ink.shape))
    if dithered:
        Image = pytest.importorskip("PIL.Image")
        photo = Image.fromarray(photograph(ink, 190)).convert("1")
    assert alike(*normalized(photograph(ink), photo)) > 0.85


@pytest.mark.parametrize("seed", range(5))
def test_noise_alone_is_no_digit(seed):
    page = np.random.default_rng(seed).normal(150, 30, (240, 300)).clip(0, 255)
    with pytest.raises(ValueError, match="shows no digit"):
        normalized(page.astype(np.uint8))


def test_parts_of_the_digit_are_kept():
    page = paper()
    write(page, np.ones((10, 70)), 60, 90)
    write(page, strokes(3, 90), 75, 80)
    whole, body = normalized(photograph(page), photograph(page_with(3, height=90)))
    assert whole.any(axis=1).nonzero()[0][0] <= 6
    assert alike(whole, body) < 0.95
