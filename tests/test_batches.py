"""Rows in, batches out: memory that is used again, and reading."""

import mmap
import tracemalloc
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
from skdigits.training import mapped as mapped_pages
from skdigits.training.batches import Reader, batches
from skdigits.training.finite import seems_finite
from skdigits.training.samples import Samples

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
def test_pages_of_a_memory_map_are_let_go(tmp_path, monkeypatch):
    monkeypatch.setattr(mapped_pages, "_SMALL", 0)
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
def test_blocks_of_a_memory_map_are_let_go_too(tmp_path, monkeypatch):
    monkeypatch.setattr(mapped_pages, "_SMALL", 0)
    np.save(tmp_path / "X.npy", np.ones((16_384, 4096), np.uint8))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    reader, resident = Reader(mapped, np.float32, sparse=False), []
    before = resident_file_pages()
    for start in range(0, len(mapped), 512):
        reader.block(slice(start, start + 512))
        resident.append(resident_file_pages() - before)
    assert max(resident) < 0.3 * mapped.nbytes / 1024


def test_a_small_map_is_read_as_an_array_is(tmp_path):
    np.save(tmp_path / "X.npy", np.ones((500, 3)))
    pages = mapped_pages.MappedPages(np.load(tmp_path / "X.npy", mmap_mode="r"))
    assert list(pages.pieces(500)) == [slice(0, 500)]


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
        of_all = np.ones(len(order)) if weights is None else weights[order]
        assert_allclose(batch.expected, len(rows) * of_all.mean())
        assert len(rows) == min(size, len(order) - len(seen) + len(rows))
    assert_array_equal(seen, order)
    present = np.ones(n_rows) if weights is None else weights
    assert set(seen) == set(np.flatnonzero(present))


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
