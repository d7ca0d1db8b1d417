"""How the classifier learns: chance, weights, going on, stopping, and what goes wrong."""

import signal
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.utils.class_weight import compute_sample_weight
from small import blobs, classifier, indicator, same_bits

from skdigits.nn.optimizers import LBFGS, SGD, SOLVERS

# Training for a few epochs does not converge, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# Chance


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"solver": "lbfgs"},
        {"early_stopping": True},
        {"dropout": 0.5, "noise": 0.1, "input_dropout": 0.1, "batch_size": 7},
    ],
)
def test_the_seed_decides_everything(params):
    X, y = blobs()
    one, same, other = (classifier(**params | {"random_state": s}).fit(X, y) for s in (1, 1, 2))
    assert same_bits(one, same)
    assert not same_bits(one, other)
    assert same_bits(one.fit(X, y), same)


def test_a_random_state_moves_on_with_each_fit():
    X, y = blobs()
    rng = np.random.RandomState(0)
    one, other = (classifier(random_state=rng).fit(X, y) for _ in range(2))
    assert not same_bits(one, other)
    assert same_bits(one, classifier(random_state=np.random.RandomState(0)).fit(X, y))


class Order:
    """An augmentation that changes nothing and notes which rows it is given."""

    def __init__(self):
        self.rows = []

    def __call__(self, batch, rng):
        self.rows.extend(batch[:, 0].astype(int).tolist())
        return batch


def orders(train, shuffle=True, n_rows=20, n_epochs=6):
    """The order of the rows in each epoch."""
    X, y = blobs(n_rows=n_rows)
    X[:, 0] = np.arange(n_rows)
    order = Order()
    train(classifier(augment=order, shuffle=shuffle, batch_size=8, max_iter=n_epochs), X, y)
    return np.reshape(order.rows, (n_epochs, n_rows)).tolist()


def fit(clf, X, y):
    clf.fit(X, y)


def fit_twice(clf, X, y):
    clf.set_params(warm_start=True, max_iter=3).fit(X, y).fit(X, y)


def partial_fits(clf, X, y):
    for _ in range(6):
        clf.partial_fit(X, y, classes=[0, 1, 2])


@pytest.mark.parametrize("train", [fit, fit_twice, partial_fits])
def test_each_epoch_visits_every_row_in_a_new_order(train):
    epochs = orders(train)
    assert all(sorted(epoch) == list(range(20)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == len(epochs)


@pytest.mark.parametrize("train", [fit, fit_twice, partial_fits])
def test_without_shuffling_the_rows_come_as_they_are(train):
    assert orders(train, shuffle=False) == [list(range(20))] * 6


# Weights

WEIGHTED = {
    "adam": {},
    "lbfgs": {"solver": "lbfgs", "max_iter": 5},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.3, "max_iter": 20},
    "by accuracy": {"early_stopping": True, "scoring": "accuracy", "max_iter": 20},
    "batch norm": {"normalization": "batch"},
    "random layers": {"dropout": 0.3, "input_dropout": 0.2, "noise": 0.1},
    "balanced": {"class_weight": "balanced"},
    "classes": {"class_weight": {0: 3, 2: 0.5}},
}
# The first rows keep a weight, so that every class keeps distinct rows.
weights_of_rows = st.lists(st.integers(0, 3), min_size=40, max_size=40).map(
    lambda weights: np.maximum(weights, np.arange(40) < 9)
)


@pytest.mark.parametrize("params", WEIGHTED.values(), ids=WEIGHTED)
@settings(max_examples=8)
@given(weights=weights_of_rows)
def test_a_weight_is_a_number_of_rows(params, weights):
    X, y = blobs(n_rows=40)
    weighted = classifier(**params).fit(X, y, sample_weight=weights)
    repeated = classifier(**params).fit(X.repeat(weights, axis=0), y.repeat(weights))
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-6, atol=1e-9)
    for name in ("loss", "accuracy", "gradient_norm"):
        assert_allclose(weighted.history_[name], repeated.history_[name], rtol=1e-6, atol=1e-9)


