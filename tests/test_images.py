"""Whatever the paper, the light, the pen and the file, a digit becomes what MNIST would have."""

import struct
import sys
from pathlib import Path

import numpy as np
import pytest
from drawing import alike, paper, photograph, strokes, write
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import gaussian_filter, grey_dilation, rotate
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import (
    check_get_params_invariance,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
)
from small import MNIST_HOME, needs_mnist

from skdigits.digits import DigitImages, find_digits, load_mnist
from skdigits.digits.pictures import canvas, unit_range
from skdigits.digits.resampling import area_average

digits = st.integers(0, 9)


def normalized(*images):
    return DigitImages().transform(list(images)).reshape(-1, 28, 28)


def page_with(digit, top=60, left=70, height=120, shape=(240, 240)):
    page = paper(shape)
    write(page, strokes(digit, height), top, left)
    return page


# The form of MNIST


@needs_mnist
@pytest.mark.parametrize("part", ["X_train", "X_test"])
def test_mnist_is_left_as_it_is(part):
    X = getattr(load_mnist(data_home=MNIST_HOME), part)
    expected = X.astype(np.float32) / np.float32(255)
    assert_array_equal(DigitImages().transform(X), expected)
    if part == "X_test":
        for same in (X.astype(np.float64), X.astype(np.int16), expected, expected.astype(float)):
            assert_array_equal(DigitImages().transform(same), expected)
        for row in (0, 1, 2):  # One at a time, through the slower way.
            assert_array_equal(DigitImages().transform([X[row]])[0], expected[row])


@given(digits, st.integers(30, 150))
@settings(max_examples=12)
def test_output_has_the_form_of_mnist(digit, height):
    (image,) = normalized(photograph(page_with(digit, height=height)))
    rows, columns = image.any(axis=1).nonzero()[0], image.any(axis=0).nonzero()[0]
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20)
    centre = np.array([(image.sum(axis) * np.arange(28)).sum() for axis in (1, 0)]) / image.sum()
    assert_allclose(centre, 14, atol=0.51)
    assert image.dtype == np.float32
    assert image.min() == 0
    assert image.max() == 1
    assert ((image > 0) & (image < 1)).any()


@pytest.mark.parametrize("digit", range(10))
def test_output_of_the_output_is_itself(digit):
    once = DigitImages().transform([photograph(page_with(digit))])
    assert_array_equal(DigitImages().transform(once), once)
    assert_array_equal(DigitImages().transform(np.rint(once * 255).astype(np.uint8)), once)


def test_aspect_is_kept():
    wide, high = np.zeros((2, 100, 100), np.uint8)
    wide[40:60, 10:90] = high[10:90, 40:60] = 255
    for image in normalized(wide, high.T):
        rows, columns = image.any(axis=1).sum(), image.any(axis=0).sum()
        assert columns == 20
        assert 3 <= rows <= 6


@pytest.mark.parametrize("width", [1, 2, 5, 20, 30])
def test_strokes_have_the_width_of_mnist(width):
    page = np.full((240, 240), 255, np.uint8)
    page[40:200, 100 : 100 + width] = 0
    (image,) = normalized(page)
    assert 2 <= np.median(image.sum(axis=1)[image.any(axis=1)]) <= 4


# What must not matter


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
def test_specks_and_dark_borders_are_dropped(digit):
    ink = page_with(digit)
    dirty = ink.copy()
    rows, columns = np.random.default_rng(digit).integers(0, 236, (2, 20))
    for row, column in zip(rows, columns, strict=True):
        dirty[row : row + 3, column : column + 3] = 1
    dirty[:, :8] = dirty[-5:] = 1
    one, other = normalized(photograph(ink), photograph(dirty))
    assert alike(one, other) > 0.95


