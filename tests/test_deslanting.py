"""Deslanted digits: upright, nothing lost, a transformer like any other."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import affine_transform
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import (
    check_get_params_invariance,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
)
from small import classifier

from skdigits.digits import Deslant, load_digits_8x8

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


def upright(*images):
    rows = np.stack([image.ravel() for image in images])
    return Deslant(image_shape=images[0].shape).fit_transform(rows).reshape(-1, *images[0].shape)


@pytest.mark.parametrize(
    "check",
    [
        check_get_params_invariance,
        check_no_attributes_set_in_init,
        check_parameters_default_constructible,
        check_set_params,
    ],
)
def test_scikit_learns_checks_of_parameters(check):
    check("Deslant", Deslant())


@given(st.floats(-0.4, 0.4))
def test_a_slanted_bar_stands_upright(slant):
    (image,) = upright(bar(slant))
    assert abs(slant_of(image)) < 0.03
    assert_allclose(image.sum(), bar(slant).sum(), rtol=0.05)


def test_an_upright_bar_stays_as_it_is():
    assert_allclose(upright(bar(0))[0], bar(0), atol=1e-5)


@pytest.mark.parametrize("image", [np.zeros((5, 5)), np.eye(5)[:1] * np.ones((1, 5))])
def test_ink_in_no_row_or_one_has_no_slant(image):
    assert_array_equal(upright(image)[0], image)


def test_scale_and_type_of_the_pixels_do_not_matter():
    images = (load_digits_8x8().X_test[:20]).astype(np.uint8)
    expected = Deslant(image_shape=(8, 8)).fit_transform(images)
    assert expected.dtype == np.float32
    double = Deslant(image_shape=(8, 8)).fit_transform(images / 16)
    assert double.dtype == np.float64
    assert_allclose(double * 16, expected, atol=1e-4)


def test_one_by_one_is_as_all_at_once(monkeypatch):
    images = load_digits_8x8().X_test[:20]
    deslant = Deslant(image_shape=(8, 8)).fit(images)
    single = np.concatenate([deslant.transform(image[np.newaxis]) for image in images])
    assert_allclose(single, deslant.transform(images), atol=1e-5)


def test_a_wrong_shape_is_named():
    with pytest.raises(ValueError, match=r"Deslant: image_shape=\(28, 28\).*64 pixels"):
        Deslant().fit(load_digits_8x8().X_test)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_it_has_its_place_in_a_pipeline():
    digits = load_digits_8x8()
    model = make_pipeline(Deslant(image_shape=digits.image_shape), classifier(max_iter=20))
    model.fit(digits.X_train / 16, digits.y_train)
    assert model.score(digits.X_test / 16, digits.y_test) > 0.9
    assert model[:-1].get_feature_names_out().shape == (64,)
    assert clone(model[0]).image_shape == (8, 8)
