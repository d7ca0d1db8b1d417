"""Every optimizer against its published equations and, where installed, torch's."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import rosen, rosen_der
from small import network_of, seeds

from skdigits.nn import optimizers
from skdigits.nn.activations import Tanh
from skdigits.nn.architecture import Architecture
from skdigits.nn.elementwise import CHUNK
from skdigits.nn.layers import Step
from skdigits.nn.optimizers import (
    SGD,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Lion,
    Nadam,
    Nesterov,
    RAdam,
    RMSprop,
)
from skdigits.nn.rules import Decay, apply_penalty

STEPS = 100
FIRST_ORDER = {
    "sgd": SGD(),
    "nesterov": Nesterov(),
    "rmsprop": RMSprop(),
    "rmsprop with momentum": RMSprop(momentum=0.9),
    "adagrad": Adagrad(),
    "adam": Adam(),
    "adamw": AdamW(),
    "nadam": Nadam(),
    "adamax": Adamax(),
    "radam": RAdam(),
    "lion": Lion(),
}

rates = st.floats(1e-4, 0.1)
fractions = st.floats(0, 0.99)
betas = {"beta_1": fractions, "beta_2": st.floats(0, 0.9999), "epsilon": st.floats(1e-10, 1e-2)}
each_optimizer = pytest.mark.parametrize("optimizer", FIRST_ORDER.values(), ids=FIRST_ORDER)


by_each_engine = pytest.mark.usefixtures("engine")


@pytest.fixture(scope="module", params=["NumPy", "compiled"])
def engine(request):
    """What runs the rules."""
    if request.param == "compiled":
        pytest.importorskip("numba")
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimizers, "fused", lambda *_: None)
        yield


def follow(optimizer, gradient, p, rate, *, steps=STEPS, decay=None):
    """Yield the parameters after each step along ``gradient(t, p)``."""
    p, state = p.copy(), np.zeros((optimizer.slots, p.size), p.dtype)
    for t in range(1, steps + 1):
        scalars = optimizer.scalars(t, rate)
        optimizer.update(p, gradient(t, p), state, scalars, *(() if decay is None else (decay,)))
        yield p.copy()


# The equations as published. Each is given the parameters and ``gradient(t, p)``.


def published_heavy_ball(gradient, p, rate, momentum):
    """Polyak (1964)."""
    before = p
    for t in range(1, STEPS + 1):
        p, before = p - rate * gradient(t, p) + momentum * (p - before), p
        yield p


def published_nesterov(gradient, p, rate, momentum):
    """Sutskever et al. (2013): the gradient is taken where the momentum leads."""
    theta, v = p, np.zeros_like(p)
    for t in range(1, STEPS + 1):
        v = momentum * v - rate * gradient(t, theta + momentum * v)
        theta = theta + v
        yield theta + momentum * v


def published_rmsprop(gradient, p, rate, rho, momentum, epsilon):
    """Tieleman and Hinton (2012), with the momentum on the scaled gradient."""
    mean_square = b = np.zeros_like(p)
    for t in range(1, STEPS + 1):
        g = gradient(t, p)
        mean_square = rho * mean_square + (1 - rho) * g**2
        b = momentum * b + g / (np.sqrt(mean_square) + epsilon)
        p = p - rate * b
        yield p


def published_adagrad(gradient, p, rate, epsilon):
    """Duchi, Hazan and Singer (2011), the diagonal form."""
    squares = np.zeros_like(p)
    for t in range(1, STEPS + 1):
        g = gradient(t, p)
        squares = squares + g**2
        p = p - rate * g / (np.sqrt(squares) + epsilon)
        yield p


def published_adam(gradient, p, rate, beta_1, beta_2, epsilon, weight_decay=0.0):
    """Kingma and Ba (2015), algorithm 1; Loshchilov and Hutter (2019), algorithm 2."""
    m = v = np.zeros_like(p)
    for t in range(1, STEPS + 1):
        g = gradient(t, p)
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        m_hat = m / (1 - beta_1**t)
        v_hat = v / (1 - beta_2**t)
        p = p - rate * (m_hat / (np.sqrt(v_hat) + epsilon) + weight_decay * p)
        yield p


def published_nadam(gradient, p, rate, beta_1, beta_2, epsilon):
    """Dozat (2016), with his schedule of the momentum."""
    m = v = np.zeros_like(p)
    product = 1.0
    for t in range(1, STEPS + 1):
        g = gradient(t, p)
        mu, mu_next = (beta_1 * (1 - 0.5 * 0.96 ** (i / 250)) for i in (t, t + 1))
        product = product * mu
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        m_bar = (1 - mu) / (1 - product) * g + mu_next / (1 - product * mu_next) * m
        p = p - rate * m_bar / (np.sqrt(v / (1 - beta_2**t)) + epsilon)
        yield p


def published_adamax(gradient, p, rate, beta_1, beta_2, epsilon):
    """Kingma and Ba (2015), algorithm 2, with epsilon against a division by zero."""
    m = u = np.zeros_like(p)
    for t in range(1, STEPS + 1):
        g = gradient(t, p)
        m = beta_1 * m + (1 - beta_1) * g
        u = np.maximum(beta_2 * u, np.abs(g) + epsilon)
        p = p - rate / (1 - beta_1**t) * m / u
        yield p


def published_radam(gradient, p, rate, beta_1, beta_2, epsilon):
    """Liu et al. (2020), algorithm 2, rectified from a length of 5 on."""
    m = v = np.zeros_like(p)
    longest = 2 / (1 - beta_2) - 1
    for t in range(1, STEPS + 1):
        g = gradient(t, p)
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        step = rate * m / (1 - beta_1**t)
        length = longest - 2 * t * beta_2**t / (1 - beta_2**t)
        if length > 5:
            rectification = math.sqrt(
                ((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length)
            )
            step = rectification * step * math.sqrt(1 - beta_2**t) / (np.sqrt(v) + epsilon)
        p = p - step
        yield p


def published_lion(gradient, p, rate, beta_1, beta_2, weight_decay):
    """Chen et al. (2023), algorithm 2."""
    m = np.zeros_like(p)
    for t in range(1, STEPS + 1):
        g = gradient(t, p)
        c = beta_1 * m + (1 - beta_1) * g
        p = p - rate * (np.sign(c) + weight_decay * p)
        m = beta_2 * m + (1 - beta_2) * g
        yield p


PUBLISHED = [
    (SGD, published_heavy_ball, {"momentum": fractions}),
    (Nesterov, published_nesterov, {"momentum": fractions}),
    (
        RMSprop,
        published_rmsprop,
        {"rho": fractions, "momentum": fractions, "epsilon": st.floats(1e-10, 1e-2)},
    ),
    (Adagrad, published_adagrad, {"epsilon": st.floats(1e-10, 1e-2)}),
    (Adam, published_adam, betas),
    (AdamW, published_adam, {**betas, "weight_decay": st.floats(0, 1)}),
    (Nadam, published_nadam, betas),
    (Adamax, published_adamax, betas),
    (RAdam, published_radam, betas),
    (
        Lion,
        published_lion,
        {"beta_1": fractions, "beta_2": fractions, "weight_decay": st.floats(0, 1)},
    ),
]


def noisy_slope(seed):
    """Return a gradient of very different sizes, which depends a little on the parameters."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(STEPS + 1, 7)) * np.logspace(-5, 1, 7)
    return lambda t, p: noise[t] * (1 + 0.01 * np.sin(p))


