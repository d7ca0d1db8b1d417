"""scikit-learn's callbacks on the classifier, alone, in a pipeline and under a search.

The tasks of a fit, as the hooks of a callback see them::

    setup -> begin fit -> (begin epoch -> end epoch) * n_iter_ -> end fit -> teardown
"""

import threading
import warnings
from collections import defaultdict

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skdigits import FromScratchMLPClassifier

try:
    from sklearn.callback import ProgressBar, ScoringMonitor
except ImportError:
    ProgressBar = ScoringMonitor = None

needs_callbacks = pytest.mark.skipif(
    ScoringMonitor is None, reason="scikit-learn has callbacks since 1.9"
)
# Tests train only for as long as it takes to see the callbacks at work.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
X = scale(X)
NAME = "fromscratchmlpclassifier"
FIGURES = ("n_iter_", "n_layers_", "t_", "loss_", "loss_curve_", "best_loss_", "validation_scores_")


def classifier(**params):
    defaults = {"hidden_layer_sizes": 8, "max_iter": 5, "random_state": 0, "batch_size": 50}
    return FromScratchMLPClassifier(**(defaults | params))


class Recorder:
    """Writes down which hook is called with what; at the end of an epoch, answers `stop`."""

    def __init__(self, stop=lambda epoch: False):
        self.stop = stop
        self.calls = []
        self.tasks = []
        self.given = []
        self.fitted = []

    def setup(self, estimator, context):
        self.calls.append("setup")

    def on_fit_task_begin(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.calls.append(f"begin {context.task_name}")
        self.tasks.append(context)
        self.given.append((X, y, metadata))
        assert fitted_estimator is None

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.calls.append(f"end {context.task_name}")
        self.given.append((X, y, metadata))
        self.fitted.append(fitted_estimator)
        return context.task_name == "epoch" and self.stop(context.task_id + 1)

    def teardown(self, estimator, context):
        self.calls.append("teardown")


class Lazy(Recorder):
    """Asks for nothing; stops as it is told."""

    def on_fit_task_begin(self, estimator, context):
        self.calls.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context):
        self.calls.append(f"end {context.task_name}")


def calls_of(n_epochs):
    epochs = ["begin epoch", "end epoch"] * n_epochs
    return ["setup", "begin fit", *epochs, "end fit", "teardown"]


# On every version


def test_fits_without_callbacks():
    assert classifier(max_iter=50, learning_rate_init=0.01).fit(X, y).score(X, y) > 0.9


# The protocol


@needs_callbacks
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_hooks_are_called_in_order(solver):
    recorder = Recorder()
    clf = classifier(solver=solver).set_callbacks(recorder).fit(X, y)
    assert recorder.calls == calls_of(clf.n_iter_)
    assert clf.n_iter_ == 5


@needs_callbacks
def test_tasks_form_a_tree():
    recorder = Recorder()
    classifier().set_callbacks(recorder).fit(X, y)
    fit, *epochs = recorder.tasks
    assert fit.parent is None
    assert fit.max_subtasks == 5
    assert [epoch.task_id for epoch in epochs] == list(range(5))
    assert all(epoch.parent is fit and epoch.max_subtasks == 0 for epoch in epochs)


@needs_callbacks
@pytest.mark.parametrize("metadata", [{}, {"sample_weight": np.arange(len(y)) % 3}])
def test_data_is_passed_as_it_was_given(metadata):
    recorder = Recorder()
    rows, labels = X.tolist(), y.astype(str)
    classifier(max_iter=2).set_callbacks(recorder).fit(rows, labels, **metadata)
    assert len(recorder.given) == 6
    for passed_X, passed_y, passed in recorder.given:
        assert passed_X is rows
        assert passed_y is labels
        assert passed.keys() == metadata.keys()
        assert all(passed[name] is metadata[name] for name in metadata)


@needs_callbacks
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"solver": "lbfgs"},
        {"ema_decay": 0.9},
        {"normalization": "batch", "dropout": 0.3},
        {"warm_start": True},
    ],
)
def test_fitted_estimator_of_an_epoch_is_a_fit_of_so_many_epochs(params):
    recorder = Recorder()
    classifier(max_iter=4, **params).set_callbacks(recorder).fit(X, y)
    *after_epochs, after_fit = recorder.fitted
    for n_epochs, fitted in enumerate([*after_epochs, after_fit], start=1):
        expected = classifier(max_iter=min(n_epochs, 4), **params).fit(X, y)
        assert_array_equal(fitted.predict_proba(X), expected.predict_proba(X))
        assert_array_equal(fitted.predict(X), expected.predict(X))
        for name in FIGURES:
            assert getattr(fitted, name) == getattr(expected, name)


