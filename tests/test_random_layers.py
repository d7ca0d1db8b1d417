"""Layers that are random in training: what they drop, and their silence in prediction."""

from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import log_softmax
from sklearn.datasets import load_iris
from small import architectures, forward, network_of, rngs, seeds, step_on

from skdigits import FromScratchMLPClassifier
from skdigits.nn.activations import SELU, Identity
from skdigits.nn.architecture import Architecture
from skdigits.nn.noise import AlphaDropout, Dropout, GaussianNoise

RANDOM = {
    "dropout": Dropout(0.3),
    "alpha dropout": AlphaDropout(0.3),
    "noise": GaussianNoise(0.3),
}
rates = st.floats(0.05, 0.95)


@pytest.mark.parametrize("layer", RANDOM.values(), ids=RANDOM)
@given(rng=rngs)
def test_random_layers_are_silent_in_prediction(layer, rng):
    inputs = rng.normal(size=(4, 3))
    assert_array_equal(network_of([layer]).predict(inputs.copy()), inputs)


@pytest.mark.parametrize("layer", RANDOM.values(), ids=RANDOM)
@given(rng=rngs, keys=st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_equal_rows_get_equal_numbers_wherever_they_stand(layer, rng, keys):
    keys = np.array(keys, dtype=np.uint64)
    rows = rng.normal(size=(5, 40))[keys]
    order = rng.permutation(len(keys))
    outputs, permuted = (
        layer.forward(rows[places], (), step_on(np.ones(len(keys)), keys[places]))[0]
        for places in (np.arange(len(keys)), order)
    )
    assert_array_equal(permuted, outputs[order])
    for i in range(len(keys)):
        same = (outputs == outputs[i]).all(axis=1)
        assert_array_equal(same, keys == keys[i])


@pytest.mark.parametrize("layer", RANDOM.values(), ids=RANDOM)
def test_each_step_draws_anew(layer):
    step, inputs = step_on(np.ones(5)), np.ones((5, 20))
    outputs = []
    for _ in range(2):
        step.begin(step.weights, step.total)
        outputs.append(layer.forward(inputs, (), step)[0].copy())
    assert not np.array_equal(*outputs)


MANY = np.random.default_rng(0).normal(1, 1, (1000, 200))


@given(rate=rates, seed=seeds)
def test_dropout_drops_its_share_and_keeps_the_expectation(rate, seed):
    outputs, _ = Dropout(rate).forward(MANY, (), step_on(np.ones(len(MANY)), seed=seed))
    dropped = outputs == 0
    # The bounds are five standard deviations.
    assert dropped.mean() == pytest.approx(rate, abs=5 * np.sqrt(rate * (1 - rate) / MANY.size))
    assert_allclose(outputs[~dropped], MANY[~dropped] / (1 - rate), rtol=1e-3)
    deviation = np.sqrt(rate / (1 - rate) * np.mean(MANY**2) / MANY.size)
    assert outputs.mean() == pytest.approx(MANY.mean(), abs=5 * deviation)
    # Units and rows are dropped independently of each other.
    for axis in (0, 1):
        n = dropped.shape[axis]
        spread = np.sqrt(rate * (1 - rate) / n)
        assert dropped.mean(axis=axis).std() == pytest.approx(spread, rel=0.3)


@given(rate=rates, seed=seeds)
def test_dropout_leaves_zeros_of_sparse_rows_alone(rate, seed):
    stored = np.random.default_rng(seed).random(MANY.shape) < 0.3
    rows = scipy.sparse.csr_array(MANY * stored)
    outputs, _ = Dropout(rate).forward(rows, (), step_on(np.ones(len(MANY)), seed=seed))
    outputs, n_stored = outputs.toarray(), stored.sum()
    kept = outputs != 0
    assert not (kept & ~stored).any()
    assert_allclose(outputs[kept], MANY[kept] / (1 - rate), rtol=1e-3)
    spread = np.sqrt(rate * (1 - rate) / n_stored)
    assert 1 - kept.sum() / n_stored == pytest.approx(rate, abs=5 * spread)
    assert_array_equal(rows.toarray(), MANY * stored)


@given(rng=rngs, keys=st.lists(st.integers(0, 4), min_size=1, max_size=12))
def test_equal_sparse_rows_get_equal_numbers_wherever_they_stand(rng, keys):
    keys = np.array(keys, dtype=np.uint64)
    rows = scipy.sparse.csr_array(rng.normal(size=(5, 60)) * (rng.random((5, 60)) < 0.7))[keys]
    order = rng.permutation(len(keys))
    outputs, permuted = (
        Dropout(0.3).forward(rows[places], (), step_on(np.ones(len(keys)), keys[places]))[0]
        for places in (np.arange(len(keys)), order)
    )
    outputs, permuted = outputs.toarray(), permuted.toarray()
    assert_array_equal(permuted, outputs[order])
    for i in range(len(keys)):
        assert_array_equal((outputs == outputs[i]).all(axis=1), keys == keys[i])


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(rate):
    activations = SELU().value(np.random.default_rng(1).normal(size=MANY.shape))
    outputs, _ = AlphaDropout(rate).forward(activations, (), step_on(np.ones(len(MANY))))
    assert activations.mean() == pytest.approx(0, abs=0.01)
    assert outputs.mean() == pytest.approx(0, abs=0.01)
    assert outputs.var() == pytest.approx(activations.var(), rel=0.02)
    values, counts = np.unique(outputs, return_counts=True)
    # All dropped units have one value; the others are scaled and shifted.
    assert counts.max() / counts.sum() == pytest.approx(rate, abs=0.01)
    kept = outputs != values[counts.argmax()]
    assert np.corrcoef(outputs[kept], activations[kept])[0, 1] == pytest.approx(1)


def test_units_that_normalise_themselves_are_dropped_in_their_own_way():
    functions = [SELU(), Identity()]
    layers = Architecture(2, [3, 3], 2, functions, None, dropout=[0.1, 0.2]).chain().layers
    assert [layer for layer in layers if layer.random] == [AlphaDropout(0.1), Dropout(0.2)]


@pytest.mark.parametrize("kind", [Dropout, AlphaDropout])
def test_almost_all_may_be_dropped(kind):
    outputs, _ = kind(np.nextafter(1, 0)).forward(MANY, (), step_on(np.ones(len(MANY))))
    assert np.isfinite(outputs).all()
    assert len(np.unique(outputs)) < 100


@given(deviation=st.floats(1e-3, 1e3), seed=seeds)
def test_noise_has_its_deviation(deviation, seed):
    outputs, _ = GaussianNoise(deviation).forward(MANY, (), step_on(np.ones(len(MANY)), seed=seed))
    noise = outputs - MANY
    assert noise.std() == pytest.approx(deviation, rel=0.01)
    assert noise.mean() == pytest.approx(0, abs=0.015 * deviation)
    assert np.median(np.abs(noise)) == pytest.approx(0.6745 * deviation, rel=0.02)


@given(rng=rngs, rate=rates)
def test_backward_drops_the_same_units(rng, rate):
    inputs = rng.uniform(1, 2, (6, 7))
    outputs, backward = Dropout(rate).forward(inputs, (), step_on(np.ones(6)))
    d_inputs = backward(np.ones_like(inputs), (), True)
    assert_allclose(d_inputs, outputs / inputs)


@pytest.mark.parametrize("params", [{"dropout": 0.5}, {"input_dropout": 0.5}, {"noise": 1.0}])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_fitted_model_is_silent(params):
    X, y = load_iris(return_X_y=True)
    clf = FromScratchMLPClassifier(random_state=0, max_iter=3, **params).fit(X, y)
    assert_array_equal(clf.predict_proba(X), clf.predict_proba(X))
    hidden = np.maximum(X @ clf.coefs_[0] + clf.intercepts_[0], 0)
    logits = hidden @ clf.coefs_[1] + clf.intercepts_[1]
    assert_allclose(clf.decision_function(X), log_softmax(logits, axis=1))


@given(architecture=architectures(), rng=rngs)
def test_prediction_is_training_without_noise_and_dropout(architecture, rng):
    network = network_of(architecture.chain().layers, rng)
    inputs = rng.normal(size=(3, architecture.n_features))
    plain = replace(architecture, dropout=[], input_dropout=0, noise=0)
    # After a first batch, running averages are those of the batch.
    outputs, _ = forward(network.like(chain=plain.chain()), inputs)
    assert_allclose(network.predict(inputs.copy()), outputs, rtol=1e-9, atol=1e-9)
