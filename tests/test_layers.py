"""What layers promise: normalised units, ways around, few parameters."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_iris
from sklearn.preprocessing import scale
from small import architectures, drawn_weights, forward, network_of, rngs, step_on

from skdigits import FromScratchMLPClassifier
from skdigits.nn.activations import ACTIVATIONS, Identity, ReLU
from skdigits.nn.architecture import NORMALIZATIONS, Architecture
from skdigits.nn.initializers import INITIALIZERS, zeros
from skdigits.nn.layers import Activation, Chain, Dense
from skdigits.nn.noise import Dropout
from skdigits.nn.normalization import EPSILON, BatchNorm, LayerNorm
from skdigits.nn.residual import Residual
from skdigits.nn.summary import Summary
from skdigits.training.average import Average

GLOROT = INITIALIZERS["glorot_normal"]


def values_of(network):
    """Return the values of the network's single layer."""
    return network.views(network.vector)[0]


# Batch normalisation


@given(rng=rngs, n_rows=st.integers(2, 20), units=st.integers(1, 5))
def test_batch_norm_gives_mean_0_and_variance_1(rng, n_rows, units):
    network, weights = network_of([BatchNorm(units)]), drawn_weights(rng, n_rows)
    inputs = rng.normal(rng.normal(0, 5), rng.uniform(10, 20), (n_rows, units))
    outputs, _ = forward(network, inputs, weights)
    mean, variance = weights @ inputs, weights @ (inputs - weights @ inputs) ** 2
    assert_allclose(weights @ outputs, 0, atol=1e-9)
    assert_allclose(weights @ outputs**2, variance / (variance + EPSILON), rtol=1e-9)
    scale, shift, *_ = values_of(network)
    scale[...], shift[...] = rng.normal(size=(2, units))
    again, _ = forward(network, inputs, weights)
    assert_allclose(again, outputs * scale + shift, atol=1e-12)
    # After two equal batches, prediction uses just their statistics.
    predicted = network.predict(inputs.copy())
    assert_allclose(predicted, (inputs - mean) / np.sqrt(variance + EPSILON) * scale + shift)


def test_running_averages_converge_to_the_statistics():
    rng = np.random.default_rng(0)
    network = network_of([BatchNorm(3)])
    _, _, mean, variance, _ = values_of(network)
    for _ in range(10):
        forward(network, rng.normal(-50, 1, (100, 3)))
    before = mean.copy()
    for _ in range(200):
        forward(network, rng.normal([1, -2, 30], [1, 5, 0.1], (100, 3)))
    assert_allclose(before, -50, atol=0.2)
    assert_allclose(mean, [1, -2, 30], atol=0.5)
    assert_allclose(variance, [1, 25, 0.01], rtol=0.2)


@given(rng=rngs, sizes=st.lists(st.integers(2, 9), min_size=1, max_size=5))
def test_running_averages_begin_as_the_means_over_all_rows(rng, sizes):
    network = network_of([BatchNorm(2)])
    batches = [rng.normal(size=(n_rows, 2)) for n_rows in sorted(sizes, reverse=True)]
    for batch in batches:
        forward(network, batch)
    _, _, mean, variance, _ = values_of(network)
    assert_allclose(mean, np.concatenate(batches).mean(axis=0))
    n_rows = [len(batch) for batch in batches]
    assert_allclose(variance, np.average([b.var(axis=0) for b in batches], axis=0, weights=n_rows))


def test_batch_norm_predicts_rows_one_by_one():
    rng = np.random.default_rng(0)
    network = network_of([BatchNorm(3)])
    forward(network, rng.normal(2, 3, (50, 3)))
    inputs = rng.normal(2, 3, (5, 3))
    alone = np.concatenate([network.predict(row.copy()) for row in inputs[:, np.newaxis]])
    assert_array_equal(network.predict(inputs.copy()), alone)
    buffers = network.buffers.copy()
    network.predict(inputs.copy())
    assert_array_equal(network.buffers, buffers)


