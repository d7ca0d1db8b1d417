"""Compiled loops: the same numbers as NumPy's, and NumPy's where Numba is not to be had."""

import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from small import blobs, classifier, drawn_weights, network_of, rngs, seeds, step_on

from skdigits import FromScratchMLPClassifier, parameters
from skdigits.nn.activations import ReLU
from skdigits.nn.fused import _copied, fused
from skdigits.nn.fused_layers import with_fused_layers
from skdigits.nn.fused_loss import FusedObjective, fused_accuracy, fused_cross_entropy
from skdigits.nn.fused_norm import FusedBatchNorm, fused_passes
from skdigits.nn.fused_relu import DenseReLU, FusedReLU, fused_bias_relu, fused_relu
from skdigits.nn.initializers import INITIALIZERS
from skdigits.nn.layers import Activation, Chain, Dense
from skdigits.nn.losses import CrossEntropy, Focal, Objective, Sigmoid, Softmax
from skdigits.nn.normalization import BatchNorm
from skdigits.nn.optimizers import SOLVERS, Optimizer
from skdigits.nn.residual import Residual
from skdigits.nn.rules import Decay, apply_penalty, by_pieces

DENSE = partial(Dense, initializer=INITIALIZERS["he_normal"])
RULES = {name: kind for name, kind in SOLVERS.items() if issubclass(kind, Optimizer)}

decays = st.builds(
    Decay,
    n_weights=st.integers(0, 50),
    shrink=st.sampled_from([1.0, 0.9]),
    l2=st.sampled_from([0.0, 0.1]),
    l1=st.sampled_from([0.0, 0.01]),
)


