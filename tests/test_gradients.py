"""Every backward pass against central differences, closed forms and, where installed, torch."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import brier_score_loss
from small import drawn_weights, network_of, rngs, step_on

from skdigits.nn.activations import ACTIVATIONS, ELU, LeakyReLU
from skdigits.nn.architecture import NORMALIZATIONS, Architecture
from skdigits.nn.fused_norm import FusedBatchNorm
from skdigits.nn.fused_relu import DenseReLU, FusedReLU
from skdigits.nn.initializers import INITIALIZERS
from skdigits.nn.layers import Activation, Chain, Dense
from skdigits.nn.losses import (
    LOSSES,
    CrossEntropy,
    Focal,
    Objective,
    Sigmoid,
    Softmax,
    SquaredError,
)
from skdigits.nn.network import Network
from skdigits.nn.noise import AlphaDropout, Dropout, GaussianNoise
from skdigits.nn.normalization import BatchNorm, LayerNorm
from skdigits.nn.residual import Residual

FUNCTIONS = {
    **{name: kind() for name, kind in ACTIVATIONS.items()},
    "leaky_relu, slope 0.3": LeakyReLU(slope=0.3),
    "elu, alpha 2": ELU(alpha=2.0),
}
SMOOTH = ["gelu", "silu", "mish", "softplus", "tanh", "logistic", "identity"]
GLOROT = INITIALIZERS["glorot_normal"]


def block(n_inputs, n_outputs):
    return Chain([Dense(n_inputs, n_outputs, GLOROT), Activation(FUNCTIONS["tanh"])])


# From the number of inputs to a layer. What is promised below holds for any layer.
DETERMINISTIC = {
    "dense": lambda n: Dense(n, 3, GLOROT),
    "dense without bias": lambda n: Dense(n, 3, GLOROT, bias=False),
    "activation": lambda n: Activation(FUNCTIONS["gelu"]),
    "activation with a kink": lambda n: Activation(FUNCTIONS["leaky_relu"]),
    "relu, compiled": lambda n: FusedReLU(FUNCTIONS["relu"]),
    "dense with relu, compiled": lambda n: DenseReLU(
        Dense(n, 3, GLOROT), Activation(FUNCTIONS["relu"])
    ),
    "chain": lambda n: block(n, 3),
    "layer norm": LayerNorm,
    "residual": lambda n: Residual(block(n, n), None),
    "residual with a projection": lambda n: Residual(block(n, 3), Dense(n, 3, GLOROT, bias=False)),
}
# In training, these draw random numbers or look at the whole batch.
LAYERS = {
    **DETERMINISTIC,
    "batch norm": BatchNorm,
    "batch norm, compiled": FusedBatchNorm,
    "residual with batch norm": lambda n: Residual(
        Chain([Dense(n, 3, GLOROT), BatchNorm(3), Activation(FUNCTIONS["tanh"])]),
        Dense(n, 3, GLOROT, bias=False),
    ),
    "dropout": lambda n: Dropout(0.4),
    "alpha dropout": lambda n: AlphaDropout(0.4),
    "noise": lambda n: GaussianNoise(0.5),
}


class Halved(CrossEntropy):
    """A loss of one's own that is derived from one of ours."""

    def value(self, log_p, y):
        return super().value(log_p, y) / 2

    def slope(self, log_p, p, y):
        return super().slope(log_p, p, y) / 2


sizes = st.integers(1, 5)
losses = st.sampled_from([kind() for kind in LOSSES.values()]) | st.builds(
    Focal, gamma=st.floats(0, 5)
)
outputs = st.sampled_from([Softmax(), Sigmoid()])
objectives = st.builds(Objective, outputs, losses, st.floats(0, 0.9))


# The check


def derivative_along(f, x, direction, h=1e-4):
    """Extrapolate central differences with steps h and h / 2; the error is O(h^4)."""
    wide = (f(x + h * direction) - f(x - h * direction)) / (2 * h)
    narrow = (f(x + h / 2 * direction) - f(x - h / 2 * direction)) / h
    return (4 * narrow - wide) / 3