@settings(max_examples=8)
@given(weights=weights_of_rows)
def test_a_weight_is_a_number_of_rows_to_partial_fit_too(weights):
    X, y = blobs(n_rows=40)
    weighted, repeated = classifier(), classifier()
    for _ in range(5):
        weighted.partial_fit(X, y, classes=[0, 1, 2], sample_weight=weights)
        repeated.partial_fit(X.repeat(weights, axis=0), y.repeat(weights), classes=[0, 1, 2])
    assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("data", [blobs(n_classes=2), blobs(n_classes=4), indicator()])
@pytest.mark.parametrize("params", [{}, {"batch_size": 7}, {"solver": "lbfgs"}])
def test_equal_weights_are_no_weights_but_for_the_penalty(data, params):
    X, y = data
    expected = classifier(alpha=0.1, **params).fit(X, y).predict_proba(X)
    ones = classifier(alpha=0.1, **params).fit(X, y, sample_weight=np.ones(len(X)))
    twos = classifier(alpha=0.2, **params).fit(X, y, sample_weight=np.full(len(X), 2))
    assert_allclose(ones.predict_proba(X), expected, rtol=1e-7)
    assert_allclose(twos.predict_proba(X), expected, rtol=1e-6)


@settings(max_examples=10)
@given(factors=st.lists(st.floats(0.01, 100), min_size=3, max_size=3))
def test_class_weights_are_sample_weights(factors):
    X, y = blobs()
    by_class = classifier(class_weight=dict(enumerate(factors))).fit(X, y)
    assert same_bits(by_class, classifier().fit(X, y, sample_weight=np.array(factors)[y]))


def test_balanced_classes_have_the_same_total():
    X, y = blobs(n_rows=70, n_classes=7)
    y = np.where(y > 1, 2, y)
    balanced = classifier(class_weight="balanced").fit(X, y)
    weighted = classifier().fit(X, y, sample_weight=compute_sample_weight("balanced", y))
    assert_allclose(balanced.predict_proba(X), weighted.predict_proba(X), rtol=1e-7)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(60), "zero"),
        (-np.ones(60), "[Nn]egative"),
        (np.full(60, np.nan), "NaN"),
        (np.ones(59), "shape"),
    ],
)
def test_useless_weights_are_refused(weights, message):
    X, y = blobs()
    with pytest.raises(ValueError, match=message):
        classifier().fit(X, y, sample_weight=weights)


@pytest.mark.parametrize("class_weight", [{9: 1}, {0: -1}])
def test_class_weights_of_no_class_or_below_zero_are_refused(class_weight):
    X, y = blobs()
    with pytest.raises(ValueError, match=r"class_weight=.*\[0, 1, 2\]"):
        classifier(class_weight=class_weight).fit(X, y)


# Going on


@pytest.mark.parametrize("solver", sorted(set(SOLVERS) - {"lbfgs"}))
def test_partial_fits_are_the_epochs_of_a_fit(solver):
    X, y = blobs()
    params = {"solver": solver, "learning_rate": "invscaling", "batch_size": 16, "dropout": 0.1}
    whole, parts = classifier(**params).fit(X, y), classifier(**params)
    for _ in range(10):
        parts.partial_fit(X, y, classes=[0, 1, 2])
    assert same_bits(whole, parts)
    assert whole.loss_curve_ == parts.loss_curve_
    assert (whole.t_, parts.t_) == (600, 600)
    assert (whole.n_iter_, parts.n_iter_) == (10, 1)


@settings(max_examples=2)
@given(split=st.permutations(["a", "b", "c", "d"]))
def test_partial_fit_learns_from_batches_that_lack_classes(split):
    X, y = blobs(n_classes=4)
    y = np.array(["a", "b", "c", "d"])[y]
    clf = classifier(batch_size=5)
    for _ in range(30):
        for label in split:
            clf.partial_fit(X[y == label], y[y == label], classes=["d", "c", "b", "a"])
    assert_array_equal(clf.classes_, ["a", "b", "c", "d"])
    assert clf.score(X, y) > 0.9


