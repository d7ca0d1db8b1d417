"""When the classifier stops: validation and plateaus."""

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
from small import Order, blobs, classifier, indicator, loss_of, noisy, same_bits

# Training for a few epochs does not converge, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


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


@pytest.mark.parametrize("l1_ratio", [0.0, 0.5])
@pytest.mark.parametrize("batch_size", [60, 25])
def test_a_plateau_is_one_of_the_loss_and_its_penalty(batch_size, l1_ratio):
    X, y = blobs()
    clf = classifier(alpha=20, l1_ratio=l1_ratio, batch_size=batch_size, n_iter_no_change=3)
    clf.set_params(tol=0.01, max_iter=500).fit(X, y)
    best, count = np.inf, 0
    for parts in zip(clf.loss_curve_, clf.history_["penalty"], strict=True):
        assert count <= 3
        count = 0 if sum(parts) <= best - 0.01 else count + 1
        best = min(best, sum(parts))
    assert count == 4
    assert clf.n_iter_ < 500
    squares, sizes = (sum((f(w)).sum() for w in clf.coefs_) for f in (np.square, np.abs))
    per_epoch = 20 * np.ceil(60 / batch_size) / 60
    penalty = per_epoch * ((1 - l1_ratio) / 2 * squares + l1_ratio * sizes)
    assert clf.history_["penalty"][-1] == pytest.approx(penalty)


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


@pytest.mark.parametrize("levels", [2, 3])
@pytest.mark.parametrize("seed", range(2))
def test_early_stopping_learns_the_shares_of_classes_among_equal_rows(seed, levels):
    rng = np.random.default_rng(seed)
    kinds = rng.integers(levels, size=(4000, 3))
    X = np.eye(levels)[kinds].reshape(4000, -1)
    expected = 0.1 + 0.8 * kinds.mean(axis=1) / (levels - 1)
    y = (rng.random(4000) < expected).astype(int)
    clf = classifier(early_stopping=True, max_iter=30, hidden_layer_sizes=8, random_state=seed)
    found = clf.fit(X, y).predict_proba(X)[:, 1]
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.05


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


def test_where_no_score_is_a_number_the_last_weights_stay_with_a_warning():
    X, y = blobs()
    clf = classifier(early_stopping=True, scoring=lambda *_: np.nan, n_iter_no_change=3)
    with pytest.warns(UserWarning, match="none of 4 validation scores is a number"):
        clf.fit(X, y)
    assert clf.n_iter_ == 4


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


def test_a_scorer_is_given_validation_data_without_a_copy():
    X, y = blobs()
    seen = []

    def scoring(estimator, X_seen, y_seen):
        seen.append(np.shares_memory(X_seen, X))
        return 0.0

    classifier(scoring=scoring).fit(X, y, X_val=X, y_val=y)
    assert all(seen)
    assert seen