@by_each_engine
@pytest.mark.parametrize(("kind", "published", "parameters"), PUBLISHED)
@settings(max_examples=20)
@given(data=st.data(), seed=seeds, rate=rates)
def test_each_optimizer_is_as_published(kind, published, parameters, data, seed, rate):
    values = {name: data.draw(strategy, name) for name, strategy in parameters.items()}
    start, gradient = np.random.default_rng(seed).normal(size=7), noisy_slope(seed)
    decay = Decay(7, 1 - rate * values.get("weight_decay", 0))
    ours = np.array(list(follow(kind(**values), gradient, start, rate, decay=decay)))
    theirs = np.array(list(published(gradient, start, rate, **values)))
    assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * np.abs(theirs).max())


# The rates that suit them, and the values they reach in 2000 steps from (-1.2, 1), which has 24.2.
ROSENBROCK = {
    "sgd": (0.001, 1e-6),
    "nesterov": (0.001, 1e-6),
    "rmsprop": (0.003, 0.02),
    "rmsprop with momentum": (0.0003, 1e-5),
    "adagrad": (1.0, 0.02),
    "adam": (0.1, 1e-9),
    "adamw": (0.1, 1e-9),
    "nadam": (0.03, 0.01),
    "adamax": (0.3, 1e-4),
    "radam": (0.003, 3.5),
    "lion": (0.003, 0.02),
}


