"""Rows in, batches out: memory that is used again, reading, keys and splits."""

import mmap
import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from small import blobs, classifier, rngs

from skdigits.nn.workspace import Workspace
from skdigits.training.batches import Reader, Samples, batches
from skdigits.training.finite import seems_finite
from skdigits.training.hashing import row_keys

NUMBERS = [np.bool_, np.uint8, np.int16, np.int64, np.float16, np.float32, np.float64, ">f4"]
STATUS = Path("/proc/self/status")

sizes = st.integers(1, 6)


def resident_file_pages():
    """Resident memory of mapped files, in KB."""
    lines = STATUS.read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssFile"))


# Workspace


@given(shapes=st.lists(st.tuples(sizes, sizes), min_size=1), n_rows=sizes)
def test_a_workspace_gives_the_same_arrays_again(shapes, n_rows):
    workspace = Workspace(np.float32)
    first = [workspace.empty(*shape) for shape in shapes]
    for i, array in enumerate(first):
        array.fill(i)
    # The arrays of one step are apart from each other.
    assert [set(array.ravel()) for array in first] == [{i} for i in range(len(first))]
    workspace.rewind()
    for (n, width), array in zip(shapes, first, strict=True):
        again = workspace.empty(min(n, n_rows), width)
        assert_array_equal(again, array[:n_rows])
        again.fill(-1)
        assert (array[:n_rows] == -1).all()


@given(sizes=st.lists(st.integers(1, 50), min_size=1))
def test_a_workspace_grows_and_then_serves_slices(sizes):
    workspace = Workspace(np.float64)
    for size in [*sizes, max(sizes)]:
        workspace.rewind()
        largest = workspace.empty(size, 2)
    for size in sizes:
        workspace.rewind()
        assert np.shares_memory(workspace.empty(size, 2), largest)


# Reader and batches


def drawn_rows(rng, dtype, *, n_rows=9, n_columns=4):
    """Return numbers which every type of them can hold, half of them zero."""
    X = rng.integers(0, 200, (n_rows, n_columns)) * rng.integers(2, size=(n_rows, n_columns))
    return X.astype(dtype)


@pytest.mark.parametrize("dtype", NUMBERS)
@pytest.mark.parametrize("to", [np.float32, np.float64])
@given(rng=rngs)
def test_rows_are_read_in_the_networks_precision(dtype, to, rng):
    X = drawn_rows(rng, dtype)
    before, reader = X.copy(), Reader(X, to, sparse=False)
    for size in (5, 5, 3):
        rows = rng.integers(len(X), size=size)
        inputs = reader.read(rows)
        assert inputs.dtype == to
        assert_array_equal(inputs, X[rows].astype(to))
        assert not np.shares_memory(inputs, X)
        block = reader.block(slice(2, 2 + size))
        assert block.dtype == to
        assert_array_equal(block, X[2 : 2 + size].astype(to))
    assert_array_equal(X, before)


@pytest.mark.parametrize("container", [scipy.sparse.csr_matrix, scipy.sparse.csr_array])
@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64])
@given(rng=rngs)
def test_sparse_rows_are_read_as_the_network_takes_them(container, dtype, rng):
    X, rows = drawn_rows(rng, dtype), rng.integers(9, size=5)
    sparse = Reader(container(X), np.float32, sparse=True).read(rows)
    dense = Reader(container(X), np.float32, sparse=False).read(rows)
    assert scipy.sparse.issparse(sparse)
    assert sparse.dtype == dense.dtype == np.float32
    assert_array_equal(sparse.toarray(), X[rows])
    assert_array_equal(dense, X[rows])


def test_memory_maps_are_read_as_they_lie(tmp_path):
    X = drawn_rows(np.random.default_rng(0), np.uint8, n_rows=500, n_columns=300)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    inputs = Reader(mapped, np.float32, sparse=False).read(np.arange(0, 500, 7))
    assert type(inputs) is np.ndarray
    assert_array_equal(inputs, X[::7])


