"""What many tests need: small data, classifiers and networks, seeds, and where MNIST lies."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_info

from skdigits import FromScratchMLPClassifier
from skdigits.digits import load_digits_8x8
from skdigits.nn.activations import ACTIVATIONS
from skdigits.nn.architecture import Architecture
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


def few_digits(n_rows=200):
    """Some of scikit-learn's digits, as rows of 8 x 8 pixels from 0 to 1, and their labels."""
    digits = load_digits_8x8()
    return (digits.X_train[:n_rows] / 16).astype(np.float32), digits.y_train[:n_rows]


def noisy(X, y, share=0.3):
    """The labels with a share of them drawn anew, so that a network overfits."""
    rng = np.random.default_rng(0)
    return X, np.where(rng.random(y.shape) < share, rng.permutation(y), y)


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


def mlp(n_features, hidden, n_outputs, *, activation="tanh", dtype=float, output=None, **extra):
    """A network of dense layers with one activation; the output is a softmax by default."""
    functions = [ACTIVATIONS[activation]()] * len(hidden)
    shape = Architecture(n_features, hidden, n_outputs, functions, None, **extra)
    objective = Objective(output or Softmax(), CrossEntropy())
    return network_of(shape.chain().layers, objective=objective, dtype=dtype)


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


def forward(network, inputs, weights=None, seed=0):
    """Run the training's forward pass; return the outputs and the function that runs backward."""
    weights = np.full(len(inputs), 1 / len(inputs)) if weights is None else weights
    values = network.views(network.vector)
    return network.chain.forward(inputs, values, step_on(weights, seed=seed))


@st.composite
def architectures(draw):
    """Shapes of networks with all that they may have."""
    hidden = draw(st.lists(st.integers(1, 6), max_size=4))
    functions = [ACTIVATIONS[draw(st.sampled_from(list(ACTIVATIONS)))]() for _ in hidden]
    return Architecture(
        draw(st.integers(1, 6)),
        hidden,
        draw(st.integers(1, 4)),
        functions,
        None,
        draw(st.sampled_from([None, "batch", "layer"])),
        [draw(st.sampled_from([0, 0.5])) for _ in hidden],
        draw(st.sampled_from([0, 0.5])),
        draw(st.sampled_from([0, 0.5])),
        draw(st.booleans()),
    )


def loss_of(clf, X, y, weights=None):
    """The mean loss, from the probabilities."""
    p = clf.predict_proba(X)
    if y.ndim == 1:
        return log_loss(y, p, sample_weight=weights)
    return np.average(-np.log(np.where(y, p, 1 - p)).sum(axis=1), weights=weights)


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