@pytest.mark.parametrize("name", FIRST_ORDER)
def test_each_optimizer_goes_down_rosenbrocks_valley(name):
    rate, reached = ROSENBROCK[name]
    start = np.array([-1.2, 1.0])
    *_, end = follow(FIRST_ORDER[name], lambda t, p: rosen_der(p), start, rate, steps=2000)
    assert rosen(end) < reached


# A rule on numbers, on short and on long vectors


@by_each_engine
@each_optimizer
@given(seed=seeds, rate=rates)
def test_a_rule_means_the_same_on_numbers(optimizer, seed, rate):
    rng = np.random.default_rng(seed)
    p, state = rng.normal(size=3), np.zeros((optimizer.slots, 3))
    numbers = [(float(x), *[0.0] * optimizer.slots) for x in p]
    for t in range(1, 6):
        g, scalars = rng.normal(size=3), optimizer.scalars(t, rate)
        optimizer.update(p, g.copy(), state, scalars)
        numbers = [
            type(optimizer).rule(x, float(d), *slots, *scalars)
            for (x, *slots), d in zip(numbers, g, strict=True)
        ]
    assert_allclose(np.array(numbers).T, [p, *state], rtol=1e-13, atol=1e-15)


@each_optimizer
@pytest.mark.parametrize("momentum", [None, 0.85])
def test_single_precision_is_not_promoted(optimizer, momentum):
    slots, scalars = [np.float32(0)] * optimizer.slots, optimizer.scalars(3, 0.1, momentum)
    after = type(optimizer).rule(np.float32(1), np.float32(2), *slots, *scalars)
    assert {value.dtype for value in after} == {np.dtype(np.float32)}


@by_each_engine
@each_optimizer
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_without_a_gradient_nothing_moves(optimizer, dtype):
    start, nothing = np.array([1, -2], dtype), np.zeros(2, dtype)
    for p in follow(optimizer, lambda t, p: nothing.copy(), start, 0.1, steps=10):
        assert_array_equal(p, start)


@by_each_engine
@each_optimizer
@pytest.mark.parametrize("size", [CHUNK + 1, 2 * CHUNK + 77])
@pytest.mark.parametrize("n_weights", [0, 1000, CHUNK + 33, 2 * CHUNK + 77])
def test_pieces_are_seamless(optimizer, size, n_weights):
    rng = np.random.default_rng(0)
    start, noise = rng.normal(size=size), rng.normal(size=(4, size))
    weights = np.arange(size) < min(n_weights, size)

    def end(part, decay):
        *_, p = follow(
            optimizer, lambda t, p: noise[t, part].copy(), start[part], 0.1, steps=3, decay=decay
        )
        return p

    whole = end(slice(None), Decay(min(n_weights, size), 0.99, 0.2, 0.3))
    edges = np.array([0, min(n_weights, size), CHUNK, 2 * CHUNK, size - 1])
    some = np.unique(np.clip(edges[:, np.newaxis] + np.arange(-40, 40), 0, size - 1))
    decayed, spared = some[weights[some]], some[~weights[some]]
    assert_array_equal(whole[decayed], end(decayed, Decay(len(decayed), 0.99, 0.2, 0.3)))
    assert_array_equal(whole[spared], end(spared, Decay()))