def test_partial_fit_refuses_other_classes_and_learns_nothing_from_them():
    X, y = blobs()
    with pytest.raises(ValueError, match="classes must be passed"):
        classifier().partial_fit(X, y)
    with pytest.raises(ValueError, match="not in `classes_`"):
        classifier().partial_fit(X, y, classes=[0, 1])
    clf = classifier().partial_fit(X, y, classes=[0, 1, 2])
    before = [w.copy() for w in clf.coefs_]
    with pytest.raises(ValueError, match="differ"):
        clf.partial_fit(X, y, classes=[0, 1, 2, 3])
    with pytest.raises(ValueError, match="not in `classes_`"):
        clf.partial_fit(X, y + 1)
    assert all(np.array_equal(a, b) for a, b in zip(before, clf.coefs_, strict=True))


@pytest.mark.parametrize("solver", ["lbfgs", LBFGS(memory=3)])
def test_solvers_of_all_rows_at_once_have_no_partial_fit(solver):
    clf = classifier(solver=solver)
    assert not hasattr(clf, "partial_fit")
    with pytest.raises(AttributeError) as error:
        _ = clf.partial_fit
    assert "only available for mini-batch solvers" in str(error.value.__cause__)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_warm_start_goes_on_from_the_weights_and_a_cold_one_does_not(early_stopping):
    X, y = blobs()
    clf = classifier(early_stopping=early_stopping).fit(X, y)
    learnt = [w.copy() for w in clf.coefs_]
    clf.set_params(learning_rate=lambda step: 0.0, warm_start=True).fit(X, y)
    assert all(np.array_equal(a, b) for a, b in zip(learnt, clf.coefs_, strict=True))
    clf.set_params(warm_start=False).fit(X, y)
    assert not any(np.array_equal(a, b) for a, b in zip(learnt, clf.coefs_, strict=True))


def test_a_warm_start_goes_on_with_the_record():
    X, y = blobs()
    clf = classifier(warm_start=True, max_iter=4).fit(X, y).fit(X, y)
    assert len(clf.loss_curve_) == 8
    assert clf.n_iter_ == 4
    assert clf.t_ == 8 * len(X)
    assert clf.loss_curve_[4] < clf.loss_curve_[0]


def test_a_warm_start_keeps_the_validation_rows():
    X, y = blobs(n_rows=40)
    X[:, 0] = np.arange(40)
    order = Order()
    clf = classifier(early_stopping=True, warm_start=True, augment=order, max_iter=3)
    clf.fit(X, y).fit(X, y)
    first, second = np.reshape(order.rows, (2, -1))
    assert set(first) == set(second)
    assert 30 <= len(set(first)) < 40


@pytest.mark.parametrize("train", [fit, partial_fits])
def test_another_shape_is_refused_and_the_model_still_predicts(train):
    X, y = blobs()
    clf = classifier(warm_start=True).fit(X, y)
    expected = clf.predict_proba(X)
    with pytest.raises(ValueError, match=r"shape.*\(5, 8\).*\(5, 9\)"):
        train(clf.set_params(hidden_layer_sizes=9), X, y)
    assert_array_equal(clf.predict_proba(X), expected)
    with pytest.raises(ValueError, match="features"):
        train(clf.set_params(hidden_layer_sizes=8), X[:, 1:], y)


# Validation and stopping


def noisy(X, y, share=0.3):
    """The labels with a share of them drawn anew, so that a network overfits."""
    rng = np.random.default_rng(0)
    return X, np.where(rng.random(y.shape) < share, rng.permutation(y), y)


def loss_of(clf, X, y, weights=None):
    """The mean loss, from the probabilities."""
    p = clf.predict_proba(X)
    if y.ndim == 1:
        return log_loss(y, p, sample_weight=weights)
    return np.average(-np.log(np.where(y, p, 1 - p)).sum(axis=1), weights=weights)


NOISY = [noisy(*blobs(n_classes=2)), noisy(*blobs()), noisy(*indicator())]


@pytest.mark.parametrize(("X", "y"), NOISY)
@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
@pytest.mark.parametrize("params", [{}, {"normalization": "batch"}])
def test_early_stopping_gives_back_the_best_weights(X, y, scoring, params):
    clf = classifier(
        learning_rate_init=0.1,
        early_stopping=True,
        scoring=scoring,
        n_iter_no_change=30,
        max_iter=400,
        **params,
    )
    clf.fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    scores = clf.validation_scores_
    assert clf.n_iter_ == len(scores) < 400
    assert clf.best_validation_score_ == max(scores) > scores[-1]
    final = clf.score(X[30:], y[30:]) if scoring == "accuracy" else -loss_of(clf, X[30:], y[30:])
    assert_allclose(final, clf.best_validation_score_, rtol=1e-7)


