"""Every optimizer against its published equations and, where installed, torch's."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from skdigits.nn.activations import Tanh
from skdigits.nn.architecture import Architecture
from skdigits.nn.elementwise import CHUNK
from skdigits.nn.layers import Step
from skdigits.nn.losses import CrossEntropy, Objective, Softmax
from skdigits.nn.network import Network
from skdigits.nn.optimizers import (
    SGD,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Decay,
    Lion,
    Nadam,
    Nesterov,
    RAdam,
    RMSprop,
)

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

seeds = st.integers(0, 2**32 - 1)
rates = st.floats(1e-4, 0.1)
fractions = st.floats(0, 0.99)
betas = {"beta_1": fractions, "beta_2": st.floats(0, 0.9999), "epsilon": st.floats(1e-10, 1e-2)}
each_optimizer = pytest.mark.parametrize("optimizer", FIRST_ORDER.values(), ids=FIRST_ORDER)


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


def noisy_slope(seed, size):
    """Return a gradient that depends on step and place, of very different sizes."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(STEPS + 1, size)) * np.logspace(-4, 2, size)
    curvature = rng.uniform(0, 1, size)
    return lambda t, p: noise[t] + curvature * p


@pytest.mark.parametrize(("kind", "published", "parameters"), PUBLISHED)
@given(data=st.data(), seed=seeds, rate=rates)
def test_each_optimizer_is_as_published(kind, published, parameters, data, seed, rate):
    values = {name: data.draw(strategy, name) for name, strategy in parameters.items()}
    start = np.random.default_rng(seed).normal(size=7)
    gradient, decay = noisy_slope(seed, 7), Decay(7, 1 - rate * values.get("weight_decay", 0))
    ours = follow(kind(**values), gradient, start, rate, decay=decay)
    for p, expected in zip(ours, published(gradient, start, rate, **values), strict=True):
        assert_allclose(p, expected, rtol=1e-9, atol=1e-9 * np.abs(expected).max())