@given(rng=rngs, n_without=st.integers(0, 3))
def test_a_batch_of_one_row_is_normalised_by_the_running_averages(rng, n_without):
    network = network_of([BatchNorm(3)])
    for _ in range(3):
        forward(network, rng.normal(5, 2, (8, 3)))
    buffers = network.buffers.copy()
    inputs = rng.normal(5, 2, (1 + n_without, 3))
    # Rows without weight are none.
    outputs, _ = forward(network, inputs, np.eye(1 + n_without)[0])
    assert_array_equal(network.buffers, buffers)
    assert_allclose(outputs, network.predict(inputs.copy()))
    assert np.abs(outputs).max() > 0


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_last_batch_of_one_row_is_harmless():
    X, y = load_iris(return_X_y=True)
    X = scale(X)
    params = {"hidden_layer_sizes": (16, 16), "normalization": "batch", "learning_rate_init": 0.01}
    scores = []
    # 150 rows are 3 batches of 50 rows; with one row more there is a fourth of it alone.
    for n_rows in (150, 151):
        clf = FromScratchMLPClassifier(**params, batch_size=50, max_iter=60, random_state=0)
        rows = np.arange(n_rows) % 150
        clf.fit(X[rows], y[rows])
        assert all(np.isfinite(array).all() for array in [*clf.coefs_, *clf.intercepts_])
        scores.append(clf.score(X, y))
    assert min(scores) > 0.95


def test_batch_norm_takes_the_place_of_the_bias():
    chain = Architecture(4, [3], 2, [ACTIVATIONS["relu"]()], None, normalization="batch").chain()
    network = network_of(chain.layers)
    assert [bias.shape for bias in network.biases] == [(3,), (2,)]
    assert network.parameters.size == 4 * 3 + 2 * 3 + 3 * 2 + 2


# Layer normalisation


@given(rng=rngs, n_rows=st.integers(1, 5), units=st.integers(2, 8))
def test_layer_norm_gives_each_row_mean_0_and_variance_1(rng, n_rows, units):
    network = network_of([LayerNorm(units)])
    inputs = rng.normal(3, 5, (n_rows, units))
    outputs = network.predict(inputs.copy())
    assert_allclose(outputs.mean(axis=1), 0, atol=1e-9)
    variance = inputs.var(axis=1)
    assert_allclose(outputs.var(axis=1), variance / (variance + EPSILON), rtol=1e-6)
    # Neither the level nor the unit of a row counts, nor the other rows.
    shifted = rng.normal(size=(n_rows, 1)) + 1e3 * inputs
    assert_allclose(
        network.predict(shifted),
        (inputs - inputs.mean(1, keepdims=True)) / inputs.std(1, keepdims=True),
        rtol=1e-3,
    )
    assert_allclose(network.predict(inputs[:1].copy()), outputs[:1])


def test_constant_inputs_are_divided_by_something():
    outputs, _ = forward(network_of([LayerNorm(3)]), np.full((4, 3), 7.0))
    assert_array_equal(outputs, 0)


def test_copies_of_a_row_have_no_variance_either():
    once, _ = forward(network_of([BatchNorm(3)]), np.full((1, 3), 7.0))
    twice, _ = forward(network_of([BatchNorm(3)]), np.full((2, 3), 7.0))
    assert_array_equal(twice, np.vstack([once, once]))


def test_a_unit_that_is_constant_leaves_the_others_to_the_batch():
    inputs = np.random.default_rng(0).normal(5, 3, (50, 4))
    expected, _ = forward(network_of([BatchNorm(4)]), inputs.copy())
    inputs[:, 1] = 7
    outputs, _ = forward(network_of([BatchNorm(4)]), inputs)
    assert_allclose(outputs[:, [0, 2, 3]], expected[:, [0, 2, 3]])
    assert_allclose(outputs[:, 1], 0, atol=1e-9)


@pytest.mark.parametrize(("dtype", "spread"), [(np.float32, 1e-4), (np.float64, 1e-12)])
def test_rows_that_hardly_differ_are_no_copies(dtype, spread):
    inputs = (1e6 * (1 + spread * np.array([[-1], [1], [-1], [1]]))).astype(dtype)
    network = network_of([BatchNorm(1)], dtype=dtype)
    step = step_on(np.full(4, 0.25, dtype))
    network.chain.forward(inputs, network.views(network.vector), step)
    assert network.buffers[0] == pytest.approx(1e6)


