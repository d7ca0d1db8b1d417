"""Every digit of a number is found once, in the order in which the number is read."""

import numpy as np
import pytest
from drawing import alike, paper, photograph, strokes, write
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import gaussian_filter, rotate

from skdigits.digits import Box, DigitImages, extract_digits, find_digits
from skdigits.digits.paper.boxes import inked_box
from skdigits.digits.paper.pictures import read_picture


def write_line(page, number, top=40, left=40, height=90, gap=30):
    """Write digits side by side, up and down a little, and return their boxes."""
    boxes = []
    for place, digit in enumerate(number):
        ink = strokes(digit, height)
        boxes.append(write(page, ink, top + 8 * (place % 2), left))
        left = boxes[-1][3] + gap
    return boxes


def without_margin(boxes):
    """Return boxes less the margin of 3 pixels that strokes have in a drawing."""
    return np.array(boxes) + np.array([3, 3, -3, -3])


def assert_found(found, boxes):
    assert len(found) == len(boxes)
    assert_allclose(np.array(found), without_margin(boxes), atol=3)


@given(st.lists(st.integers(0, 9), min_size=1, max_size=5), st.booleans())
@settings(max_examples=12)
def test_a_number_is_read_from_left_to_right(number, inverted):
    page = paper((180, 600))
    boxes = write_line(page, number)
    image = photograph(page, np.linspace(120, 230, 600))
    assert_found(find_digits(255 - image if inverted else image), boxes)


def test_lines_are_read_from_top_to_bottom():
    page = paper((330, 450))
    boxes = write_line(page, [2, 0, 9], left=90) + write_line(page, [4, 1, 7], top=190, left=30)
    assert_found(find_digits(photograph(page)), boxes)


@pytest.mark.parametrize("slope", [-0.25, -0.1, 0.1, 0.25])
def test_lines_may_slant(slope):
    page, boxes = paper((500, 700)), []
    for number, top in (([2, 0, 9, 5], 130), ([4, 6, 7, 3], 240)):
        for place, digit in enumerate(number):
            left = 40 + 160 * place
            ink = strokes(digit, 60)
            boxes.append(write(page, ink, round(top + slope * (left - 280)), left))
    assert_found(find_digits(photograph(page)), boxes)


@pytest.mark.parametrize("side", range(4))
def test_a_number_may_reach_a_side_of_the_image(side):
    """Even its highest digit, as on a photograph that was cut out along the strokes."""
    page = paper((200, 560))
    boxes = without_margin(write_line(page, [6, 2, 8, 0, 3]))
    edges = boxes.min(axis=0)[:2].tolist() + boxes.max(axis=0)[2:].tolist()
    top, left, bottom, right = (
        edge if side == place else far
        for place, (edge, far) in enumerate(zip(edges, (0, 0, 200, 560), strict=True))
    )
    found = np.array(find_digits(photograph(page[top:bottom, left:right])))
    assert_allclose(found, boxes - np.array([top, left, top, left]), atol=3)


def test_a_thumb_and_a_shadow_at_the_border_are_no_digits_beside_others():
    page = paper((200, 560))
    boxes = write_line(page, [6, 2, 8, 0, 3])
    down, right = np.mgrid[:200, :560]
    light = np.where(((right - 300) / 25) ** 2 + ((down - 200) / 45) ** 2 < 1, 80, 220)
    light[right < 25 * (1 - down / 200)] = 90
    assert_found(find_digits(photograph(page, light)), boxes)


def test_rules_specks_and_borders_are_no_digits():
    page = paper((240, 600))
    boxes = write_line(page, [9, 0, 2, 1, 0], top=60)
    page[30::50] = page[31::50] = 0.8
    page[:, :6] = 1
    page[200:204, 300:304] = 1
    found = find_digits(photograph(page))
    assert len(found) == 5
    assert_allclose(np.array(found), without_margin(boxes), atol=8)


@pytest.mark.parametrize("askew", [0, 12])
@pytest.mark.parametrize("squared", [False, True])
def test_a_number_on_ruled_paper(squared, askew):
    page = paper((240, 600))
    boxes = write_line(page, [9, 0, 2, 1, 7], top=60)
    down, right = np.mgrid[:240, :600]
    rules = (down + askew * right / 600) % 25 < 2
    if squared:
        rules |= (right - askew * down / 600) % 25 < 2
    # Such rules are darker than half of the threshold that ink is over.
    light = 220 * np.where(rules, 0.65, 1) + np.random.default_rng(0).normal(0, 4, page.shape)
    found, X = extract_digits(photograph(page, light))
    assert len(found) == 5
    assert_allclose(np.array(found), without_margin(boxes), atol=8)
    _, expected = extract_digits(photograph(page))
    for one, other in zip(X, expected, strict=True):
        assert alike(one.reshape(28, 28), other.reshape(28, 28)) > 0.95


