"""A number for each row, by which equal rows are found, however they are stored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdigits.nn.elementwise import CHUNK

from .mapped import MappedPages


def row_keys(X: Any, rows: NDArray) -> NDArray:
    """Return a 64-bit hash of each row, equal for equal rows.

    The hash is multilinear modulo 2^64 (Carter and Wegman 1979): the bits of each number times a
    random odd factor of its column, summed. So zeros need not be stored, and sparse rows are hashed
    as they lie.

    Parameters
    ----------
    X : ndarray or CSR of shape (n_rows, n_features)
    rows : ndarray of shape (n,)
        The rows to hash.

    Returns
    -------
    keys : ndarray of shape (n,) and dtype uint64

    Examples
    --------
    >>> keys = row_keys(np.array([[1.0, 2.0], [1.0, 2.0], [2.0, 1.0]]), np.arange(3))
    >>> bool(keys[0] == keys[1]), bool(keys[0] == keys[2])
    (True, False)
    """
    keys, pages, factors = np.empty(len(rows), np.uint64), MappedPages(X), _factors(X.shape[1])
    # So few rows that all intermediate results stay in the cache.
    numbers = X.size if isinstance(X, np.ndarray) else X.nnz
    size = max(1, CHUNK * X.shape[0] // max(1, numbers))
    for start in range(0, len(rows), size):
        block = rows[start : start + size]
        pages.release()
        keys[start : start + size] = _multilinear(X[block], factors)
    return keys


def with_targets(keys: NDArray, targets: NDArray, n_features: int) -> NDArray:
    """Return a hash of each row and its target, as if the target were more of its columns.

    Parameters
    ----------
    keys : ndarray of shape (n,) and dtype uint64
        Of the rows.
    targets : ndarray of shape (n,) or (n, n_outputs)
    n_features : int
        How many columns the rows have.

    Returns
    -------
    keys : ndarray of shape (n,) and dtype uint64
    """
    columns = targets.reshape(len(targets), -1).T
    factors = _factors(n_features + len(columns))[n_features:]
    keys = keys.copy()
    # Column by column, since all targets as wide as the keys may take more memory than the rows.
    for column, factor in zip(columns, factors, strict=True):
        keys += column.astype(np.uint64) * factor
    return keys


def drawn(keys: NDArray, seed: int) -> NDArray:
    """Return for each key a number in [0, 1) that looks drawn at random.

    The keys are mixed as by the generator SplitMix64 (Steele, Lea and Flood 2014). So keys that
    come or go leave the numbers of all others as they are.

    Parameters
    ----------
    keys : ndarray of shape (n,) and dtype uint64
    seed : int

    Returns
    -------
    numbers : ndarray of shape (n,)

    Examples
    --------
    >>> drawn(np.arange(3, dtype=np.uint64), 0).round(2)
    array([0.31, 0.61, 0.28])
    """
    mixed = keys + np.random.default_rng(seed).integers(2**64, dtype=np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    # As many bits as the fraction of a double has.
    return (mixed >> np.uint64(11)) * 2.0**-53


def _factors(n_columns: int) -> NDArray:
    factors = np.random.default_rng(0).integers(0, 2**64, n_columns, dtype=np.uint64)
    return factors | np.uint64(1)


def _multilinear(block: Any, factors: NDArray) -> NDArray:
    """Sum the bits of each row's numbers times the factors, modulo 2^64."""
    if isinstance(block, np.ndarray):
        return _bits(np.ascontiguousarray(block)) @ factors
    block.sum_duplicates()
    terms = _bits(block.data) * factors[block.indices]
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms)])
    return sums[block.indptr[1:]] - sums[block.indptr[:-1]]


def _bits(numbers: NDArray) -> NDArray:
    """Return the bits of each number, well mixed, as 64-bit integers; zero stays zero."""
    # In one precision, equal numbers of any type have equal bits; adding zero makes -0.0 the 0.0
    # that it equals.
    bits = np.add(numbers, 0.0, dtype=np.float64).view(np.uint64)
    # Short numbers end in zeros, which a factor alone would carry into every product.
    bits ^= bits >> np.uint64(32)
    bits *= np.uint64(0x9E3779B97F4A7C15)
    bits ^= bits >> np.uint64(29)
    return bits