def assert_gradient(f, x, gradient, rng):
    """Compare with the derivative of f along a random direction, in which every element counts."""
    direction = rng.choice([-1.0, 1.0], x.shape) * rng.uniform(0.5, 1, x.shape)
    direction /= max(1.0, np.linalg.norm(direction))
    terms = gradient * direction
    # Where terms cancel, what is left of them is no more precise than they were.
    tolerance = 1e-6 * np.abs(terms).sum() + 1e-9 * (1 + abs(f(x)))
    # Normalised units with nearly no variance bend too sharply for the larger steps.
    numerical = (derivative_along(f, x, direction, h) for h in (1e-4, 1e-5, 1e-3))
    assert any(abs(value - terms.sum()) <= tolerance for value in numerical)


def shaken_network(layers, rng, objective=None):
    """A network none of whose parameters is at its first value, where many are zero."""
    network = network_of(layers, rng, objective)
    network.parameters += rng.normal(0, 0.3, network.parameters.shape)
    return network


def forward(network, parameters, inputs, weights=None):
    """Run the training's forward pass, each time in new memory."""
    network.parameters[...] = parameters
    values = network.views(network.vector)
    step = step_on(np.full(len(inputs), 1 / len(inputs)) if weights is None else weights)
    return network.chain.forward(inputs, values, step)


def gradients(network, parameters, inputs, d_outputs, weights=None, propagate=True):
    """Return the gradients at the parameters and at the inputs."""
    _, backward = forward(network, parameters, inputs, weights)
    # Elements that are not written, or added to what was there before, show as nan.
    vector = np.full_like(network.vector, np.nan)
    d_inputs = backward(d_outputs.copy(), network.views(vector), propagate)
    return vector[: network.n_parameters], d_inputs


def drawn_targets(rng, output, n_rows, n_outputs):
    if isinstance(output, Softmax):
        return rng.integers(n_outputs, size=n_rows)
    return rng.integers(2, size=(n_rows, n_outputs))


# Activations


