"""What users of scikit-learn, skorch and scikit-optimize asked for, each by its issue's number."""

import copy
import pickle
import threading
from pathlib import Path

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from scipy.stats import randint
from sklearn.datasets import load_iris, make_classification, make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, get_scorer, log_loss, recall_score
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale
from small import blas_now
from threadpoolctl import threadpool_limits

from skdigits import FromScratchMLPClassifier
from skdigits.nn.activations import LeakyReLU
from skdigits.nn.architecture import HiddenLayers
from skdigits.nn.optimizers import LBFGS, SGD

# Most tests train only for as long as it takes to see what was asked for.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, y = load_iris(return_X_y=True)
X = scale(X)
X_TRAIN, X_VAL, Y_TRAIN, Y_VAL = X[::2], X[1::2], y[::2], y[1::2]
TASKS = Path("/proc/self/task")


def classifier(**params):
    defaults = {"hidden_layer_sizes": 8, "max_iter": 10, "random_state": 0}
    return FromScratchMLPClassifier(**(defaults | params))


def noisy(n_rows=200, **params):
    """Two overlapping classes, with a share of wrong labels."""
    return make_classification(
        n_rows, 20, n_informative=4, flip_y=0.3, class_sep=0.7, random_state=0, **params
    )


# Regularisation and weights


# Asked: dropout against overfitting.
def test_dropout_6175():
    rows, labels = noisy(400)
    plain = classifier(hidden_layer_sizes=100, learning_rate_init=0.01, max_iter=100, tol=0)
    plain.fit(rows[:100], labels[:100])
    dropped = classifier(
        hidden_layer_sizes=100,
        dropout=0.5,
        input_dropout=0.2,
        learning_rate_init=0.01,
        max_iter=100,
        tol=0,
    ).fit(rows[:100], labels[:100])
    unseen = [log_loss(labels[100:], clf.predict_proba(rows[100:])) for clf in (plain, dropped)]
    assert unseen[1] < 0.8 * unseen[0]
    assert_array_equal(dropped.predict_proba(rows), dropped.predict_proba(rows))


# Asked: class_weight, for classes of very different sizes.
@pytest.mark.parametrize("class_weight", ["balanced", {0: 1, 1: 20}])
def test_class_weight_9113(class_weight):
    rows, labels = noisy(weights=[0.97])
    recalls = [
        recall_score(
            labels, classifier(class_weight=w, max_iter=50).fit(rows, labels).predict(rows)
        )
        for w in (None, class_weight)
    ]
    assert recalls[1] > recalls[0] + 0.1


# Asked: sample_weight in fit.
@pytest.mark.parametrize("heavy", [0, 1])
def test_sample_weight_25646(heavy):
    rows, labels = np.repeat(X, 2, axis=0), np.tile([0, 1], len(X))
    weights = np.where(labels == heavy, 3, 1)
    clf = classifier(max_iter=50, learning_rate_init=0.01).fit(rows, labels, sample_weight=weights)
    assert (clf.predict(X) == heavy).all()


# Asked: why alpha means something else than in the other linear models. Here it is 1 / C.
def test_alpha_is_that_of_logistic_regression_6780():
    alpha = 2.0
    linear = LogisticRegression(C=1 / alpha, tol=1e-8, max_iter=1000).fit(X, y)
    clf = classifier(hidden_layer_sizes=(), solver="lbfgs", alpha=alpha, tol=1e-8, max_iter=1000)
    assert_allclose(clf.fit(X, y).predict_proba(X), linear.predict_proba(X), atol=1e-3)


# Asked: a choice of the loss that is minimised.
def test_choice_of_loss_6094():
    rows, labels = noisy()

    def best_for(loss):
        clf = classifier(
            hidden_layer_sizes=(), loss=loss, solver="lbfgs", alpha=0, tol=1e-7, max_iter=500
        )
        return clf.fit(rows, labels).predict_proba(rows)[:, 1]

    by_entropy, by_brier = best_for("cross_entropy"), best_for("squared_error")
    assert log_loss(labels, by_entropy) < log_loss(labels, by_brier) - 1e-5
    assert np.square(labels - by_brier).mean() < np.square(labels - by_entropy).mean() - 1e-5


