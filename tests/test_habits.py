"""Upstrokes and slashes: on ones and zeros alone, and where a hand would draw them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy.ndimage import zoom
from small import seeds
from test_upright import bar

from skdigits.digits import DigitImages, Fading, Slash, Upstroke, load_digits_8x8

slants, widths = st.floats(-0.25, 0.25), st.sampled_from([1, 3])
ROWS, COLUMNS = np.indices((28, 28))


def rows_of(*images):
    return np.stack([image.ravel() for image in images])


def changed_by(kind, image, seed=0, **params):
    augment = kind(**({"share": 1} | params), image_shape=image.shape)
    return augment(rows_of(image), np.random.default_rng(seed)).reshape(image.shape)


def ring(outer=10, inner=7, flat=1.0, turn=0.0):
    """A ring whose height is a share of its width, turned by an angle in radians."""
    down, right = ROWS - 13.5, COLUMNS - 13.5
    across = (np.cos(turn) * down - np.sin(turn) * right) / flat
    distance = np.hypot(across, np.sin(turn) * down + np.cos(turn) * right)
    return ((inner <= distance) & (distance <= outer)).astype(float)


@given(slants, widths, seeds)
def test_ink_is_added_at_the_upper_left_and_none_is_lost(slant, width, seed):
    stem = bar(slant, width)
    changed = changed_by(Upstroke, stem, seed)
    assert (changed >= stem).all()
    assert changed.max() <= 1
    added = changed > stem + 0.5
    stem_at = 13.5 + slant * (ROWS - 13.5)
    assert (COLUMNS[added] < stem_at[added]).all()
    assert (ROWS[added] < 20).all()


@given(slants, widths, seeds)
def test_an_upstroke_ends_between_25_and_60_degrees_from_the_vertical(slant, width, seed):
    stem = bar(slant, width)
    added = changed_by(Upstroke, stem, seed, length=1) > stem + 0.5
    if added.sum() > 20 * width:  # Long enough for its end to show where it goes.
        end = np.argmin(np.where(added, COLUMNS, 28))
        top = 4 + width / 2
        down, left = ROWS.flat[end] - top, 13.5 + slant * (top - 13.5) - COLUMNS.flat[end]
        assert 18 < np.degrees(np.arctan2(left, down)) < 67


def test_lengths_go_up_to_that_of_the_parameter():
    stems = rows_of(*[bar(0, 3)] * 500)
    reach = {}
    for length in (0.3, 0.9):
        changed = Upstroke(share=1, length=length)(stems, np.random.default_rng(0))
        left = (changed > 0.5).reshape(-1, 28, 28).any(axis=1).argmax(axis=1)
        reach[length] = 13 - left.min()
        assert left.max() >= 12
    # A stem of 20 pixels, at 60 degrees at most.
    assert 20 * 0.3 * 0.8 < reach[0.3] <= 20 * 0.3 + 1
    assert 20 * 0.9 * 0.8 * np.sin(np.pi / 3) < reach[0.9] <= 20 * 0.9 + 1


SHAPES = {
    "stem": bar(0.1, 3),
    "ring": ring(),
    "ellipse": ring(flat=0.6, turn=2),
    "dot": ring(3, 0),
    "level": bar(0, 3).T,
    "leaning": bar(0.6, 3),
    "leaning back": bar(-0.6, 3),
    "broad": bar(0, 7),
    "two stems": np.maximum(bar(0, 3), np.roll(bar(0, 3), 7, axis=1)),
    "half a ring": np.where(ROWS < 14, ring(), 0),
    "slashed ring": np.maximum(ring(), bar(-0.2, 3)),
    "two rings": np.maximum(np.roll(ring(6, 3), -5, axis=0), np.roll(ring(6, 3), 5, axis=0)),
    "blank": np.zeros((28, 28)),
    "noise": np.random.default_rng(0).random((28, 28)),
}


@pytest.mark.parametrize(
    ("kind", "suiting"), [(Upstroke, {"stem"}), (Slash, {"ring", "ellipse"})], ids=["stem", "ring"]
)
def test_only_steep_slim_strokes_and_rings_are_changed(kind, suiting):
    changed = {name for name, image in SHAPES.items() if (changed_by(kind, image) != image).any()}
    assert changed == suiting


@pytest.mark.parametrize("kind", [Upstroke, Slash])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_ink_without_width_or_height_is_measured_too(kind, dtype):
    images = np.zeros((4, 28, 28), dtype)
    images[0, 4:24, 9] = images[1, 9, 4:24] = images[2, 3, 3] = 1
    images[3] = np.eye(28)
    changed = kind(share=1)(images.reshape(4, 784), np.random.default_rng(0))
    assert np.isfinite(changed).all()
    assert_array_equal(changed[1:], images.reshape(4, 784)[1:])


@given(st.floats(0.6, 1), st.floats(0, np.pi), seeds)
def test_a_slash_goes_through_the_centre_from_the_upper_right(flat, turn, seed):
    image = ring(flat=flat, turn=turn)
    changed = changed_by(Slash, image, seed)
    assert (changed >= image).all()
    assert changed.max() <= 1
    added = changed > image + 0.5
    down, right = ROWS[added] - 13.5, COLUMNS[added] - 13.5
    assert np.hypot(down.mean(), right.mean()) < 1
    assert np.corrcoef(down, right)[0, 1] < -0.5
    angle = np.degrees(np.arctan2(-(down * right).mean(), (down * down).mean()))
    assert 15 < angle < 65


def test_a_slash_is_as_wide_as_the_stroke_of_the_ring():
    for outer, inner in ((10, 8), (10, 7), (11, 7)):
        changed = changed_by(Slash, ring(outer, inner), length=1.0)
        inside = np.hypot(ROWS - 13.5, COLUMNS - 13.5) < 3
        area = changed[inside].sum()
        # A straight stroke through a disc of that radius.
        assert area == pytest.approx(6 * (outer - inner), rel=0.25)


@pytest.mark.parametrize(("kind", "digit"), [(Upstroke, 1), (Slash, 0)])
def test_of_real_digits_ones_and_zeros_get_strokes(kind, digit):
    digits = load_digits_8x8()
    # Of 8 x 8 pixels, their strokes would be as blurred as those of no pen.
    large = zoom(digits.X_train.reshape(-1, 8, 8) / 16, (1, 4, 4), order=1)
    images = DigitImages().transform(large)
    changed = kind(share=1)(images, np.random.default_rng(0))
    drawn = (changed != images).any(axis=1)
    assert drawn.sum() > 20
    assert (digits.y_train[drawn] == digit).mean() > 0.9


def test_the_share_of_stems_is_that_of_the_parameter():
    stems = rows_of(*[bar(0.1, 3)] * 2000)
    changed = Upstroke(share=0.3)(stems, np.random.default_rng(0))
    # Three deviations of a binomial; one in fifty is too short to show.
    assert abs((changed != stems).any(axis=1).mean() - 0.3) < 0.04
    assert_array_equal(Upstroke(share=0)(stems, np.random.default_rng(0)), stems)
    assert Fading(augment=Upstroke(share=0.4), end=0.5).at(1).share == 0.2
