"""The learning-rate range test."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import DataConversionWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdigits import FromScratchMLPClassifier, find_learning_rate
from skdigits.lr_finder import _steepest
from skdigits.nn.optimizers import SGD

# Trainings at the rates in question are short.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_digits(return_X_y=True)
X, y = X[:600] / 16, y[:600]


def classifier(**params):
    defaults = {"hidden_layer_sizes": 16, "batch_size": 50, "random_state": 1}
    return FromScratchMLPClassifier(**(defaults | params))


def same_curves(ours, theirs):
    return all(
        np.array_equal(getattr(ours, name), getattr(theirs, name))
        for name in ("rates", "losses", "smoothed", "suggestion")
    )


CURVE = find_learning_rate(classifier(), X, y)


def test_rates_rise_by_a_constant_factor():
    assert len(CURVE.rates) == len(CURVE.losses) == len(CURVE.smoothed) <= 100
    assert_allclose(CURVE.rates, np.geomspace(1e-6, 10, 100)[: len(CURVE.rates)])
    assert np.isfinite(CURVE.losses).all()


@pytest.mark.parametrize("smoothing", [0, 0.5, 0.95])
def test_smoothed_is_the_corrected_mean_of_the_losses(smoothing):
    curve = find_learning_rate(classifier(), X, y, smoothing=smoothing, n_steps=20)
    for i, smoothed in enumerate(curve.smoothed):
        kept = smoothing ** np.arange(i + 1)[::-1]
        assert smoothed == pytest.approx(np.average(curve.losses[: i + 1], weights=kept))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"solver": SGD(), "random_state": 3},
        {"hidden_layer_sizes": (16, 16), "normalization": "batch"},
    ],
)
def test_training_at_the_suggestion_works(params):
    curve = find_learning_rate(classifier(**params), X, y)
    lowest = curve.smoothed.argmin()
    at = np.flatnonzero(curve.rates == curve.suggestion).item()
    # The loss falls there, on its way from where it began to where it is least.
    assert 0 < at <= lowest
    assert curve.smoothed[at] < curve.smoothed[at - 1] < curve.smoothed[0]
    losses = [
        classifier(learning_rate_init=rate, max_iter=5, **params).fit(X, y).loss_
        for rate in (curve.suggestion, curve.suggestion / 1000)
    ]
    assert losses[0] < 0.5 * losses[1]


def test_the_suggestion_does_not_depend_on_luck():
    suggestions = [
        find_learning_rate(classifier(random_state=seed), X, y).suggestion for seed in range(6)
    ]
    assert max(suggestions) < 30 * min(suggestions)


@pytest.mark.parametrize("dtype", ["int64", "Int64", "boolean"])
def test_targets_may_be_a_table_of_nullable_numbers(dtype):
    table = pd.DataFrame(np.eye(10, dtype=int)[y]).astype(dtype)
    of_array = find_learning_rate(classifier(), X, np.eye(10, dtype=int)[y], n_steps=20)
    assert same_curves(find_learning_rate(classifier(), X, table, n_steps=20), of_array)


def test_a_lucky_first_batch_is_not_where_the_loss_is_least():
    rates = np.geomspace(1e-6, 10, 100)
    means = np.interp(np.arange(100), [0, 3, 50, 70, 99], [0.5, 2, 2, 1, 4])
    assert rates[50] <= _steepest(rates, means, settled=10) <= rates[70]


def test_curves_can_be_compared_and_kept_in_sets():
    other = find_learning_rate(classifier(), X, y)
    assert {CURVE, CURVE, other} == {CURVE, other}
    assert other != CURVE


def test_ends_when_the_loss_rises():
    curve = find_learning_rate(classifier(), X, y, highest=1e6)
    assert len(curve.rates) < 100
    assert curve.smoothed[-1] > 4 * curve.smoothed.min()
    assert (curve.smoothed[:-1] <= 4 * np.minimum.accumulate(curve.smoothed)[:-1]).all()


def test_ends_when_the_loss_is_not_finite():
    clf = classifier(solver=SGD(momentum=0), hidden_layer_sizes=(8, 8), activation="identity")
    curve = find_learning_rate(clf, 1e30 * X, y, lowest=1, highest=1e30, n_steps=20)
    assert len(curve.rates) < 20
    assert np.isfinite(curve.losses).all()


def test_the_estimator_is_left_alone():
    untouched, fitted = classifier(), classifier(max_iter=2).fit(X, y)
    params, probabilities = fitted.get_params(), fitted.predict_proba(X)
    for clf in (untouched, fitted):
        assert same_curves(find_learning_rate(clf, X, y), CURVE)
    assert untouched.__dict__ == clone(untouched).__dict__
    assert fitted.get_params() == params
    assert_array_equal(fitted.predict_proba(X), probabilities)


def test_the_schedule_and_the_rate_of_the_estimator_play_no_role():
    clf = classifier(learning_rate="one_cycle", learning_rate_init=7.0, max_iter=3)
    assert same_curves(find_learning_rate(clf, X, y), CURVE)


def test_first_loss_is_that_of_the_first_batch():
    # At a rate of nearly nothing, each loss is the initial network's on a batch of its own.
    curve = find_learning_rate(classifier(batch_size=600), X, y, highest=2e-6, n_steps=5)
    initial = classifier(batch_size=600, learning_rate_init=1e-12, max_iter=1).fit(X, y)
    assert_allclose(curve.losses, initial.loss_, rtol=1e-3)


@pytest.mark.parametrize("labels", [y, y.astype(str)])
@pytest.mark.parametrize("kind", [pd.DataFrame, scipy.sparse.csr_array, np.asfortranarray])
def test_data_of_any_kind(kind, labels):
    rows = kind(X)
    if kind is pd.DataFrame:
        labels = pd.Series(labels, index=np.arange(len(y))[::-1])
    curve = find_learning_rate(classifier(), rows, labels)
    assert_allclose(curve.losses, CURVE.losses, rtol=1e-6)


def test_lists_and_sparse_indicators():
    curve = find_learning_rate(classifier(), X.tolist(), y.tolist())
    assert_allclose(curve.losses, CURVE.losses, rtol=1e-6)
    indicator = np.eye(10, dtype=int)[y]
    curves = [
        find_learning_rate(classifier(), X, labels, n_steps=5)
        for labels in (indicator, scipy.sparse.csr_array(indicator))
    ]
    assert_array_equal(curves[0].losses, curves[1].losses)


@pytest.mark.parametrize("options", [{"n_steps": 5}, {"n_steps": 12}, {"smoothing": 0.99}])
def test_with_few_steps_the_loss_still_falls_fastest_at_the_suggestion(options):
    curve = find_learning_rate(classifier(), X, y, **options)
    slopes = np.gradient(curve.smoothed, np.log(curve.rates))
    at, lowest = np.flatnonzero(curve.rates == curve.suggestion).item(), curve.smoothed.argmin()
    assert lowest // 2 <= at < lowest
    assert slopes[at] == slopes[lowest // 2 : lowest].min()


def test_a_loss_that_never_falls_suggests_the_lowest_rate():
    assert find_learning_rate(classifier(), X, y, lowest=50, highest=60).suggestion == 50


@pytest.mark.filterwarnings("ignore:batch_size=640 is larger than the 600 training rows")
def test_rows_of_weight_zero_are_not_trained_on():
    weights = np.repeat([1.0, 0.0], [len(y), 40])
    more = np.concatenate([X, np.ones((40, 64))]), np.concatenate([y, np.zeros(40, int)])
    clf = classifier(batch_size=640)
    curve = find_learning_rate(clf, *more, sample_weight=weights, n_steps=8)
    assert_allclose(curve.losses, find_learning_rate(clf, X, y, n_steps=8).losses, rtol=1e-6)


@pytest.mark.parametrize(
    "estimator", [make_pipeline(MinMaxScaler(), classifier()), MLPClassifier(), None]
)
def test_only_our_classifier_has_a_rate_to_find(estimator):
    with pytest.raises(TypeError, match="must be a FromScratchMLPClassifier"):
        find_learning_rate(estimator, X, y)


@pytest.mark.parametrize("max_iter", [3, 500])
def test_augmentation_stays_as_it_is_at_the_beginning(max_iter):
    asked = []

    class Changing:
        def __call__(self, batch, rng):
            return batch

        def at(self, progress):
            asked.append(progress)
            return self

    find_learning_rate(classifier(augment=Changing(), max_iter=max_iter), X, y, n_steps=20)
    assert len(asked) > 10
    assert max(asked) < 1e-6


def test_two_classes():
    curve = find_learning_rate(classifier(), X, y > 4)
    assert 1e-5 < curve.suggestion < 1


def test_more_steps_than_batches():
    curve = find_learning_rate(classifier(batch_size=600), X, y, n_steps=7)
    assert len(curve.rates) == 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lowest": 0}, "lowest=0"),
        ({"lowest": -1e-3}, "lowest=-0.001"),
        ({"lowest": "low"}, "lowest='low'"),
        ({"highest": 1e-7}, "highest=1e-07"),
        ({"lowest": 1.0, "highest": 1.0}, "highest=1.0"),
        ({"n_steps": 1}, "n_steps=1"),
        ({"n_steps": 2.5}, "n_steps=2.5"),
        ({"smoothing": 1}, "smoothing=1"),
        ({"smoothing": -0.1}, "smoothing=-0.1"),
    ],
)
def test_errors_name_the_parameter(options, message):
    with pytest.raises(ValueError, match=f"find_learning_rate: {message}"):
        find_learning_rate(classifier(), X, y, **options)


def test_errors_of_the_estimator():
    with pytest.raises(ValueError, match="hidden_layer_sizes=-1"):
        find_learning_rate(classifier(hidden_layer_sizes=-1), X, y)


@pytest.mark.parametrize("batch_size", [0, "all"])
def test_batch_size_is_checked(batch_size):
    with pytest.raises(ValueError, match="batch_size="):
        find_learning_rate(classifier(batch_size=batch_size), X, y)


def test_lbfgs_has_no_learning_rate():
    with pytest.raises((ValueError, AttributeError), match="lbfgs"):
        find_learning_rate(classifier(solver="lbfgs"), X, y)


def test_data_that_do_not_fit_together_are_refused():
    X, y = load_digits(return_X_y=True)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        find_learning_rate(FromScratchMLPClassifier(), X[:100], y)


def test_rates_at_which_nothing_is_learnt_are_refused():
    X, y = load_digits(return_X_y=True)
    with pytest.raises(ValueError, match=r"lowest=1e\+200"):
        find_learning_rate(
            FromScratchMLPClassifier(solver="sgd", random_state=0),
            X,
            y,
            lowest=1e200,
            highest=1e300,
        )


def test_rows_without_weight_are_no_rows():
    weights = (np.arange(len(y)) % 7 == 0).astype(float)
    kept = weights > 0
    weighted = find_learning_rate(classifier(batch_size=5), X, y, sample_weight=weights)
    chosen = find_learning_rate(classifier(batch_size=5), X[kept], y[kept])
    assert same_curves(weighted, chosen)
    without = classifier(batch_size=8, class_weight=dict.fromkeys(range(9), 0))
    assert len(find_learning_rate(without, X, y, n_steps=10).losses) == 10
    with pytest.raises(ValueError, match="All sample weights are zero"):
        find_learning_rate(classifier(class_weight=dict.fromkeys(range(10), 0)), X, y)


def test_a_column_of_labels_is_warned_of_once():
    with pytest.warns(DataConversionWarning) as warned:
        curve = find_learning_rate(classifier(), X, y[:, np.newaxis])
    assert len(warned) == 1
    assert same_curves(curve, CURVE)


def test_any_sparse_format():
    X, y = load_digits(return_X_y=True)
    clf = FromScratchMLPClassifier(random_state=0)
    curves = [
        find_learning_rate(clf, rows, y, n_steps=5)
        for rows in (scipy.sparse.csr_array(X), scipy.sparse.coo_array(X))
    ]
    assert_array_equal(curves[0].losses, curves[1].losses)


def test_each_rate_has_one_batch_however_large():
    sizes = []

    def note(batch, rng):
        sizes.append(len(batch))
        return batch

    find_learning_rate(classifier(batch_size=500, augment=note), X, y, n_steps=5)
    assert sizes == [500] * 5


def test_a_single_rate_at_which_something_is_learnt_makes_no_curve():
    clf = classifier(solver=SGD(momentum=0), activation="identity", hidden_layer_sizes=(8, 8))
    with pytest.raises(ValueError, match=r"lowest=1\.0"):
        find_learning_rate(clf, X, y, lowest=1.0, highest=1e300, n_steps=2)


def test_a_verbose_estimator_prints_nothing(capsys):
    find_learning_rate(classifier(verbose=True), X, y, n_steps=3)
    assert capsys.readouterr().out == ""