@pytest.mark.skipif(not STATUS.exists(), reason="needs Linux's /proc to see resident memory")
def test_pages_of_a_memory_map_are_let_go(tmp_path):
    rows = np.arange(16_384)
    np.save(tmp_path / "X.npy", np.ones((len(rows), 4096), np.uint8))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    reader, resident = Reader(mapped[1:], np.uint8, sparse=False), []
    before = resident_file_pages()
    for start in range(0, len(rows) - 1, 512):
        reader.read(rows[start : start + 512] - (start > 0))
        resident.append(resident_file_pages() - before)
    assert max(resident) < 0.3 * mapped.nbytes / 1024


@pytest.mark.skipif(not STATUS.exists(), reason="needs Linux's /proc to see resident memory")
def test_blocks_of_a_memory_map_are_let_go_too(tmp_path):
    np.save(tmp_path / "X.npy", np.ones((16_384, 4096), np.uint8))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    reader, resident = Reader(mapped, np.float32, sparse=False), []
    before = resident_file_pages()
    for start in range(0, len(mapped), 512):
        reader.block(slice(start, start + 512))
        resident.append(resident_file_pages() - before)
    assert max(resident) < 0.3 * mapped.nbytes / 1024


def test_changes_to_a_private_map_of_ones_own_are_never_lost(tmp_path):
    (tmp_path / "X").write_bytes(bytes(15_000))
    with (tmp_path / "X").open("rb") as file:
        private = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    X = np.ndarray((5000, 3), np.uint8, private)
    X[:] = 7
    reader = Reader(X, np.float32, sparse=False)
    for _ in range(2):
        assert_array_equal(reader.read(np.arange(5000)), 7)


@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_changes_to_a_memory_map_are_never_lost(mode, tmp_path):
    np.save(tmp_path / "X.npy", np.zeros((5000, 3), np.uint8))
    mapped = np.load(tmp_path / "X.npy", mmap_mode=mode)
    if mode != "r":
        mapped[:] = 7
    expected, reader = mapped.copy(), Reader(mapped, np.float32, sparse=False)
    for _ in range(2):
        assert_array_equal(reader.read(np.arange(5000)), expected)
    assert_array_equal(mapped, expected)


def test_each_batch_is_read_into_the_same_memory():
    X = np.ones((100, 5), np.uint8)
    samples, reader = Samples.of(X, np.zeros(100, int)), Reader(X, np.float32, sparse=False)
    first, *others = (batch.inputs for batch in batches(samples, samples.rows, 32, reader))
    assert [len(inputs) for inputs in others] == [32, 32, 4]
    assert all(inputs.ctypes.data == first.ctypes.data for inputs in others)


@given(rng=rngs, n_rows=st.integers(1, 30), size=st.integers(1, 12), weighted=st.booleans())
def test_batches_hold_every_row_once(rng, n_rows, size, weighted):
    X, y = np.arange(n_rows)[:, np.newaxis] + 0.0, rng.integers(5, size=n_rows)
    weights = rng.integers(3, size=n_rows) / 2 if weighted else None
    assume(weights is None or weights.any())
    samples = Samples.of(X, y, weights)
    order = rng.permutation(samples.rows)
    seen = []
    for batch in batches(samples, order, size, Reader(X, np.float64, sparse=False)):
        rows = batch.inputs[:, 0].astype(int)
        seen.extend(rows)
        assert_array_equal(batch.targets, y[rows])
        own = np.ones(len(rows)) if weights is None else weights[rows]
        assert_allclose(batch.weights, own / own.sum())
        assert batch.total == own.sum()
        assert len(rows) == min(size, len(order) - len(seen) + len(rows))
    assert_array_equal(seen, order)
    present = np.ones(n_rows) if weights is None else weights
    assert set(seen) == set(np.flatnonzero(present))


# Keys and splits


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("unit", [1, 2, 64, -1])
def test_different_rows_have_different_keys(dtype, unit):
    bits = np.random.default_rng(0).integers(2, size=(5000, 30))
    X = np.unique(unit * bits, axis=0).astype(dtype)
    keys = row_keys(X, np.zeros(len(X), int), np.arange(len(X)))
    assert len(np.unique(keys)) == len(X)


