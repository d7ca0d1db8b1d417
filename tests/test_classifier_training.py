"""How the classifier learns: chance, and going on from where it was."""

import copy
import warnings

import joblib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from small import Order, blobs, classifier, same_bits

from skdigits.classifier import RECENT_CALLS
from skdigits.digits import Upright
from skdigits.nn.activations import LeakyReLU
from skdigits.nn.optimizers import LBFGS, SGD, SOLVERS, Adam, Adamax, AdamW, Lion, Nadam, RMSprop
from skdigits.nn.schedules import Constant, Cosine, Exponential, OneCycle, StepDecay

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
    with pytest.raises(ValueError, match="not in `classes_`"):
        clf.partial_fit(X, y.astype(str).astype(object))
    assert all(np.array_equal(a, b) for a, b in zip(before, clf.coefs_, strict=True))


@pytest.mark.parametrize("n_rows", [1, 2, 300])
def test_strings_are_no_numbers_however_many_there_are(n_rows):
    X, y = np.zeros((n_rows, 2)), np.arange(n_rows) % 30
    with pytest.raises(ValueError, match=r"not in `classes_`: \['0'"):
        classifier().partial_fit(X, y.astype(str), classes=np.arange(30))
    with pytest.raises(ValueError, match=r"not in `classes_`: \[0"):
        classifier().partial_fit(X, y, classes=np.arange(30).astype(str))


def test_labels_of_several_types_are_refused_by_name():
    clf = classifier().partial_fit([[1], [2]], ["a", "b"], classes=["a", "b"])
    with pytest.raises(ValueError, match=r"not in `classes_`: \[None, 3\]"):
        clf.partial_fit([[1], [2], [3]], np.array([None, 3, "a"], object))


def test_an_error_within_an_epoch_leaves_the_weights_from_before_it():
    X, y = blobs()
    clf = classifier(batch_size=20).partial_fit(X.astype(np.float32), y, classes=[0, 1, 2])
    before = clf.decision_function(X)
    X[7] = 1e300
    with pytest.raises(ValueError, match="too large for float32"):
        clf.partial_fit(X, y)
    X[7] = 0
    assert_array_equal(np.delete(clf.decision_function(X), 7, 0), np.delete(before, 7, 0))


def test_the_classes_of_an_indicator_are_its_columns():
    X, y = blobs()
    indicator = np.eye(3, dtype=int)[y]
    with pytest.raises(ValueError, match="columns"):
        classifier().partial_fit(X, indicator, classes=[0, 1])
    clf = classifier().partial_fit(X, indicator).partial_fit(X, indicator, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="columns"):
        clf.partial_fit(X, indicator, classes=["a", "b", "c"])


@pytest.mark.parametrize("solver", ["lbfgs", LBFGS(memory=3)])
def test_solvers_of_all_rows_at_once_have_no_partial_fit(solver):
    clf = classifier(solver=solver)
    assert not hasattr(clf, "partial_fit")
    with pytest.raises(AttributeError) as error:
        _ = clf.partial_fit
    assert "only available for mini-batch solvers" in str(error.value.__cause__)


@pytest.mark.parametrize("params", [{"ema_decay": 0.9}, {"clip_norm": 1e-3}, {"max_norm": 0.1}])
def test_lbfgs_neither_averages_nor_clips_nor_caps(params):
    X, y = blobs()
    plain, other = (classifier(solver="lbfgs", **p).fit(X, y) for p in ({}, params))
    assert same_bits(plain, other)
    assert plain.history_["gradient_norm"] == other.history_["gradient_norm"]


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_warm_start_goes_on_from_the_weights_and_a_cold_one_does_not(early_stopping):
    X, y = blobs()
    clf = classifier(early_stopping=early_stopping).fit(X, y)
    learnt = [w.copy() for w in clf.coefs_]
    clf.set_params(learning_rate=lambda step: 0.0, warm_start=True).fit(X, y)
    assert all(np.array_equal(a, b) for a, b in zip(learnt, clf.coefs_, strict=True))
    clf.set_params(warm_start=False).fit(X, y)
    assert not any(np.array_equal(a, b) for a, b in zip(learnt, clf.coefs_, strict=True))


