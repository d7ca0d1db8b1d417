"""The classifier's parameters: what is refused, and how scikit-learn's tools take hold of them."""

import re
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.base import clone
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler
from small import blobs, classifier, same_bits

from skdigits import FromScratchMLPClassifier
from skdigits.digits import RandomAffine
from skdigits.nn.activations import ELU
from skdigits.nn.architecture import HiddenLayers
from skdigits.nn.losses import Focal
from skdigits.nn.optimizers import LBFGS, SGD, Adam
from skdigits.nn.schedules import Cosine

# Training for a few epochs does not converge, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

NO_NUMBER = ["1", None, [], True, np.nan, Fraction(1, 2)]
BAD = {
    "hidden_layer_sizes": [0, -1, 2.5, None, "100", True, np.array(5)],
    "activation": ["rely", None, 1, ELU, ["relu", "relu"], []],
    "loss": ["log_loss", None, 0, Focal],
    "label_smoothing": [-0.1, 1, *NO_NUMBER],
    "initializer": ["he", None, 0.01, np.ones((5, 8))],
    "normalization": ["instance", True, 1],
    "dropout": [-0.1, 1, "0.5", None, True, [0.1, 0.1], [], np.array(0.5)],
    "input_dropout": [-0.1, 1, [0.1], *NO_NUMBER],
    "noise": [-0.1, np.inf, *NO_NUMBER],
    "residual": [1, "yes", None],
    "solver": ["newton", None, 1, Adam, Cosine()],
    "learning_rate_init": [0, -0.1, np.inf, 10**400, *NO_NUMBER],
    "learning_rate": ["linear", None, 0.1, Cosine, Adam()],
    "alpha": [-1e-9, np.inf, *NO_NUMBER],
    "l1_ratio": [-0.1, 1.1, *NO_NUMBER],
    "max_norm": [0, -1, np.inf, np.nan, "1", True],
    "clip_norm": [0, -1, np.inf, np.nan, "1", True],
    "batch_size": [0, -1, 2.5, "all", None, True, np.inf],
    "max_iter": [0, -1, 2.5, np.inf, *NO_NUMBER],
    "tol": [-1e-9, np.inf, *NO_NUMBER],
    "n_iter_no_change": [0, -1, 2.5, *NO_NUMBER],
    "shuffle": [1, "yes", None],
    "warm_start": [1, "yes", None],
    "verbose": [-1, 0.5, "yes", None],
    "random_state": [-1, 2**32, 0.5, "seed", np.random.default_rng(0)],
    "early_stopping": [1, "yes", None],
    "validation_fraction": [0, 1, -0.1, *NO_NUMBER],
    "scoring": [None, 1, True],
    "class_weight": ["equal", 1, [1, 2, 3], True],
    "ema_decay": [-0.1, 1, "0.9", np.nan, True],
    "augment": ["shift", 1, True],
}


def test_every_parameter_has_values_that_are_refused():
    assert set(BAD) == set(FromScratchMLPClassifier().get_params())


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("name", "value"),
    [pytest.param(name, value, id=f"{name}-{value!s:.12}") for name in BAD for value in BAD[name]],
)
def test_a_bad_value_is_refused_before_anything_else_is_looked_at(name, value, method):
    clf = FromScratchMLPClassifier(**{name: value})
    with pytest.raises(ValueError, match="must") as error:
        getattr(clf, method)(None, None)
    assert isinstance(error.value, TypeError)
    assert name in str(error.value)
    assert repr(value) in str(error.value)
    assert vars(clf) == FromScratchMLPClassifier(**{name: value}).get_params(deep=False)


@pytest.mark.parametrize(
    ("name", "values", "described"),
    [
        ("hidden_layer_sizes", (8, 0), "an integer in [1, inf)"),
        ("hidden_layer_sizes", [8, 2.5], "an integer in [1, inf)"),
        ("hidden_layer_sizes", (8, (8,)), "an integer in [1, inf)"),
        ("activation", ["relu", "rely"], "one of 'elu', "),
        ("activation", ("relu", None), "one of 'elu', "),
        ("activation", ["relu", ["relu"]], "one of 'elu', "),
        ("dropout", [0.1, "x"], "a number in [0, 1)"),
        ("dropout", np.array([0, 1]), "a number in [0, 1)"),
    ],
)
def test_a_bad_element_of_a_sequence_is_refused_as_early(name, values, described):
    clf = FromScratchMLPClassifier(**{"hidden_layer_sizes": (8, 8), name: values})
    said = f"FromScratchMLPClassifier: {name}[1]={values[1]!r} is not allowed; it must be "
    with pytest.raises(ValueError, match=re.escape(said + described)):
        clf.fit(None, None)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"solver": Adam(beta_1=1)}, "beta_1=1 .*must be a number in"),
        ({"solver": SGD(momentum=-0.1)}, "momentum=-0.1 .*must be a number in"),
        ({"solver": LBFGS(memory=0)}, "memory=0 .*must be an integer in"),
        ({"learning_rate": Cosine(final=2)}, "final=2 .*must be a number in"),
        ({"loss": Focal(gamma=-1)}, "gamma=-1 .*must be a number in"),
        ({"activation": ELU(alpha="1")}, "alpha='1' .*must be a number in"),
        ({"augment": RandomAffine(scale=-1)}, "scale=-1 .*must be a number in"),
        ({"augment": RandomAffine() + RandomAffine(scale=-1)}, "scale=-1 .*must be a number in"),
        ({"hidden_layer_sizes": HiddenLayers(width=0)}, "width=0 .*must be an integer in"),
    ],
)
def test_a_bad_value_of_an_object_is_refused_as_early(params, message):
    with pytest.raises(ValueError, match=message):
        FromScratchMLPClassifier(**params).fit(None, None)


