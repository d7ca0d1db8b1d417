"""What many tests need: small data, classifiers and networks, seeds, and where MNIST lies."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from threadpoolctl import threadpool_info

from skdigits import FromScratchMLPClassifier
from skdigits.nn.layers import Chain, Step
from skdigits.nn.losses import CrossEntropy, Objective, Softmax
from skdigits.nn.network import Network

DATA = Path(__file__).parents[2] / "shared" / "data"
MNIST_HOME, BARE_MNIST = DATA / "scikit_learn_data", DATA / "scikit_learn_data_bare.tar"
"""MNIST in a data home of scikit-learn's; and packed, with bare labels as OpenML has them."""

needs_mnist = pytest.mark.skipif(
    not (MNIST_HOME.is_dir() and BARE_MNIST.is_file()), reason=f"no copies of MNIST in {DATA}"
)

seeds = st.integers(0, 2**32 - 1)
rngs = seeds.map(np.random.default_rng)


def blobs(n_rows=60, n_features=5, n_classes=3, seed=0):
    """Rows around a centre for each class, and the classes 0, 1, 2, ... in turn."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % n_classes
    centres = rng.normal(scale=3, size=(n_classes, n_features))
    return centres[y] + rng.normal(size=(n_rows, n_features)), y


def indicator(n_rows=60, n_features=5, n_labels=3, seed=0):
    """Rows of normal numbers, each of the labels being the sign of a mixture of them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features))
    return X, (X @ rng.normal(size=(n_features, n_labels)) > 0).astype(int)


def classifier(**params):
    """A small network that trains for a few epochs, always the same way."""
    small = {
        "hidden_layer_sizes": 8,
        "learning_rate_init": 0.02,
        "max_iter": 10,
        "n_iter_no_change": np.inf,
        "random_state": 0,
    }
    return FromScratchMLPClassifier(**(small | params))


def network_of(layers, rng=None, objective=None, dtype=float):
    """A network of these layers with its first weights, by default for the softmax."""
    objective = objective or Objective(Softmax(), CrossEntropy())
    network = Network(Chain(layers), objective, dtype)
    network.initialize(np.random.default_rng(0) if rng is None else rng)
    return network


def drawn_weights(rng, n_rows):
    """Weights of rows as a step has them, which sum to one."""
    weights = rng.uniform(0.1, 1, n_rows)
    return weights / weights.sum()


def step_on(weights, keys=None, seed=0):
    """A step on rows of these weights, with new memory; the same seed draws the same numbers."""
    weights = np.asarray(weights)
    step = Step(weights.dtype, np.random.default_rng(seed))
    keys = np.arange(len(weights), dtype=np.uint64) if keys is None else keys
    step.begin(weights, float(len(weights)), keys)
    return step


def blas_now():
    """How many threads each BLAS has at present."""
    return [lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"]


def same_bits(one, other):
    """Whether two classifiers have the same parameters, bit for bit."""
    pairs = zip([*one.coefs_, *one.intercepts_], [*other.coefs_, *other.intercepts_], strict=True)
    return all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in pairs)


class Order:
    """An augmentation that changes nothing and notes which rows it is given."""

    def __init__(self):
        self.rows = []

    def __call__(self, batch, rng):
        self.rows.extend(batch[:, 0].astype(int).tolist())
        return batch
