"""What surrounds strokes: edges by direction, how they bend, and the sides on which ink is."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import sobel
from small import classifier, few_digits

from skdigits.digits import Bends, Directions, Loci
from skdigits.digits.augmentation.edges import _gradient, _shares, edges, halved

SHAPE = (9, 9)
HALF = 0.5**0.5
DIAGONAL = [(HALF, HALF), (HALF, -HALF), (-HALF, HALF), (-HALF, -HALF)]
TOWARDS = [(1, 0), (-1, 0), (0, 1), (0, -1), *DIAGONAL]
SMALL = Directions(places=4, image_shape=(8, 8))
BENDS = Bends(places=2, image_shape=(8, 8))
LOCI = Loci(places=3, image_shape=(8, 8))

images = arrays(np.float64, (2, *SHAPE), elements=st.floats(0, 1, width=16))


def planes(image, places=3):
    """The features, of shape (8, places, places)."""
    prepare = Directions(places=places, image_shape=SHAPE).prepare
    return prepare(image.reshape(1, -1)).reshape(8, places, places)


@given(images)
def test_the_gradient_is_sobels(images):
    for image, r, c in zip(images, *_gradient(images), strict=True):
        assert_allclose(r, sobel(image, axis=0, mode="constant") / 4, atol=1e-12)
        assert_allclose(c, sobel(image, axis=1, mode="constant") / 4, atol=1e-12)


@given(images)
def test_two_shares_at_most_make_up_the_gradient(images):
    gradient = np.stack(_gradient(images))
    shares = _shares(*gradient)
    assert (shares >= 0).all()
    assert ((shares > 0).sum(axis=0) <= 2).all()
    assert_allclose(np.einsum("kd,k...->d...", TOWARDS, shares), gradient, atol=1e-12)


@given(images)
def test_a_mirror_image_has_mirrored_features(images):
    features = planes(images[0])
    swapped = features[[0, 1, 3, 2, 5, 4, 7, 6]]
    assert_allclose(planes(images[0][:, ::-1]), swapped[:, :, ::-1], atol=1e-9)
    swapped = features[[1, 0, 2, 3, 6, 7, 4, 5]]
    assert_allclose(planes(images[0][::-1]), swapped[:, ::-1], atol=1e-9)


@given(images)
def test_rows_and_columns_are_treated_alike(images):
    swapped = planes(images[0])[[2, 3, 0, 1, 4, 6, 5, 7]]
    assert_allclose(planes(images[0].T), swapped.swapaxes(1, 2), atol=1e-9)


def test_an_edge_across_the_image_faces_its_ink():
    image = np.zeros(SHAPE)
    image[4:] = 1
    interior = planes(image, places=9)[:, 2:6, 2:7]
    assert (interior[0] > 0.4).all()
    assert_allclose(interior[1:], 0, atol=0.05)


@given(images, st.integers(1, 9), st.integers(1, 9))
def test_halved_images_are_means_of_four_pixels(images, height, width):
    images = images[:, :height, :width]
    framed = np.zeros((2, 10, 10))
    framed[:, :height, :width] = images
    means = framed.reshape(2, 5, 2, 5, 2).mean(axis=(2, 4))
    rows, columns = -(-height // 2), -(-width // 2)
    assert_allclose(halved(images), means[:, :rows, :columns], atol=1e-12)


@given(images)
def test_bends_are_the_edges_of_each_plane_of_edges(images):
    bends = Bends(places=3, image_shape=SHAPE).prepare(images.reshape(2, -1))
    half = Directions(places=3, image_shape=(5, 5))
    for k, plane in enumerate(edges(images)):
        expected = half.prepare(halved(plane).reshape(2, -1)).reshape(2, 8, 9)
        found = bends.reshape(2, 8, 8, 9)[:, :, k]
        assert_allclose(found, expected, atol=1e-12)


def test_the_end_of_a_stroke_bends_where_its_middle_does_not():
    image = np.zeros((28, 28))
    image[10:, 12:16] = 1
    bends = Bends(places=7).prepare(image.reshape(1, -1)).reshape(8, 8, 7, 7)
    down, right = 0, 2
    assert bends[down, right, 2, 3] > 0.1
    assert_allclose(bends[down, right, 5, 3], 0, atol=0.01)


def test_all_weights_of_a_place_sum_to_one():
    ramp = np.outer(np.arange(28), np.ones(28)) / 28
    features = Directions(places=7).prepare(ramp.reshape(1, -1)).reshape(8, 7, 7)
    assert_allclose(features[0, 3, 3] ** 2, 2 / 28, rtol=1e-3)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("step", "n_features"), [(SMALL, 8 * 16), (BENDS, 64 * 4)])
def test_features_go_with_the_root_of_the_ink(step, n_features, dtype):
    X = few_digits()[0].astype(dtype)
    features = step.prepare(X)
    assert features.dtype == dtype
    assert features.shape == (200, n_features)
    assert_allclose(step.prepare(4 * X), 2 * features, atol=1e-5)
    assert_array_equal(step.prepare(0 * X), np.zeros_like(features))


def test_images_need_not_be_square():
    image = np.arange(12.0).reshape(1, 12)
    assert Directions(places=2, image_shape=(3, 4)).prepare(image).shape == (1, 32)
    assert Bends(places=2, image_shape=(3, 4)).prepare(image).shape == (1, 256)
    assert Loci(places=2, image_shape=(3, 4)).prepare(image).shape == (1, 64)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"places": 0}, "Directions: places=0 is not allowed"),
        ({"places": 2.5}, r"Directions: places=2.5 is not allowed"),
        ({}, r"Directions: image_shape=\(28, 28\).*64 pixels"),
    ],
)
@pytest.mark.parametrize("kind", [Directions, Bends, Loci])
def test_what_is_wrong_is_named(kind, params, message):
    X, y = few_digits()
    with pytest.raises(ValueError, match=message.replace("Directions", kind.__name__)):
        classifier(augment=kind(**params)).fit(X, y)


@pytest.mark.parametrize("step", [Directions(), Bends(), Loci()])
def test_no_images_have_no_features(step):
    shape = step.prepare(np.zeros((1, 784), np.float32)).shape
    assert step.prepare(np.zeros((0, 784), np.float32)).shape == (0, shape[1])


def test_places_may_lie_far_closer_than_pixels():
    features = Directions(places=150, image_shape=(2, 2)).prepare(np.ones((1, 4), np.float32))
    assert np.isfinite(features).all()