@needs_callbacks
def test_fitted_estimator_ignores_later_training():
    recorder = Recorder()
    clf = classifier(warm_start=True).set_callbacks(recorder).fit(X, y)
    before = [fitted.predict_proba(X) for fitted in recorder.fitted]
    clf.set_callbacks().fit(X, y)
    for fitted, probabilities in zip(recorder.fitted, before, strict=True):
        assert_array_equal(fitted.predict_proba(X), probabilities)
        assert not np.array_equal(clf.predict_proba(X), probabilities)
    n_epochs = [len(fitted.history_["loss"]) for fitted in recorder.fitted[:-1]]
    assert n_epochs == list(range(1, clf.max_iter + 1))


@needs_callbacks
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_true_stops_the_fit(solver, early_stopping):
    recorder = Recorder(stop=lambda epoch: epoch == 3)
    clf = classifier(solver=solver, max_iter=50, early_stopping=early_stopping)
    clf.set_callbacks(recorder)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        clf.fit(X, y)
    assert clf.n_iter_ == len(clf.loss_curve_) == 3
    assert recorder.calls == calls_of(3)


@needs_callbacks
def test_true_stops_a_fit_that_has_nothing_to_learn():
    recorder = Recorder(stop=lambda epoch: True)
    clf = classifier(solver="lbfgs", tol=100.0).set_callbacks(recorder).fit(X, y)
    assert clf.n_iter_ == 1
    assert recorder.calls == calls_of(1)


@needs_callbacks
def test_any_callback_may_stop_and_all_are_told():
    recorders = Recorder(stop=lambda epoch: epoch == 2), Lazy()
    clf = classifier().set_callbacks(*recorders).fit(X, y)
    assert clf.n_iter_ == 2
    assert recorders[0].calls == recorders[1].calls == calls_of(2)


@needs_callbacks
def test_a_plateau_ends_a_fit_after_the_hooks_of_its_epoch():
    recorder = Recorder()
    clf = classifier(max_iter=50, tol=10, n_iter_no_change=2).set_callbacks(recorder).fit(X, y)
    assert clf.n_iter_ == 4
    assert recorder.calls == calls_of(4)


def fail(*_, **__):
    raise ZeroDivisionError("on purpose")


@needs_callbacks
@pytest.mark.parametrize("source", ["augment", "callback"])
def test_teardown_after_an_error(source):
    recorder = Recorder(stop=fail if source == "callback" else lambda epoch: False)
    clf = classifier(augment=fail if source == "augment" else None).set_callbacks(recorder)
    with pytest.raises(ZeroDivisionError, match="on purpose"):
        clf.fit(X, y)
    assert recorder.calls[0] == "setup"
    assert recorder.calls[-1] == "teardown"
    assert recorder.calls.count("teardown") == 1
    # The next fit starts afresh.
    recorder.stop, recorder.calls = lambda epoch: False, []
    clf.set_params(augment=None).fit(X, y)
    assert recorder.calls == calls_of(5)


@needs_callbacks
@pytest.mark.parametrize(("solver", "error"), [("adam", StopIteration), ("lbfgs", RuntimeError)])
def test_an_iterator_that_runs_dry_does_not_end_a_training_silently(solver, error):
    def run_dry(epoch):
        return next(iter([]))

    clf = classifier(solver=solver).set_callbacks(Recorder(stop=run_dry))
    with pytest.raises(error) as raised:
        clf.fit(X, y)
    assert StopIteration in (raised.type, type(raised.value.__cause__))


@needs_callbacks
def test_bad_input_never_gets_to_the_callbacks():
    recorder = Recorder()
    with pytest.raises(ValueError, match="max_iter"):
        classifier(max_iter=-1).set_callbacks(recorder).fit(X, y)
    assert recorder.calls == []


@needs_callbacks
def test_each_fit_has_tasks_of_its_own():
    recorder = Recorder()
    clf = classifier(max_iter=2, warm_start=True).set_callbacks(recorder)
    assert clf.fit(X, y).fit(X, y).n_iter_ == 2
    assert recorder.calls == 2 * calls_of(2)


@needs_callbacks
def test_callbacks_change_nothing():
    watched = classifier().set_callbacks(Recorder()).fit(X, y)
    for ours, alone in zip(watched.coefs_, classifier().fit(X, y).coefs_, strict=True):
        assert_array_equal(ours, alone)


@needs_callbacks
def test_without_callbacks_there_are_no_tasks(monkeypatch):
    monkeypatch.setattr(FromScratchMLPClassifier, "_init_callback_context", fail)
    classifier().fit(X, y)
    with pytest.raises(ZeroDivisionError, match="on purpose"):
        classifier().set_callbacks(Lazy()).fit(X, y)


@needs_callbacks
def test_nothing_is_computed_that_no_callback_asks_for(monkeypatch):
    monkeypatch.setattr("skdigits.training.state.TrainingState.frozen", fail)
    classifier().set_callbacks(Lazy()).fit(X, y)
    with pytest.raises(ZeroDivisionError, match="on purpose"):
        classifier().set_callbacks(Recorder()).fit(X, y)