@given(rng=rngs, dtype=st.sampled_from([np.uint8, np.int64, np.float32, np.float64]))
def test_keys_belong_to_rows_and_targets(rng, dtype):
    X, y = drawn_rows(rng, dtype, n_columns=2) // 50, rng.integers(3, size=9)
    keys = row_keys(X, y, np.arange(9))
    content = [(*row, target) for row, target in zip(X.tolist(), y, strict=True)]
    for i in range(9):
        for j in range(9):
            assert (keys[i] == keys[j]) == (content[i] == content[j])
    some = rng.permutation(9)[:4]
    assert_array_equal(row_keys(X, y, some), keys[some])
    assert_array_equal(row_keys(scipy.sparse.csr_array(X), y, np.arange(9)), keys)


def test_zeros_of_either_sign_are_equal():
    X, y = np.array([[0.0, 1.0], [-0.0, 1.0]]), np.zeros(2, int)
    assert len(set(row_keys(X, y, np.arange(2)))) == 1


def test_keys_tell_multilabel_targets_apart():
    X, y = np.ones((8, 2)), np.array([[i & 1, i >> 1 & 1, i >> 2] for i in range(8)])
    assert len(set(row_keys(X, y, np.arange(8)))) == 8


def contents(samples):
    """Count the equal rows of samples."""
    X, y = samples.X[samples.rows], samples.targets[samples.rows]
    X = X if isinstance(X, np.ndarray) else X.toarray()
    return Counter((*row, target) for row, target in zip(X.tolist(), y.tolist(), strict=True))


@st.composite
def drawn_samples(draw, rng):
    """Draw few columns of small numbers, so that many rows are equal, in up to three classes."""
    n_rows, dtype = draw(st.integers(4, 60)), draw(st.sampled_from([np.uint8, float]))
    X = rng.integers(4, size=(n_rows, 2)).astype(dtype)
    weights = rng.integers(3, size=n_rows) if draw(st.booleans()) else None
    assume(weights is None or weights.any())
    samples = Samples.of(X, rng.integers(3, size=n_rows), weights)
    classes = Counter(key[-1] for key in contents(samples))
    assume(max(classes.values()) > 1)
    return samples


def shares(samples):
    """The weight of each row of X that takes part, and 0 elsewhere."""
    found = np.zeros(len(samples.X))
    weights = samples.weights
    found[samples.rows] = 1 if weights is None else weights[samples.rows]
    return found


@given(data=st.data(), rng=rngs, fraction=st.floats(0.05, 0.9), seed=st.integers(0, 100))
def test_a_split_is_stratified_and_keeps_equal_rows_together(data, rng, fraction, seed):
    samples = data.draw(drawn_samples(rng))
    training, validation = map(shares, samples.split(fraction, seed))
    assert_allclose(training + validation, shares(samples))
    for label in np.unique(samples.targets[samples.rows]):
        own = samples.targets == label
        copies = np.unique(samples.X[own], axis=0, return_inverse=True)[1].ravel()
        total, aside = (np.bincount(copies, part[own]) for part in (shares(samples), validation))
        total, aside = total[total > 0], aside[total > 0]
        wanted = fraction * total.sum()
        whole = np.isin(aside, (0, total.max())) if len(total) == 1 else aside % total == 0
        if whole.all():
            heaviest = total[total <= 2 * wanted].max()
            assert 0 < aside.sum() < total.sum()
            assert aside.sum() <= wanted + heaviest / 2
        else:
            assert len(total) == 1 or total.min() > 2 * wanted
            assert_allclose(aside, fraction * total)


@given(rng=rngs, n_rows=st.integers(2, 50), fraction=st.floats(0.05, 0.9))
def test_a_share_of_different_rows_is_set_aside(rng, n_rows, fraction):
    assume(n_rows * fraction > 0.5)
    samples = Samples.of(rng.permutation(n_rows)[:, np.newaxis], np.zeros(n_rows, int))
    training, validation = samples.split(fraction, 0)
    assert_array_equal(np.sort([*training.rows, *validation.rows]), samples.rows)
    n_aside = min(int(n_rows * fraction + 0.5), n_rows - 1)
    assert len(validation) == n_aside
    assert training.weights is None
    assert validation.weights is None


