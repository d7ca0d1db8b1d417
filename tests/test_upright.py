"""Upright digits: one slant, place and size, in training and in prediction."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import affine_transform
from small import classifier

from skdigits.digits import (
    Compose,
    ElasticDeformation,
    Fading,
    RandomAffine,
    Upright,
    load_digits_8x8,
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
    images = load_digits_8x8().X_test[:20].astype(dtype)
    normalize = Upright(image_shape=(8, 8)).prepare
    assert normalize(images).dtype == dtype
    assert_allclose(normalize(images / 16) * 16, normalize(images), atol=1e-4)


def test_one_by_one_is_as_all_at_once():
    images = load_digits_8x8().X_test[:20].astype(float)
    normalize = Upright(image_shape=(8, 8)).prepare
    single = np.concatenate([normalize(image[np.newaxis]) for image in images])
    assert_allclose(single, normalize(images), atol=1e-8)


def test_as_an_augmentation_it_is_not_random_and_does_not_fade():
    images = load_digits_8x8().X_test[:20].astype(float)
    step = Upright(image_shape=(8, 8))
    rng = np.random.default_rng(0)
    assert_array_equal(step(images, rng), step.prepare(images))
    assert_array_equal(step.scaled(0)(images, rng), step(images, rng))
    assert rng.integers(2**32) == np.random.default_rng(0).integers(2**32)


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
    images = load_digits_8x8().X_test[:20].astype(float)
    assert SHAKEN.prepare is None
    assert Fading(augment=SHAKEN).prepare is None
    twice = Fading(augment=SHAKEN + STEP + STEP).prepare
    assert_array_equal(twice(images), STEP.prepare(STEP.prepare(images)))
    plain = Compose(steps=[lambda batch, rng: batch])
    assert plain.prepare is None


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_predictions_and_validation_are_normalised_as_the_training_is():
    digits = load_digits_8x8()
    X, y = (digits.X_train / 16).astype(np.float32), digits.y_train
    X_test, y_test = (digits.X_test / 16).astype(np.float32), digits.y_test
    inside = classifier(augment=STEP, max_iter=5).fit(X, y, X_val=X_test, y_val=y_test)
    normalize = STEP.prepare
    outside = classifier(max_iter=5).fit(normalize(X), y, X_val=normalize(X_test), y_val=y_test)
    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        assert_allclose(inside.history_[name], outside.history_[name], rtol=1e-3)
    probabilities = inside.predict_proba(X_test)
    assert_allclose(probabilities, outside.predict_proba(normalize(X_test)), atol=1e-3)
    again = pickle.loads(pickle.dumps(inside))
    assert_array_equal(again.predict_proba(X_test), probabilities)