def test_weights_taken_before_a_warm_start_stay_views_of_those_that_predict():
    X, y = blobs()
    clf = classifier(warm_start=True, normalization="batch", max_iter=2).fit(X, y)
    taken = clf.coefs_[0]
    for changes in ({"ema_decay": 0.9}, {"early_stopping": True}, {"ema_decay": None}):
        learnt = taken.copy()
        clf.set_params(**changes).fit(X, y)
        assert np.shares_memory(taken, clf.coefs_[0])
        assert_array_equal(taken, clf.coefs_[0])
        assert not np.array_equal(taken, learnt)


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


def test_components_that_change_after_a_fit_change_no_answers():
    X, y = blobs()
    slope, upright = LeakyReLU(), Upright(image_shape=(1, X.shape[1]))
    clf = classifier(activation=slope, augment=upright).fit(X, y)
    expected = clf.predict_proba(X)
    slope.set_params(slope=0.9)
    clf.set_params(augment__width=0.9)
    assert_array_equal(clf.predict_proba(X), expected)
    clf.set_params(activation__slope="none")
    assert_array_equal(clf.predict_proba(X), expected)


def test_a_warm_fit_starts_from_the_average_that_predicts():
    X, y = blobs()
    clf = classifier(ema_decay=0.99, learning_rate_init=0.1, warm_start=True)
    for _ in range(3):
        clf.partial_fit(X, y, classes=[0, 1, 2])
    expected = clf.predict_proba(X)
    clf.set_params(solver=LBFGS(), tol=1e9).fit(X, y)
    assert_allclose(clf.predict_proba(X), expected)


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (StepDecay(every=3, decay=0.1), [0.1, 0.1, 0.1, 0.01, 0.01]),
        (Constant(warmup=2), [0.05, 0.1, 0.1, 0.1, 0.1]),
    ],
)
def test_parts_of_several_sizes_are_an_epoch_each(schedule, rates):
    X, y = blobs()
    clf = classifier(learning_rate=schedule, learning_rate_init=0.1, batch_size=10)
    for n_rows in (60, 10, 20, 10, 60):
        clf.partial_fit(X[:n_rows], y[:n_rows], classes=[0, 1, 2])
    assert_allclose(clf.history_["learning_rate"], rates)


def step_lengths(clf, X, y, n_steps):
    """The largest change of a weight in each step of a classifier with one step per call."""
    for _ in range(n_steps):
        before = [weights.copy() for weights in clf.coefs_]
        clf.partial_fit(X, y)
        yield max(np.abs(a - b).max() for a, b in zip(clf.coefs_, before, strict=True))


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (Adam, {"beta_1": 0.5}),
        (Adam, {"beta_2": 0.9}),
        (RMSprop, {"rho": 0.9}),
        (Nadam, {"beta_1": 0.99}),
    ],
)
def test_other_decays_between_parts_leave_steps_their_length(kind, changes):
    X, y = blobs()
    clf = classifier(solver=kind(), learning_rate_init=1e-3, batch_size=len(X))
    for _ in range(30):
        clf.partial_fit(X, y, classes=[0, 1, 2])
    clf.set_params(**{f"solver__{name}": value for name, value in changes.items()})
    (moved,) = step_lengths(clf, X, y, 1)
    # As long as the first step of all, whose running means are those of one gradient.
    assert_allclose(moved, 1e-3 / np.sqrt(1 - getattr(clf.solver, "rho", 0)), rtol=0.1)


@pytest.mark.parametrize("kind", [Adam, Nadam, Adamax])
def test_a_schedule_may_take_the_momentum_over_between_parts_and_give_it_back(kind):
    X, y = blobs()
    clf = classifier(solver=kind(), learning_rate_init=1e-5, batch_size=len(X))
    clf.partial_fit(X, y, classes=[0, 1, 2])
    other = OneCycle(start=1, end=1, high_momentum=0.5, low_momentum=0.5)
    lengths = []
    for schedule in ("constant", other, "constant"):
        lengths += step_lengths(clf.set_params(learning_rate=schedule), X, y, 60)
    assert_allclose(lengths[1:], lengths[:-1], rtol=0.2)