RANDOM = {"dropout": [0, 0.1], "input_dropout": 0.1, "noise": 0.1, "augment": RandomAffine()}


@pytest.mark.parametrize("name", RANDOM)
def test_what_is_random_is_refused_with_lbfgs_as_early(name):
    clf = FromScratchMLPClassifier((8, 8), solver="lbfgs", **{name: RANDOM[name]})
    with pytest.raises(ValueError, match=f"{name}=.*is random and not allowed with solver='lbfgs'"):
        clf.fit(None, None)


@pytest.mark.parametrize("dropout", [0, [0, 0.0]])
def test_what_drops_nothing_is_not_random(dropout):
    X, y = blobs()
    clf = classifier(hidden_layer_sizes=(8, 8), solver="lbfgs")
    assert same_bits(clone(clf).set_params(dropout=dropout).fit(X, y), clf.fit(X, y))


@settings(max_examples=15)
@given(
    alpha=st.floats(0, 1) | st.integers(0, 1),
    batch_size=st.integers(1, 60) | st.just("auto"),
    scalar=st.sampled_from([np.float32, np.float64]),
    integer=st.sampled_from([np.int64, np.uint8]),
)
def test_numbers_of_numpy_are_numbers(alpha, batch_size, scalar, integer):
    X, y = blobs()
    size = batch_size if batch_size == "auto" else integer(batch_size)
    one = classifier(alpha=scalar(alpha), batch_size=size, max_iter=integer(2), shuffle=np.True_)
    other = classifier(alpha=float(scalar(alpha)), batch_size=batch_size, max_iter=2)
    assert same_bits(one.fit(X, y), other.fit(X, y))


def test_a_scorer_that_does_not_exist_is_refused():
    X, y = blobs()
    with pytest.raises(ValueError, match="nonsense"):
        classifier(early_stopping=True, scoring="nonsense").fit(X, y)


# Nested parameters


def test_parameters_of_objects_are_parameters_of_the_classifier():
    clf = FromScratchMLPClassifier(solver=Adam(beta_1=0.8), learning_rate=Cosine(), loss=Focal())
    params = clf.get_params()
    assert params["solver__beta_1"] == 0.8
    assert params["learning_rate__final"] == 0
    assert clf.set_params(solver__beta_1=0.7, loss__gamma=1, alpha=0.1) is clf
    assert (clf.solver.beta_1, clf.loss.gamma, clf.alpha) == (0.7, 1, 0.1)
    clf.set_params(solver=SGD(), solver__momentum=0.5)
    assert clf.solver.momentum == 0.5


@pytest.mark.parametrize(
    ("name", "value", "nested", "advice"),
    [
        ("solver", "adam", "beta_1", r"Pass the object itself: solver=Adam\(beta_1=\.\.\.\)"),
        ("solver", "sgd", "beta_1", "SGD has no parameter 'beta_1', only momentum"),
        ("learning_rate", "constant", "x", "Constant has no parameter 'x', only warmup"),
        ("loss", "cross_entropy", "x", r"CrossEntropy has no parameter 'x'\."),
        ("normalization", "batch", "x", "Pass an object that has it as normalization"),
    ],
)
def test_a_name_has_no_parameters_and_the_error_says_what_to_pass(name, value, nested, advice):
    clf = FromScratchMLPClassifier(**{name: value})
    with pytest.raises(
        ValueError, match=f"{name}__{nested}.*'{value}' holds no parameters.*{advice}"
    ):
        clf.set_params(**{f"{name}__{nested}": 1})
    assert clf.get_params() == FromScratchMLPClassifier(**{name: value}).get_params()