@pytest.mark.parametrize("kind", RULES.values(), ids=RULES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
@given(size=st.integers(1, 50), decay=decays, seed=seeds)
def test_a_compiled_rule_takes_numpys_steps(kind, dtype, tolerance, size, decay, seed):
    pytest.importorskip("numba")
    rng, optimizer = np.random.default_rng(seed), kind()
    start = rng.normal(size=size).astype(dtype)
    ours, theirs = ((start.copy(), np.zeros((kind.slots, size), dtype)) for _ in range(2))
    for t in range(1, 6):
        gradient, scalars = rng.normal(size=size).astype(dtype), optimizer.scalars(t, 0.01)
        run = fused(kind.rule, kind.slots, len(scalars), np.dtype(dtype))
        assert run is not None
        run(ours[0], gradient.copy(), ours[1], scalars, decay)
        by_pieces(kind.rule, theirs[0], gradient.copy(), theirs[1], scalars, decay)
    for compiled, numpys in zip(ours, theirs, strict=True):
        assert_allclose(compiled, numpys, rtol=tolerance, atol=tolerance)


def returned(function, n_numbers):
    """Return the types that a compiled function makes of so many numbers in single precision."""
    numba = pytest.importorskip("numba")
    compiled = numba.njit(_copied(function), fastmath=True, error_model="numpy")
    compiled.compile((numba.float32,) * n_numbers)
    (signature,) = compiled.nopython_signatures
    return {str(kind) for kind in signature.return_type}


@pytest.mark.parametrize("kind", RULES.values(), ids=RULES)
def test_a_compiled_rule_computes_in_single_precision(kind):
    n_scalars = len(kind().scalars(1, 0.1))
    assert returned(kind.rule, 2 + kind.slots + n_scalars) == {"float32"}


def test_the_compiled_penalty_computes_in_single_precision():
    assert returned(apply_penalty, 5) == {"float32"}


def test_a_rule_without_augmented_assignments_means_the_same():
    def rule(p, g, m, rate):
        m = 0.9 * m + g
        p = p - rate * m
        return p, m

    pytest.importorskip("numba")
    for run in (partial(by_pieces, rule), fused(rule, 1, 1, np.dtype(float))):
        parameters, momentum = np.ones(50_000), np.ones((1, 50_000))
        run(parameters, np.full(50_000, 2.0), momentum, (0.5,), Decay())
        assert_allclose(parameters, 1 - 0.5 * 2.9)
        assert_allclose(momentum, 2.9)


def test_a_rule_that_cannot_be_compiled_is_left_to_numpy():
    def rule(p, g, v, rate):
        p[:] = [a - rate * b for a, b in zip(p.tolist(), g.tolist(), strict=True)]

    assert fused(rule, 1, 1, np.dtype(float)) is None


@pytest.mark.parametrize("kind", RULES.values(), ids=RULES)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_weight_that_nothing_moves_comes_to_rest(kind, dtype):
    pytest.importorskip("numba")
    optimizer, tiny = kind(), np.sqrt(np.finfo(dtype).tiny)
    scalars = optimizer.scalars(1, 0.01)
    run = fused(kind.rule, kind.slots, len(scalars), np.dtype(dtype))
    # The gradients of the penalty alone, one below the root of the least normal number.
    parameters = np.array([0.9 * tiny, 2 * tiny], dtype)
    before, state = parameters.copy(), np.zeros((kind.slots, 2), dtype)
    run(parameters, np.zeros(2, dtype), state, scalars, Decay(n_weights=2, l2=1.0))
    assert parameters[0] == before[0]
    # What rules keep of a gradient shows whether it counted.
    assert_array_equal(state[0] != 0, [False, True])


# All begin with three units.
STACKS = {
    "dense, relu": [DENSE(3, 20), Activation(ReLU())],
    "a block that is skipped": [Residual(Chain([DENSE(3, 3), Activation(ReLU())]), None)],
    "norm, relu": [BatchNorm(3), Activation(ReLU())],
}


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-4), (np.float64, 1e-11)])
@pytest.mark.parametrize("layers", STACKS.values(), ids=STACKS)
@given(rng=rngs, n_rows=st.integers(5, 40))
def test_compiled_layers_are_numpys(layers, dtype, tolerance, rng, n_rows):
    pytest.importorskip("numba")
    for compiled in (fused_relu, fused_bias_relu, fused_passes):
        assert compiled(np.dtype(dtype)) is not None
    plain = network_of(layers, rng, dtype=dtype)
    plain.parameters[...] = rng.normal(size=plain.n_parameters)
    fused_one = plain.like(chain=with_fused_layers(plain.chain), vector=plain.vector.copy())
    weights, inputs = drawn_weights(rng, n_rows), rng.normal(size=(n_rows, 3))
    d_outputs = rng.normal(size=(n_rows, 20))
    found = []
    for network in (plain, fused_one):
        gradient, step = np.zeros_like(network.vector), step_on(weights.astype(dtype))
        values = network.views(network.vector)
        outputs, backward = network.chain.forward(inputs.astype(dtype), values, step)
        d = d_outputs[:, : outputs.shape[1]].astype(dtype)
        d_inputs = backward(d, network.views(gradient), True)
        found.append((outputs, d_inputs, gradient, network.buffers))
    for numpys, ours in zip(*found, strict=True):
        assert ours.dtype == dtype
        assert_allclose(ours, numpys, rtol=tolerance, atol=tolerance)


def test_the_compiled_relu_passes_nan_on():
    pytest.importorskip("numba")
    layer = DenseReLU(DENSE(1, 2), Activation(ReLU()))
    values = layer.nest(iter([np.array([[1.0, np.nan]]), np.zeros(2)]))
    outputs, _ = layer.forward(np.array([[-1.0]]), values, step_on([1.0]))
    assert_array_equal(outputs, [[0, np.nan]])


class Shifted(ReLU):
    """Not the function that was compiled."""

    def value(self, z):
        return super().value(z - 1)