# Activations


def outputs_by_hand(clf, rows, *functions):
    """Return the probabilities of a network whose hidden layers have these activations."""
    *hidden, (weights, biases) = zip(clf.coefs_, clf.intercepts_, strict=True)
    for (w, b), function in zip(hidden, functions, strict=True):
        rows = function(rows @ w + b)
    return softmax(rows @ weights + biases, axis=1)


# Asked: another activation function for each layer.
def test_an_activation_per_layer_10097():
    clf = classifier(hidden_layer_sizes=(8, 6, 4), activation=("tanh", "relu", "logistic"))
    functions = np.tanh, lambda z: np.maximum(z, 0), lambda z: 1 / (1 + np.exp(-z))
    by_hand = outputs_by_hand(clf.fit(X, y), X, *functions)
    assert_allclose(clf.predict_proba(X), by_hand)


# Asked: leaky ReLU (and, in the discussion of an earlier request, a slope of one's own).
@pytest.mark.parametrize(
    ("activation", "slope"), [("leaky_relu", 0.01), (LeakyReLU(slope=0.3), 0.3)]
)
def test_leaky_relu_26912(activation, slope):
    clf = classifier(activation=activation).fit(X, y)
    by_hand = outputs_by_hand(clf, X, lambda z: np.where(z > 0, z, slope * z))
    assert_allclose(clf.predict_proba(X), by_hand)


# Asked: mish.
def test_mish_30199():
    clf = classifier(activation="mish").fit(X, y)
    by_hand = outputs_by_hand(clf, X, lambda z: z * np.tanh(np.log1p(np.exp(z))))
    assert_allclose(clf.predict_proba(X), by_hand)


# Validation and stopping


# Asked: the validation loss of each epoch next to the training loss.
def test_validation_curve_18507():
    clf = classifier(early_stopping=True, max_iter=30, learning_rate_init=0.01)
    clf.fit(X_TRAIN, Y_TRAIN, X_val=X_VAL, y_val=Y_VAL)
    curve = clf.history_["validation_loss"]
    assert len(curve) == len(clf.history_["loss"]) == clf.n_iter_
    assert min(curve) == pytest.approx(log_loss(Y_VAL, clf.predict_proba(X_VAL)))
    clf.fit(X_TRAIN, Y_TRAIN)
    assert len(clf.history_["validation_loss"]) == clf.n_iter_


# Asked: early stopping on a validation set of one's own.
def test_own_validation_set_18748():
    clf = classifier(early_stopping=True, scoring="accuracy", max_iter=30, learning_rate_init=0.01)
    clf.fit(X_TRAIN, Y_TRAIN, X_val=X_VAL, y_val=Y_VAL)
    assert clf.t_ == clf.n_iter_ * len(X_TRAIN)
    assert clf.best_validation_score_ == pytest.approx(accuracy_score(Y_VAL, clf.predict(X_VAL)))


# Asked: early stopping by another score than the one of `score`.
@pytest.mark.parametrize("scoring", ["roc_auc_ovr", "f1_macro", get_scorer("neg_brier_score")])
def test_another_early_stopping_score_24411(scoring):
    clf = classifier(early_stopping=True, scoring=scoring, max_iter=15, learning_rate_init=0.01)
    clf.fit(X_TRAIN, Y_TRAIN, X_val=X_VAL, y_val=Y_VAL)
    score = get_scorer(scoring)(clf, X_VAL, Y_VAL)
    assert clf.best_validation_score_ == pytest.approx(score)


# Asked: partial_fit after a fit with early stopping, which raised an obscure error.
def test_partial_fit_after_early_stopping_25693():
    clf = classifier(early_stopping=True).fit(X, y)
    before = log_loss(y, clf.predict_proba(X))
    for _ in range(5):
        clf.partial_fit(X, y)
    assert log_loss(y, clf.predict_proba(X)) < before