@pytest.mark.parametrize(
    ("name", "value"),
    [("hidden_layer_sizes", (8,)), ("activation", ["relu"]), ("augment", None), ("solver", SGD)],
)
def test_what_has_no_parameters_says_so(name, value):
    clf = FromScratchMLPClassifier(**{name: value})
    with pytest.raises(ValueError, match=f"{name}__x cannot be set.*Pass an object.*{name}"):
        clf.set_params(**{f"{name}__x": 1})


def test_an_unknown_parameter_is_refused():
    with pytest.raises(ValueError, match="momentum"):
        FromScratchMLPClassifier().set_params(momentum=0.9)
    with pytest.raises(ValueError, match="momentum"):
        FromScratchMLPClassifier().set_params(momentum__high=0.9)


def test_an_object_and_its_parameters_may_be_set_together():
    clf = FromScratchMLPClassifier(solver="sgd").set_params(solver__beta_1=0.8, solver=Adam())
    assert clf.solver.beta_1 == 0.8


def test_a_clone_has_objects_of_its_own():
    X, y = blobs()
    clf = classifier(solver=Adam(beta_1=0.8), learning_rate=Cosine(final=0.1)).fit(X, y)
    twin = clone(clf)
    assert repr(twin) == repr(clf)
    assert not hasattr(twin, "classes_")
    assert same_bits(twin.fit(X, y), clf)
    twin.set_params(solver__beta_1=0.5)
    assert clf.solver.beta_1 == 0.8


def test_one_object_serves_many_classifiers():
    X, y = blobs()
    solver = Adam(beta_1=0.8)
    one, other = (classifier(solver=solver) for _ in range(2))
    for _ in range(3):
        one.partial_fit(X, y, classes=[0, 1, 2])
        other.partial_fit(X, y, classes=[0, 1, 2])
    assert same_bits(one, other)
    assert vars(solver) == vars(Adam(beta_1=0.8))


def test_what_is_printed_makes_the_same_classifier():
    clf = FromScratchMLPClassifier((30, 20), solver=Adam(beta_1=0.8), learning_rate=Cosine())
    same = eval(repr(clf))
    assert repr(same) == repr(clf)
    assert same.solver.beta_1 == 0.8
    assert same.hidden_layer_sizes == (30, 20)


def test_notebooks_show_a_link_to_the_documentation():
    html = FromScratchMLPClassifier(solver=Adam())._repr_html_()
    assert 'href="https://skdigits.readthedocs.io/' in html
    assert "FromScratchMLPClassifier.html" in html


# Searches, pipelines, routing


def test_a_search_goes_over_parameters_of_objects():
    X, y = blobs()
    grid = {"solver__beta_1": [0.5, 0.9], "hidden_layer_sizes": [(4,), (4, 4)]}
    search = GridSearchCV(classifier(solver=Adam()), grid, cv=2).fit(X, y)
    best = search.best_params_
    direct = classifier(
        solver=Adam(beta_1=best["solver__beta_1"]), hidden_layer_sizes=best["hidden_layer_sizes"]
    )
    assert same_bits(search.best_estimator_, direct.fit(X, y))


def test_sample_weights_are_routed_through_a_pipeline():
    X, y = blobs()
    weights = np.arange(60) % 4
    scaled = MinMaxScaler().fit_transform(X)
    with config_context(enable_metadata_routing=True):
        clf = classifier().set_fit_request(sample_weight=True)
        pipeline = make_pipeline(MinMaxScaler(), clf).fit(X, y, sample_weight=weights)
    assert same_bits(pipeline[-1], classifier().fit(scaled, y, sample_weight=weights))


def test_validation_data_are_routed_and_transformed_by_a_pipeline():
    X, y = blobs()
    scaler = MinMaxScaler().fit(X[:40])
    with config_context(enable_metadata_routing=True):
        clf = classifier(early_stopping=True).set_fit_request(X_val=True, y_val=True)
        pipeline = Pipeline([("scale", MinMaxScaler()), ("clf", clf)], transform_input=["X_val"])
        pipeline.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    direct = classifier(early_stopping=True).fit(
        scaler.transform(X[:40]), y[:40], X_val=scaler.transform(X[40:]), y_val=y[40:]
    )
    assert same_bits(pipeline[-1], direct)
    assert pipeline[-1].validation_scores_ == direct.validation_scores_


def doubt(fitted, X, y):
    """A score of one's own."""
    return -fitted.predict_proba(X).max()


@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss", "roc_auc_ovr", doubt])
def test_scorers_judge_the_validation_data(scoring):
    X, y = blobs()
    clf = classifier(early_stopping=True, scoring=scoring)
    clf.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert len(clf.validation_scores_) == clf.n_iter_
    score = get_scorer(scoring)(clf, X[40:], y[40:])
    assert clf.best_validation_score_ == max(clf.validation_scores_)
    assert_allclose(clf.best_validation_score_, score, rtol=1e-7)