@given(data=st.data(), rng=rngs, seed=st.integers(0, 100))
def test_a_split_depends_on_rows_alone(data, rng, seed):
    samples = data.draw(drawn_samples(rng))
    X, y, weights = samples.X, samples.targets, samples.weights
    expected = [contents(part) for part in samples.split(0.4, seed)]
    order = rng.permutation(len(X))
    shuffled = Samples.of(X[order], y[order], None if weights is None else weights[order])
    sparse = Samples.of(scipy.sparse.csr_array(X), y, weights)
    for other in (shuffled, sparse):
        parts = other.split(0.4, seed)
        assert [contents(part) for part in parts] == expected


@given(data=st.data(), rng=rngs)
def test_weights_and_copies_split_alike(data, rng):
    samples = data.draw(drawn_samples(rng))
    counts = np.ones(len(samples.X), int) if samples.weights is None else samples.weights
    copied = Samples.of(np.repeat(samples.X, counts, axis=0), np.repeat(samples.targets, counts))
    rows = np.repeat(np.arange(len(samples.X)), counts)
    for part, other in zip(samples.split(0.3, 0), copied.split(0.3, 0), strict=True):
        assert contents(part).keys() == contents(other).keys()
        assert_allclose(shares(part)[samples.rows], np.bincount(rows, shares(other))[samples.rows])


def test_a_split_of_several_labels_is_of_all_rows_alike():
    X, y = np.arange(40)[:, np.newaxis], np.arange(40) % 4
    training, validation = Samples.of(X, np.column_stack([y & 1, y >> 1])).split(0.025, 0)
    assert len(validation) == 1
    assert len(training) == 39


def test_rows_that_are_all_equal_are_shared_by_both_parts():
    samples = Samples.of(np.ones((5, 2)), np.zeros(5, int), np.arange(5))
    for part, share in zip(samples.split(0.2, 0), (0.8, 0.2), strict=True):
        assert_array_equal(part.rows, [1, 2, 3, 4])
        assert_allclose(part.weights[1:], share * np.arange(1, 5))


def test_equal_rows_are_found_where_a_matrix_adds_up_entries():
    halves = scipy.sparse.csr_array(
        (np.array([1.5, 1.5, 2.0, 3.0, 2.0]), [0, 0, 1, 0, 1], [0, 3, 5]), shape=(2, 3)
    )
    stored = halves.nnz
    assert len(set(row_keys(halves, np.zeros(2, int), np.arange(2)))) == 1
    assert halves.nnz == stored


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
def test_rows_of_a_column_major_array_are_read_without_a_copy_of_it(dtype):
    X = np.asfortranarray(np.arange(400_000).reshape(4000, 100) % 250, dtype=dtype)
    reader, rows = Reader(X, np.float32, sparse=False), np.arange(0, 4000, 100)
    reader.read(rows)
    tracemalloc.start()
    read = reader.read(rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert_array_equal(read, X[rows])
    assert peak < X.nbytes / 10


# Finite numbers


@given(
    shape=st.tuples(st.sampled_from([1, 5, 1024, 1025, 3000]), sizes),
    dtype=st.sampled_from([np.float32, np.float64]),
    layout=st.sampled_from([np.ascontiguousarray, np.asfortranarray, lambda X: X[::-1, ::2]]),
    place=st.floats(0, 1, exclude_max=True),
    odd=st.sampled_from([np.nan, np.inf, -np.inf]),
)
def test_a_single_number_that_is_not_finite_is_found(shape, dtype, layout, place, odd):
    X = layout(np.full(shape, -0.5, dtype))
    assert seems_finite(X)
    X[divmod(int(place * X.size), X.shape[1])] = odd
    assert not seems_finite(X)


def test_only_plain_tables_are_looked_at():
    X = np.ones((2, 2))
    for other in (X.tolist(), X[0], X.astype(int), X.astype(">f8"), scipy.sparse.csr_matrix(X)):
        assert not seems_finite(other)


def test_finite_numbers_whose_sum_overflows_are_valid():
    X, y = blobs()
    X[:, 0] = 1e308
    assert not seems_finite(X)
    # Too large to learn from, but not refused as infinite.
    with pytest.warns(ConvergenceWarning, match="diverged"):
        classifier().fit(X, y)