# Asked: that one accidentally low loss does not have the rate lowered again and again.
def test_one_lucky_epoch_does_not_collapse_the_rate_15596():
    epochs = iter(range(60))

    def make_the_sixth_easy(batch, rng):
        return 20 * batch if next(epochs) == 5 else batch

    clf = classifier(
        hidden_layer_sizes=(),
        initializer="zeros",
        solver=SGD(momentum=0),
        learning_rate="adaptive",
        learning_rate_init=0.02,
        n_iter_no_change=5,
        augment=make_the_sixth_easy,
        max_iter=60,
    ).fit(X, y)
    loss, rates = np.array(clf.loss_curve_), clf.history_["learning_rate"]
    assert (np.diff(loss[6:]) < 0).all()
    assert loss[5] < loss[-1]
    # What the lucky epoch costs is one step down; from then on, losses are compared anew.
    assert_allclose(np.unique(rates), [0.2 * 0.02, 0.02])


# Asked: that the number of epochs without progress, after which training stops, can be set.
@pytest.mark.parametrize("n_iter_no_change", [2, 7, np.inf])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_patience_6512(n_iter_no_change, early_stopping):
    clf = classifier(
        n_iter_no_change=n_iter_no_change, early_stopping=early_stopping, tol=100, max_iter=20
    )
    # The first epoch is progress; training ends after more than so many that are not.
    assert clf.fit(X, y).n_iter_ == min(20, n_iter_no_change + 2)


# Asked: a clear message where the weights explode, not "Input contains NaN" from a scorer.
@pytest.mark.parametrize("scoring", ["loss", "accuracy"])
def test_divergence_says_so_29504(scoring):
    clf = classifier(
        early_stopping=True,
        scoring=scoring,
        solver="sgd",
        activation="identity",
        hidden_layer_sizes=(8, 8),
        learning_rate_init=1e10,
    )
    with pytest.warns(ConvergenceWarning, match=r"diverged.*learning_rate_init"):
        clf.fit(1e10 * X, y)
    assert np.isfinite(clf.predict_proba(X)).all()


# Going on


LETTERS = np.array(["a", "b", "c"])[y]


# Asked: partial_fit on batches that lack some classes, even all but one.
def test_partial_fit_on_a_batch_without_all_classes_6994():
    clf = classifier().partial_fit([[1], [2], [3]], ["a", "b", "c"], classes=["a", "b", "c", "d"])
    for _ in range(500):
        clf.partial_fit([[4]], ["d"])
    assert clf.predict([[4]]) == ["d"]


# Asked: the same for single rows, with warm_start, which refused them.
def test_partial_fit_on_single_rows_with_warm_start_11758():
    clf = classifier(warm_start=True, max_iter=1, batch_size=1, learning_rate_init=0.01)
    clf.partial_fit(X[::50], LETTERS[::50], classes=["a", "b", "c"])
    for i in np.random.default_rng(0).permutation(len(X)):
        clf.partial_fit(X[[i]], LETTERS[[i]])
    assert clf.score(X, LETTERS) > 0.85


# Asked: partial_fit on a model from a file, which changed no weights.
@pytest.mark.parametrize("train", ["fit", "partial_fit"])
def test_unpickle_then_partial_fit_19626(train):
    classes = {"classes": [0, 1, 2]} if train == "partial_fit" else {}
    clf = getattr(classifier(), train)(X, y, **classes)
    before = clf.coefs_[0].copy()
    loaded = pickle.loads(pickle.dumps(clf))
    for trained in (clf, loaded):
        trained.partial_fit(X_TRAIN, Y_TRAIN)
    assert (loaded.coefs_[0] != before).all()
    for ours, theirs in zip(loaded.coefs_, clf.coefs_, strict=True):
        assert_array_equal(ours, theirs)


# Asked: a saved model that does not grow with every call of partial_fit.
def test_pickles_do_not_grow_19959():
    clf = classifier(hidden_layer_sizes=4)
    sizes = []
    for _ in range(3):
        for _ in range(250):
            clf.partial_fit(X[:3], y[:3], classes=[0, 1, 2])
        sizes.append(len(pickle.dumps(clf)))
    assert sizes[2] - sizes[1] < 100