@pytest.mark.parametrize(("X", "y"), NOISY)
def test_validation_data_without_early_stopping_is_recorded_and_changes_nothing(X, y):
    weights = np.arange(30) % 3
    plain, watched = classifier(), classifier()
    plain.fit(X[:30], y[:30])
    watched.fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:], sample_weight_val=weights)
    assert same_bits(plain, watched)
    assert plain.loss_curve_ == watched.loss_curve_
    assert plain.validation_scores_ is None
    final = loss_of(watched, X[30:], y[30:], weights)
    assert_allclose(watched.history_["validation_loss"][-1], final, rtol=1e-7)
    hits = (watched.predict(X[30:]) == y[30:]).reshape(30, -1).all(axis=1)
    assert_allclose(watched.history_["validation_accuracy"][-1], np.average(hits, weights=weights))
    assert_allclose(watched.validation_scores_[-1], -final, rtol=1e-7)


def test_validation_data_come_in_pairs():
    X, y = blobs()
    with pytest.raises(ValueError, match="X_val and y_val"):
        classifier().fit(X, y, X_val=X)
    with pytest.raises(ValueError, match="X_val and y_val"):
        classifier().fit(X, y, y_val=y)


@pytest.mark.parametrize("seed", range(5))
def test_early_stopping_keeps_the_shares_of_the_classes(seed):
    X, y = blobs(n_rows=100, n_classes=5)
    y[y > 0] = 1
    X[:, 0] = y
    order = Order()
    clf = classifier(early_stopping=True, augment=order, max_iter=1, random_state=seed)
    clf.set_params(validation_fraction=0.25).fit(X, y)
    assert sorted(order.rows) == [0] * 15 + [1] * 60


def test_rows_that_are_equal_are_validated_or_trained_on_but_never_both():
    X, y = blobs(n_rows=40)
    X[:, 0] = np.arange(40)
    order = Order()
    clf = classifier(early_stopping=True, augment=order, batch_size=20, max_iter=1)
    clf.fit(X.repeat(3, axis=0), y.repeat(3))
    rows, counts = np.unique(order.rows, return_counts=True)
    assert 30 <= len(rows) < 40
    assert set(counts) == {3}


def test_too_few_rows_for_validation_are_refused():
    X, y = blobs(n_rows=3)
    with pytest.raises(ValueError, match="validation set is too small"):
        classifier(early_stopping=True).fit(X, y)


@settings(max_examples=20)
@given(
    calls=st.lists(
        st.sampled_from(["fit", "fit with validation", "partial_fit"]), min_size=1, max_size=4
    ),
    early_stopping=st.booleans(),
    solver=st.sampled_from(["adam", "lbfgs"]),
)
def test_the_columns_of_the_record_have_the_same_length(calls, early_stopping, solver):
    X, y = blobs()
    clf = classifier(warm_start=True, max_iter=3, solver=solver)
    n_epochs = 0
    for call in calls:
        if call == "partial_fit":
            clf.set_params(solver="adam").partial_fit(X, y, classes=[0, 1, 2])
        elif call == "fit":
            clf.set_params(early_stopping=early_stopping, solver=solver).fit(X, y)
        else:
            clf.set_params(solver=solver).fit(X, y, X_val=X, y_val=y)
        n_epochs += clf.n_iter_
        assert {len(column) for column in clf.history_.values()} == {n_epochs}
        assert clf.loss_curve_ is clf.history_["loss"]
        assert clf.loss_ == clf.loss_curve_[-1]


def test_training_stops_on_a_plateau_of_the_loss():
    X, y = blobs()
    clf = classifier(n_iter_no_change=3, tol=10.0, max_iter=50)
    clf.fit(X, y)
    assert clf.n_iter_ == 5
    assert clf.set_params(n_iter_no_change=np.inf).fit(X, y).n_iter_ == 50