def test_a_number_on_a_sheet_askew():
    page = paper((180, 500))
    write_line(page, [6, 2, 8, 3])
    sheet = np.pad(photograph(page) - 50.0, 90)
    photo = rotate(sheet, 8, reshape=False, order=1) + 50
    alone = rotate(np.pad(page, 90), 8, reshape=False, order=1)
    assert_allclose(np.array(find_digits(photo)), np.array(find_digits(photograph(alone))), atol=3)


def test_each_digit_may_have_a_frame():
    page = paper((180, 600))
    boxes = write_line(page, [6, 2, 8, 0], gap=50)
    for top, left, bottom, right in boxes:
        frame = np.ones((bottom - top + 20, right - left + 20))
        frame[3:-3, 3:-3] = 0
        write(page, frame, top - 10, left - 10)
    assert_found(find_digits(photograph(page)), boxes)


def test_digits_in_the_cells_of_a_table():
    page = paper((300, 600))
    boxes = write_line(page, [6, 2, 8], gap=110, left=60, top=100)
    page[[20, 280]] = 1
    page[20:280, [20, 200, 390, 580]] = 1
    assert_found(find_digits(photograph(page)), boxes)


def test_bars_side_by_side_are_no_rule():
    page = paper((240, 600))
    for left in range(20, 560, 80):
        page[60:64, left : left + 50] = page[60:180, left + 46 : left + 50] = 1  # A seven.
    assert [box.top for box in find_digits(photograph(page))] == [60] * 7


def test_parts_belong_to_one_digit():
    page = paper((200, 400))
    write_line(page, [1], left=30)
    write(page, strokes(3, 70), 70, 150)
    write(page, np.ones((8, 50)), 55, 160)  # The bar of a five.
    write_line(page, [0], left=280)
    found = find_digits(photograph(page))
    assert len(found) == 3
    assert found[1].top == pytest.approx(55, abs=3)


@pytest.mark.parametrize("beside", [False, True])
def test_a_small_digit_beside_or_below_another_is_no_part_of_it(beside):
    page = paper((260, 300))
    _, _, bottom, right = large = write(page, strokes(0, 100), 40, 40)
    small = write(page, strokes(0, 50), *((60, right + 5) if beside else (bottom + 5, 60)))
    assert_found(find_digits(photograph(page)), [large, small])


def test_a_digit_that_reaches_all_sides_of_the_image_is_found():
    row, column = np.mgrid[:200, :120]
    seven = ((row < 24) | (np.abs(column - 100 + row / 3) < 20)).astype(float)
    assert_allclose(np.array(find_digits(photograph(seven))), [(0, 0, 200, 120)], atol=3)


def test_the_pixels_are_those_of_each_digit_alone():
    page = paper((180, 600))
    boxes = write_line(page, [6, 2, 8])
    _, X = extract_digits(photograph(page))
    assert X.shape == (3, 784)
    assert X.dtype == np.float32
    for (top, left, bottom, right), pixels in zip(boxes, X, strict=True):
        alone = paper((180, 180))
        write(alone, page[top:bottom, left:right], 45, 50)
        expected = DigitImages().transform([photograph(alone)])[0]
        assert alike(pixels.reshape(28, 28), expected.reshape(28, 28)) > 0.97


def test_boxes_are_in_pixels_of_a_large_image():
    page = paper((180, 400))
    boxes = write_line(page, [3, 5])
    large = np.kron(photograph(page), np.ones((5, 5), np.uint8))
    found = find_digits(large)
    assert_allclose(np.array(found), 5 * without_margin(boxes), atol=15)