def test_nobody_computes_a_gradient_that_nobody_needs():
    network = network_of([Dropout(0.5), Dense(3, 2, GLOROT), Dense(2, 2, GLOROT)])
    outputs, backward = forward(network, np.ones((4, 3)))
    gradients = network.views(np.zeros_like(network.vector))
    assert backward(np.ones_like(outputs), gradients, False) is None
    assert backward(np.ones_like(outputs), gradients, True).shape == (4, 3)


# Ways around


def tanh_block(n_inputs, n_outputs):
    return Chain([Dense(n_inputs, n_outputs, GLOROT), Activation(ACTIVATIONS["tanh"]())])


@given(rng=rngs, n_inputs=st.integers(1, 5), n_outputs=st.integers(1, 5), projected=st.booleans())
def test_residual_adds_the_way_around(rng, n_inputs, n_outputs, projected):
    n_outputs = n_outputs if projected else n_inputs
    around = Dense(n_inputs, n_outputs, GLOROT, bias=False) if projected else None
    network = network_of([Residual(tanh_block(n_inputs, n_outputs), around)], rng)
    ((weight, bias), _), projection = values_of(network)
    bias[...] = rng.normal(size=n_outputs)
    inputs = rng.normal(size=(6, n_inputs))
    skip = inputs @ projection[0][0] if projected else inputs
    expected = np.tanh(inputs @ weight + bias) + skip
    assert_allclose(network.predict(inputs.copy()), expected)
    assert_allclose(forward(network, inputs)[0], expected)
    assert len(network.weights) == len(network.biases) == 1


@given(
    rng=rngs, units=st.integers(1, 5), name=st.sampled_from(["tanh", "relu", "gelu", "identity"])
)
def test_residual_around_a_block_of_zeros_is_the_identity(rng, units, name):
    block = Chain([Dense(units, units, zeros), Activation(ACTIVATIONS[name]())])
    network, inputs = network_of([Residual(block, None)]), rng.normal(size=(6, units))
    outputs, backward = forward(network, inputs)
    assert_array_equal(outputs, inputs)
    assert_array_equal(network.predict(inputs.copy()), inputs)
    gradients = network.views(np.zeros_like(network.vector))
    d_outputs = rng.normal(size=inputs.shape)
    # No gradient flows through weights of zero, so all of it goes around.
    assert_array_equal(backward(d_outputs.copy(), gradients, True), d_outputs)


# Caps


@given(rng=rngs, largest=st.floats(0.01, 10), projected=st.booleans())
def test_cap_norms(rng, largest, projected):
    around = Dense(4, 3, GLOROT, bias=False) if projected else None
    units = 3 if projected else 4
    network = network_of([Residual(tanh_block(4, units), around), Dense(units, 5, GLOROT)])
    network.parameters[...] = rng.normal(size=network.parameters.shape)
    before = network.parameters.copy()
    network.cap_norms(largest)
    pairs = [matrices(network, vector) for vector in (network.parameters, before)]
    pairs = list(zip(*pairs, strict=True))
    assert len(pairs) == 2 + projected
    for capped, free in pairs:
        norms = np.linalg.norm(free, axis=0)
        assert_allclose(capped, free * np.minimum(1, largest / norms))
    others = slice(network.n_weights, None)
    assert_array_equal(network.parameters[others], before[others])