@pytest.mark.parametrize("scale", [1, 1e25])
def test_a_clipped_gradient_has_its_direction_however_long_it_was(scale):
    X, y = blobs()
    X = (scale * X).astype(np.float32)
    solver = SGD(momentum=0)
    clf = classifier(solver=solver, clip_norm=1e-3, learning_rate_init=0.1, batch_size=len(X))
    start = classifier(solver=solver, learning_rate_init=1e-100).fit(X, y)
    clf.partial_fit(X, y, classes=[0, 1, 2])
    ends = [clf.coefs_ + clf.intercepts_, start.coefs_ + start.intercepts_]
    moved = [(a - b).ravel() for a, b in zip(*ends, strict=True)]
    assert_allclose(np.linalg.norm(np.concatenate(moved)), 1e-4, rtol=1e-2)


def test_what_partial_fit_keeps_belongs_together():
    X, y = blobs()
    clf = classifier()
    for _ in range(20):
        clf.partial_fit(X, y, classes=[0, 1, 2])
    clf.set_params(learning_rate_init=1e-9)
    for _ in range(RECENT_CALLS):
        clf.partial_fit(X, (y + 1) % 3)
    assert {len(column) for column in clf.history_.values()} == {RECENT_CALLS}
    assert clf.best_loss_ == min(clf.loss_curve_)


def test_figures_that_no_kept_epoch_has_are_gone():
    X, y = blobs()
    clf = classifier(early_stopping=True).fit(X, y)
    for _ in range(RECENT_CALLS):
        clf.partial_fit(X, y)
    assert clf.validation_scores_ is None
    assert clf.best_validation_score_ is None


def test_another_schedule_knows_nothing_of_what_adaptive_has_lowered():
    X, y = blobs()
    clf = classifier(learning_rate="adaptive", n_iter_no_change=1, tol=10)
    for _ in range(8):
        clf.partial_fit(X, y, classes=[0, 1, 2])
    assert clf.history_["learning_rate"][-1] < 0.02
    for schedule, rate in (("constant", 0.02), (lambda step: 0.5, 0.5)):
        clf.set_params(learning_rate=schedule).partial_fit(X, y)
        assert clf.history_["learning_rate"][-1] == rate


@pytest.mark.parametrize("params", [{}, {"normalization": "batch", "ema_decay": 0.9}])
def test_training_goes_on_on_what_a_read_only_file_holds(params, tmp_path):
    X, y = blobs()
    clf = classifier(**params).partial_fit(X, y, classes=[0, 1, 2])
    joblib.dump(clf, tmp_path / "model")
    mapped = joblib.load(tmp_path / "model", mmap_mode="r")
    assert same_bits(mapped.partial_fit(X, y), clf.partial_fit(X, y))
    assert same_bits(
        mapped.set_params(warm_start=True).fit(X, y), clf.set_params(warm_start=True).fit(X, y)
    )


@pytest.mark.parametrize("residual", [False, True])
def test_lbfgs_judges_the_network_that_it_has_trained(residual):
    X, y = blobs()
    clf = classifier(solver="lbfgs", normalization="batch", residual=residual, max_iter=40)
    clf.fit(X, y, X_val=X, y_val=y)
    assert_allclose(clf.history_["validation_loss"], clf.loss_curve_, rtol=1e-6)


def test_the_norm_of_the_gradient_is_without_the_penalty():
    X, y = blobs()
    norms = [
        classifier(solver=solver, alpha=100, max_iter=1, batch_size=len(X)).fit(X, y).history_
        for solver in ("sgd", "lbfgs")
    ]
    zero = classifier(solver="sgd", alpha=0, max_iter=1, batch_size=len(X)).fit(X, y).history_
    assert norms[0]["gradient_norm"] == zero["gradient_norm"]
    assert norms[1]["gradient_norm"][0] < zero["gradient_norm"][0]


