"""Which rows take part: their keys, and splits."""

from collections import Counter, defaultdict

import numpy as np
import pytest
import scipy.sparse
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from small import rngs

from skdigits.training.hashing import row_keys, with_targets
from skdigits.training.samples import HEAVY, Samples


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float32, np.float64])
@pytest.mark.parametrize("unit", [1, 2, 64, -1])
def test_different_rows_have_different_keys(dtype, unit):
    bits = np.random.default_rng(0).integers(2, size=(5000, 30))
    X = np.unique(unit * bits, axis=0).astype(dtype)
    keys = row_keys(X, np.arange(len(X)))
    assert len(np.unique(keys)) == len(X)


@given(rng=rngs, dtype=st.sampled_from([np.uint8, np.int64, np.float32, np.float64]))
def test_keys_belong_to_rows_and_targets(rng, dtype):
    X, y = rng.integers(4, size=(9, 2)).astype(dtype), rng.integers(3, size=9)
    samples = Samples.of(X, y)
    keys = samples.keys
    content = [(*row, target) for row, target in zip(X.tolist(), y, strict=True)]
    for i in range(9):
        for j in range(9):
            assert (keys[i] == keys[j]) == (content[i] == content[j])
            assert (samples.row_keys[i] == samples.row_keys[j]) == (
                content[i][:-1] == content[j][:-1]
            )
    some = rng.permutation(9)[:4]
    assert_array_equal(row_keys(X, some), samples.row_keys[some])
    assert_array_equal(Samples.of(scipy.sparse.csr_array(X), y).keys, keys)


def test_zeros_of_either_sign_are_equal():
    assert len(set(row_keys(np.array([[0.0, 1.0], [-0.0, 1.0]]), np.arange(2)))) == 1


def test_keys_tell_multilabel_targets_apart():
    y = np.array([[i & 1, i >> 1 & 1, i >> 2] for i in range(8)])
    assert len(set(with_targets(np.zeros(8, np.uint64), y, n_features=2))) == 8


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


@pytest.mark.filterwarnings("ignore:Too few distinct rows")
@given(data=st.data(), rng=rngs, fraction=st.floats(0.05, 0.9), seed=st.integers(0, 100))
def test_a_split_is_stratified_and_keeps_equal_rows_together(data, rng, fraction, seed):
    samples = data.draw(drawn_samples(rng))
    training, validation = map(shares, samples.split(fraction, seed))
    assert_allclose(training + validation, shares(samples))
    kinds = defaultdict(lambda: defaultdict(list))
    for i in samples.rows:
        kinds[samples.targets[i]][tuple(samples.X[i])].append(i)
    for label, copies in kinds.items():
        total, aside = (
            np.array([part[rows].sum() for rows in copies.values()])
            for part in (shares(samples), validation)
        )
        assert 0 < aside.sum() < total.sum()
        if np.allclose(aside, fraction * total):
            continue
        alone = [sum(row in other for other in kinds.values()) == 1 for row in copies]
        light = total < HEAVY * fraction * total.sum() * (1 - 1e-9)
        whole = np.isin(aside, [0, *total]) | ~(light & alone)
        assert whole.all(), label


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


@pytest.mark.filterwarnings("ignore:Too few distinct rows")
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


@pytest.mark.filterwarnings("ignore:Too few distinct rows")
@given(data=st.data(), rng=rngs)
def test_weights_and_copies_split_alike(data, rng):
    samples = data.draw(drawn_samples(rng))
    counts = np.ones(len(samples.X), int) if samples.weights is None else samples.weights
    copied = Samples.of(np.repeat(samples.X, counts, axis=0), np.repeat(samples.targets, counts))
    rows = np.repeat(np.arange(len(samples.X)), counts)
    for part, other in zip(samples.split(0.3, 0), copied.split(0.3, 0), strict=True):
        assert contents(part).keys() == contents(other).keys()
        assert_allclose(shares(part)[samples.rows], np.bincount(rows, shares(other))[samples.rows])


def test_other_rows_leave_all_but_a_few_on_their_side():
    X = np.random.default_rng(0).normal(size=(1100, 3))
    before, after = (
        Samples.of(X[:n], np.zeros(n, int)).split(0.1, 0)[1].rows for n in (1000, 1100)
    )
    assert len(before) == 100
    assert len(after) == 110
    assert np.isin(before, after).sum() > 90


def test_a_split_of_several_labels_is_of_all_rows_alike():
    X, y = np.arange(40)[:, np.newaxis], np.arange(40) % 4
    training, validation = Samples.of(X, np.column_stack([y & 1, y >> 1])).split(0.025, 0)
    assert len(validation) == 1
    assert len(training) == 39


def test_a_row_that_is_alone_in_its_class_is_shared_by_both_parts():
    samples = Samples.of(np.ones((1, 2)), np.zeros(1, int))
    with pytest.warns(UserWarning, match=r"validation_fraction=0.2 in 1 of the classes"):
        parts = samples.split(0.2, 0)
    for part, share in zip(parts, (0.8, 0.2), strict=True):
        assert_array_equal(part.rows, [0])
        assert_allclose(part.weights, share)


def test_a_heavy_row_takes_nobody_aside():
    weights = np.r_[100.0, np.ones(40)]
    samples = Samples.of(np.arange(41)[:, np.newaxis], np.zeros(41, int), weights)
    training, validation = map(shares, samples.split(0.1, 0))
    assert validation[1:].sum() == 4
    assert 0 < validation[0] < 30
    assert training[0] + validation[0] == 100


def test_copies_with_several_targets_are_set_aside_by_chance():
    samples = Samples.of(np.zeros((400, 1)), np.arange(400) % 2)
    n_aside = [shares(samples.split(0.1, seed)[1])[::2].sum() for seed in range(500)]
    # 200 copies, each of which is set aside with a probability of 0.1.
    assert abs(np.mean(n_aside) - 20) < 4 * np.sqrt(18 / 500)
    assert 14 < np.var(n_aside) < 23


def test_equal_rows_are_found_where_a_matrix_adds_up_entries():
    halves = scipy.sparse.csr_array(
        (np.array([1.5, 1.5, 2.0, 3.0, 2.0]), [0, 0, 1, 0, 1], [0, 3, 5]), shape=(2, 3)
    )
    stored = halves.nnz
    assert len(set(row_keys(halves, np.arange(2)))) == 1
    assert halves.nnz == stored
