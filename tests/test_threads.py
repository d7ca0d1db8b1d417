"""Threads of BLAS: few for small work, and in the end as many as before."""

import pytest
from sklearn.datasets import load_digits
from threadpoolctl import threadpool_info, threadpool_limits

from skdigits import FromScratchMLPClassifier
from skdigits.training.inference import predict_logits
from skdigits.training.threads import SMALL, OneThread, blas_threads


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