def test_other_decays_between_parts_begin_the_state_anew_but_once():
    X, y = blobs()
    clf = classifier(solver=Adam(), batch_size=20)
    for _ in range(5):
        clf.partial_fit(X, y, classes=[0, 1, 2])
    clf.set_params(solver__beta_1=0.5)
    other = copy.deepcopy(clf)
    other._state.forget_optimizer()
    for _ in range(5):
        assert same_bits(clf.partial_fit(X, y), other.partial_fit(X, y))


def test_adaptive_is_told_nothing_of_the_epochs_of_another_schedule():
    X, y = blobs()
    clf = classifier(tol=10, n_iter_no_change=2)
    for schedule in ("constant", "adaptive"):
        for _ in range(4 if schedule == "constant" else 2):
            clf.set_params(learning_rate=schedule).partial_fit(X, y, classes=[0, 1, 2])
    assert set(clf.history_["learning_rate"]) == {0.02}


def test_a_warm_start_begins_the_schedule_anew():
    X, y = blobs()
    clf = classifier(warm_start=True, learning_rate="invscaling", batch_size=16).fit(X, y).fit(X, y)
    first, second = np.split(np.array(clf.history_["learning_rate"]), 2)
    assert_array_equal(first, second)


@pytest.mark.parametrize("solver", [AdamW(weight_decay=0.5), Lion(weight_decay=0.5)])
def test_decoupled_decay_goes_with_the_rate(solver):
    X, y = blobs()
    # No gradient reaches the weights of a feature that is always 0.
    X[:, 0] = 0
    schedule = Exponential(decay=0.5)
    clf = classifier(solver=solver, learning_rate=schedule, learning_rate_init=0.5, alpha=0)
    start = clf.partial_fit(X, y, classes=[0, 1, 2]).coefs_[0][0].copy()
    for _ in range(3):
        clf.partial_fit(X, y)
    rates = np.array(clf.history_["learning_rate"][1:])
    assert_allclose(clf.coefs_[0][0], start * np.prod(1 - 0.5 * rates))


@pytest.mark.parametrize("memory", [1, 3])
def test_lbfgs_remembers_as_many_changes_as_it_is_told(memory):
    X, y = blobs()
    one, other = (
        classifier(solver=LBFGS(memory=n), max_iter=8).fit(X, y).loss_curve_ for n in (memory, 10)
    )
    # In the first iterations there are no more.
    same = [a == b for a, b in zip(one, other, strict=True)]
    assert same == [i <= memory for i in range(8)]


def test_lbfgs_evaluates_no_more_often_than_it_is_told():
    X, y = blobs()
    clf = classifier(solver=LBFGS(max_fun=4), max_iter=50).fit(X, y)
    assert 0 < clf.n_iter_ <= 4


def call_quietly(clf, n_calls):
    """Call partial_fit so many times, without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(n_calls):
            clf.partial_fit(*blobs(), classes=[0, 1, 2])


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_partial_fit_beyond_the_end_of_a_schedule_says_so(schedule):
    clf = classifier(learning_rate=schedule, max_iter=3)
    call_quietly(clf, 3)
    with pytest.warns(ConvergenceWarning, match=r"after 3 calls of partial_fit.*max_iter=3"):
        clf.partial_fit(*blobs())


@pytest.mark.parametrize("schedule", ["constant", "warm_restarts", Cosine(final=0.1)])
def test_a_schedule_without_an_end_may_go_on(schedule):
    call_quietly(classifier(learning_rate=schedule, max_iter=2), 5)


@pytest.mark.parametrize("number", [np.int8, np.uint8, np.int16])
def test_numbers_of_few_bits_count_as_far_as_others(number):
    X, y = blobs(n_rows=300)
    options = {"learning_rate": "cosine", "n_iter_no_change": 100}
    narrow, plain = (
        classifier(batch_size=kind(20), max_iter=kind(120), **options).fit(X, y)
        for kind in (number, int)
    )
    assert same_bits(narrow, plain)
