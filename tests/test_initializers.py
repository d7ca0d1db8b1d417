"""Initial weights: their variance, their bounds, their independence of everything but the seed."""

import pickle
import warnings
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from small import network_of, seeds

from skdigits import FromScratchMLPClassifier
from skdigits.nn.activations import ACTIVATIONS
from skdigits.nn.architecture import Architecture
from skdigits.nn.initializers import INITIALIZERS

VARIANCE = {
    "he": lambda fan_in, fan_out: 2 / fan_in,
    "glorot": lambda fan_in, fan_out: 2 / (fan_in + fan_out),
    "lecun": lambda fan_in, fan_out: 1 / fan_in,
    "normal": lambda fan_in, fan_out: 0.01**2,
}
DRAWN = [name for name in INITIALIZERS if name not in ("orthogonal", "zeros")]

small = st.integers(1, 12)
large = st.integers(40, 300)
each_initializer = pytest.mark.parametrize("name", INITIALIZERS)


def draw(name, fan_in, fan_out, seed):
    return INITIALIZERS[name](fan_in, fan_out, np.random.default_rng(seed))


@pytest.mark.parametrize("name", DRAWN)
@given(fan_in=large, fan_out=large, seed=seeds)
def test_mean_and_variance(name, fan_in, fan_out, seed):
    weights = draw(name, fan_in, fan_out, seed)
    variance = VARIANCE[name.partition("_")[0]](fan_in, fan_out)
    # Six standard errors, of which that of a variance is the greatest for the normal distribution.
    assert abs(weights.mean()) < 6 * np.sqrt(variance / weights.size)
    assert_allclose(weights.var(), variance, rtol=6 * np.sqrt(2 / weights.size))


@pytest.mark.parametrize("name", [name for name in DRAWN if name.endswith("uniform")])
@given(fan_in=large, fan_out=large, seed=seeds)
def test_uniform_weights_fill_their_bounds(name, fan_in, fan_out, seed):
    bound = np.sqrt(3 * VARIANCE[name.partition("_")[0]](fan_in, fan_out))
    weights = np.abs(draw(name, fan_in, fan_out, seed))
    assert 0.97 * bound < weights.max() <= bound


@given(fan_in=small, fan_out=small, seed=seeds)
def test_orthogonal_weights_keep_lengths(fan_in, fan_out, seed):
    weights = draw("orthogonal", fan_in, fan_out, seed)
    short = weights if fan_in <= fan_out else weights.T
    assert_allclose(short @ short.T, np.eye(len(short)), atol=1e-12)


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (5, 3), (3, 5)])
def test_orthogonal_weights_have_no_preferred_direction(shape):
    rng = np.random.default_rng(0)
    draws = np.array([INITIALIZERS["orthogonal"](*shape, rng) for _ in range(2000)])
    # Each element has mean 0 and mean square 1 / max(shape), at most 1.
    assert np.abs(draws.mean(axis=0)).max() < 6 / np.sqrt(2000)
    assert_allclose(np.square(draws).mean(axis=0), 1 / max(shape), rtol=6 / np.sqrt(1000))


@given(fan_in=small, fan_out=small, seed=seeds)
def test_zeros(fan_in, fan_out, seed):
    assert_array_equal(draw("zeros", fan_in, fan_out, seed), np.zeros((fan_in, fan_out)))


@each_initializer
@given(fan_in=small, fan_out=small, seed=seeds)
def test_the_seed_decides(name, fan_in, fan_out, seed):
    weights = draw(name, fan_in, fan_out, seed)
    assert weights.shape == (fan_in, fan_out)
    assert_array_equal(draw(name, fan_in, fan_out, seed), weights)
    unpickled = pickle.loads(pickle.dumps(INITIALIZERS[name]))
    assert_array_equal(unpickled(fan_in, fan_out, np.random.default_rng(seed)), weights)


@each_initializer
def test_later_draws_differ(name):
    rng = np.random.default_rng(0)
    first, second = (INITIALIZERS[name](4, 4, rng) for _ in range(2))
    assert (first == second).all() == (name == "zeros")


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_suited_initializer_keeps_the_signal_alive(activation):
    functions = [ACTIVATIONS[activation]()] * 10
    rng = np.random.default_rng(0)
    network = network_of(Architecture(200, [200] * 10, 200, functions, None).chain().layers, rng)
    assert all((bias == 0).all() for bias in network.biases)
    logits = network.predict(rng.normal(size=(100, 200)))
    # SiLU keeps less of the signal than the rectifier that He's weights are for.
    least = 0.02 if activation == "silu" else 0.05
    assert least < np.sqrt(np.square(logits).mean()) < 20


@pytest.mark.parametrize(
    ("activation", "between"), [("relu", "he"), ("selu", "lecun"), ("tanh", "glorot")]
)
def test_the_suited_variances(activation, between):
    sizes = [40, 300, 200, 100, 50]
    functions = [ACTIVATIONS[activation]()] * 3
    chain = Architecture(sizes[0], sizes[1:-1], sizes[-1], functions, None).chain()
    network = network_of(chain.layers, np.random.default_rng(0))
    families = ["glorot", between, between, "glorot"]
    for family, fans, W in zip(families, pairwise(sizes), network.weights, strict=True):
        assert_allclose(W.var(), VARIANCE[family](*fans), rtol=0.1)


def test_small_tables_are_learnt_as_well_as_by_scikit_learn():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2400, 10))
    y = np.digitize(
        X.mean(axis=1) * np.sqrt(10) + rng.normal(0, 0.2, len(X)), [-1.2, -0.4, 0.4, 1.2]
    )

    def accuracy(kind):
        with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
            models = [kind(random_state=seed).fit(X[:400], y[:400]) for seed in range(3)]
        return np.mean([model.score(X[400:], y[400:]) for model in models])

    assert accuracy(FromScratchMLPClassifier) > accuracy(MLPClassifier) - 0.02
