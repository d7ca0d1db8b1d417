"""Threads: few for small work, several for long vectors, and in the end as many as before."""

import os
import subprocess
import sys
from threading import get_ident

import numpy as np
import pytest
from sklearn.datasets import load_digits
from small import blas_now
from threadpoolctl import threadpool_limits

from skdigits import FromScratchMLPClassifier
from skdigits.nn.optimizers import Adam
from skdigits.nn.rules import Decay
from skdigits.training import threads
from skdigits.training.inference import predict_logits
from skdigits.training.threads import SMALL, WORTH_A_THREAD, OneThread, blas_threads, side_by_side


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


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_a_long_vector_is_worked_on_in_as_many_parts_as_blas_has_threads(n_threads):
    size, seen = 3 * WORTH_A_THREAD + 5, []
    with threadpool_limits(n_threads, user_api="blas"), side_by_side(size) as run:
        allowed = max(blas_now())
        run(lambda part: seen.append((part.start, part.stop, get_ident())))
    seen.sort()
    starts, stops, (own, *others) = zip(*seen, strict=True)
    assert len(seen) == min(allowed, 3)
    assert own == get_ident()
    assert own not in others
    assert starts == (0, *stops[:-1])
    assert stops[-1] == size


def test_a_short_vector_is_worked_on_where_the_caller_is(before):
    seen = []
    with side_by_side(2 * WORTH_A_THREAD - 1) as run:
        run(lambda part: seen.append((part, get_ident())))
    assert seen == [(slice(0, 2 * WORTH_A_THREAD - 1), get_ident())]


def test_an_error_in_a_part_is_the_callers(before):
    def fail_later(part):
        if part.start:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), side_by_side(2 * WORTH_A_THREAD) as run:
        run(fail_later)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fit_updates_in_parts(before, monkeypatch):
    monkeypatch.setattr(threads, "WORTH_A_THREAD", 2**11)
    monkeypatch.setattr(threads, "SMALL", 0)
    X, y = load_digits(return_X_y=True)
    parts = []
    update = Adam.update

    def note(self, parameters, *others):
        parts.append(parameters.size)
        update(self, parameters, *others)

    monkeypatch.setattr(Adam, "update", note)
    clf = FromScratchMLPClassifier((64, 32), max_iter=20, random_state=0).fit(X, y)
    assert set(parts) == {3 * 2**10, sum(w.size for w in clf.coefs_ + clf.intercepts_) - 3 * 2**10}
    assert clf.score(X, y) > 0.9


def test_parts_of_an_update_are_the_same_bits(before):
    rng, size = np.random.default_rng(0), 2 * WORTH_A_THREAD + 77
    start, gradient = rng.normal(size=(2, size)).astype(np.float32)
    adam, decay = Adam(), Decay(n_weights=WORTH_A_THREAD + 100, l2=0.1)
    scalars = adam.scalars(1, 0.01)

    def stepped(run):
        p, g, state = start.copy(), gradient.copy(), np.zeros((2, size), np.float32)
        run(lambda part: adam.update(p[part], g[part], state[:, part], scalars, decay.of(part)))
        return p, state

    with side_by_side(size) as in_parts:
        parts = stepped(in_parts)
    for ours, whole in zip(parts, stepped(lambda work: work(slice(0, size))), strict=True):
        np.testing.assert_array_equal(ours, whole)


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


def test_all_parts_handle_overflow_as_the_caller_does(before):
    seen = []
    with np.errstate(over="call"), side_by_side(2 * WORTH_A_THREAD) as run:
        run(lambda part: seen.append(np.geterr()["over"]))
    assert seen == ["call", "call"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on Windows")
def test_a_child_waits_for_no_thread_that_the_fork_left_behind():
    # As if another thread were just coming in while this one forks.
    code = """
import os
from skdigits.training.threads import _ONE_THREAD, blas_threads
_ONE_THREAD._lock.acquire()
child = os.fork()
if not child:
    with blas_threads(1):
        os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=True)
    assert int(run.stdout) == 7


def test_a_child_has_the_threads_that_were_there_before(before):
    limit = OneThread()
    with limit:
        limit.after_fork()
        assert blas_now() == before