@pytest.mark.parametrize(
    ("layers", "kinds"),
    [
        ([DENSE(3, 2), Activation(ReLU())], [DenseReLU]),
        ([DENSE(3, 2), Activation(Shifted())], [Dense, Activation]),
        ([DENSE(3, 2, bias=False), Activation(ReLU())], [Dense, FusedReLU]),
        ([DENSE(3, 2), BatchNorm(2), Activation(ReLU())], [Dense, FusedBatchNorm, FusedReLU]),
        ([Activation(ReLU()), DENSE(3, 2)], [FusedReLU, Dense]),
        ([Residual(Chain([DENSE(3, 3), Activation(ReLU())]), None)], [DenseReLU]),
    ],
)
def test_layers_of_the_exact_kind_are_compiled(layers, kinds):
    plain, found = Chain(layers), with_fused_layers(Chain(layers))
    (within,) = [layer.block for layer in found.layers if type(layer) is Residual] or [found]
    assert [type(layer) for layer in within.layers] == kinds
    names = [[layer.name for layer, _ in chain.leaves(3)] for chain in (plain, found)]
    assert names[0] == names[1]


@pytest.mark.parametrize("normalization", [None, "batch"])
def test_numpy_trains_where_layers_cannot_be_compiled(monkeypatch, normalization):
    X, y = blobs()
    clf = classifier(learning_rate="one_cycle", normalization=normalization)
    compiled = clf.fit(X, y).predict_proba(X)
    for loops in ("fused_relu.fused_relu", "fused_relu.fused_bias_relu", "fused_norm.fused_passes"):
        monkeypatch.setattr(f"skdigits.nn.{loops}", lambda _: None)
    assert_allclose(clf.fit(X, y).predict_proba(X), compiled, rtol=1e-6)


@pytest.mark.parametrize(("solver", "kind"), [("adam", DenseReLU), ("lbfgs", Dense)])
def test_only_training_by_batches_is_compiled(solver, kind):
    assert type(parameters.chain(classifier(solver=solver), 5, 3).layers[0]) is kind


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
@given(
    n_rows=st.integers(1, 20),
    n_classes=st.integers(2, 12),
    # Up to where single precision overflows.
    scale=st.sampled_from([0.0, 1.0, 100.0, 1e38]),
    smoothing=st.sampled_from([0.0, 0.1]),
    seed=seeds,
)
def test_the_compiled_cross_entropy_is_numpys(
    dtype, tolerance, n_rows, n_classes, scale, smoothing, seed
):
    pytest.importorskip("numba")
    rng = np.random.default_rng(seed)
    logits = (rng.uniform(-3, 3, (n_rows, n_classes)) * scale).astype(dtype)
    targets = rng.integers(0, n_classes, n_rows)
    weights = rng.dirichlet(np.ones(n_rows)).astype(dtype)
    assert fused_cross_entropy(np.dtype(dtype)) is not None
    with np.errstate(over="ignore"):
        (loss, gradient), (ours, our_gradient) = (
            kind(Softmax(), CrossEntropy(), smoothing).loss_and_gradient(logits, targets, weights)
            for kind in (Objective, FusedObjective)
        )
    assert gradient.dtype == our_gradient.dtype == dtype
    assert_allclose(ours, loss, rtol=tolerance, atol=tolerance)
    assert_allclose(our_gradient, gradient, rtol=tolerance, atol=tolerance)


@given(
    # Few values, so that rows tie.
    rows=st.lists(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=3, max_size=3), min_size=1),
    seed=seeds,
    right=st.booleans(),
)
def test_the_compiled_accuracy_is_numpys(rows, seed, right):
    pytest.importorskip("numba")
    rng, logits = np.random.default_rng(seed), np.array(rows, np.float32)
    targets = logits.argmax(axis=1) if right else rng.integers(0, 3, len(rows))
    weights = rng.dirichlet(np.ones(len(rows))).astype(np.float32)
    assert fused_accuracy(np.dtype(np.float32)) is not None
    ours, numpys = (
        kind(Softmax(), CrossEntropy()).accuracy(logits, targets, weights)
        for kind in (FusedObjective, Objective)
    )
    assert ours == pytest.approx(numpys, rel=1e-6, abs=1e-6)
    assert (ours == 1) == (numpys == 1)


def test_the_accuracy_of_labels_is_left_to_numpy():
    objective, weights = FusedObjective(Sigmoid(), CrossEntropy()), np.full(2, 0.5)
    logits, targets = np.array([[1.0, -1.0], [1.0, 1.0]]), np.array([[1, 0], [1, 0]])
    assert objective.accuracy(logits, targets, weights) == 0.5