@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_derivative_of_each_activation(function):
    z = np.geomspace(0.001, 30, 300)
    z = np.concatenate([-z, z])
    numerical = derivative_along(function.value, z, np.ones_like(z))
    assert_allclose(function.derivative(z, function.value(z)), numerical, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_activations_are_finite_and_keep_the_precision(function, dtype):
    # Twice the largest of them is still a number, as for selu and elu it must be.
    z = np.geomspace(np.finfo(dtype).tiny, np.finfo(dtype).max / 2, 300, dtype=dtype)
    z = np.concatenate([-z, np.zeros(1, dtype), z])
    with np.errstate(over="ignore"):
        a = function.value(z)
        slope = function.derivative(z, a)
    assert a.dtype == np.result_type(slope, dtype) == dtype
    assert np.isfinite(a).all()
    # The steepest is elu with alpha 2.
    assert np.abs(slope).max() <= 2


# Layers


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
@given(rng=rngs, n_rows=sizes, n_inputs=sizes)
def test_backward_of_each_layer(layer, rng, n_rows, n_inputs):
    network = shaken_network([layer(n_inputs)], rng)
    parameters = network.parameters.copy()
    inputs = rng.choice([-1.0, 1.0], (n_rows, n_inputs)) * rng.uniform(0.1, 3, (n_rows, n_inputs))
    weights = drawn_weights(rng, n_rows)
    d_outputs = rng.normal(size=forward(network, parameters, inputs, weights)[0].shape)
    gradient, d_inputs = gradients(network, parameters, inputs, d_outputs, weights)

    def value(parameters, inputs):
        return np.vdot(forward(network, parameters, inputs, weights)[0], d_outputs)

    assert_gradient(lambda p: value(p, inputs), parameters, gradient, rng)
    assert_gradient(lambda x: value(parameters, x), inputs, d_inputs, rng)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
@given(rng=rngs, n_rows=sizes)
def test_inputs_without_a_gradient_change_nothing_else(layer, rng, n_rows):
    layers = [Activation(FUNCTIONS["tanh"]), layer(3), Dense(3, 2, GLOROT)]
    network = shaken_network(layers, rng)
    parameters, inputs = network.parameters.copy(), rng.normal(size=(n_rows, 3))
    d_outputs = rng.normal(size=(n_rows, 2))
    with_inputs, _ = gradients(network, parameters, inputs, d_outputs)
    without, _ = gradients(network, parameters, inputs, d_outputs, propagate=False)
    assert_array_equal(with_inputs, without)


@pytest.mark.parametrize("layer", DETERMINISTIC.values(), ids=DETERMINISTIC)
@given(rng=rngs, n_rows=sizes, n_inputs=sizes)
def test_training_and_prediction_compute_the_same(layer, rng, n_rows, n_inputs):
    network = shaken_network([layer(n_inputs)], rng)
    inputs = rng.normal(size=(n_rows, n_inputs))
    before = inputs.copy()
    in_training, _ = forward(network, network.parameters.copy(), inputs)
    assert_array_equal(inputs, before)
    assert_array_equal(network.predict(inputs), in_training)


@pytest.mark.parametrize("n_rows", [327, 328, 655, 1000])
def test_rows_are_activated_alike_among_few_and_many(n_rows):
    # Arrays of more than 32,768 elements are walked in pieces.
    rng = np.random.default_rng(0)
    network = shaken_network([Activation(FUNCTIONS["gelu"])], rng)
    inputs, d_outputs = rng.normal(size=(2, n_rows, 100))
    outputs, _ = forward(network, network.parameters, inputs)
    _, d_inputs = gradients(network, network.parameters, inputs, d_outputs)
    for row in (0, 326, n_rows - 1):
        one = slice(row, row + 1)
        output, _ = forward(network, network.parameters, inputs[one])
        _, d_input = gradients(network, network.parameters, inputs[one], d_outputs[one])
        assert_allclose(outputs[one], output, rtol=1e-13)
        assert_allclose(d_inputs[one], d_input, rtol=1e-13)


# Losses


@pytest.mark.parametrize("output", [Softmax(), Sigmoid()], ids=["softmax", "sigmoid"])
@pytest.mark.parametrize("kind", [*LOSSES.values(), Halved])
@given(smoothing=st.floats(0, 0.9), rng=rngs, n_rows=sizes, n_outputs=sizes)
def test_gradient_of_each_loss(output, kind, smoothing, rng, n_rows, n_outputs):
    objective = Objective(output, kind(), smoothing)
    logits = rng.normal(0, 2, (n_rows, n_outputs))
    targets = drawn_targets(rng, output, n_rows, n_outputs)
    weights = drawn_weights(rng, n_rows)
    _, gradient = objective.loss_and_gradient(logits, targets, weights)
    assert_gradient(
        lambda z: objective.loss_and_gradient(z, targets, weights)[0], logits, gradient, rng
    )


@given(output=outputs, rng=rngs, n_rows=sizes, n_outputs=sizes, smoothing=st.floats(0, 0.9))
def test_gradient_of_cross_entropy_is_p_minus_y(output, rng, n_rows, n_outputs, smoothing):
    logits = rng.normal(0, 5, (n_rows, n_outputs))
    targets = drawn_targets(rng, output, n_rows, n_outputs)
    weights = drawn_weights(rng, n_rows)
    _, gradient = Objective(output, CrossEntropy(), smoothing).loss_and_gradient(
        logits, targets, weights
    )
    y = output.expand(targets, logits, smoothing)
    expected = weights[:, np.newaxis] * (output.probabilities(logits) - y)
    assert_allclose(gradient, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(("dtype", "bound"), [(np.float64, 1e300), (np.float32, 1e38)])
@given(objective=objectives, data=st.data(), n_rows=sizes, n_outputs=st.integers(1, 3))
def test_losses_of_any_finite_logits_are_finite(dtype, bound, objective, data, n_rows, n_outputs):
    bound, width = float(dtype(bound)), 8 * np.dtype(dtype).itemsize
    elements = st.sampled_from([0, bound, -bound]) | st.floats(-bound, bound, width=width)
    logits = data.draw(arrays(dtype, (n_rows, n_outputs), elements=elements))
    rng = data.draw(rngs)
    targets = drawn_targets(rng, objective.output, n_rows, n_outputs)
    weights = drawn_weights(rng, n_rows).astype(dtype)
    with np.errstate(over="ignore"):
        loss, gradient = objective.loss_and_gradient(logits, targets, weights)
        log_p = objective.output.log_probabilities(logits)
    assert gradient.dtype == log_p.dtype == dtype
    assert np.isfinite([loss, gradient.min(), gradient.max(), log_p.min()]).all()
    assert loss >= 0
    assert log_p.max() <= 0


@given(objective=objectives, rng=rngs, n_outputs=sizes)
def test_a_row_of_weight_2_is_the_row_twice(objective, rng, n_outputs):
    logits = rng.normal(size=(3, n_outputs))
    targets = drawn_targets(rng, objective.output, 3, n_outputs)
    twice = np.array([0, 1, 1, 2])
    loss, gradient = objective.loss_and_gradient(logits, targets, np.array([0.25, 0.5, 0.25]))
    expected, shares = objective.loss_and_gradient(logits[twice], targets[twice], np.full(4, 0.25))
    assert_allclose(loss, expected, rtol=1e-12)
    assert_allclose(gradient[1], shares[1] + shares[2], rtol=1e-12)


@given(loss=losses, rng=rngs, n_rows=sizes, smoothing=st.floats(0, 0.9))
def test_two_classes_by_softmax_are_one_sigmoid(loss, rng, n_rows, smoothing):
    z, y = rng.normal(0, 3, n_rows), rng.integers(2, size=n_rows)
    weights = drawn_weights(rng, n_rows)
    one, d_one = Objective(Sigmoid(), loss, smoothing).loss_and_gradient(z[:, None], y, weights)
    logits = np.stack([np.zeros(n_rows), z], axis=1)
    two, d_two = Objective(Softmax(), loss, smoothing).loss_and_gradient(logits, y, weights)
    assert_allclose(one, two, rtol=1e-12)
    assert_allclose(d_one[:, 0], d_two[:, 1], rtol=1e-9, atol=1e-15)


@given(rng=rngs, n_rows=sizes)
def test_squared_error_of_two_classes_is_the_brier_score(rng, n_rows):
    z, y = rng.normal(0, 3, (n_rows, 1)), rng.integers(2, size=n_rows)
    weights = drawn_weights(rng, n_rows)
    loss, _ = Objective(Sigmoid(), SquaredError()).loss_and_gradient(z, y, weights)
    p = Sigmoid().probabilities(z)[:, 0]
    assert_allclose(loss, brier_score_loss(y, p, sample_weight=weights, pos_label=1), rtol=1e-12)


@given(output=outputs, rng=rngs, n_rows=sizes, n_outputs=sizes, smoothing=st.floats(0, 0.9))
def test_focal_loss_without_focus_is_cross_entropy(output, rng, n_rows, n_outputs, smoothing):
    logits = rng.normal(0, 5, (n_rows, n_outputs))
    targets = drawn_targets(rng, output, n_rows, n_outputs)
    weights = drawn_weights(rng, n_rows)
    focal, d_focal = Objective(output, Focal(gamma=0), smoothing).loss_and_gradient(
        logits, targets, weights
    )
    loss, gradient = Objective(output, CrossEntropy(), smoothing).loss_and_gradient(
        logits, targets, weights
    )
    assert_allclose(focal, loss, rtol=1e-12)
    assert_allclose(d_focal, gradient, rtol=1e-12, atol=1e-15)


@given(output=outputs, rng=rngs, n_outputs=sizes)
def test_probabilities_and_their_logarithms_agree(output, rng, n_outputs):
    logits = rng.normal(0, 20, (7, n_outputs))
    p, log_p = output.probabilities(logits), output.log_probabilities(logits)
    assert_allclose(np.exp(log_p), p, rtol=1e-12)
    if isinstance(output, Softmax):
        assert_allclose(p.sum(axis=1), 1, rtol=1e-12)


# Networks


@st.composite
def networks(draw, rng, **extras):
    """Draw a smooth network of any shape, with any objective."""
    hidden, objective = draw(st.lists(sizes, max_size=3)), draw(objectives)
    functions = [FUNCTIONS[draw(st.sampled_from(SMOOTH))] for _ in hidden]
    drawn = {name: draw(strategy) for name, strategy in extras.items()}
    dropout = [drawn.pop("dropout", 0)] * len(hidden)
    shape = Architecture(
        draw(sizes), hidden, draw(sizes), functions, GLOROT, dropout=dropout, **drawn
    )
    return shaken_network(shape.chain().layers, rng, objective)


EXTRAS = {
    "normalization": st.sampled_from([None, *NORMALIZATIONS]),
    "dropout": st.sampled_from([0, 0.4]),
    "input_dropout": st.sampled_from([0, 0, 0.4]),
    "noise": st.sampled_from([0, 0, 0.3]),
    "residual": st.booleans(),
}


def drawn_batch(rng, network, n_rows):
    n_inputs, n_outputs = network.weights[0].shape[0], network.weights[-1].shape[1]
    targets = drawn_targets(rng, network.objective.output, n_rows, n_outputs)
    return rng.normal(size=(n_rows, n_inputs)), targets, drawn_weights(rng, n_rows)


@given(data=st.data(), rng=rngs, n_rows=sizes)
def test_gradient_of_whole_networks(data, rng, n_rows):
    network = data.draw(networks(rng, **EXTRAS))
    inputs, targets, weights = drawn_batch(rng, network, n_rows)
    parameters = network.parameters.copy()

    def loss(parameters, inputs):
        logits, _ = forward(network, parameters, inputs, weights)
        return network.objective.loss_and_gradient(logits, targets, weights)[0]

    logits, _ = forward(network, parameters, inputs, weights)
    _, d_logits = network.objective.loss_and_gradient(logits, targets, weights)
    gradient, d_inputs = gradients(network, parameters, inputs, d_logits, weights)
    assert_gradient(lambda p: loss(p, inputs), parameters, gradient, rng)
    assert_gradient(lambda x: loss(parameters, x), inputs, d_inputs, rng)


def loss_and_gradient(network, inputs, targets, weights):
    vector = np.full_like(network.vector, np.nan)
    step = step_on(weights)
    loss, logits = network.loss_and_gradient(inputs, targets, network.views(vector), step)
    return loss, logits, vector[: network.n_parameters]


@given(data=st.data(), rng=rngs, n_rows=sizes)
def test_sparse_rows_are_the_same_rows(data, rng, n_rows):
    # Of sparse rows, dropout draws numbers for what is stored alone.
    network = data.draw(networks(rng, **(EXTRAS | {"input_dropout": st.just(0)})))
    assume(network.chain.takes_sparse)
    inputs, targets, weights = drawn_batch(rng, network, n_rows)
    inputs *= rng.integers(2, size=inputs.shape)
    of_dense = loss_and_gradient(network, inputs, targets, weights)
    of_sparse = loss_and_gradient(network, scipy.sparse.csr_array(inputs), targets, weights)
    for dense, sparse in zip(of_dense, of_sparse, strict=True):
        assert_allclose(sparse, dense, rtol=1e-12, atol=1e-14)


@given(data=st.data(), rng=rngs, n_rows=sizes)
def test_single_precision_is_double_precision_rounded(data, rng, n_rows):
    double = data.draw(networks(rng))
    inputs, targets, weights = drawn_batch(rng, double, n_rows)
    single = Network(double.chain, double.objective, np.float32)
    single.parameters[...] = double.parameters
    expected_loss, _, expected = loss_and_gradient(double, inputs, targets, weights)
    loss, logits, gradient = loss_and_gradient(
        single, inputs.astype(np.float32), targets, weights.astype(np.float32)
    )
    assert logits.dtype == np.float32
    assert_allclose(loss, expected_loss, rtol=1e-4, atol=1e-5)
    assert_allclose(gradient, expected, rtol=1e-3, atol=1e-4)


# torch


@pytest.mark.parametrize("name", ACTIVATIONS)
@given(rng=rngs)
def test_activations_are_those_of_torch(name, rng, torch):
    theirs = {
        "logistic": torch.sigmoid,
        "identity": torch.nn.Identity(),
        # Beyond its threshold, torch's softplus is linear.
        "softplus": torch.nn.Softplus(threshold=100),
    }.get(name) or getattr(torch.nn.functional, name)
    inputs, d_outputs = rng.normal(0, 5, (2, 4, 3))
    network = shaken_network([Activation(FUNCTIONS[name])], rng)
    x = torch.tensor(inputs, requires_grad=True)
    y = theirs(x)
    y.backward(torch.tensor(d_outputs))
    assert_allclose(network.predict(inputs.copy()), y.detach().numpy(), rtol=1e-9, atol=1e-14)
    _, d_inputs = gradients(network, network.parameters.copy(), inputs, d_outputs)
    assert_allclose(d_inputs, x.grad.numpy(), rtol=1e-9, atol=1e-14)


@given(rng=rngs, n_rows=sizes, n_inputs=sizes, bias=st.booleans())
def test_dense_is_torchs_linear(rng, n_rows, n_inputs, bias, torch):
    network = shaken_network([Dense(n_inputs, 3, GLOROT, bias)], rng)
    (own,) = network.views(network.vector)
    tensors = [torch.tensor(array, requires_grad=True) for array in own]
    inputs, d_outputs = rng.normal(size=(n_rows, n_inputs)), rng.normal(size=(n_rows, 3))
    x = torch.tensor(inputs, requires_grad=True)
    y = torch.nn.functional.linear(x, tensors[0].T, *tensors[1:])
    y.backward(torch.tensor(d_outputs))
    gradient, d_inputs = gradients(network, network.parameters.copy(), inputs, d_outputs)
    assert_allclose(network.predict(inputs), y.detach().numpy(), rtol=1e-9, atol=1e-13)
    assert_allclose(d_inputs, x.grad.numpy(), rtol=1e-9, atol=1e-13)
    theirs = np.concatenate([tensor.grad.numpy().ravel() for tensor in tensors])
    assert_allclose(gradient, theirs, rtol=1e-9, atol=1e-13)


@given(output=outputs, rng=rngs, n_rows=sizes, n_outputs=sizes, smoothing=st.floats(0, 0.9))
def test_cross_entropy_is_torchs(output, rng, n_rows, n_outputs, smoothing, torch):
    logits = rng.normal(0, 5, (n_rows, n_outputs))
    targets = drawn_targets(rng, output, n_rows, n_outputs)
    z = torch.tensor(logits, requires_grad=True)
    if isinstance(output, Softmax):
        theirs = torch.nn.functional.cross_entropy(
            z, torch.tensor(targets), label_smoothing=smoothing
        )
    else:
        y = torch.tensor(targets * (1 - smoothing) + smoothing / 2)
        binary = torch.nn.functional.binary_cross_entropy_with_logits
        theirs = binary(z, y, reduction="sum") / n_rows
    theirs.backward()
    objective = Objective(output, CrossEntropy(), smoothing)
    loss, gradient = objective.loss_and_gradient(logits, targets, np.full(n_rows, 1 / n_rows))
    assert_allclose(loss, theirs.item(), rtol=1e-9)
    assert_allclose(gradient, z.grad.numpy(), rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("output", [Softmax(), Sigmoid()])
def test_a_sum_of_finite_shares_is_finite(output):
    half = float(np.finfo(np.float32).max) / 2
    logits = np.tile(np.array([-half, half], np.float32), (8, 2))
    targets = np.zeros(8, int) if isinstance(output, Softmax) else logits < 0
    weights = np.full(8, 1 / 8, np.float32)
    loss, gradient = Objective(output, CrossEntropy()).loss_and_gradient(logits, targets, weights)
    assert loss >= half
    assert np.isfinite(loss)
    assert np.isfinite(gradient).all()
