"""As many threads as the work is worth, for BLAS and for what BLAS leaves to do.

To wake a thread and to wait for it takes some ten microseconds, as long as a small matrix product.
So a training whose products are all small keeps BLAS on one thread; no training asks for more
threads than BLAS has been allowed from outside.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import copy_context
from functools import cache
from itertools import pairwise
from threading import Lock
from typing import Any

SMALL = 4_000_000
"""Multiplications in a product that one thread does about as fast as two."""

ALONE = 2**18
"""Multiplications in a product for which OpenBLAS wakes no thread anyway."""

WORTH_A_THREAD = 2**19
"""Numbers in a vector whose update takes far longer than waking a thread."""

_TOGETHER = 2**10
"""Parts begin at multiples of this, so that a compiled loop treats each number as in the whole."""

Work = Callable[[slice], object]
"""``work(part)``, on a part of a vector."""

InParts = Callable[[Work], None]
"""``in_parts(work)`` runs the work on all parts of a vector."""


@cache
def _libraries() -> list[Any]:
    # Comes with scikit-learn.
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas").lib_controllers


class OneThread:
    """Holds BLAS to one thread for as long as anybody is inside.

    The number of threads belongs to the process. Trainings that run side by side in Python threads
    must not take each other's limit for what was there before, so the first who comes in notes it
    and the last who leaves restores it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._inside = 0
        self._before: list[int] = []

    def after_fork(self) -> None:
        """Put everybody out: no other thread is in the child, but its lock and limit are."""
        self._lock = Lock()
        if self._inside:
            self._inside = 0
            self._set(self._before)

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                self._before = [library.get_num_threads() for library in _libraries()]
                self._set([1] * len(self._before))
            self._inside += 1

    def __exit__(self, *exception: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._set(self._before)

    def _set(self, numbers: list[int]) -> None:
        for library, number in zip(_libraries(), numbers, strict=True):
            if library.get_num_threads() != number:
                library.set_num_threads(number)


_ONE_THREAD = OneThread()
if hasattr(os, "register_at_fork"):  # Not on Windows.
    os.register_at_fork(after_in_child=_ONE_THREAD.after_fork)


def blas_threads(largest_product: int, left_alone: int = 0) -> AbstractContextManager[None]:
    """Return a context in which BLAS has the threads that suit the work.

    Parameters
    ----------
    largest_product : int
        Multiplications in the largest matrix product.
    left_alone : int, default=0
        Below this the thread count is left alone: changing it costs more than it saves.

    Examples
    --------
    >>> with blas_threads(32 * 784 * 128):
    ...     product = "on one thread"
    """
    return _ONE_THREAD if left_alone <= largest_product < SMALL else nullcontext()


@contextmanager
def side_by_side(size: int) -> Iterator[InParts]:
    """Provide a function that works on a vector in parts, each in a thread of its own.

    Parameters
    ----------
    size : int
        Numbers in the vector. A long one has as many threads as BLAS is allowed, a short one none
        but the caller's.

    Yields
    ------
    run : callable
        ``run(work)`` calls ``work(part)`` for slices that make up the vector, and returns when all
        are done.

    Examples
    --------
    >>> vector = [1, 2, 3]
    >>> with side_by_side(len(vector)) as run:
    ...     run(lambda part: print(vector[part]))
    [1, 2, 3]
    """
    allowed = max((library.get_num_threads() for library in _libraries()), default=1)
    n_parts = max(1, min(allowed, size // WORTH_A_THREAD))
    bounds = [size * i // n_parts // _TOGETHER * _TOGETHER for i in range(n_parts)]
    first, *others = (slice(*ends) for ends in pairwise([*bounds, size]))
    with ThreadPoolExecutor(len(others) or 1) as pool:

        def run(work: Work) -> None:
            """Work on the first part while other threads work on theirs."""
            # What holds here, such as NumPy's handling of overflow, holds there.
            rest = [pool.submit(copy_context().run, work, part) for part in others]
            work(first)
            for part in rest:
                part.result()

        yield run