# Asked: an understandable error where warm_start is given other classes.
@pytest.mark.parametrize("labels", [y == 0, y + 1, np.arange(150) % 4, LETTERS])
def test_warm_start_with_other_classes_7976(labels):
    clf = classifier(warm_start=True).fit(X, y)
    before = clf.predict_proba(X)
    with pytest.raises(ValueError, match="same classes as in the previous call to fit"):
        clf.fit(X, labels)
    assert_array_equal(clf.predict_proba(X), before)


# Asked: that max_iter counts the epochs of each fit with warm_start, with a warning each time.
def test_warm_start_respects_max_iter_8713():
    clf = classifier(warm_start=True, max_iter=2)
    for n_epochs in (2, 4, 6):
        with pytest.warns(ConvergenceWarning, match="max_iter=2"):
            clf.fit(X, y)
        assert len(clf.loss_curve_) == n_epochs
    assert (np.diff(clf.loss_curve_) < 0).all()


# Asked: that n_iter_ is the number of epochs of the last fit with warm_start.
@pytest.mark.parametrize("early_stopping", [False, True])
def test_n_iter_after_warm_start_24764(early_stopping):
    clf = classifier(warm_start=True, early_stopping=early_stopping, tol=0)
    for max_iter in (10, 20, 5):
        assert clf.set_params(max_iter=max_iter).fit(X, y).n_iter_ == max_iter


# Types, shapes and threads


# Asked: single precision for rows of single precision.
def test_float32_17700():
    clf = classifier().fit(X.astype(np.float32), y)
    arrays = [*clf.coefs_, *clf.intercepts_, clf.predict_proba(X.astype(np.float32))]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}
    double = classifier().fit(X, y)
    assert_allclose(clf.predict_proba(X), double.predict_proba(X), atol=1e-4)


# Asked: predict_proba and classes_ of multilabel classifiers in one shape.
def test_multilabel_shapes_9650():
    rows, labels = make_multilabel_classification(100, n_classes=4, random_state=0)
    clf = classifier(max_iter=50, learning_rate_init=0.01).fit(scale(rows), labels)
    probabilities = clf.predict_proba(scale(rows))
    assert probabilities.shape == clf.decision_function(scale(rows)).shape == labels.shape
    assert_array_equal(clf.classes_, np.arange(4))
    assert_array_equal(clf.predict(scale(rows)), probabilities > 0.5)
    # Each column is the probability of a label, so rows need not sum to one.
    assert np.ptp(probabilities.sum(axis=1)) > 0.5


# Asked: how to limit the number of threads. By threadpoolctl, during the whole fit; small networks
# keep to one thread anyway.
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize("hidden", [8, 6000])
def test_limit_of_threads_7280(n_threads, hidden):
    seen = []

    def look(batch, rng):
        seen.append(blas_now())
        return batch

    with threadpool_limits(n_threads):
        allowed = blas_now()
        clf = classifier(hidden_layer_sizes=(hidden, 10), augment=look, max_iter=1, batch_size=150)
        clf.fit(X, y).predict(X)
        assert blas_now() == allowed
    assert seen == [allowed if hidden > 8 else [1] * len(allowed)]


# Asked: that more threads than work do not slow models down. There are none but those of BLAS, and
# one that augments the next batch.
@pytest.mark.skipif(not TASKS.exists(), reason="needs Linux's /proc to see threads")
@pytest.mark.parametrize("augment", [None, lambda batch, rng: batch], ids=["plain", "augmented"])
def test_no_threads_of_its_own_25822(augment):
    def tasks():
        return {task.name for task in TASKS.iterdir()}

    def look(step):
        during.append(tasks())
        return 0.001

    before, during, n_before = tasks(), [], threading.active_count()
    clf = classifier(augment=augment, dropout=0.5, learning_rate=look, max_iter=1)
    clf.fit(X, y).predict(X)
    most = 0 if augment is None else 1
    assert max(len(seen - before) for seen in during) == most
    assert threading.active_count() == n_before