@given(seed=seeds, shrink=st.floats(0, 1), l2=st.floats(0, 2), l1=st.floats(0, 2))
def test_decay_is_the_elastic_nets_derivative(seed, shrink, l2, l1):
    w, g = np.random.default_rng(seed).normal(size=(2, 9))
    w[0] = 0
    weights, gradient = w.copy(), g.copy()
    apply_penalty(weights, gradient, shrink, l2, l1)
    assert_allclose(weights, shrink * w)
    assert_allclose(gradient, g + l2 * weights + l1 * np.sign(weights), rtol=1e-12, atol=1e-15)


# torch


@pytest.fixture(scope="module")
def torch(torch):
    before = torch.get_default_dtype()
    # Some of its optimizers keep their scalars in the default precision.
    torch.set_default_dtype(torch.float64)
    yield torch
    torch.set_default_dtype(before)


RATE = 0.01
BETAS = {"beta_1": 0.85, "beta_2": 0.99, "epsilon": 1e-6}
TORCH_BETAS = {"betas": (0.85, 0.99), "eps": 1e-6}
TORCH = [
    (SGD(momentum=0), "SGD", {}),
    (SGD(momentum=0.9), "SGD", {"momentum": 0.9}),
    (Nesterov(momentum=0.9), "SGD", {"momentum": 0.9, "nesterov": True}),
    (RMSprop(), "RMSprop", {}),
    (RMSprop(rho=0.9, momentum=0.9), "RMSprop", {"alpha": 0.9, "momentum": 0.9}),
    (Adagrad(), "Adagrad", {}),
    (Adam(), "Adam", {}),
    (Adam(**BETAS), "Adam", TORCH_BETAS),
    (AdamW(**BETAS, weight_decay=0.1), "AdamW", {**TORCH_BETAS, "weight_decay": 0.1}),
    (Nadam(), "NAdam", {}),
    (Nadam(**BETAS), "NAdam", TORCH_BETAS),
    (Adamax(), "Adamax", {}),
    (Adamax(**BETAS), "Adamax", TORCH_BETAS),
    (RAdam(), "RAdam", {}),
    (RAdam(**BETAS), "RAdam", TORCH_BETAS),
]


def trained_by_torch(torch, weights, biases, batches, kind, options):
    """Yield the parameters after each step, in the order of ours."""
    weights, biases = (
        [torch.tensor(array, requires_grad=True) for array in arrays]
        for arrays in (weights, biases)
    )
    groups = [{"params": weights, **options}, {"params": biases, **options, "weight_decay": 0}]
    optimizer = getattr(torch.optim, kind)(groups, lr=RATE)
    for inputs, targets in batches:
        hidden = torch.tanh(torch.tensor(inputs) @ weights[0] + biases[0])
        logits = hidden @ weights[1] + biases[1]
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(logits, torch.tensor(targets)).backward()
        optimizer.step()
        yield np.concatenate([tensor.detach().numpy().ravel() for tensor in weights + biases])


@pytest.mark.parametrize(("optimizer", "kind", "options"), TORCH)
@pytest.mark.parametrize("l2", [0, 0.05])
def test_networks_learn_as_with_torch(optimizer, kind, options, l2, torch):
    rng = np.random.default_rng(0)
    network = network_of(Architecture(4, [5], 3, [Tanh()], None).chain().layers, rng)
    # New rows at each step, since near a minimum rounding errors decide where adaptive steps go.
    batches = [(rng.normal(size=(10, 4)), rng.integers(3, size=10)) for _ in range(STEPS)]
    step, weights = Step(np.float64, rng), np.full(10, 0.1)

    def gradient(t, p):
        network.parameters[...] = p
        step.begin(weights, len(weights))
        gradient = np.empty_like(p)
        network.loss_and_gradient(*batches[t - 1], network.views(gradient), step)
        return gradient

    # The weight decay of torch's is our penalty, but for AdamW.
    l2 = 0 if optimizer.weight_decay else l2
    options = {"weight_decay": l2, **options}
    decay = Decay(network.n_weights, 1 - RATE * optimizer.weight_decay, l2)
    theirs = trained_by_torch(torch, network.weights, network.biases, batches, kind, options)
    ours = follow(optimizer, gradient, network.parameters.copy(), RATE, decay=decay)
    for p, expected in zip(ours, theirs, strict=True):
        assert_allclose(p, expected, rtol=1e-9, atol=1e-9)