@needs_callbacks
def test_the_functions_of_a_user_are_not_copied_for_callbacks():
    class Halve:
        def __init__(self):
            self.lock = threading.Lock()

        def __call__(self, batch, rng):
            return self.prepare(batch)

        def prepare(self, batch):
            return batch / 2

    clf = classifier(augment=Halve()).set_callbacks(ScoringMonitor(scoring="accuracy"))
    assert clf.fit(X, y).n_iter_ == 5


@needs_callbacks
def test_callbacks_survive_clone():
    recorder = Recorder()
    clone(classifier().set_callbacks(recorder)).fit(X, y)
    cloned = clone(make_pipeline(StandardScaler(), classifier().set_callbacks(recorder)))
    cloned.fit(X, y)
    assert recorder.calls == 2 * calls_of(5)


# scikit-learn's own callbacks


def score_after(n_epochs, rows, labels):
    """Return what `ScoringMonitor` logs, of a model trained for so many epochs."""
    clf = classifier(max_iter=n_epochs).fit(rows, labels)
    return {
        "accuracy": accuracy_score(labels, clf.predict(rows)),
        "neg_log_loss": -log_loss(labels, clf.predict_proba(rows)),
    }


def monitor():
    return ScoringMonitor(scoring=["accuracy", "neg_log_loss"])


def logged_epochs(logs):
    """Return the logged scores of each fit's epochs, by the path to the fit."""
    fits = {}
    for row in logs.data:
        if row["task_name"] == "epoch":
            scores = {name: row[name] for name in ("accuracy", "neg_log_loss")}
            fits.setdefault(row["parent_task_id_path"], []).append(scores)
    return fits


@needs_callbacks
def test_scoring_monitor_on_the_classifier():
    callback = monitor()
    classifier().set_callbacks(callback).fit(X, y)
    (epochs,) = logged_epochs(callback.get_logs()).values()
    assert epochs == [pytest.approx(score_after(n, X, y)) for n in range(1, 6)]


@needs_callbacks
def test_scoring_monitor_in_a_pipeline():
    callback = monitor()
    pipeline = make_pipeline(StandardScaler(), classifier().set_callbacks(callback))
    pipeline.fit(3 * X + 2, y)
    (epochs,) = logged_epochs(callback.get_logs()).values()
    rows = pipeline[0].transform(3 * X + 2)
    assert epochs == [pytest.approx(score_after(n, rows, y)) for n in range(1, 6)]


def scores_on(train, n_epochs):
    """Return what is logged of each epoch of a pipeline that is fitted to these rows."""
    rows = StandardScaler().fit_transform(X[train])
    return [pytest.approx(score_after(n, rows, y[train])) for n in range(1, n_epochs + 1)]


@needs_callbacks
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_scoring_monitor_under_a_search(n_jobs):
    callback = monitor()
    pipeline = make_pipeline(StandardScaler(), classifier().set_callbacks(callback))
    halves = np.arange(0, 150, 2), np.arange(1, 150, 2)
    folds = [halves, halves[::-1]]
    search = GridSearchCV(pipeline, {f"{NAME}__max_iter": [2, 5]}, cv=folds, n_jobs=n_jobs)
    best = search.fit(X, y).best_params_[f"{NAME}__max_iter"]
    fits = list(logged_epochs(callback.get_logs()).values())
    expected = [scores_on(train, n) for n in (2, 5) for train, _ in folds]
    expected.append(scores_on(np.arange(150), best))
    assert len(fits) == len(expected)
    for scores in expected:
        assert scores in fits


@needs_callbacks
@pytest.mark.parametrize("n_jobs", [None, 2])
def test_progress_bar_shows_epochs_under_a_search(n_jobs, capsys, monkeypatch):
    progress = pytest.importorskip("rich.progress").Progress
    lengths, update = defaultdict(list), progress.update

    def update_and_note(bars, task_id, *, completed, **options):
        lengths[bars.tasks[task_id].description].append(completed)
        update(bars, task_id, completed=completed, **options)

    monkeypatch.setattr(progress, "update", update_and_note)
    pipeline = make_pipeline(StandardScaler(), classifier())
    search = GridSearchCV(pipeline, {f"{NAME}__alpha": [1, 2]}, cv=2, n_jobs=n_jobs)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(X, y)
    # Four fits of the search and one with the best parameters.
    printed = capsys.readouterr().out.splitlines()
    assert sum("FromScratchMLPClassifier - fit" in line and "100%" in line for line in printed) == 5
    # Each grows epoch by epoch; its end then counts as one of one.
    (of_search, of_best) = (n for name, n in sorted(lengths.items()) if "MLPClassifier" in name)
    for of_fits, n_fits in ((of_search, 4), (of_best, 1)):
        assert sorted(of_fits) == pytest.approx(sorted([1, 2, 3, 4, 5, 1] * n_fits))
