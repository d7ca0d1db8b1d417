"""Upright digits: one slant, place and size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import affine_transform
from small import few_digits

from skdigits.digits import (
    Compose,
    ElasticDeformation,
    Fading,
    RandomAffine,
    Upright,
)

SHAPE = (28, 28)


def bar(slant, width=3):
    """An upright bar in the middle, sheared by so many columns per row."""
    image = np.zeros(SHAPE)
    image[4:24, 14 - width // 2 : 15 + width // 2] = 1
    matrix = np.array([[1, 0], [-slant, 1]])
    centre = np.full(2, 13.5)
    return affine_transform(image, matrix, centre - matrix @ centre, order=1)


def slant_of(image):
    rows, columns = np.indices(image.shape)
    row, column = (np.average(i, weights=image) for i in (rows, columns))
    covariance = np.average((rows - row) * (columns - column), weights=image)
    return covariance / np.average((rows - row) ** 2, weights=image)


def upright(*images, **params):
    rows = np.stack([image.ravel() for image in images])
    normalize = Upright(image_shape=images[0].shape, **params).prepare
    return normalize(rows).reshape(-1, *images[0].shape)


def moments(image):
    """The mean row and column, and the deviations along the rows and, deslanted, the columns."""
    rows, columns = np.indices(image.shape)
    row, column = (np.average(i, weights=image) for i in (rows, columns))
    straight = columns - column - slant_of(image) * (rows - row)
    height = np.average((rows - row) ** 2, weights=image) ** 0.5
    return row, column, height, np.average(straight**2, weights=image) ** 0.5


@given(st.floats(-0.4, 0.4), st.sampled_from([0, 0.3]))
def test_a_slanted_bar_stands_upright(slant, stretch):
    (image,) = upright(bar(slant), stretch=stretch)
    assert abs(slant_of(image)) < 0.03


@given(st.integers(-3, 3), st.integers(-5, 5))
def test_the_ink_is_centred_where_mnist_has_it(down, right):
    (image,) = upright(np.roll(bar(0.1), (down, right), axis=(0, 1)))
    assert_allclose(moments(image)[:2], 14, atol=0.05)


def test_no_ink_is_lost_without_stretching():
    assert_allclose(upright(bar(0.2), stretch=0).sum(), bar(0.2).sum(), rtol=0.02)


@pytest.mark.parametrize("rows", [slice(5, 22), slice(8, 20)])
def test_height_and_width_become_what_is_asked_for(rows):
    image = np.zeros(SHAPE)
    image[rows, 9:20] = 1
    (image,) = upright(image, stretch=1, height=0.2, width=0.12)
    assert_allclose(moments(image)[2:], [0.2 * 28, 0.12 * 28], rtol=0.05)


def test_nothing_is_stretched_beyond_its_bounds():
    image = bar(0, width=9)
    *_, height_before, width_before = moments(image)
    *_, height, width = moments(upright(image, stretch=0.2, height=1, width=1)[0])
    assert_allclose([height, width], [1.2 * height_before, 1.2 * width_before], rtol=0.02)


def test_what_is_upright_centred_and_of_that_size_stays_as_it_is():
    once = upright(bar(0.3, width=9), stretch=1)
    assert_allclose(upright(once[0], stretch=1), once, atol=0.1)


def test_the_darkest_pixel_is_no_ink():
    image, inside = bar(0.3, width=9), np.s_[0, 7:21, 7:21]
    assert_allclose(upright(2 * image - 1)[inside], 2 * upright(image)[inside] - 1, atol=1e-6)


@pytest.mark.parametrize("image", [np.zeros((5, 5)), np.outer([0, 0, 1, 0, 0], np.ones(5))])
def test_ink_in_no_row_or_one_has_no_slant(image):
    assert_array_equal(upright(image, stretch=0)[0], image)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scale_and_type_of_the_pixels_do_not_matter(dtype):
    images = few_digits(20)[0].astype(dtype)
    normalize = Upright(image_shape=(8, 8)).prepare
    assert normalize(images).dtype == dtype
    assert_allclose(normalize(images * 16), 16 * normalize(images), atol=1e-4)


def test_half_precision_has_room_for_the_moments_of_large_images():
    image = np.zeros((64, 64))
    image[8:56, 20:40] = 1
    (expected,), (found,) = upright(image), upright(image.astype(np.float16))
    assert_allclose(found, expected, atol=1e-2)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"stretch": -1}, r"Upright: stretch=-1 is not allowed"),
        ({"height": 0}, r"Upright: height=0 is not allowed"),
        ({}, r"Upright: image_shape=\(28, 28\).*64 pixels"),
    ],
)
def test_what_is_wrong_is_named(params, message):
    with pytest.raises(ValueError, match=message):
        Upright(**params).prepare(np.ones((2, 64)))


SHAKEN = RandomAffine(image_shape=(8, 8), shift=0) + ElasticDeformation(image_shape=(8, 8))
STEP = Upright(image_shape=(8, 8))


def test_a_composition_normalises_by_all_its_steps():
    images = few_digits(20)[0].astype(float)
    assert SHAKEN.prepare is None
    assert Fading(augment=SHAKEN).prepare is None
    twice = Fading(augment=SHAKEN + STEP + STEP).prepare
    assert_array_equal(twice(images), STEP.prepare(STEP.prepare(images)))
    plain = Compose(steps=[lambda batch, rng: batch])
    assert plain.prepare is None
