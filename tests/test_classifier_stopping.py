"""When the classifier stops: validation, plateaus, divergence and Ctrl-C."""

import signal
import warnings
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer, log_loss, make_scorer
from sklearn.pipeline import make_pipeline
from small import Order, blobs, classifier, indicator, same_bits

from skdigits.nn.activations import ReLU
from skdigits.nn.optimizers import SGD

# Training for a few epochs does not converge, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

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


def test_a_warm_start_that_only_spoils_keeps_the_best_weights():
    X, y = NOISY[1]
    data = {"X_val": X[30:], "y_val": y[30:]}
    clf = classifier(early_stopping=True, scoring="accuracy", warm_start=True, max_iter=100)
    clf.fit(X[:30], y[:30], **data)
    best = clf.best_validation_score_
    clf.set_params(learning_rate_init=1e-12).fit(X[:30], 2 - y[:30], **data)
    assert clf.best_validation_score_ == clf.score(X[30:], y[30:]) == best
    clf.set_params(learning_rate_init=1.0, max_iter=5).fit(X[:30], 2 - y[:30], **data)
    assert clf.best_validation_score_ == clf.score(X[30:], y[30:]) == best


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
    for wrong in ({"X_val": np.full_like(X, np.nan)}, {"X_val": X[:, 1:]}, {"y_val": y + 0.5}):
        with pytest.raises(ValueError, match=r"^In X_val, y_val"):
            classifier().fit(X, y, **{"X_val": X, "y_val": y} | wrong)


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


@pytest.mark.filterwarnings("ignore:Too few distinct rows")
@pytest.mark.parametrize("seed", range(3))
def test_rows_of_few_kinds_are_learnt_with_early_stopping(seed):
    X = np.random.default_rng(seed).integers(2, size=(400, 2)).astype(float)
    y = (X[:, 0] != X[:, 1]).astype(int)
    clf = classifier(early_stopping=True, max_iter=100, hidden_layer_sizes=16, random_state=seed)
    assert clf.fit(X, y).score(X, y) == 1


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


@pytest.mark.parametrize("params", [{"solver": "lbfgs"}, {"learning_rate": "cosine"}])
def test_early_stopping_ends_even_what_the_training_loss_does_not(params):
    X, y = blobs()
    clf = classifier(early_stopping=True, n_iter_no_change=3, max_iter=50, **params)
    clf.set_params(scoring=lambda *_: 0.5)
    assert clf.fit(X, y).n_iter_ == 5


def test_a_warm_start_is_as_patient_as_a_cold_one():
    X, y = blobs()
    clf = classifier(n_iter_no_change=3, tol=10.0, max_iter=50, warm_start=True)
    assert [clf.fit(X, y).n_iter_ for _ in range(3)] == [5, 5, 5]


def test_the_best_loss_counts_where_no_validation_score_does():
    X, y = blobs()
    data = {"X_val": X, "y_val": y}
    clf = classifier().fit(X, y, **data)
    assert clf.best_loss_ == min(clf.loss_curve_)
    assert clf.set_params(early_stopping=True).fit(X, y, **data).best_loss_ is None
    clf = classifier(early_stopping=True).partial_fit(X, y, classes=[0, 1, 2])
    assert clf.best_loss_ == clf.loss_


@pytest.mark.parametrize(("solver", "expected"), [("adam", 3), ("lbfgs", 0)])
def test_seconds_are_those_of_training_and_not_of_validation(solver, expected, monkeypatch):
    X, y = blobs()
    clock = SimpleNamespace(now=0, perf_counter=lambda: clock.now)
    for module in ("loop", "lbfgs"):
        monkeypatch.setattr(f"skdigits.training.{module}.time", clock)

    def augment(batch, rng):
        clock.now += 1
        return batch

    def score(clf, X, y):
        clock.now += 100
        return 0.5

    changed = {} if solver == "lbfgs" else {"augment": augment}
    clf = classifier(solver=solver, scoring=score, batch_size=20, max_iter=4, **changed)
    assert clf.fit(X, y, X_val=X, y_val=y).history_["seconds"] == [expected] * 4


def test_a_training_cut_short_says_so():
    X, y = blobs()
    with pytest.warns(ConvergenceWarning, match="max_iter=10"):
        classifier().fit(X, y)


@pytest.mark.parametrize("learning_rate", ["constant", "one_cycle"])
def test_lbfgs_cut_short_says_so_whatever_the_schedule(learning_rate):
    X, y = blobs()
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        classifier(solver="lbfgs", max_iter=2, learning_rate=learning_rate).fit(X, y)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_lbfgs_that_has_nothing_to_learn_leaves_figures(early_stopping):
    X, y = blobs()
    clf = classifier(solver="lbfgs", tol=100.0, early_stopping=early_stopping).fit(X, y)
    assert clf.n_iter_ == 1
    assert_allclose(clf.loss_, log_loss(y, clf.predict_proba(X)), rtol=0.3)
    assert (clf.validation_scores_ is None) != early_stopping


