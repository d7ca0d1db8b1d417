"""Several views of the same images, side by side."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from small import classifier

from skdigits.digits import (
    Compose,
    Directions,
    Fading,
    PixelNoise,
    RandomAffine,
    Upright,
    Views,
    load_digits_8x8,
)

SHAPE = (8, 8)
SHAKEN = RandomAffine(image_shape=SHAPE, shift=0)
UPRIGHT = Upright(image_shape=SHAPE)
EDGES = Directions(places=4, image_shape=SHAPE)
VIEWS = Views(steps=[Compose(), UPRIGHT + EDGES])


def digits():
    bunch = load_digits_8x8()
    return (bunch.X_train[:200] / 16).astype(np.float32), bunch.y_train[:200]


def test_the_views_lie_side_by_side():
    X, _ = digits()
    rng = np.random.default_rng(0)
    expected = np.hstack([X, EDGES.prepare(UPRIGHT.prepare(X))])
    assert_array_equal(VIEWS.prepare(X), expected)
    assert_array_equal(VIEWS(X, rng), expected)


def test_what_comes_before_changes_all_views_alike():
    X, _ = digits()
    augment = SHAKEN + VIEWS
    shaken = SHAKEN(X, np.random.default_rng(1))
    assert_array_equal(augment(X, np.random.default_rng(1)), VIEWS.prepare(shaken))
    assert_array_equal(augment.prepare(X), VIEWS.prepare(X))


def test_what_is_random_in_a_view_is_drawn_for_it_alone():
    X, _ = digits()
    noise = PixelNoise(image_shape=SHAPE)
    noisy = Views(steps=[noise, noise])
    left, right = np.hsplit(noisy(X, np.random.default_rng(2)), 2)
    assert (left != right).any()
    assert_array_equal(noisy.prepare(X), np.hstack([X, X]))
    assert_array_equal(noisy.scaled(0)(X, np.random.default_rng(2)), np.hstack([X, X]))


def test_plain_functions_are_views_too():
    X, _ = digits()
    inverted = Views(steps=[lambda batch, rng: 1 - batch, EDGES])
    assert inverted(X, np.random.default_rng(0)).shape == (200, 64 + 128)
    assert inverted.scaled(0.5).steps[0] is inverted.steps[0]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_network_sees_all_views():
    X, y = digits()
    augment = Fading(augment=SHAKEN + VIEWS)
    clf = classifier(augment=augment, hidden_layer_sizes=32, max_iter=20).fit(X, y)
    assert clf.n_features_in_ == 64
    assert clf.coefs_[0].shape[0] == 64 + 128
    assert clf.score(X, y) > 0.9
    probabilities = clf.predict_proba(X)
    single = np.concatenate([clf.predict_proba(row[np.newaxis]) for row in X])
    assert_allclose(single, probabilities, atol=1e-5)
    assert_array_equal(pickle.loads(pickle.dumps(clf)).predict_proba(X), probabilities)
    assert_array_equal(clone(clf).fit(X, y).predict_proba(X), probabilities)


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
        classifier(augment=Views(steps=steps)).fit(*digits())