def test_the_compiled_cross_entropy_passes_nan_on():
    pytest.importorskip("numba")
    for column in range(3):
        logits = np.zeros((2, 3))
        logits[1, column] = np.nan
        objective = FusedObjective(Softmax(), CrossEntropy())
        assert np.isnan(objective.loss_and_gradient(logits, np.array([0, 0]), np.full(2, 0.5))[0])


class Doubled(CrossEntropy):
    """Not the loss that was compiled."""

    def value(self, log_p, y):
        return 2 * super().value(log_p, y)


@pytest.mark.parametrize("output", [Softmax(), Sigmoid()])
@pytest.mark.parametrize("loss", [Doubled(), Focal()])
def test_no_other_loss_is_taken_for_the_compiled_one(output, loss):
    logits, weights = np.array([[1.0, 2.0]]), np.ones(1)
    targets = np.array([0]) if isinstance(output, Softmax) else np.array([[0, 1]])
    theirs, ours = (
        kind(output, loss).loss_and_gradient(logits, targets, weights)
        for kind in (Objective, FusedObjective)
    )
    assert ours[0] == theirs[0]
    assert np.array_equal(ours[1], theirs[1])


FIT = """
import sys
{before}
import numpy as np
from skdigits import FromScratchMLPClassifier
X, y = np.eye(4), [0, 1, 0, 1]
clf = FromScratchMLPClassifier(learning_rate="one_cycle", max_iter=2, verbose=True).fit(X, y)
print(clf.predict_proba(X).shape)
"""
BROKEN = """
import types
sys.modules["numba"] = types.ModuleType("numba")
sys.modules["numba"].config = types.SimpleNamespace(DISABLE_JIT=0)
sys.modules["numba.extending"] = types.ModuleType("numba.extending")
sys.modules["numba.extending"].register_jitable = lambda **_: 1 / 0
"""


def assert_numpy_trains(before, words):
    code = FIT.format(before=before)
    out = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert out.stderr == ""
    assert f"Training is left to NumPy, nothing is compiled: {words}" in out.stdout
    assert out.stdout.endswith("(4, 2)\n")


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("sys.modules['numba'] = None", "Numba is not installed (pip install 'skdigits[fast]')"),
        (BROKEN, "Numba does not work here (ZeroDivisionError"),
    ],
)
def test_without_numba_numpy_trains_and_verbose_says_so(before, words):
    assert_numpy_trains(before, words)


def test_where_numba_compiles_nothing_numpy_trains_too():
    pytest.importorskip("numba")
    before = "import os; os.environ['NUMBA_DISABLE_JIT'] = '1'"
    words = "Numba does not work here (RuntimeError: NUMBA_DISABLE_JIT is set)"
    assert_numpy_trains(before, words)


def test_of_what_is_never_compiled_nothing_is_said(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    X, y = np.eye(4), [0, 1, 0, 1]
    FromScratchMLPClassifier(solver="lbfgs", verbose=True, random_state=0).fit(X, y)
    assert "NumPy" not in capsys.readouterr().out


def test_a_rule_that_was_changed_is_compiled_anew(tmp_path, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    module = tmp_path / "own_rule.py"
    code = """
import numpy as np
from own_rule import step
from skdigits.nn.fused import fused
p = np.ones(1)
fused(step, 1, 1, np.dtype(float))(p, np.ones(1), np.zeros((1, 1)), (0.1,))
print(p[0].round(6))
"""
    found = []
    for factor in (1, 1, 5):
        module.write_text(
            f"def step(p, g, m, rate):\n    m += g\n    p -= {factor} * rate * m\n    return p, m\n"
        )
        answer = subprocess.run(
            [sys.executable, "-B", "-c", code],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        found.append(float(answer.stdout))
    assert found == [0.9, 0.9, 0.5]
    # What was not changed was found on disk: one loop for each of the two rules.
    assert len(list((tmp_path / "cache").rglob("*.nbc"))) == 2