def matrices(network, parameters):
    """Return all weight matrices of a vector of parameters, also those on ways around."""
    shapes = [p.shape for p in network.chain.parameters if p.role == "weight"]
    stops = np.cumsum([np.prod(shape) for shape in shapes])
    parts = np.split(parameters[: stops[-1]], stops[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


# torch


@pytest.mark.parametrize("kind", [BatchNorm, LayerNorm])
@given(rng=rngs, n_rows=st.integers(2, 8), units=st.integers(2, 6))
def test_normalization_is_torchs(kind, rng, n_rows, units, torch):
    network = network_of([kind(units)])
    network.parameters[...] = rng.normal(size=network.parameters.shape)
    inputs, d_outputs = rng.normal(2, 3, (2, n_rows, units))
    x, scale, shift = (
        torch.tensor(array, requires_grad=True) for array in (inputs, *values_of(network)[:2])
    )
    if kind is BatchNorm:
        theirs = torch.nn.functional.batch_norm(
            x, None, None, scale, shift, training=True, eps=EPSILON
        )
    else:
        theirs = torch.nn.functional.layer_norm(x, (units,), scale, shift, eps=EPSILON)
    theirs.backward(torch.tensor(d_outputs))
    outputs, backward = forward(network, inputs)
    assert_allclose(outputs, theirs.detach().numpy(), rtol=1e-9, atol=1e-12)
    vector = np.full_like(network.vector, np.nan)
    d_inputs = backward(d_outputs.copy(), network.views(vector), True)
    size = np.abs(d_outputs).max() * np.abs(scale.detach().numpy()).max()
    assert_allclose(d_inputs, x.grad.numpy(), rtol=1e-9, atol=1e-9 * size)
    expected = np.concatenate([scale.grad.numpy(), shift.grad.numpy()])
    assert_allclose(vector[: network.n_parameters], expected, rtol=1e-9, atol=1e-12)


# Average and summary


@given(rng=rngs, decay=st.floats(0, 0.999), n_steps=st.integers(1, 30))
def test_average_is_its_formula(rng, decay, n_steps):
    network = network_of([Dense(3, 2, GLOROT), BatchNorm(2)])
    average, expected = Average(network, decay), network.vector.copy()
    for t in range(1, n_steps + 1):
        latest = network.like(vector=rng.normal(size=network.vector.shape))
        average.follow(latest)
        kept = min(decay, (1 + t) / (10 + t))
        expected = kept * expected + (1 - kept) * latest.vector
    assert_allclose(network.vector, expected, atol=1e-12)


@given(architecture=architectures())
def test_summary_counts_the_parameters_of_each_layer(architecture):
    summary = Summary(architecture.chain(), architecture.n_features)
    norm, learning = architecture.normalization, []
    widths = [architecture.n_features, *architecture.hidden]
    for fan_in, units in pairwise(widths):
        if architecture.residual and fan_in != units:
            learning.append(("Dense", units, fan_in * units))
        biases = 0 if norm == "batch" else units
        learning.append(("Dense", units, fan_in * units + biases))
        if norm is not None:
            learning.append((NORMALIZATIONS[norm].__name__, units, 2 * units))
    learning.append(("Dense", architecture.n_outputs, (widths[-1] + 1) * architecture.n_outputs))
    assert summary[0] == ("Input", architecture.n_features, 0)
    assert [row for row in summary if row.parameters] == learning
    total = sum(parameters for _, _, parameters in learning)
    assert repr(summary).splitlines()[-1].split() == ["total", f"{total:,}"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_rows", [2, 3, 7, 200])
def test_copies_of_a_row_have_no_variance_after_a_product(dtype, n_rows):
    rng = np.random.default_rng(0)
    chain = Architecture(30, [20], 3, [Identity()], zeros, normalization="batch").chain()
    network = network_of(chain.layers, dtype=dtype)
    network.parameters[...] = rng.normal(size=network.parameters.size)
    before = network.buffers.copy()
    rows = np.tile(rng.normal(size=30).astype(dtype), (n_rows, 1))
    step = step_on(np.full(n_rows, 1 / n_rows, dtype))
    gradients = network.views(np.zeros_like(network.vector))
    network.loss_and_gradient(rows, np.zeros(n_rows, int), gradients, step)
    assert_array_equal(network.buffers, before)


class Capped(ReLU):
    """ReLU up to 1."""

    def value(self, z):
        return np.minimum(super().value(z), 1)


def test_a_subclass_of_relu_has_a_value_of_its_own():
    layer = Activation(Capped())
    outputs = layer.predict(np.array([[-1.0, 0.5, 3.0]]), (), None)
    assert_array_equal(outputs, [[0, 0.5, 1]])
