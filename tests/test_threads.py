"""Threads of BLAS: few for small work, and in the end as many as before."""

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

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