def test_files(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    page = paper((180, 400))
    write_line(page, [3, 5])
    path = tmp_path / "number.png"
    Image.fromarray(photograph(page)).save(path)
    assert find_digits(path) == find_digits(photograph(page))


def test_a_digit_in_the_form_of_mnist_is_left_as_it_is():
    page = paper()
    write(page, strokes(5), 60, 70)
    X = DigitImages().transform([photograph(page)])
    boxes, pixels = extract_digits(X.reshape(28, 28))
    assert_array_equal(pixels, X)
    assert len(boxes) == 1


def test_blank_image_has_no_digits():
    boxes, X = extract_digits(np.full((60, 80), 255, np.uint8))
    assert boxes == []
    assert X.shape == (0, 784)


@pytest.mark.parametrize("width", [3, 10])
@pytest.mark.parametrize("seed", range(4))
def test_the_texture_of_paper_is_no_digit(seed, width):
    texture = gaussian_filter(np.random.default_rng(seed).normal(size=(180, 600)), width)
    light = 200 + 8 * texture / texture.std()
    page = paper((180, 600))
    assert find_digits(photograph(page, light)) == []
    boxes = write_line(page, [2, 7])
    assert_found(find_digits(photograph(page, light)), boxes)


def test_box_cuts_out():
    assert Box(1, 2, 3, 4).scaled((5, 5), (10, 15)) == Box(2, 6, 6, 12)


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_a_scaled_box_is_within_the_image_and_not_empty(old, new, data):
    first = data.draw(st.integers(0, old - 1))
    last = data.draw(st.integers(first + 1, old))
    box = Box(first, first, last, last).scaled((old, old), (new, new))
    assert 0 <= box.top < box.bottom <= new
    assert 0 <= box.left < box.right <= new


@pytest.mark.parametrize("size", [64, 200, 640])
@pytest.mark.parametrize("inverted", [False, True])
def test_bars_of_two_levels_are_looked_at_to_the_end(size, inverted):
    banner, corner = np.zeros((2, size, size), np.uint8)
    banner[size // 5 :] = 255
    banner[:, size // 2 : size // 2 + 4] = 0
    corner[: size // 2] = corner[size // 2 :, size // 2] = 255
    for page in (banner, corner):
        for box in find_digits(255 - page if inverted else page):
            assert box.of(page).size


@pytest.mark.parametrize("digit", range(10))
@pytest.mark.parametrize("margin", [0, 1, 4])
@pytest.mark.parametrize("height", [60, 140])
def test_a_digit_that_is_cut_out_tightly_is_found(digit, margin, height):
    ink = strokes(digit, height)
    tight = np.pad(inked_box(ink > 0.5).of(ink), margin)
    assert len(find_digits(photograph(tight))) == 1


def test_a_box_may_be_alone():
    assert_array_equal(Box(0, 1, 1, 3).alone(np.ones((2, 3))), [[0, 1, 1], [0, 0, 0]])


def test_boxes_are_in_pixels_of_a_small_image():
    page = np.full((30, 60), 255, np.uint8)
    page[6:24, 10:13] = page[5:25, 40:43] = 0
    assert_found(find_digits(page), [Box(6, 10, 24, 13), Box(5, 40, 25, 43)])


def test_a_box_grows_on_all_sides_and_no_further_than_the_corner():
    assert Box(5, 6, 8, 10).grown(2) == Box(3, 4, 10, 12)
    assert Box(1, 0, 8, 10).grown(2) == Box(0, 0, 10, 12)


def test_a_faint_stroke_with_a_dark_end_is_a_digit():
    page = np.full((300, 400), 255, np.uint8)
    page[60:200, 60:80] = 0
    page[60:180, 250:253] = 150
    page[60:63, 250:253] = 0
    boxes, X = extract_digits(page)
    assert len(boxes) == 2
    assert (X.max(axis=1) == 1).all()


def test_the_corner_of_an_image_whose_sides_shrink_unevenly():
    picture = read_picture(np.zeros((1999, 4003), np.uint8))
    whole = Box(0, 0, *picture.grey.shape)
    assert whole.scaled(picture.grey.shape, picture.shape) == (0, 0, 1999, 4003)


@pytest.mark.parametrize(
    "answer", [np.full((1, 11), 1 / 11), np.full((1, 10), np.nan), np.zeros(1, int)]
)
def test_what_is_no_probability_of_ten_digits_is_refused(answer):
    page = paper()
    write(page, strokes(0), 60, 70)
    with pytest.raises(ValueError, match="predict_proba returned an array of shape"):
        extract_digits(photograph(page), lambda _: answer)


def test_the_points_of_a_colon_are_no_digit():
    page = paper((180, 420))
    boxes = write_line(page, [1, 2], left=40) + write_line(page, [4, 8], left=230)
    page[75:91, 196:212] = page[104:120, 196:212] = 1
    assert_found(find_digits(photograph(page)), boxes)


def test_a_number_on_a_strip_of_paper_askew_on_a_table():
    page = paper((140, 900))
    write_line(page, [6, 2, 8, 3], top=30, height=60)
    photo = rotate(np.pad(photograph(page) - 60.0, 90), 4, reshape=False, order=1) + 60
    alone = rotate(np.pad(page, 90), 4, reshape=False, order=1)
    assert_allclose(np.array(find_digits(photo)), np.array(find_digits(photograph(alone))), atol=3)


def test_the_edge_of_a_shadow_under_a_faint_number():
    page = paper((180, 600))
    boxes = write_line(page, [6, 2, 8, 0, 3], height=50, gap=50)
    shadow = 1 / (1 + np.exp((350 - np.arange(600)) / 12))
    assert_found(find_digits(photograph(page, 220 * (1 - 0.5 * shadow), 0.5)), boxes)


@pytest.mark.parametrize("seed", range(5))
def test_a_number_on_crumpled_paper(seed):
    page, rng = paper((180, 600)), np.random.default_rng(seed)
    boxes = write_line(page, [6, 2, 8, 0, 3], height=60, gap=40)
    down, right = np.ogrid[:180, :600]
    distances = (down[..., None] - rng.uniform(0, 180, 30)) ** 2 + (
        right[..., None] - rng.uniform(0, 600, 30)
    ) ** 2
    facets = rng.uniform(0.75, 1, 30)[distances.argmin(axis=-1)]
    assert_found(find_digits(photograph(page, 220 * facets)), boxes)