@pytest.mark.parametrize("digit", range(10))
def test_a_dark_strip_at_the_border_is_not_the_digit(digit):
    ink = page_with(digit, top=95, left=105, height=45)
    held = ink.copy()
    held[15:225, :25] = 1
    one, other = normalized(photograph(ink), photograph(held))
    assert alike(one, other) > 0.95


@pytest.mark.parametrize("digit", range(10))
def test_what_reaches_over_a_dark_border_is_not_the_digit(digit):
    ink = page_with(digit, top=95, left=105, height=45)
    held = ink.copy()
    held[:, :20] = held[40:200, :45] = 1
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


@pytest.mark.parametrize(("table", "turned"), [(50, 12), (50, -25), (150, 12)])
@pytest.mark.parametrize("digit", range(10))
def test_a_sheet_on_a_table_is_read_like_the_sheet(digit, turned, table):
    ink = page_with(digit)
    on_table = np.pad(photograph(ink) - float(table), 60)
    photo = rotate(on_table, turned, reshape=False, order=1) + table
    alone = rotate(np.pad(ink, 60), turned, reshape=False, order=1)
    assert alike(*normalized(photograph(alone), photo)) > 0.9


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


# What comes in


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64, np.float32, np.float64])
def test_any_number_of_bits(dtype):
    page = photograph(page_with(5))
    expected = normalized(page)
    same = page.astype(dtype)
    if dtype == np.uint16:
        same *= 257
    assert_allclose(normalized(same), expected, atol=0.05)
    if np.issubdtype(dtype, np.floating):
        assert_allclose(normalized(same / 255), expected, atol=0.05)


@given(st.sampled_from([1, 16, 255]), st.floats(0.51, 1), st.integers(1, 3))
def test_each_image_has_the_range_of_its_brightest_pixel(top, share, n_images):
    images = np.zeros((n_images, 5, 5))
    images[-1, 2, 2] = share * top
    assert unit_range(images).max() == pytest.approx(share)


def test_booleans():
    page = page_with(5) > 0.5
    assert_array_equal(normalized(page), normalized(page.astype(np.uint8) * 255))


