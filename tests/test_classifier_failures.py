"""What goes wrong in a training, and what is left then: divergence, Ctrl-C, bad scores."""

import signal
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from small import blobs, classifier, indicator, loss_of, noisy, same_bits

from skdigits.nn.activations import ReLU
from skdigits.nn.optimizers import LBFGS, SGD
from skdigits.nn.schedules import Exponential, StepDecay

# Training for a few epochs does not converge, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


NOISY = [noisy(*blobs(n_classes=2)), noisy(*blobs()), noisy(*indicator())]


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
        assert np.isfinite(clf.decision_function(1e3 * X)).all()


@pytest.mark.parametrize(("solver", "has_rate"), [("sgd", True), ("lbfgs", False)])
def test_divergence_is_blamed_on_a_rate_only_where_there_is_one(solver, has_rate):
    X, y = blobs()
    with pytest.warns(ConvergenceWarning, match="diverged") as warned:
        classifier(solver=solver, learning_rate_init=1e30).fit(1e200 * X, y)
    assert ("learning_rate" in str(warned[0].message)) is has_rate


@pytest.mark.parametrize(
    ("params", "blamed"),
    [
        ({"learning_rate": lambda step: 1e200 if step else 0.1}, "1e+200"),
        ({"learning_rate": Exponential(decay=1e200), "learning_rate_init": 0.1}, "1e+199"),
    ],
)
def test_divergence_is_blamed_on_the_rate_of_the_step(params, blamed):
    X, y = blobs()
    clf = classifier(solver="sgd", batch_size=len(X), **params)
    with pytest.warns(ConvergenceWarning, match="diverged") as warned:
        clf.fit(X, y)
    assert f"at learning rate {blamed}. " in str(warned[0].message)
    advised = "learning_rate" if callable(params["learning_rate"]) else "learning_rate_init"
    assert str(warned[0].message).endswith(f" or lower {advised}.")


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


def test_a_scorer_that_fails_is_named():
    X, y = blobs()
    with pytest.raises(ValueError, match="scoring='neg_log_loss' fails on the validation data: "):
        classifier(scoring="neg_log_loss").fit(X, y, X_val=X[y > 0], y_val=y[y > 0])
    with pytest.raises(ValueError, match=r"scoring=<.*> fails on the validation data: "):
        classifier(scoring=lambda *_: None).fit(X, y, X_val=X, y_val=y)


def test_after_a_scorer_that_fails_the_optimizer_begins_anew():
    X, y = blobs()
    scores = []

    def score(estimator, X, y):
        scores.append(0.5)
        return 1 / (len(scores) < 3)

    params = {"learning_rate": "cosine", "ema_decay": 0.9, "max_iter": 4}
    broken = classifier(early_stopping=True, scoring=score, **params)
    with pytest.raises(ZeroDivisionError):
        broken.fit(X, y)
    assert broken.n_iter_ == len(broken.loss_curve_) == 2
    broken.partial_fit(X, y)
    whole = classifier(**params).fit(X, y).partial_fit(X, y)
    rates = [clf.history_["learning_rate"][-1] for clf in (broken, whole)]
    assert rates[0] == rates[1] > 0


def test_a_warning_that_is_an_error_leaves_the_whole_fit():
    X, y = blobs()
    whole, warned = (classifier(max_iter=2, ema_decay=0.9) for _ in range(2))
    with pytest.warns(ConvergenceWarning):
        whole.fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ConvergenceWarning):
            warned.fit(X, y)
    assert same_bits(whole, warned)
    assert same_bits(whole.partial_fit(X, y), warned.partial_fit(X, y))


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


def test_lbfgs_that_overflows_says_so_and_leaves_a_working_model():
    X, y = blobs()
    with pytest.warns(ConvergenceWarning, match="diverged") as warned:
        clf = classifier(solver="lbfgs").fit(1e200 * X, y)
    assert len(warned) == 1
    assert all(np.isfinite(weights).all() for weights in (*clf.coefs_, *clf.intercepts_))
    assert np.isfinite(clf.predict_proba(X)).all()


