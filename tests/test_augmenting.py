"""Augmentation beside training: one batch ahead, the same bits, nothing left behind."""

import threading

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from small import classifier, same_bits

from skdigits.digits import ElasticDeformation, Fading, RandomAffine, load_digits_8x8
from skdigits.training import loop
from skdigits.training.augmenting import ahead

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

DIGITS = load_digits_8x8()
X, y = (DIGITS.X_train / 16).astype(np.float32), DIGITS.y_train


def shaken(batch, rng):
    return batch + rng.normal(scale=0.1, size=batch.shape).astype(batch.dtype)


def test_the_worker_is_exactly_one_item_ahead():
    made = []
    for i, item in enumerate(ahead(made.append(n) or n for n in range(5))):
        assert item == i
        # The worker may still be at the next item, but never at the one after it.
        assert len(made) in {i + 1, min(5, i + 2)}
    assert made == list(range(5))


def test_an_error_reaches_the_caller_after_the_items_before_it():
    def items():
        yield 1
        raise ZeroDivisionError

    found = ahead(items())
    assert next(found) == 1
    with pytest.raises(ZeroDivisionError):
        next(found)


def test_who_leaves_early_leaves_no_thread():
    n_threads = threading.active_count()
    for _ in ahead(iter(range(5))):
        break
    assert threading.active_count() == n_threads


def test_the_same_bits_as_without_a_worker(monkeypatch):
    clf = classifier(augment=shaken, dropout=0.2, max_iter=3).fit(X, y)
    monkeypatch.setattr(loop, "ahead", iter)
    assert same_bits(clf, clone(clf).fit(X, y))


def test_a_batch_changed_in_place_is_as_good_as_a_new_one():
    def in_place(batch, rng):
        batch *= 0.5
        return batch

    clf = classifier(augment=in_place, max_iter=3).fit(X, y)
    assert same_bits(clf, clone(clf).set_params(augment=lambda b, rng: b * 0.5).fit(X, y))


def test_a_function_may_use_the_same_memory_again():
    memory = np.empty((len(X), X.shape[1]), X.dtype)

    def halved(batch, rng):
        return np.multiply(batch, 0.5, out=memory[: len(batch)])

    clf = classifier(augment=halved, max_iter=3).fit(X, y)
    assert same_bits(clf, clone(clf).set_params(augment=lambda b, rng: b * 0.5).fit(X, y))


def test_overflow_in_an_augmentation_is_dealt_with_as_in_training():
    def huge(batch, rng):
        return batch * np.float32(1e38) * np.float32(1e38)

    with pytest.warns(UserWarning, match="diverged"):
        classifier(augment=huge, max_iter=2).fit(X, y)


# Fading


def test_an_augmentation_is_asked_for_what_it_is_at_each_epoch():
    class Noting:
        def __init__(self):
            self.asked = []

        def at(self, progress):
            self.asked.append(progress)
            return self

        def __call__(self, batch, rng):
            return batch

    noting = Noting()
    classifier(augment=noting, max_iter=4, n_iter_no_change=10).fit(X, y)
    assert_allclose(noting.asked, [0, 0.25, 0.5, 0.75], atol=0.03)


@pytest.mark.parametrize(("progress", "strength"), [(0, 1), (0.5, 1), (0.75, 0.6), (1, 0.2)])
def test_strength_goes_down_evenly_from_the_start(progress, strength):
    fading = Fading(augment=RandomAffine() + ElasticDeformation(), start=0.5, end=0.2)
    affine, elastic = fading.at(progress).steps
    for amount in RandomAffine.amounts:
        assert_allclose(getattr(affine, amount), strength * getattr(RandomAffine(), amount))
    assert_allclose(elastic.alpha, strength * 36)
    assert elastic.sigma == 5


def test_called_by_itself_it_does_not_fade():
    batch = np.random.default_rng(0).random((3, 784), np.float32)
    fading = Fading(augment=RandomAffine(), end=0)
    rngs = np.random.default_rng(1), np.random.default_rng(1)
    assert_array_equal(fading(batch, rngs[0]), RandomAffine()(batch, rngs[1]))
    assert_array_equal(fading.at(1.0)(batch, rngs[0]), batch)


@pytest.mark.parametrize(
    "bad", [{"augment": None}, {"augment": shaken}, {"start": 1.5}, {"end": -1}]
)
def test_bad_parameters_are_named(bad):
    fading = Fading(**({"augment": RandomAffine()} | bad))
    [(name, _)] = bad.items()
    with pytest.raises(ValueError, match=f"Fading: {name}="):
        classifier(augment=fading).fit(X, y)
