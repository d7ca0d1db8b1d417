"""Batches changed at random by a function of the user's, on a thread beside training.

While the network works on one batch, a worker reads and changes the next; it is always exactly one
batch ahead, and only it draws from the stream of augmentation, so the result is the same to the bit
as without it::

    worker:      batch 1 | batch 2 | batch 3 | ...
    training:              batch 1 | batch 2 | ...
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from .batches import Batch

Augment = Callable[[NDArray, np.random.Generator], NDArray]

Item = TypeVar("Item")


def at(augment: Augment, progress: float) -> Augment:
    """Return an augmentation as it is at some point of the training.

    Parameters
    ----------
    augment : callable
        One with a method ``at(progress)`` changes in the course of training.
    progress : float in [0, 1]
        The share of the training that lies behind.
    """
    changing = getattr(augment, "at", None)
    return augment if changing is None else changing(progress)


def augmented(
    batches: Iterator[Batch], augment: Augment, rng: np.random.Generator, n_inputs: int
) -> Iterator[Batch]:
    """Yield batches whose inputs a function has changed.

    Parameters
    ----------
    batches : iterator of Batch
        Their inputs may lie in memory that the next batch overwrites.
    augment : callable
    rng : numpy.random.Generator
    n_inputs : int
        How many numbers the network takes from a row.

    Yields
    ------
    batch : Batch
        Its inputs are its own, of the dtype they had.

    Raises
    ------
    ValueError
        The function did not return `n_inputs` numbers for each row.
    """
    for batch in batches:
        inputs = batch.inputs
        shape = (len(inputs), n_inputs)
        changed = np.asarray(augment(inputs, rng))
        if changed.shape != shape or not np.issubdtype(changed.dtype, np.number):
            raise ValueError(
                f"augment returned an array of shape {changed.shape} and dtype {changed.dtype}; it "
                f"must return numbers of shape {shape}."
            )
        # A copy, since the function may use the same memory again for the next batch.
        yield batch._replace(inputs=np.array(changed, inputs.dtype, order="C"))


def ahead(items: Iterator[Item]) -> Iterator[Item]:
    """Yield the items of an iterator, each made by a worker while the one before is in use.

    Examples
    --------
    >>> list(ahead(iter("abc")))
    ['a', 'b', 'c']
    """
    # What holds in the caller, such as NumPy's handling of overflow, holds in the worker.
    context, nothing = copy_context(), object()
    with ThreadPoolExecutor(1) as worker:

        def begin() -> Future[Any]:
            """Have the worker make the next item."""
            return worker.submit(lambda: context.run(next, items, nothing))

        coming = begin()
        while (item := coming.result()) is not nothing:
            coming = begin()
            yield item