def test_lbfgs_that_learns_nothing_predicts_by_the_statistics_of_its_rows():
    X, y = blobs()
    clf = classifier(solver="lbfgs", normalization="batch", tol=100.0).fit(10 * X + 50, y)
    assert clf.n_iter_ == 1
    assert loss_of(clf, 10 * X + 50, y) == pytest.approx(clf.loss_)


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
    "max_fun": {"solver": LBFGS(max_fun=1)},
}


@pytest.mark.parametrize("words", WARNED)
@pytest.mark.parametrize("wrap", [lambda clf: clf, make_pipeline])
def test_a_warning_points_at_the_line_that_called_the_library(words, wrap):
    X, y = blobs()
    with pytest.warns(UserWarning, match=words) as warned:
        wrap(classifier(**WARNED[words])).fit(X, y)
    assert {warning.filename for warning in warned} == {__file__}


@pytest.mark.parametrize(
    ("params", "limit", "other"),
    [
        ({"max_iter": 1}, "max_iter=1", "max_fun"),
        ({"max_iter": 1, "solver": "lbfgs"}, "max_iter=1", "max_fun"),
        ({"solver": LBFGS(max_fun=1)}, "max_fun", "max_iter"),
    ],
)
def test_the_limit_that_was_reached_is_named(params, limit, other):
    X, y = blobs()
    with pytest.warns(ConvergenceWarning, match=limit) as warned:
        classifier(**params).fit(X, y)
    assert other not in str(warned[0].message)


def test_an_activation_of_ones_own_names_weights_that_there_are():
    class Sine:
        initializer = "he"

        def value(self, z):
            return np.sin(z)

        def derivative(self, z, a):
            return np.cos(z)

    X, y = blobs()
    with pytest.raises(ValueError, match=r"Sine: initializer='he' is not allowed.*'he_normal'"):
        classifier(activation=Sine(), hidden_layer_sizes=(4, 4)).fit(X, y)


def test_a_warning_of_partial_fit_points_at_the_line_that_called_it():
    X, y = blobs()
    with pytest.warns(UserWarning, match="batch_size") as warned:
        classifier(batch_size=61).partial_fit(X, y, classes=[0, 1, 2])
    assert {warning.filename for warning in warned} == {__file__}


def test_code_that_is_executed_without_a_name_is_warned_too():
    X, y = blobs()
    with pytest.warns(ConvergenceWarning, match="max_iter=1"):
        exec("clf.fit(X, y)", {"clf": classifier(max_iter=1), "X": X, "y": y})


@pytest.mark.parametrize("labels", [["no", "yes", "maybe"], [False, True, True]])
def test_where_a_network_cannot_be_made_the_old_one_keeps_its_labels(labels):
    X, y = blobs()
    clf = classifier().fit(X, y)
    before = clf.predict(X)

    def wrong(fan_in, fan_out, rng):
        return np.zeros(fan_in)

    with pytest.raises(ValueError, match="initializer returned weights of shape"):
        clf.set_params(initializer=wrong).fit(X, np.array(labels)[y])
    assert_array_equal(clf.classes_, [0, 1, 2])
    assert_array_equal(clf.predict(X), before)


# The last is beyond single precision.
@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_initial_weights_that_are_not_finite_are_an_error(value):
    X, y = blobs()
    clf = classifier(initializer=lambda fan_in, fan_out, rng: np.full((fan_in, fan_out), value))
    with (
        np.errstate(over="ignore"),
        pytest.raises(ValueError, match="initializer returned weights that"),
    ):
        clf.fit(X.astype(np.float32), y)


@pytest.mark.parametrize("classes", [{0, 1, 2}, 3, [[0, 1, 2]]])
def test_classes_without_an_order_or_as_a_table_are_an_error(classes):
    X, y = blobs()
    with pytest.raises(ValueError, match=r"classes=.* must be a sequence of labels"):
        classifier().partial_fit(X, y, classes=classes)


@pytest.mark.parametrize("schedule", [Exponential(decay=1e9), StepDecay(every=1, decay=1e9)])
def test_a_rate_beyond_all_bounds_is_divergence(schedule):
    X, y = blobs()
    clf = classifier(learning_rate=schedule, learning_rate_init=1e-300, max_iter=100)
    with pytest.warns(ConvergenceWarning, match="diverged"):
        clf.set_params(n_iter_no_change=100).fit(X, y)
    assert np.isfinite(clf.predict_proba(X)).all()