# Asked of scikit-optimize: hidden_layer_sizes drawn by a search. A drawn integer is one layer.
def test_drawn_hidden_layer_sizes_697():
    search = RandomizedSearchCV(
        classifier(),
        {"hidden_layer_sizes": randint(2, 30)},
        n_iter=4,
        cv=2,
        random_state=0,
        error_score="raise",
    )
    best = search.fit(X, y).best_params_["hidden_layer_sizes"]
    assert search.best_estimator_.coefs_[0].shape == (4, best)
    assert len(set(search.cv_results_["param_hidden_layer_sizes"])) > 1


# Asked of scikit-optimize: a search over tuples of different lengths.
def test_drawn_width_and_depth_697():
    search = RandomizedSearchCV(
        classifier(hidden_layer_sizes=HiddenLayers()),
        {
            "hidden_layer_sizes__width": randint(2, 30),
            "hidden_layer_sizes__n_layers": randint(0, 4),
        },
        n_iter=4,
        cv=2,
        error_score="raise",
        random_state=0,
    ).fit(X, y)
    best = search.best_params_
    assert search.best_estimator_.n_layers_ == best["hidden_layer_sizes__n_layers"] + 2
    assert len(set(search.cv_results_["param_hidden_layer_sizes__n_layers"])) > 1


def test_search_over_shapes_926():
    shapes = [(3,), [5], (3, 5), np.array([4, 4]), np.int64(6), ()]
    search = GridSearchCV(classifier(), {"hidden_layer_sizes": shapes}, cv=2, error_score="raise")
    assert len(search.fit(X, y).cv_results_["params"]) == len(shapes)
    n_layers = [classifier(hidden_layer_sizes=s).fit(X, y).n_layers_ for s in shapes]
    assert n_layers == [3, 3, 4, 4, 3, 2]


# Asked of skorch: cross-validation on rows of any number type, without errors of types.
@pytest.mark.parametrize(
    "dtype", ["float16", "float32", "float64", "int64", "uint8", "bool", ">f8"]
)
def test_number_types_of_rows_518(dtype):
    rows = (X > 0 if dtype == "bool" else (20 * X + 100)).astype(dtype)
    model = make_pipeline(StandardScaler(), classifier(max_iter=50, learning_rate_init=0.02))
    assert cross_val_score(model, rows, y, error_score="raise").mean() > 0.7
    assert classifier().fit(rows, y).predict_proba(rows).dtype in (np.float32, np.float64)


# Asked of skorch: the same for labels, under a search over a pipeline.
@pytest.mark.parametrize(
    "dtype", ["int8", "int64", "uint8", "float32", "float64", "bool", "str", "strings"]
)
def test_number_types_of_labels_824(dtype):
    model = make_pipeline(StandardScaler(), classifier(max_iter=30, learning_rate_init=0.02))
    grid = {"fromscratchmlpclassifier__alpha": [1e-4, 1e-2]}
    labels = LETTERS.astype(object) if dtype == "strings" else y.astype(dtype)
    search = GridSearchCV(model, grid, cv=2, error_score="raise").fit(X, labels)
    assert search.best_score_ > 0.85
    assert search.predict(X).dtype == labels.dtype


# Asked of skorch: weights of one, which must not change anything.
def test_weights_of_one_630():
    params = {"dropout": 0.5, "noise": 0.1, "normalization": "batch", "batch_size": 32}
    weighted = classifier(**params).fit(X, y, sample_weight=np.ones(len(y)))
    for ours, theirs in zip(weighted.coefs_, classifier(**params).fit(X, y).coefs_, strict=True):
        assert_array_equal(ours, theirs)


# Asked of skorch: saving and copying what a search found.
@pytest.mark.parametrize("solver", ["adam", LBFGS(memory=5)])
def test_saving_after_a_search_1110(solver, tmp_path):
    search = GridSearchCV(
        make_pipeline(StandardScaler(), classifier(solver=solver, early_stopping=True)),
        {"fromscratchmlpclassifier__hidden_layer_sizes": [3, 5]},
        cv=2,
    ).fit(X, y)
    joblib.dump(search, tmp_path / "search.joblib")
    saved = joblib.load(tmp_path / "search.joblib")
    for copied in (saved, copy.deepcopy(search), copy.deepcopy(search.best_estimator_)):
        assert_array_equal(copied.predict_proba(X), search.predict_proba(X))