@pytest.mark.parametrize("side", [8, 16])
def test_small_rows_are_square_images(side):
    X = load_digits().images[:5]
    X = np.kron(X, np.ones((side // 8, side // 8)))
    rows = DigitImages().transform(X.reshape(5, -1))
    assert_array_equal(rows, DigitImages().transform(X))
    assert_array_equal(rows, DigitImages().transform(X.astype(np.uint8)))


def test_digits_of_scikit_learn_are_told_apart():
    X, y = load_digits(return_X_y=True)
    X, y = DigitImages().transform(X[:400]), y[:400]
    assert (
        LogisticRegression(C=0.1, max_iter=300).fit(X[:250], y[:250]).score(X[250:], y[250:]) > 0.8
    )


def test_colours_and_transparency():
    page = photograph(page_with(4))
    expected = normalized(page)
    colour = np.stack([page] * 3, axis=-1)
    opaque = np.dstack([colour, np.full_like(page, 255)])
    ink = np.rint(255 * page_with(4)).astype(np.uint8)
    black, white = (np.dstack([np.full_like(colour, value), ink]) for value in (0, 255))
    assert_array_equal(normalized(colour, opaque), np.repeat(expected, 2, axis=0))
    assert_array_equal(DigitImages().transform(np.stack([colour])), expected.reshape(1, -1))
    for image in normalized(black, white):
        assert alike(image, expected[0]) > 0.98


@pytest.mark.parametrize(
    ("ink", "paper"),
    [((120, 70, 20), (255, 0, 0)), ((0, 114, 0), (224, 0, 0)), ((0, 0, 255), (97, 0, 0))],
)
@pytest.mark.parametrize("grain", [0, 5])
def test_ink_as_light_as_its_paper(ink, paper, grain):
    cover = page_with(4)[..., None]
    noise = np.random.default_rng(0).normal(0, grain, cover.shape)
    page = np.clip(cover * ink + (1 - cover) * paper + noise, 0, 255).astype(np.uint8)
    assert alike(normalized(page)[0], normalized(photograph(page_with(4)))[0]) > 0.95


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff", ".gif", ".bmp"])
def test_files(tmp_path, suffix):
    Image = pytest.importorskip("PIL.Image")
    page = photograph(page_with(6))
    path = tmp_path / f"six{suffix}"
    Image.fromarray(page).save(path)
    with Image.open(path) as read:
        read.load()
    for image in normalized(path, str(path), read):
        assert alike(image, normalized(page)[0]) > 0.98


@pytest.mark.parametrize(
    "mode", ["P", "LA", "La", "RGB", "RGBA", "CMYK", "YCbCr", "I", "I;16", "F"]
)
def test_pillow_modes(mode):
    Image = pytest.importorskip("PIL.Image")
    page = photograph(page_with(6))
    # Only what has an alpha can have it multiplied in.
    image = Image.fromarray(page).convert("LA" if mode == "La" else "L").convert(mode)
    assert alike(normalized(image)[0], normalized(page)[0]) > 0.97


@pytest.mark.parametrize("mode", ["LA", "La", "PA", "RGBA", "RGBa"])
def test_what_is_transparent_shows_paper_in_each_mode(mode):
    Image = pytest.importorskip("PIL.Image")
    ink = np.rint(255 * page_with(6)).astype(np.uint8)
    # Only what has an alpha can have it multiplied in.
    image = Image.new({"La": "LA", "RGBa": "RGBA"}.get(mode, mode), ink.T.shape)
    image.putalpha(Image.fromarray(ink))
    assert alike(normalized(image.convert(mode))[0], normalized(255 - ink)[0]) > 0.99


def test_a_palette_may_have_a_colour_that_is_transparent(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    page = page_with(6) > 0.5
    image = Image.fromarray(page.astype(np.uint8), mode="P")
    image.putpalette([0] * 6)
    image.save(tmp_path / "six.png", transparency=0)
    assert_array_equal(normalized(tmp_path / "six.png"), normalized(~page))


@pytest.mark.parametrize(("orientation", "turns"), [(3, 2), (6, 1), (8, 3)])
def test_exif_rotation(tmp_path, orientation, turns):
    Image = pytest.importorskip("PIL.Image")
    page = photograph(page_with(7, shape=(240, 300)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "seven.jpg"
    Image.fromarray(np.rot90(page, turns)).save(path, exif=exif, quality=95)
    assert alike(normalized(path)[0], normalized(page)[0]) > 0.99


@pytest.mark.parametrize(
    ("orientation", "mirrored"),
    [
        (2, np.fliplr),
        (4, np.flipud),
        (5, np.transpose),
        (7, lambda page: np.rot90(page, 2).T),
    ],
)
def test_exif_mirroring(orientation, mirrored):
    Image = pytest.importorskip("PIL.Image")
    page = photograph(page_with(7, shape=(240, 300)))
    image = Image.fromarray(mirrored(page))
    image.getexif()[0x0112] = orientation
    assert_array_equal(normalized(image), normalized(page))


@pytest.mark.parametrize("mode", ["RGB", "LA", "I;16"])
def test_what_is_drawn_on_is_upright_too(mode, tmp_path):
    Image = pytest.importorskip("PIL.Image")
    page = photograph(page_with(7, shape=(240, 300)))
    levels = np.rot90(page)
    image = Image.fromarray(levels.astype(np.uint16) * 257 if mode == "I;16" else levels)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.convert(mode).save(tmp_path / "seven.png", exif=exif)
    drawn_on = np.asarray(canvas(str(tmp_path / "seven.png")))
    assert drawn_on.shape == (240, 300, 3)
    assert_allclose(normalized(drawn_on), normalized(page), atol=0.05)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_exif_data_may_be_damaged(tmp_path, suffix):
    Image = pytest.importorskip("PIL.Image")
    page = photograph(page_with(7, shape=(240, 300)))
    # Orientation 6, and a resolution that is text.
    tags = struct.pack("<HHII", 0x112, 3, 1, 6) + struct.pack("<HHI4s", 0x11A, 2, 4, b"72")
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + tags + bytes(4)
    path = tmp_path / f"seven{suffix}"
    Image.fromarray(np.rot90(page)).convert("RGB").save(path, exif=exif, quality=95)
    assert alike(normalized(path)[0], normalized(page)[0]) > 0.98
    Image.fromarray(page).convert("RGB").save(path, exif=b"Exif\0\0garbage!", quality=95)
    for image in (path, Image.open(path)):
        assert alike(normalized(image)[0], normalized(page)[0]) > 0.98


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_sixteen_bits_may_hold_fewer(bits, order):
    ink = page_with(5)
    levels = (ink / ink.max() * (2**bits - 1)).astype(order)
    expected = normalized(levels.astype(float) / (2**bits - 1))
    assert_allclose(normalized(levels), expected, atol=0.05)


def test_mnist_form_in_a_file(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    pixels = np.rint(255 * normalized(photograph(page_with(2)))[0]).astype(np.uint8)
    grey, colour = tmp_path / "grey.png", tmp_path / "colour.png"
    Image.fromarray(pixels).save(grey)
    Image.fromarray(pixels).convert("RGBA").save(colour)
    assert_array_equal(normalized(grey, colour), [pixels / np.float32(255)] * 2)


def test_mixed_lists(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    pages = [photograph(page_with(digit, shape=(240, 240 + digit))) for digit in range(4)]
    Image.fromarray(pages[1]).save(tmp_path / "one.png")
    mixed = [pages[0], tmp_path / "one.png", Image.fromarray(pages[2]), pages[3].tolist()]
    assert_array_equal(DigitImages().transform(mixed), DigitImages().transform(pages))


def test_large_photographs():
    page = photograph(page_with(8))
    (large,) = normalized(np.kron(page, np.ones((10, 10), np.uint8)))
    assert alike(large, normalized(page)[0]) > 0.97


# What goes wrong


@pytest.mark.parametrize("value", [0, 128, 255])
def test_blank_image_is_named(value):
    page = photograph(page_with(5))
    with pytest.raises(ValueError, match="image 1 shows no digit"):
        DigitImages().transform([page, np.full((50, 60), value, np.uint8)])


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 3), (70, 2), (2, 900)])
def test_tiny_images(shape):
    page = np.full(shape, 255, np.uint8)
    with pytest.raises(ValueError, match="image 0 shows no digit"):
        DigitImages().transform([page])
    page[shape[0] // 2, shape[1] // 2] = 0
    if max(shape) > 1:
        assert find_digits(page) == [] or normalized(page).max() == 1


def test_blank_paper_is_named(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    light = np.linspace(100, 220, 300) + np.random.default_rng(0).normal(0, 4, (200, 300))
    path = tmp_path / "blank.png"
    Image.fromarray(light.astype(np.uint8)).save(path)
    with pytest.raises(ValueError, match=r"blank\.png shows no digit"):
        DigitImages().transform([path])


@pytest.mark.parametrize("content", [b"", b"not an image", "truncated"])
def test_damaged_file_is_named(tmp_path, content):
    Image = pytest.importorskip("PIL.Image")
    path = tmp_path / "damaged.png"
    if content == "truncated":
        Image.fromarray(photograph(page_with(5))).save(path)
        content = path.read_bytes()[:-200]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged\.png is damaged, or not an image"):
        DigitImages().transform([path])


def test_missing_file_is_named(tmp_path):
    pytest.importorskip("PIL.Image")
    with pytest.raises(FileNotFoundError, match="absent"):
        DigitImages().transform([tmp_path / "absent.png"])


def test_without_pillow(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert normalized(photograph(page_with(5))).max() == 1
    with pytest.raises(ImportError, match=r"five\.png .* pip install skdigits\[image\]"):
        DigitImages().transform(["five.png"])


@pytest.mark.parametrize(
    "X", [np.ones((3, 100)), np.ones((3, 3)), np.ones((40, 40, 3)), np.ones((2, 30, 30, 5))]
)
def test_wrong_shapes(X):
    with pytest.raises(ValueError, match="shape"):
        DigitImages().transform(X)


@pytest.mark.parametrize("X", ["five.png", Path("five.png"), b"five", 5, None])
def test_no_sequence_of_images(X):
    with pytest.raises(TypeError, match="expected a sequence of images"):
        DigitImages().transform(X)


@pytest.mark.parametrize("X", [{"a": np.zeros((40, 40))}, {"a.png"}, frozenset({"a.png"})])
def test_what_has_no_order_is_no_sequence_of_images(X):
    with pytest.raises(TypeError, match="expected a sequence of images"):
        DigitImages().transform(X)


@pytest.mark.parametrize("path", ["a\0b.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Path("\0")])
def test_what_is_no_path_is_named(path):
    page = photograph(page_with(5))
    with pytest.raises(ValueError, match="as image 1 is no path: it has a null byte"):
        DigitImages().transform([page, path])


def test_no_images():
    with pytest.raises(ValueError, match="no images"):
        DigitImages().transform([])


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("side", [28, 40])
def test_pixels_must_be_finite(value, side):
    X = np.zeros((2, side, side))
    X[1, 3, 3] = value
    X[0, 10:20, 10:13] = 1
    with pytest.raises(ValueError, match=r"image 1 .* NaN or infinite"):
        DigitImages().transform(X)


# scikit-learn


@pytest.mark.parametrize(
    "check",
    [
        check_get_params_invariance,
        check_no_attributes_set_in_init,
        check_parameters_default_constructible,
        check_set_params,
    ],
)
def test_is_an_estimator(check):
    check("DigitImages", DigitImages())


def test_needs_no_fit():
    transformer = clone(DigitImages())
    assert transformer.fit([]) is transformer
    page = photograph(page_with(1))
    assert_array_equal(transformer.transform([page]), DigitImages().fit_transform([page]))


def test_feature_names_and_pandas():
    pd = pytest.importorskip("pandas")
    names = DigitImages().get_feature_names_out()
    assert list(names) == [f"pixel{number}" for number in range(784)]
    X = pd.DataFrame(load_digits().data[:3], index=["a", "b", "c"])
    frame = DigitImages().set_output(transform="pandas").fit_transform(X)
    assert list(frame.columns) == list(names)
    assert_array_equal(frame.to_numpy(), DigitImages().transform(X.to_numpy()))


def test_tables_whose_numbers_may_be_missing():
    pd = pytest.importorskip("pandas")
    X = load_digits().data[:3]
    table = pd.DataFrame(X).astype("Int64")
    for numbers in (table, table.astype(object)):
        assert_array_equal(DigitImages().transform(numbers), DigitImages().transform(X))
    table.iloc[1, 3] = pd.NA
    with pytest.raises(ValueError, match="Input X contains NaN"):
        DigitImages().transform(table)


def test_in_a_pipeline():
    pages = [photograph(page_with(digit)) for digit in (0, 1, 7) * 2]
    y = [0, 1, 7] * 2
    model = make_pipeline(DigitImages(), LogisticRegression()).fit(pages, y)
    assert_array_equal(model.predict([255 - page for page in pages]), y)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_signed_integers_do_not_wrap_around(dtype):
    page = paper()
    write(page, strokes(5), 60, 70)
    image = photograph(page)
    shifted = (image.astype(int) - 128) * ((np.iinfo(dtype).max + 1) // 128)
    one, other = DigitImages().transform([image, shifted.astype(dtype)]).reshape(2, 28, 28)
    assert alike(one, other) > 0.99
