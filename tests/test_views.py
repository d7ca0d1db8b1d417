"""Several views of the same images, side by side."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from small import classifier, few_digits

from skdigits.digits import Compose, Directions, PixelNoise, RandomAffine, Upright, Views

SHAPE = (8, 8)
SHAKEN = RandomAffine(image_shape=SHAPE, shift=0)
UPRIGHT = Upright(image_shape=SHAPE)
EDGES = Directions(places=4, image_shape=SHAPE)
VIEWS = Views(steps=[Compose(), UPRIGHT + EDGES])


def test_the_views_lie_side_by_side():
    X, _ = few_digits()
    rng = np.random.default_rng(0)
    expected = np.hstack([X, EDGES.prepare(UPRIGHT.prepare(X))])
    assert_array_equal(VIEWS.prepare(X), expected)
    assert_array_equal(VIEWS(X, rng), expected)


def test_what_comes_before_changes_all_views_alike():
    X, _ = few_digits()
    augment = SHAKEN + VIEWS
    shaken = SHAKEN(X, np.random.default_rng(1))
    assert_array_equal(augment(X, np.random.default_rng(1)), VIEWS.prepare(shaken))
    assert_array_equal(augment.prepare(X), VIEWS.prepare(X))


def test_what_is_random_in_a_view_is_drawn_for_it_alone():
    X, _ = few_digits()
    noise = PixelNoise(image_shape=SHAPE)
    noisy = Views(steps=[noise, noise])
    left, right = np.hsplit(noisy(X, np.random.default_rng(2)), 2)
    assert (left != right).any()
    assert_array_equal(noisy.prepare(X), np.hstack([X, X]))
    assert_array_equal(noisy.scaled(0)(X, np.random.default_rng(2)), np.hstack([X, X]))


def test_plain_functions_are_views_too():
    X, _ = few_digits()
    inverted = Views(steps=[lambda batch, rng: 1 - batch, EDGES])
    assert inverted(X, np.random.default_rng(0)).shape == (200, 64 + 128)
    assert inverted.scaled(0.5).steps[0] is inverted.steps[0]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], r"Views: steps=\[\] is not allowed; it must have at least one step"),
        (3, "Views: steps=3 is not allowed"),
        ([EDGES, "edges"], r"Views: steps\[1\]='edges' is not allowed"),
        ([EDGES, Directions(places=0)], "Directions: places=0 is not allowed"),
    ],
)
def test_what_is_wrong_is_named(steps, message):
    with pytest.raises(ValueError, match=message):
        classifier(augment=Views(steps=steps)).fit(*few_digits())
