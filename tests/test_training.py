"""Epochs: the way of the weights, with scikit-learn's as the oracle."""

import gc
import tracemalloc
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from small import mlp
from threadpoolctl import threadpool_limits

from skdigits.nn.elementwise import CHUNK
from skdigits.nn.losses import Sigmoid, Softmax
from skdigits.nn.optimizers import LBFGS, SGD, Adam, Nesterov
from skdigits.nn.schedules import Constant
from skdigits.training.inference import evaluate
from skdigits.training.lbfgs import FullBatchTrainer
from skdigits.training.loop import Settings, Trainer
from skdigits.training.samples import Samples
from skdigits.training.state import TrainingState


def trainer_of(
    network, samples, end_of_epoch, *, solver=None, parameters=None, ema_decay=None, **settings
):
    """Return a trainer that starts from these parameters, with all rows as one batch."""
    state = TrainingState(network, np.random.SeedSequence(0))
    solver = solver or Nesterov()
    state.restart_optimizer(solver)
    if parameters is not None:
        network.parameters[...] = parameters
    state.begin_average(ema_decay)
    values = {
        "schedule": Constant(),
        "learning_rate": 0.05,
        "alpha": 0.0,
        "l1_ratio": 0.0,
        "batch_size": len(samples),
        "shuffle": False,
        "max_epochs": 20,
        "tol": 0.0,
    }
    kind = Trainer if solver.incremental else FullBatchTrainer
    return kind(state, samples, Settings(solver, **(values | settings)), end_of_epoch)


def trained(network, samples, epochs, **settings):
    """Train a network; return the figures of each epoch."""
    figures = []
    trainer_of(network, samples, figures.append, **settings).train(epochs)
    return figures


