"""Rows in, batches out: shuffled, gathered and cast into memory that every batch reuses.

X is never copied or cast whole. Each batch is gathered from wherever X lies (an array of any number
type, a memory map, a sparse matrix) and cast on its way into the workspace::

    rows of X (uint8, float, CSR, memory map) -> gather -> cast -> inputs of the network
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skdigits.nn.workspace import Workspace

from .mapped import MappedPages
from .samples import Samples


@contextmanager
def in_range_of(dtype: np.dtype) -> Iterator[None]:
    """Raise ValueError where a number of X that is cast within becomes infinite.

    Parameters
    ----------
    dtype : dtype
        To which it is cast.
    """
    try:
        with np.errstate(over="raise"):
            yield
    except FloatingPointError as error:
        raise ValueError(
            f"X has a number too large for {dtype}, the precision of the rows that the network "
            "was made for."
        ) from error


def _cast(numbers: NDArray, out: NDArray) -> None:
    with in_range_of(out.dtype):
        np.copyto(out, numbers, casting="same_kind")


class Reader:
    """Gathers rows of X as inputs of a network.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_rows, n_features)
    dtype : dtype
        The network's.
    sparse : bool
        Whether the network computes on sparse rows as they are.

    Raises
    ------
    ValueError
        By its methods, where a number is too large for `dtype`.
    """

    def __init__(self, X: Any, dtype: DTypeLike, sparse: bool):
        self.X = X
        self.dtype = np.dtype(dtype)
        self.sparse = sparse
        self._pages = MappedPages(X)
        self._inputs = Workspace(dtype)
        self._raw = Workspace(X.dtype)

    def read(self, rows: NDArray) -> Any:
        """Return these rows in the network's dtype; valid until the next call.

        Parameters
        ----------
        rows : ndarray of shape (n,)

        Returns
        -------
        inputs : ndarray or CSR of shape (n, n_features)
        """
        if not isinstance(self.X, np.ndarray):
            return self._of_sparse(self.X[rows])
        self._inputs.rewind()
        inputs = self._inputs.empty(len(rows), self.X.shape[1])
        for piece in self._pages.pieces(len(rows)):
            self._gather(rows[piece], inputs[piece])
        return inputs

    def _gather(self, rows: NDArray, out: NDArray) -> None:
        X = self.X
        if not X.flags.c_contiguous:
            # `take` would first copy all of X.
            _cast(X[rows], out)
        elif X.dtype == self.dtype:
            X.take(rows, axis=0, out=out, mode="clip")
        else:
            self._raw.rewind()
            raw = self._raw.empty(*out.shape)
            _cast(X.take(rows, axis=0, out=raw, mode="clip"), out)

    def block(self, rows: slice) -> Any:
        """Return consecutive rows in the network's dtype: X's own memory, if it is laid out so.

        Parameters
        ----------
        rows : slice

        Returns
        -------
        inputs : ndarray or CSR of shape (n, n_features)
            To be read, not written to; valid until the next call.
        """
        if not isinstance(self.X, np.ndarray):
            return self._of_sparse(self.X[rows])
        taken = self.X[rows]
        self._pages.release()
        if taken.dtype == self.dtype and taken.flags.c_contiguous:
            return taken
        self._inputs.rewind()
        inputs = self._inputs.empty(*taken.shape)
        _cast(taken, inputs)
        return inputs

    def _of_sparse(self, taken: Any) -> Any:
        with in_range_of(self.dtype):
            taken = taken.astype(self.dtype, copy=False)
        return taken if self.sparse else taken.toarray()


class Batch(NamedTuple):
    """Some rows on their way through the network.

    `rows` are their indices in X; `weights` sum to one; `total` is the sum of the sample weights,
    and `expected` what it is on average for as many rows.
    """

    rows: NDArray
    inputs: Any
    targets: NDArray
    weights: NDArray
    total: float
    expected: float


def rows_per_batch(batch_size: int | str, n_rows: int) -> int:
    """Return how many rows a batch has, where ``"auto"`` stands for 200.

    Examples
    --------
    >>> rows_per_batch("auto", 1000), rows_per_batch(64, 1000), rows_per_batch(64, 50)
    (200, 64, 50)
    """
    return min(200 if isinstance(batch_size, str) else int(batch_size), n_rows)


def batches(samples: Samples, order: NDArray, size: int, reader: Reader) -> Iterator[Batch]:
    """Yield the rows in an order, so many at a time; the last batch may be shorter.

    Parameters
    ----------
    samples : Samples
    order : ndarray of shape (n,)
        Row indices.
    size : int
        Rows in a batch.
    reader : Reader
        Its memory holds the batch that was yielded last.

    Yields
    ------
    batch : Batch
    """
    uniform = np.empty(0, reader.dtype)
    sum_of_all = 0.0 if samples.weights is None else float(samples.weights[order].sum())
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        if samples.weights is None:
            if len(uniform) != len(rows):
                uniform = np.full(len(rows), 1 / len(rows), reader.dtype)
            weights, total = uniform, float(len(rows))
            expected = total
        else:
            taken = samples.weights[rows]
            total = float(taken.sum())
            expected = sum_of_all * len(rows) / len(order)
            weights = (taken / total).astype(reader.dtype)
        yield Batch(rows, reader.read(rows), samples.targets[rows], weights, total, expected)
