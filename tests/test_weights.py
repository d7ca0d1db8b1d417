"""A row of weight 2 is the row twice, and a row of weight 0 is no row: in every way of training."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import accuracy_score
from sklearn.utils.class_weight import compute_sample_weight
from small import seeds

from skdigits import FromScratchMLPClassifier
from skdigits.labels import Multilabel
from skdigits.nn.losses import LOSSES, Focal
from skdigits.nn.optimizers import LBFGS, SGD, SOLVERS

# A few epochs show whether each step is the same.
pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore:Too few distinct rows"
)

N_ROWS = 16
few = settings(max_examples=6)
kinds = st.sampled_from(["two classes", "three classes", "multilabel"])
# The first half stays, so that no class and no spread is lost.
weights = st.tuples(
    st.lists(st.integers(1, 3), min_size=N_ROWS // 2, max_size=N_ROWS // 2),
    st.lists(st.integers(0, 3), min_size=N_ROWS // 2, max_size=N_ROWS // 2),
).map(lambda halves: np.array(halves[0] + halves[1]))


def classifier(**params):
    defaults = {"hidden_layer_sizes": (6, 6), "activation": "tanh", "max_iter": 5, "alpha": 0.1}
    rate = {"learning_rate_init": 0.01, "random_state": 0}
    return FromScratchMLPClassifier(**(defaults | rate | params))


def rows_and_labels(seed, kind):
    rng = np.random.default_rng(seed)
    labels = {
        "two classes": np.arange(N_ROWS) % 2,
        "three classes": np.arange(N_ROWS) % 3,
        "multilabel": np.arange(N_ROWS)[:, np.newaxis] // [1, 2, 4] % 2,
    }
    return rng.normal(size=(N_ROWS, 4)), labels[kind]


def assert_same_weights(ours, theirs, rtol=1e-9):
    for a, b in zip(
        ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True
    ):
        assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())


def test_running_averages_weigh_batches_by_their_weights():
    X, y = rows_and_labels(0, "three classes")
    weighted, repeated = (classifier(normalization="batch") for _ in range(2))
    for part, times in ((slice(0, 9), 3), (slice(9, 16), 1)):
        rows = np.repeat(np.arange(N_ROWS)[part], times)
        weighted.partial_fit(X[part], y[part], [0, 1, 2], np.full(len(X[part]), times))
        repeated.partial_fit(X[rows], y[rows], [0, 1, 2])
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-9)


def assert_weights_are_repetitions(seed, weights, kind="three classes", rtol=1e-9, **params):
    X, y = rows_and_labels(seed, kind)
    order = np.random.default_rng(seed).permutation(weights.sum())
    rows = np.repeat(np.arange(N_ROWS), weights)[order]
    weighted = classifier(**params).fit(X, y, sample_weight=weights)
    repeated = classifier(**params).fit(X[rows], y[rows])
    assert_same_weights(weighted, repeated, rtol)
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol, atol=rtol)
    for name in ("loss", "accuracy", "gradient_norm"):
        assert_allclose(weighted.history_[name], repeated.history_[name], rtol, atol=rtol)


@pytest.mark.parametrize("batch_size", [1, 2, 8])
@few
@given(seed=seeds, weights=weights, kind=kinds)
def test_batches_pull_together_where_all_rows_pull(batch_size, seed, weights, kind):
    X, y = rows_and_labels(seed, kind)
    weights = np.where(weights == 0, 0.01, weights)  # Batches of one size, a few of them light.
    steps = {"solver": SGD(momentum=0), "learning_rate_init": 1e-6, "alpha": 0, "max_iter": 1}
    start = classifier(**steps | {"learning_rate_init": 1e-30}).fit(X, y)
    whole, parts = (
        classifier(batch_size=size, **steps).fit(X, y, sample_weight=weights)
        for size in (N_ROWS, batch_size)
    )
    for before, once, often in zip(start.coefs_, whole.coefs_, parts.coefs_, strict=True):
        pull = (once - before) * N_ROWS / batch_size
        assert_allclose(often - before, pull, rtol=1e-3, atol=1e-3 * np.abs(pull).max())


def test_a_light_last_batch_moves_little():
    X, y = rows_and_labels(0, "two classes")
    light = np.where(np.arange(N_ROWS) == 0, 1e-6, 1.0)
    params = {"batch_size": N_ROWS - 1, "shuffle": False, "solver": SGD(momentum=0), "alpha": 0}
    order = np.roll(np.arange(N_ROWS), -1)
    ours = classifier(**params).fit(X[order], y[order], sample_weight=light[order])
    # Of 16 rows 15 count, so that each of them has 16/15 of the mean weight.
    params["learning_rate_init"] = 0.01 * N_ROWS / (N_ROWS - 1)
    theirs = classifier(**params).fit(X[order][:-1], y[order][:-1])
    assert_same_weights(ours, theirs, rtol=1e-4)


# Repetitions


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@pytest.mark.parametrize("loss", [*LOSSES, Focal(gamma=0.5)])
@few
@given(seed=seeds, weights=weights, kind=kinds)
def test_every_loss_and_normalization(loss, normalization, seed, weights, kind):
    assert_weights_are_repetitions(seed, weights, kind, loss=loss, normalization=normalization)


@pytest.mark.parametrize("solver", [name for name in SOLVERS if name != "lbfgs"])
@few
@given(seed=seeds, weights=weights)
def test_every_optimizer(solver, seed, weights):
    assert_weights_are_repetitions(seed, weights, solver=solver)


PARTS = {
    "kinks": {"activation": "relu"},
    "dropout": {"dropout": 0.3},
    "input dropout": {"input_dropout": 0.3},
    "alpha dropout": {"dropout": 0.2, "activation": "selu"},
    "noise": {"noise": 0.2},
    "residual": {"residual": True},
    "residual, projected": {"residual": True, "hidden_layer_sizes": (6, 4)},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.3},
    "early stopping by a scorer": {"early_stopping": True, "scoring": "accuracy"},
    "average": {"ema_decay": 0.7},
    "max norm": {"max_norm": 0.5},
    "clip norm": {"clip_norm": 0.1},
    "l1": {"l1_ratio": 0.5},
    "label smoothing": {"label_smoothing": 0.2},
    "augment": {"augment": lambda batch, rng: 2 * batch},
    "all": {
        "dropout": 0.2,
        "input_dropout": 0.1,
        "noise": 0.1,
        "residual": True,
        "normalization": "batch",
        "ema_decay": 0.5,
        "max_norm": 1.0,
        "clip_norm": 1.0,
        "l1_ratio": 0.3,
    },
}


@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("params", PARTS.values(), ids=PARTS)
@few
@given(seed=seeds, weights=weights, kind=kinds)
def test_every_part(params, class_weight, seed, weights, kind):
    assert_weights_are_repetitions(seed, weights, kind, class_weight=class_weight, **params)


@pytest.mark.parametrize("params", [{}, {"l1_ratio": 0.5}, {"normalization": "layer"}])
@few
@given(seed=seeds, weights=weights, kind=kinds)
def test_lbfgs(params, seed, weights, kind):
    # Each line search multiplies the rounding errors of the one before.
    assert_weights_are_repetitions(seed, weights, kind, rtol=1e-5, solver=LBFGS(), **params)


def untidy(X):
    """Return the rows of X with zeros stored in every other one, and from right to left."""
    stored = [np.flatnonzero((row != 0) | i % 2)[::-1] for i, row in enumerate(X)]
    indptr = np.cumsum([0, *map(len, stored)])
    columns = np.concatenate(stored)
    rows = np.repeat(np.arange(len(X)), np.diff(indptr))
    return scipy.sparse.csr_array((X[rows, columns], columns, indptr), shape=X.shape)


@pytest.mark.parametrize(
    ("params", "form"),
    [
        ({"dropout": 0.2}, np.asarray),
        # Of sparse rows, it draws numbers for what is stored alone.
        ({"input_dropout": 0.3}, scipy.sparse.csr_array),
    ],
)
@few
@given(seed=seeds, weights=weights)
def test_sparse_rows(params, form, seed, weights):
    X, y = rows_and_labels(seed, "three classes")
    X[X < 0] = 0
    ours, theirs = classifier(**params), classifier(**params)
    ours.fit(untidy(X), y, sample_weight=weights)
    theirs.fit(form(np.repeat(X, weights, axis=0)), np.repeat(y, weights))
    assert_same_weights(ours, theirs)


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@few
@given(seed=seeds, weights=weights)
def test_partial_fit(normalization, seed, weights):
    X, y = rows_and_labels(seed, "three classes")
    weighted, repeated = (classifier(normalization=normalization, dropout=0.2) for _ in range(2))
    for _ in range(3):
        weighted.partial_fit(X, y, classes=[0, 1, 2], sample_weight=weights)
        repeated.partial_fit(
            np.repeat(X, weights, axis=0), np.repeat(y, weights), classes=[0, 1, 2]
        )
    assert_same_weights(weighted, repeated)


@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
@few
@given(seed=seeds, weights=weights)
def test_validation_rows(scoring, seed, weights):
    X, y = rows_and_labels(seed, "three classes")
    X_val, y_val = rows_and_labels(seed + 1, "three classes")
    params = {"early_stopping": True, "scoring": scoring, "max_iter": 8}
    weighted = classifier(**params).fit(X, y, X_val=X_val, y_val=y_val, sample_weight_val=weights)
    X_val, y_val = np.repeat(X_val, weights, axis=0), np.repeat(y_val, weights)
    repeated = classifier(**params).fit(X, y, X_val=X_val, y_val=y_val)
    assert_same_weights(weighted, repeated)
    for name in ("validation_loss", "validation_accuracy", "validation_score"):
        assert_allclose(weighted.history_[name], repeated.history_[name])


@pytest.mark.parametrize("params", [{"dropout": 0.5}, {"noise": 0.3}])
def test_random_layers_of_many_rows_and_units(params):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 4)), np.arange(300) % 3
    clf = classifier(hidden_layer_sizes=200, shuffle=False, **params)
    weighted = clf.set_params(batch_size=300).fit(X, y, np.full(300, 2.0)).predict_proba(X)
    doubled = clf.set_params(batch_size=600).fit(np.repeat(X, 2, 0), np.repeat(y, 2))
    assert_allclose(doubled.predict_proba(X), weighted, atol=1e-9)


# Scales


@pytest.mark.parametrize("normalization", [None, "batch", "layer"])
@few
@given(seed=seeds, weights=weights, scale=st.floats(0.01, 100))
def test_without_a_penalty_only_the_proportions_count(normalization, seed, weights, scale):
    X, y = rows_and_labels(seed, "three classes")
    params = {"alpha": 0, "normalization": normalization}
    fits = [classifier(**params).fit(X, y, sample_weight=c * weights) for c in (1, scale)]
    assert_same_weights(*fits)


BATCHES = {"all rows": {}, "batches": {"batch_size": 7}, "lbfgs": {"solver": "lbfgs"}}
in_batches = pytest.mark.parametrize("params", BATCHES.values(), ids=BATCHES)


@in_batches
@few
@given(seed=seeds, weights=weights, kind=kinds, scale=st.floats(0.01, 100))
def test_the_penalty_is_divided_by_the_sum_of_the_weights(params, seed, weights, kind, scale):
    X, y = rows_and_labels(seed, kind)
    ours = classifier(alpha=0.1, **params).fit(X, y, sample_weight=weights)
    theirs = classifier(alpha=0.1 * scale, **params).fit(X, y, sample_weight=scale * weights)
    assert_same_weights(ours, theirs, rtol=1e-5 if params == BATCHES["lbfgs"] else 1e-9)


@in_batches
@few
@given(seed=seeds, kind=kinds)
def test_weights_of_one_are_no_weights(params, seed, kind):
    X, y = rows_and_labels(seed, kind)
    ours = classifier(**params).fit(X, y, sample_weight=np.ones(N_ROWS))
    assert_same_weights(ours, classifier(**params).fit(X, y))


# Classes


@pytest.mark.parametrize("params", [{}, {"early_stopping": True}, {"solver": "lbfgs"}])
@few
@given(seed=seeds, factors=st.lists(st.floats(0.01, 100), min_size=3, max_size=3), weights=weights)
def test_class_weights_multiply_sample_weights(params, seed, factors, weights):
    X, y = rows_and_labels(seed, "three classes")
    labels = np.array(["a", "b", "c"])[y]
    by_class = dict(zip("abc", factors, strict=True))
    ours = classifier(class_weight=by_class, **params).fit(X, labels, sample_weight=weights)
    theirs = classifier(**params).fit(X, labels, sample_weight=weights * np.array(factors)[y])
    assert_same_weights(ours, theirs, rtol=0)


@pytest.mark.parametrize("params", [{}, {"early_stopping": True}])
@few
@given(seed=seeds, weights=weights)
def test_some_classes_may_have_weights(params, seed, weights):
    assert_weights_are_repetitions(seed, weights, class_weight={0: 3, 2: 0.5}, **params)


@few
@given(seed=seeds, kind=kinds)
def test_balanced_weights_are_those_of_scikit_learn(seed, kind):
    X, y = rows_and_labels(seed, kind)
    # All classes but of different sizes.
    X, y = X[:13], y[:13]
    balanced = compute_sample_weight("balanced", y)
    # Ours keep their sum, whatever the labels; the penalty is divided by it.
    balanced *= len(y) / balanced.sum()
    ours = classifier(class_weight="balanced").fit(X, y)
    assert_same_weights(ours, classifier().fit(X, y, sample_weight=balanced))


@few
@given(seed=seeds, weights=weights)
def test_balanced_classes_have_the_same_total_weight(seed, weights):
    X, y = rows_and_labels(seed, "three classes")
    ours = classifier(class_weight="balanced").fit(X, y, sample_weight=weights)
    totals = np.bincount(y, weights)
    theirs = weights * weights.sum() / (3 * totals[y])
    assert_same_weights(ours, classifier().fit(X, y, sample_weight=theirs))


def test_class_weights_may_name_classes_that_are_missing_if_none_that_is_there_is():
    X, y = rows_and_labels(0, "three classes")
    by_class = {0: 1, 1: 2, 2: 3}
    more = classifier(class_weight={**by_class, 9: 5}).fit(X, y)
    assert_same_weights(more, classifier(class_weight=by_class).fit(X, y), rtol=0)


def test_balanced_weights_of_a_part_are_among_the_classes_that_are_there():
    X, y = rows_and_labels(0, "three classes")
    X, y = X[y != 1], y[y != 1]
    balanced = classifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])
    weights = compute_sample_weight("balanced", y)
    weighed = classifier().partial_fit(X, y, classes=[0, 1, 2], sample_weight=weights)
    assert_same_weights(balanced, weighed)


def test_balanced_weights_of_many_labels_keep_their_sum():
    rng = np.random.default_rng(0)
    y = (rng.random((60, 5000)) < 0.1).astype(np.uint8)
    weights = rng.integers(3, size=60).astype(float)
    balanced = Multilabel(np.arange(5000)).weigh("balanced", y, weights)
    assert np.isfinite(balanced).all()
    assert_allclose(balanced.sum(), weights.sum())


# The split


def test_a_validation_row_is_never_a_copy_of_a_training_row():
    rng = np.random.default_rng(0)
    X = rng.integers(0, 8, (200, 2)).astype(float)
    y = (X.sum(axis=1) % 2).astype(int)
    seen = []

    def note(batch, rng):
        seen.append(batch.copy())
        return batch

    def score(clf, X_val, y_val):
        seen.append((X_val, y_val))
        return accuracy_score(y_val, clf.predict(X_val))

    clf = classifier(early_stopping=True, scoring=score, augment=note, max_iter=1, shuffle=False)
    clf.fit(X, y)
    batch, (X_val, _) = seen
    aside = set(map(tuple, X_val))
    # All that the training saw are the rows of the others, in their order.
    assert_array_equal(batch, X[[tuple(row) not in aside for row in X]])
    assert 0 < len(aside) < len(set(map(tuple, X)))


# Errors


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros(N_ROWS), "zero"),
        (np.full(N_ROWS, -1.0), "[Nn]egative"),
        (np.full(N_ROWS, np.nan), "NaN"),
        (np.ones(N_ROWS - 1), "sample_weight.shape"),
    ],
)
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_bad_weights_are_refused(bad, message, class_weight):
    X, y = rows_and_labels(0, "three classes")
    with pytest.raises(ValueError, match=message):
        classifier(class_weight=class_weight).fit(X, y, sample_weight=bad)


@pytest.mark.parametrize("class_weight", [{9: 1}, {0: 1, 1: 1, 9: 1}, {0: -1}])
def test_class_weights_of_no_class_or_below_zero_are_refused(class_weight):
    X, y = rows_and_labels(0, "three classes")
    with pytest.raises(ValueError, match=r"class_weight=.*\[0, 1, 2\]"):
        classifier(class_weight=class_weight).fit(X, y)


@pytest.mark.parametrize("kind", ["three classes", "two classes"])
def test_class_weights_that_leave_nothing_to_learn_are_refused(kind):
    X, y = rows_and_labels(0, kind)
    with pytest.raises(ValueError, match="nothing to learn from"):
        classifier(class_weight=dict.fromkeys(np.unique(y), 0)).fit(X, y)
