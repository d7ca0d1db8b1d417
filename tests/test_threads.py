"""Threads of BLAS: few for small work, and in the end as many as before."""

from threading import get_ident

import numpy as np
import pytest
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_info, threadpool_limits

from skdigits import FromScratchMLPClassifier
from skdigits.training.inference import predict_logits
from skdigits.training.threads import SMALL, WORTH_A_THREAD, OneThread, blas_threads, side_by_side


def blas_now():
    return [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"]


@pytest.fixture
def before():
    """More threads than one, and afterwards what there was."""
    with threadpool_limits(2, user_api="blas"):
        yield blas_now()


def test_small_work_has_one_thread_and_large_work_all(before):
    with blas_threads(SMALL - 1):
        assert set(blas_now()) == {1}
    assert blas_now() == before
    with blas_threads(SMALL):
        assert blas_now() == before


def test_tiny_work_may_be_left_alone(before):
    with blas_threads(9, left_alone=10):
        assert blas_now() == before
    with blas_threads(10, left_alone=10):
        assert set(blas_now()) == {1}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_small_predictions_wake_no_thread(before):
    X, y = load_digits(return_X_y=True)
    clf = FromScratchMLPClassifier(16, max_iter=1).fit(X[:200], y[:200])
    threads = []

    def note(block):
        threads.extend(blas_now())
        return block

    predict_logits(clf._network, X[:1000], note)
    assert set(threads) == {1}
    assert blas_now() == before


def test_large_work_is_divided_and_stays_in_order(before):
    seen = []

    def squares(items):
        seen.append((get_ident(), items[0], set(blas_now())))
        return [item * item for item in items]

    assert side_by_side(squares, range(7), 2 * WORTH_A_THREAD) == [i * i for i in range(7)]
    assert sorted(first for _, first, _ in seen) == [0, 3]
    assert all(thread != get_ident() and blas == {1} for thread, _, blas in seen)
    assert blas_now() == before


@pytest.mark.parametrize(
    ("n_items", "work", "allowed"),
    [(7, 2 * WORTH_A_THREAD - 1, 2), (1, 9 * WORTH_A_THREAD, 2), (7, 9 * WORTH_A_THREAD, 1)],
)
def test_no_thread_is_started_for_little_work_or_beyond_what_is_allowed(n_items, work, allowed):
    with threadpool_limits(allowed, user_api="blas"):
        threads = side_by_side(lambda items: [get_ident() for _ in items], range(n_items), work)
    assert set(threads) == {get_ident()}


def test_an_error_in_a_thread_is_the_callers(before):
    with pytest.raises(ZeroDivisionError):
        side_by_side(lambda items: [1 / item for item in items], range(2), 2 * WORTH_A_THREAD)
    assert blas_now() == before


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_many_rows_are_predicted_in_threads_as_they_are_in_one(before):
    X = np.random.default_rng(0).uniform(size=(3000, 784)).astype(np.float32)
    clf = FromScratchMLPClassifier(64, max_iter=1).fit(X[:200], np.arange(200) % 3)
    assert clf._network.largest_product(len(X)) >= 2 * WORTH_A_THREAD
    in_threads = clf.predict_proba(X)
    with threadpool_limits(1, user_api="blas"):
        np.testing.assert_array_equal(in_threads, clf.predict_proba(X))


def test_who_leaves_last_restores_the_threads(before):
    limit = OneThread()
    limit.__enter__()
    limit.__enter__()
    limit.__exit__()
    assert set(blas_now()) == {1}
    limit.__exit__()
    assert blas_now() == before


def test_an_error_inside_restores_the_threads(before):
    with pytest.raises(ZeroDivisionError), OneThread():
        1 / 0  # noqa: B018
    assert blas_now() == before
