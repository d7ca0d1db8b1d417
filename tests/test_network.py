"""Networks: their parameters are one vector, and copies are whole and apart."""

import copy
import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from small import mlp, rngs

sizes = st.integers(1, 6)


@given(rng=rngs, widths=st.lists(sizes, min_size=2, max_size=5))
def test_parameters_are_one_vector_with_the_weights_first(rng, widths):
    network = mlp(widths[0], widths[1:-1], widths[-1])
    assert network.parameters.ndim == 1
    n_weights = sum(a * b for a, b in itertools.pairwise(widths))
    assert network.n_weights == n_weights
    assert network.parameters.size == n_weights + sum(widths[1:])
    network.parameters[...] = rng.normal(size=network.parameters.shape)
    vectors = [array.ravel() for array in network.weights + network.biases]
    assert_array_equal(np.concatenate(vectors), network.parameters)
    assert all(np.shares_memory(vector, network.parameters) for vector in vectors)


def test_statistics_lie_behind_the_parameters():
    network = mlp(3, [4], 2, normalization="batch")
    network.vector[...] = np.arange(network.vector.size)
    assert_array_equal([*network.parameters, *network.buffers], network.vector)
    assert_array_equal([*network.weights[0].flat, *network.weights[1].flat], range(20))
    # Scale, shift and bias; mean, variance and the two weights of batches.
    assert network.n_parameters == 20 + 4 + 4 + 2
    assert network.buffers.size == 4 + 4 + 2


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda network: pickle.loads(pickle.dumps(network))]
)
@pytest.mark.parametrize("extra", [{}, {"normalization": "batch"}, {"residual": True}])
def test_copies_of_networks_are_whole_and_apart(copied, extra):
    network, X = mlp(3, [4, 5], 2, **extra), np.random.default_rng(0).normal(size=(6, 3))
    logits = network.predict(X.copy())
    other = copied(network)
    assert not np.shares_memory(other.vector, network.vector)
    assert_array_equal(other.predict(X.copy()), logits)
    # The copy's layers see the copy's own vector.
    other.parameters.fill(0)
    assert_array_equal(other.predict(X.copy()), 0)
    assert_array_equal(network.predict(X.copy()), logits)
    other.buffers.fill(9)
    other.parameters[...] = network.parameters
    assert np.array_equal(other.predict(X.copy()), logits) == (not network.buffers.size)


def test_a_network_like_another_shares_what_is_not_given():
    network, wider = mlp(3, [4], 2), mlp(3, [5], 2)
    other = network.like(chain=mlp(3, [4], 2, activation="relu").chain)
    X, vector = np.ones((1, 3)), np.full_like(network.vector, 2)
    network.vector.fill(1)
    assert_allclose(other.predict(X), [[17, 17]])
    twice = other.like(vector=vector)
    assert_allclose(twice.predict(X), [[66, 66]])
    assert np.shares_memory(twice.weights[0], vector)
    assert twice.objective is network.objective
    assert_array_equal(network.vector, 1)
    with pytest.raises(ValueError, match="same shape"):
        network.like(chain=wider.chain)