@pytest.mark.parametrize("schedule", ["cosine", "warm_restarts", "one_cycle"])
def test_a_training_that_ends_as_planned_says_nothing(schedule):
    X, y = blobs()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier(learning_rate=schedule).fit(X, y)


# What goes wrong


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scoring", ["loss", "neg_log_loss", "accuracy"])
@pytest.mark.parametrize("n_epochs", range(1, 6))
def test_what_is_kept_answers_in_numbers(dtype, scoring, n_epochs):
    X, y = blobs()
    X = (100 * X).astype(dtype)
    clf = classifier(
        hidden_layer_sizes=[50] * 6,
        solver="nesterov",
        learning_rate_init=0.1,
        early_stopping=scoring != "loss",
        scoring=scoring,
    )
    with pytest.warns(ConvergenceWarning):
        clf.set_params(max_iter=n_epochs).fit(X, y)
    assert np.isfinite(clf.predict_proba(X)).all()
    assert np.isfinite(clf.loss_curve_).all()


@pytest.mark.parametrize(
    "params", [{"activation": "gelu"}, {"activation": "mish"}, {"loss": "focal"}, {}]
)
def test_numbers_too_small_for_any_are_no_error(params):
    X, y = blobs()
    with np.errstate(all="raise"):
        clf = classifier(max_iter=30, learning_rate_init=0.05, **params).fit(1e3 * X, y)
        assert (clf.predict_proba(1e3 * X) == 0).any()
        assert np.isfinite(clf.predict_log_proba(1e3 * X)).all()


@pytest.mark.parametrize(("solver", "has_rate"), [("sgd", True), ("lbfgs", False)])
def test_divergence_is_blamed_on_a_rate_only_where_there_is_one(solver, has_rate):
    X, y = blobs()
    with pytest.warns(ConvergenceWarning, match="diverged") as warned:
        classifier(solver=solver, learning_rate_init=1e30).fit(1e200 * X, y)
    assert ("learning rate" in str(warned[0].message)) is has_rate


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


class PressCtrlC(ReLU):
    """An activation that presses Ctrl-C when it is computed for the n-th time."""

    def __init__(self, n):
        self.n = n
        self.count = 0

    def value(self, z):
        self.count += 1
        if self.count == self.n:
            signal.raise_signal(signal.SIGINT)
        return super().value(z)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("evaluation", [1, 2, 8])
def test_an_interrupted_lbfgs_keeps_the_last_iteration(evaluation):
    X, y = blobs()
    clf = classifier(solver="lbfgs", activation=PressCtrlC(evaluation))
    with pytest.warns(UserWarning, match="interrupted"):
        clf.fit(X, y)
    n_iterations = clf.n_iter_
    assert n_iterations == len(clf.loss_curve_) < evaluation
    if n_iterations:
        assert same_bits(clf, classifier(solver="lbfgs", max_iter=n_iterations).fit(X, y))
    assert np.isfinite(clf.predict_proba(X)).all()


# Weights to fall back to


def explodes_after(steps):
    """A learning rate that no network survives, after so many steps."""
    return lambda step: 0.05 if step < steps else 1e300


