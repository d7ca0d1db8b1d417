"""The parts of a training step, one by one, so that a regression shows.

``pytest benchmarks -n0 --benchmark-autosave`` keeps a record. After a change the same with
``--benchmark-compare --benchmark-compare-fail=median:25%`` fails if a part has become a quarter
slower. Needs ``pip install .[bench,test]``; run it with OPENBLAS_NUM_THREADS=1.
"""

from functools import partial

import numpy as np
import pytest

from skdigits import FromScratchMLPClassifier
from skdigits.digits import (
    Bends,
    DigitImages,
    Directions,
    ElasticDeformation,
    Loci,
    RandomAffine,
    Upright,
)
from skdigits.nn.activations import ACTIVATIONS
from skdigits.nn.fused import fused
from skdigits.nn.fused_loss import FusedObjective
from skdigits.nn.fused_norm import FusedBatchNorm
from skdigits.nn.fused_relu import DenseReLU
from skdigits.nn.initializers import INITIALIZERS
from skdigits.nn.layers import Activation, Chain, Dense, Step
from skdigits.nn.losses import LOSSES, Objective, Softmax
from skdigits.nn.network import Network
from skdigits.nn.noise import Dropout, GaussianNoise
from skdigits.nn.normalization import BatchNorm, LayerNorm
from skdigits.nn.optimizers import SOLVERS, Optimizer
from skdigits.nn.rules import Decay, by_pieces
from skdigits.training.batches import Reader
from skdigits.training.hashing import row_keys

N_ROWS, N_UNITS, N_PARAMETERS = 128, 256, 200_000
DENSE = Dense(N_UNITS, N_UNITS, INITIALIZERS["he_normal"])
RELU = Activation(ACTIVATIONS["relu"]())
LAYERS = {
    "dense": DENSE,
    "dense, relu": Chain([DENSE, RELU]),
    "dense with relu, compiled": DenseReLU(DENSE, RELU),
    "batch norm": BatchNorm(N_UNITS),
    "batch norm, compiled": FusedBatchNorm(N_UNITS),
    "layer norm": LayerNorm(N_UNITS),
    "dropout": Dropout(0.5),
    "noise": GaussianNoise(0.3),
    **{name: Activation(kind()) for name, kind in ACTIVATIONS.items()},
}
RULES = {name: kind() for name, kind in SOLVERS.items() if issubclass(kind, Optimizer)}


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_layer_forward_and_backward(benchmark, layer, rng):
    network = Network(Chain([layer]), Objective(Softmax(), LOSSES["cross_entropy"]()), np.float32)
    network.initialize(rng)
    values = network.views(network.vector)
    gradients = network.views(np.zeros_like(network.vector))
    inputs, d_outputs = rng.standard_normal((2, N_ROWS, N_UNITS), dtype=np.float32)
    step, weights = Step(np.float32, rng), np.full(N_ROWS, 1 / N_ROWS, np.float32)
    keys = np.arange(N_ROWS, dtype=np.uint64) if layer.random else None

    def forward_and_backward():
        step.begin(weights, N_ROWS, keys)
        _, backward = network.chain.forward(inputs, values, step)
        # A copy, since what comes back is written into it.
        backward(d_outputs.copy(), gradients, True)

    benchmark(forward_and_backward)


@pytest.mark.parametrize("engine", ["NumPy", "compiled"])
@pytest.mark.parametrize("optimizer", RULES.values(), ids=RULES)
def test_optimizer_rule(benchmark, optimizer, engine, rng):
    parameters, gradient = rng.standard_normal((2, N_PARAMETERS), dtype=np.float32)
    state, rule = np.zeros((optimizer.slots, N_PARAMETERS), np.float32), type(optimizer).rule
    scalars = optimizer.scalars(10, 1e-3)
    run = partial(by_pieces, rule)
    if engine == "compiled":
        pytest.importorskip("numba")
        run = fused(rule, optimizer.slots, len(scalars), np.dtype(np.float32))
    benchmark(run, parameters, gradient, state, scalars, Decay(N_PARAMETERS // 2, 1.0, 1e-6))


@pytest.mark.parametrize("kind", [Objective, FusedObjective])
@pytest.mark.parametrize("loss", LOSSES)
def test_loss_and_gradient(benchmark, loss, kind, rng):
    objective = kind(Softmax(), LOSSES[loss]())
    logits = rng.standard_normal((N_ROWS, 10), dtype=np.float32)
    targets, weights = rng.integers(10, size=N_ROWS), np.full(N_ROWS, 1 / N_ROWS, np.float32)
    benchmark(objective.loss_and_gradient, logits, targets, weights)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "float64"])
def test_reading_a_batch(benchmark, dtype, rng):
    X = rng.integers(0, 256, (10_000, 784)).astype(dtype)
    benchmark(Reader(X, np.float32, sparse=False).read, rng.permutation(len(X))[:N_ROWS])


def test_keys_of_rows(benchmark, rng):
    X = rng.integers(0, 256, (2000, 784), dtype=np.uint8)
    benchmark(row_keys, X, np.arange(2000))


@pytest.mark.parametrize("n_rows", [1, 1000])
def test_prediction(benchmark, n_rows, rng):
    X = rng.random((1000, 784), dtype=np.float32)
    clf = FromScratchMLPClassifier((128, 64), learning_rate="one_cycle", max_iter=1)
    benchmark(clf.fit(X, np.arange(1000) % 10).predict_proba, X[:n_rows])


def test_augmentation(benchmark, rng):
    images = rng.random((256, 784), dtype=np.float32)
    benchmark(RandomAffine() + ElasticDeformation(), images, rng)


@pytest.mark.parametrize("step", [Upright(), Directions(), Bends(), Loci()], ids=repr)
def test_preparation(benchmark, step, rng):
    benchmark(step.prepare, rng.random((256, 784), dtype=np.float32))


def test_images_in_mnists_form(benchmark):
    images = np.zeros((500, 28, 28), np.uint8)
    images[:, 4:24, 12:16] = 255
    benchmark(DigitImages().transform, images)