def test_a_plateau_lowers_an_adaptive_rate():
    X, y = blobs()
    clf = classifier(solver="sgd", learning_rate="adaptive", tol=10.0, n_iter_no_change=2)
    rates = clf.set_params(max_iter=500).fit(X, y).history_["learning_rate"]
    assert clf.n_iter_ < 500
    assert rates[0] == 0.02
    assert {round(b / a, 9) for a, b in pairwise(rates)} == {1, 0.2}
    assert rates[-1] <= 1e-6


def test_a_training_cut_short_says_so():
    X, y = blobs()
    with pytest.warns(ConvergenceWarning, match="max_iter=10"):
        classifier().fit(X, y)


# What goes wrong


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rate", [1e30, 1e300])
@pytest.mark.parametrize(
    "params", [{}, {"early_stopping": True}, {"batch_size": 7}, {"normalization": "layer"}]
)
def test_divergence_is_announced_and_leaves_a_working_model(dtype, rate, params):
    X, y = blobs()
    X = (1e6 * X).astype(dtype)
    clf = classifier(solver=SGD(), learning_rate_init=rate, max_iter=100, **params)
    with pytest.warns(ConvergenceWarning, match="diverged.*StandardScaler"):
        clf.fit(X, y)
    for values in (*clf.coefs_, *clf.intercepts_, clf.predict_proba(X), clf.predict_log_proba(X)):
        assert np.isfinite(values).all()
    assert set(clf.predict(X)) <= {0, 1, 2}
    assert clf.n_iter_ < 100
    assert len(clf.loss_curve_) == clf.n_iter_


def interrupted_at(last):
    """A learning rate that presses Ctrl-C at a step."""

    def rate(step):
        if step == last:
            signal.raise_signal(signal.SIGINT)
        return 0.02

    return rate


def zero_from(last):
    """A learning rate that lets nothing move from a step on."""
    return lambda step: 0.02 if step < last else 0.0


@pytest.fixture
def ctrl_c():
    """SIGINT as in a terminal, whatever started the tests."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("step", [0, 1, 7, 11, 12, 20])
@pytest.mark.parametrize("params", [{}, {"solver": "sgd"}, {"normalization": "layer"}])
def test_an_interrupted_fit_keeps_what_was_learnt(step, params):
    X, y = blobs()
    params = {"alpha": 0, "batch_size": 15} | params
    clf = classifier(learning_rate=interrupted_at(step), **params)
    with pytest.warns(UserWarning, match="interrupted"):
        clf.fit(X, y)
    assert same_bits(clf, classifier(learning_rate=zero_from(step), **params).fit(X, y))
    assert clf.n_iter_ == len(clf.loss_curve_) == step // 4
    assert clf.predict_proba(X).shape == (60, 3)
    clf.set_params(learning_rate="constant", warm_start=True, max_iter=40).fit(X, y)
    assert clf.score(X, y) > 0.9


@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupted_fit_gives_back_the_best_weights():
    X, y = NOISY[1]
    clf = classifier(learning_rate=interrupted_at(99), early_stopping=True, max_iter=400)
    with pytest.warns(UserWarning, match="interrupted"):
        clf.fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    assert clf.n_iter_ == len(clf.validation_scores_) == 99
    assert_allclose(-loss_of(clf, X[30:], y[30:]), clf.best_validation_score_, rtol=1e-7)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("evaluation", [1, 2, 8])
def test_an_interrupted_lbfgs_keeps_the_last_iteration(evaluation):
    X, y = blobs()
    evaluations = iter(range(1, 100))

    def press_ctrl_c(batch, rng):
        if next(evaluations) == evaluation:
            signal.raise_signal(signal.SIGINT)
        return batch

    clf = classifier(solver="lbfgs", augment=press_ctrl_c)
    with pytest.warns(UserWarning, match="interrupted"):
        clf.fit(X, y)
    n_iterations = clf.n_iter_
    assert n_iterations == len(clf.loss_curve_) < evaluation
    if n_iterations:
        assert same_bits(clf, classifier(solver="lbfgs", max_iter=n_iterations).fit(X, y))
    assert np.isfinite(clf.predict_proba(X)).all()