def trained_by_sklearn(network, samples, epochs, **parameters):
    """Train scikit-learn's classifier from the network's parameters."""
    theirs = MLPClassifier(
        [len(bias) for bias in network.biases[:-1]],
        n_iter_no_change=1000,
        warm_start=True,
        max_iter=1,
        **parameters,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        theirs.fit(samples.X, samples.targets)
        for ours, arrays in (
            (network.weights, theirs.coefs_),
            (network.biases, theirs.intercepts_),
        ):
            for own, array in zip(ours, arrays, strict=True):
                array[...] = own
        theirs.set_params(max_iter=epochs).fit(samples.X, samples.targets, samples.weights)
    parameters = np.concatenate([a.ravel() for a in theirs.coefs_ + theirs.intercepts_])
    return parameters


def drawn_task(n_outputs, weighted, *, n_rows=50, activation="tanh"):
    """Return a network of its own random weights, and samples to train it on."""
    rng = np.random.default_rng(n_outputs)
    output = Sigmoid() if n_outputs == 1 else Softmax()
    network = mlp(4, [6, 5], n_outputs, output=output, activation=activation)
    network.parameters += rng.normal(0, 0.1, network.parameters.shape)
    y = np.arange(n_rows) % max(2, n_outputs)
    # scikit-learn divides by the sum of each batch; in tens of rows it is the same throughout.
    weights = np.resize(rng.uniform(0.5, 2, 10), n_rows) if weighted else None
    return network, Samples.of(rng.normal(size=(n_rows, 4)), y, weights)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("batch_size", [50, 20])
@pytest.mark.parametrize(("kind", "nesterov"), [(SGD, False), (Nesterov, True)])
@pytest.mark.parametrize("epochs", [1, 20])
def test_gradient_descent_goes_where_sklearns_goes(
    n_outputs, weighted, batch_size, kind, nesterov, epochs
):
    network, samples = drawn_task(n_outputs, weighted)
    common = {"alpha": 2.0, "batch_size": batch_size, "shuffle": False}
    start = network.parameters.copy()
    expected = trained_by_sklearn(
        network,
        samples,
        epochs,
        activation="tanh",
        solver="sgd",
        learning_rate_init=0.05,
        nesterovs_momentum=nesterov,
        **common,
    )
    trained(network, samples, epochs, solver=kind(), parameters=start, **common)
    assert_allclose(network.parameters, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("n_outputs", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_lbfgs_goes_where_sklearns_goes(n_outputs, weighted):
    network, samples = drawn_task(n_outputs, weighted)
    start = network.parameters.copy()
    expected = trained_by_sklearn(network, samples, 8, activation="tanh", solver="lbfgs", alpha=0.5)
    figures = trained(network, samples, 8, solver=LBFGS(), parameters=start, alpha=0.5, tol=1e-4)
    assert len(figures) == 8
    assert_allclose(network.parameters, expected, rtol=1e-6, atol=1e-6)


@given(n_outputs=st.integers(1, 4), size=st.integers(1, 20), weighted=st.booleans())
def test_the_loss_of_an_epoch_is_the_mean_over_its_rows(n_outputs, size, weighted):
    network, samples = drawn_task(n_outputs, weighted, n_rows=23)
    # At this rate nothing moves, so that all batches see the same weights.
    settings = {"learning_rate": 1e-300, "alpha": 1000.0, "batch_size": size}
    (figures,) = trained(
        network, samples, 1, parameters=network.parameters.copy(), shuffle=True, **settings
    )
    expected = evaluate(network, samples)
    assert figures["loss"] == pytest.approx(expected["validation_loss"])
    assert figures["accuracy"] == pytest.approx(expected["validation_accuracy"])


def order_of_rows(*, shuffle, epochs=3):
    """Return the order in which each epoch visits the rows."""
    seen = []

    def note(batch, rng):
        seen.extend(batch[:, 0])
        return batch

    X = np.arange(30)[:, np.newaxis] / 30
    samples = Samples.of(X, np.arange(30) % 2)
    trained(mlp(1, [], 2), samples, epochs, shuffle=shuffle, batch_size=7, augment=note)
    return np.reshape(seen, (epochs, 30)) * 30


def test_each_epoch_visits_the_rows_in_a_new_order():
    orders = order_of_rows(shuffle=True)
    assert_allclose(np.sort(orders), np.tile(np.arange(30), (3, 1)))
    assert len({tuple(order) for order in orders}) == 3
    assert_array_equal(orders, order_of_rows(shuffle=True))
    assert_allclose(order_of_rows(shuffle=False), np.tile(np.arange(30), (3, 1)))


@pytest.mark.parametrize(
    ("kind", "extra"),
    [
        (np.float32, {}),
        (np.uint8, {}),
        (np.float32, {"activation": "gelu"}),
        (np.float32, {"normalization": "batch"}),
        (np.float32, {"normalization": "layer"}),
        (np.float32, {"dropout": [0.5, 0.5]}),
        (np.float32, {"noise": 0.1}),
        (np.float32, {"residual": True}),
    ],
)
def test_steps_allocate_only_what_fits_the_cache(kind, extra):
    samples = Samples.of(np.ones((1100, 784), kind), np.arange(1100) % 10)
    network = mlp(784, [512, 512], 10, dtype=np.float32, **extra)
    held, peaks, own = [], [], []
    of_skdigits = tracemalloc.Filter(True, "*/skdigits/*")

    def end_of_epoch(figures):
        # Python keeps freed objects for later, until it collects garbage.
        gc.collect()
        now, peak = tracemalloc.get_traced_memory()
        held.append(now)
        peaks.append(peak)
        traces = tracemalloc.take_snapshot().filter_traces([of_skdigits]).traces
        own.append(sum(trace.size for trace in traces))
        tracemalloc.reset_peak()

    trainer = trainer_of(network, samples, end_of_epoch, solver=Adam(), batch_size=500)
    tracemalloc.start()
    # With several threads, each makes pieces of its own.
    with threadpool_limits(1):
        trainer.train(4)
    tracemalloc.stop()
    # The first epoch fills the workspace; later ones make pieces of 32,768 elements and lose them.
    # They all do the same, so the least peak is theirs: other threads, such as the test runner's,
    # allocate as they please.
    assert held[0] > 20 * 500 * 512
    assert min(peaks[1:]) - held[0] < 5 * 4 * CHUNK
    assert own[0] > 20 * 500 * 512
    assert own[-1] - own[0] < 10_000


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("part", "position", "share", "finite"),
    [
        ("parameters", 0, 0.1, True),
        ("parameters", 0, 10, False),
        ("parameters", -1, np.nan, False),
        # No statistic is ever squared.
        ("buffers", 0, 10, True),
        ("buffers", -1, np.nan, False),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered")
def test_parameters_are_finite_if_their_squares_are(dtype, part, position, share, finite):
    network = mlp(4, [6], 3, dtype=dtype, normalization="batch")
    trainer = trainer_of(network, drawn_task(3, False)[1], bool)
    assert trainer.is_finite(0.5)
    assert not trainer.is_finite(np.inf)
    getattr(network, part)[position] = share * np.sqrt(np.finfo(dtype).max)
    assert trainer.is_finite(0.5) == finite


@pytest.mark.parametrize("ema_decay", [None, 0.9])
@pytest.mark.parametrize(("learning_rate", "scale"), [(1e200, 1), (0.05, 1e200)])
def test_after_divergence_training_goes_on_from_the_last_good_weights(
    ema_decay, learning_rate, scale
):
    network, samples = drawn_task(3, False, activation="relu")
    start, settings = network.parameters.copy(), {"batch_size": 10, "ema_decay": ema_decay}
    trainer = trainer_of(
        network,
        replace(samples, X=scale * samples.X),
        bool,
        parameters=start,
        learning_rate=learning_rate,
        **settings,
    )
    with pytest.warns(ConvergenceWarning, match="diverged"):
        trainer.train(3)
    assert not trainer.ran_out
    assert_array_equal(trainer.state.predictor.parameters, start)
    assert_array_equal(network.parameters, start)
    figures, settings = [], replace(trainer.settings, learning_rate=0.01)
    again = Trainer(trainer.state, samples, settings, figures.append)
    again.train(5)
    assert again.ran_out
    assert figures[-1]["loss"] < figures[0]["loss"]


def ran_out(solver, epochs=4, end_of_epoch=lambda figures: False, *, scale=1, **settings):
    """Train for so many epochs; return whether there were too few of them."""
    network, samples = drawn_task(3, False)
    samples = replace(samples, X=scale * samples.X)
    trainer = trainer_of(network, samples, end_of_epoch, solver=solver, **settings)
    trainer.train(epochs)
    return trainer.ran_out


def interrupt(figures):
    raise KeyboardInterrupt


@pytest.mark.parametrize("solver", [Adam(), LBFGS(), LBFGS(max_fun=3)], ids=repr)
def test_a_training_that_its_limit_ends_has_run_out(solver):
    assert ran_out(solver)


@pytest.mark.parametrize("solver", [Adam(), LBFGS()], ids=repr)
def test_a_training_that_ends_for_another_reason_has_not_run_out(solver):
    assert not ran_out(solver, end_of_epoch=lambda figures: True)
    with pytest.warns(UserWarning, match="interrupted"):
        assert not ran_out(solver, end_of_epoch=interrupt)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        assert not ran_out(solver, scale=np.inf)


def test_lbfgs_that_has_converged_has_not_run_out():
    assert not ran_out(LBFGS(), epochs=500, alpha=1.0, tol=1e-3)


@pytest.mark.parametrize("n_batches", [1, 8, 9, 23, 40])
def test_the_norm_of_an_epoch_is_the_mean_of_up_to_eight(n_batches, monkeypatch):
    network, samples = drawn_task(3, False, n_rows=2 * n_batches)
    norms = []

    def note(vector):
        norms.append(np.linalg.norm(vector))
        return norms[-1]

    monkeypatch.setattr("skdigits.training.loop.euclidean_norm", note)
    (figures,) = trained(network, samples, 1, batch_size=2)
    assert min(n_batches, 5) <= len(norms) <= 8
    assert figures["gradient_norm"] == pytest.approx(np.mean(norms))


def test_what_fades_away_is_zero_long_before_it_slows_down():
    network, samples = drawn_task(3, False)
    # No gradient reaches the weights of a feature that is always 0.
    samples.X[:, 0] = 0
    trainer = trainer_of(network, samples, [].append, solver=SGD(), batch_size=10)
    fading = network.weights[0][0], trainer.state.slots[0, : network.weights[0].shape[1]]
    for numbers in fading:
        numbers.fill(1e-33)
    trainer.train(13)
    for numbers in fading:
        assert_array_equal(numbers, 0)