def test_after_divergence_the_average_is_that_of_the_last_good_epoch():
    X, y = blobs()
    params = {"solver": "sgd", "batch_size": 10, "ema_decay": 0.99, "hidden_layer_sizes": 8}
    steps = 5 * -(-len(X) // 10)
    exploded = classifier(learning_rate=explodes_after(steps), max_iter=9, **params).fit(X, y)
    stopped = classifier(learning_rate=explodes_after(steps), max_iter=5, **params).fit(X, y)
    assert exploded.n_iter_ == 5
    assert_allclose(exploded.predict_proba(X), stopped.predict_proba(X), rtol=0, atol=0)


@pytest.mark.parametrize("ema_decay", [None, 0.9])
def test_after_divergence_early_stopping_gives_back_the_best_weights(ema_decay):
    X, y = noisy(*blobs())
    clf = classifier(
        learning_rate=explodes_after(200),
        solver="sgd",
        batch_size=5,
        early_stopping=True,
        n_iter_no_change=1000,
        ema_decay=ema_decay,
        max_iter=100,
    )
    clf.fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    assert clf.n_iter_ < 100
    assert_allclose(-loss_of(clf, X[30:], y[30:]), clf.best_validation_score_, rtol=1e-7)


def test_a_score_that_is_no_number_is_no_progress():
    X, y = blobs()
    scores = []

    def scorer(estimator, X, y):
        scores.append(np.nan if len(scores) % 3 == 2 else 0.5)
        return scores[-1]

    clf = classifier(early_stopping=True, scoring=scorer, n_iter_no_change=2, max_iter=50)
    assert clf.fit(X, y).n_iter_ == 4
    assert clf.best_validation_score_ == 0.5


@pytest.mark.parametrize(
    "scoring",
    [
        "adjusted_rand_score",
        make_scorer(lambda y, read: np.mean(y == read)),
        # It takes weights, but none for more than two classes.
        "roc_auc_ovo",
    ],
)
def test_a_scorer_that_takes_no_weights_is_given_none(scoring):
    X, y = NOISY[1]
    clf = classifier(early_stopping=True, scoring=scoring, class_weight="balanced")
    clf.fit(X, y, X_val=X[30:], y_val=y[30:], sample_weight_val=1 + np.arange(30) % 2)
    score = get_scorer(scoring)(clf, X[30:], y[30:])
    assert_allclose(clf.best_validation_score_, score, rtol=1e-7)


def test_weights_of_classes_count_for_a_scorer():
    X, y = NOISY[0]
    clf = classifier(class_weight={0: 20}, scoring="accuracy").fit(X, y, X_val=X, y_val=y)
    weighed = clf.score(X, y, np.where(y == 0, 20, 1))
    assert_allclose(clf.validation_scores_[-1], weighed)
    assert weighed != clf.score(X, y)


def test_a_scorer_that_fails_is_named():
    X, y = blobs()
    with pytest.raises(ValueError, match="scoring='neg_log_loss' fails on the validation data: "):
        classifier(scoring="neg_log_loss").fit(X, y, X_val=X[y > 0], y_val=y[y > 0])
    with pytest.raises(ValueError, match=r"scoring=<.*> fails on the validation data: "):
        classifier(scoring=lambda *_: None).fit(X, y, X_val=X, y_val=y)


@pytest.mark.usefixtures("ctrl_c")
def test_an_epoch_whose_score_was_interrupted_does_not_count():
    X, y = blobs()
    scores = []

    def score(estimator, X, y):
        scores.append(0.5)
        if len(scores) == 3:
            signal.raise_signal(signal.SIGINT)
        return scores[-1]

    with pytest.warns(UserWarning, match="interrupted"):
        clf = classifier(early_stopping=True, scoring=score).fit(X, y)
    assert clf.n_iter_ == len(clf.loss_curve_) == 2


@pytest.mark.parametrize("n_rows", [30, 49, 123])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_accuracy_is_one_where_all_rows_are_right(n_rows, dtype):
    X, y = blobs(n_rows)
    X = X.astype(dtype)
    clf = classifier(max_iter=60, batch_size=n_rows).fit(X, y, X_val=X, y_val=y)
    assert clf.score(X, y) == 1
    assert clf.history_["accuracy"][-1] == clf.history_["validation_accuracy"][-1] == 1


def test_lbfgs_has_no_batches_to_be_too_large():
    X, y = blobs()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        classifier(solver="lbfgs", batch_size=1000, max_iter=200).fit(X, y)
    assert not warned


def test_lbfgs_that_overflows_says_so_and_leaves_a_working_model():
    X, y = blobs()
    with pytest.warns(ConvergenceWarning, match="diverged") as warned:
        clf = classifier(solver="lbfgs").fit(1e200 * X, y)
    assert len(warned) == 1
    assert all(np.isfinite(weights).all() for weights in (*clf.coefs_, *clf.intercepts_))
    assert np.isfinite(clf.predict_proba(X)).all()


def test_lbfgs_that_is_stuck_says_so():
    X, y = blobs()
    clf = classifier(solver="lbfgs", max_iter=3000, alpha=1, l1_ratio=1, hidden_layer_sizes=())
    with pytest.warns(ConvergenceWarning, match="no lower loss") as warned:
        clf.fit(X.astype(np.float32), y)
    # Not that it has reached a limit.
    assert len(warned) == 1


WARNED = {
    "max_iter=1": {"max_iter": 1},
    "batch_size=61": {"batch_size": 61, "learning_rate": "cosine"},
    "diverged": {"solver": SGD(), "learning_rate_init": 1e30},
    "max_fun": {"solver": "lbfgs", "max_iter": 1},
}


@pytest.mark.parametrize("words", WARNED)
@pytest.mark.parametrize("wrap", [lambda clf: clf, make_pipeline])
def test_a_warning_points_at_the_line_that_called_the_library(words, wrap):
    X, y = blobs()
    with pytest.warns(UserWarning, match=words) as warned:
        wrap(classifier(**WARNED[words])).fit(X, y)
    assert {warning.filename for warning in warned} == {__file__}


def test_a_warning_of_partial_fit_points_at_the_line_that_called_it():
    X, y = blobs()
    with pytest.warns(UserWarning, match="batch_size") as warned:
        classifier(batch_size=61).partial_fit(X, y, classes=[0, 1, 2])
    assert {warning.filename for warning in warned} == {__file__}


def test_code_that_is_executed_without_a_name_is_warned_too():
    X, y = blobs()
    with pytest.warns(ConvergenceWarning, match="max_iter=1"):
        exec("clf.fit(X, y)", {"clf": classifier(max_iter=1), "X": X, "y": y})
