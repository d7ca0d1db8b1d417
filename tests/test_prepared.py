"""Steps that prepare what a network is given: alike in training, validation and prediction."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from small import classifier, few_digits

from skdigits.digits import Bends, Compose, Directions, Fading, Loci, RandomAffine, Upright, Views

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = few_digits()
SHAPE = (8, 8)
UPRIGHT = Upright(image_shape=SHAPE)
EDGES = Directions(places=4, image_shape=SHAPE)
STEPS = {
    "upright": UPRIGHT,
    "directions": EDGES,
    "bends": Bends(places=2, image_shape=SHAPE),
    "loci": Loci(places=3, image_shape=SHAPE),
    "views": Views(steps=[Compose(), UPRIGHT + EDGES]),
}
each_step = pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)


@each_step
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_precision_is_that_of_the_images(step, dtype):
    images = X.astype(dtype)
    prepared = step.prepare(images)
    assert prepared.dtype == dtype
    # Features may be roots, of which those of tiny numbers are the least exact.
    rounding = np.sqrt(np.finfo(dtype).eps)
    assert_allclose(prepared, step.prepare(images.astype(float)), atol=rounding)


@each_step
def test_one_by_one_is_as_all_at_once(step):
    # More images than are worked on at a time.
    images = np.tile(X.astype(float), (4, 1))
    single = np.concatenate([step.prepare(row[np.newaxis]) for row in images])
    assert_allclose(single, step.prepare(images), atol=1e-7)


@each_step
def test_as_an_augmentation_it_is_not_random_and_does_not_fade(step):
    rng = np.random.default_rng(0)
    assert_array_equal(step(X, rng), step.prepare(X))
    assert_array_equal(step.scaled(0)(X, rng), step(X, rng))
    assert rng.integers(2**32) == np.random.default_rng(0).integers(2**32)


@each_step
def test_inside_is_as_outside(step):
    Z = step.prepare(X)
    inside = classifier(augment=step, hidden_layer_sizes=32).fit(X, y, X_val=X, y_val=y)
    outside = classifier(hidden_layer_sizes=32).fit(Z, y, X_val=Z, y_val=y)
    for name in ("loss", "accuracy", "validation_loss", "validation_accuracy"):
        assert_allclose(inside.history_[name], outside.history_[name], rtol=1e-3)
    assert_allclose(inside.predict_proba(X), outside.predict_proba(Z), atol=1e-3)


@each_step
@pytest.mark.parametrize("residual", [False, True])
def test_a_network_has_the_inputs_that_its_preparation_makes(step, residual):
    augment = Fading(augment=RandomAffine(image_shape=SHAPE, shift=0) + step)
    clf = classifier(augment=augment, residual=residual, max_iter=3, early_stopping=True)
    clf.fit(X, y)
    n_features = step.prepare(X).shape[1]
    assert clf.n_features_in_ == 64
    assert clf.coefs_[0].shape[0] == n_features
    assert clf.summary()[1][:2] == ("Prepared", n_features)
    probabilities = clf.predict_proba(X)
    single = np.concatenate([clf.predict_proba(row[np.newaxis]) for row in X])
    assert_allclose(single, probabilities, atol=1e-5)
    assert_allclose(clf.predict_proba(X.astype(float)), probabilities, atol=1e-5)
    assert_array_equal(pickle.loads(pickle.dumps(clf)).predict_proba(X), probabilities)
    assert_array_equal(clone(clf).fit(X, y).predict_proba(X), probabilities)
    clf.set_params(max_iter=5, warm_start=True).fit(X, y)
    assert clf.n_iter_ == 5


def augmentation(prepare):
    """An augmentation of one's own that changes nothing in training."""

    def augment(batch, rng):
        return batch

    augment.prepare = prepare
    return augment


def test_a_preparation_returns_a_row_for_each_row():
    with pytest.raises(ValueError, match=r"prepare of augment returned .* shape \(0, 64\) for one"):
        classifier(augment=augmentation(lambda batch: batch[1:])).fit(X, y)


def test_an_augmentation_returns_as_many_columns_as_its_preparation():
    with pytest.raises(ValueError, match=r"shape \(200, 64\).* numbers of shape \(200, 63\)"):
        classifier(augment=augmentation(lambda batch: batch[:, 1:])).fit(X, y)
