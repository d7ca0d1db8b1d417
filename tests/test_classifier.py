"""What goes into the classifier and comes out: labels, inputs of any kind, precision, storage."""

import copy
import pickle
import tracemalloc

import joblib
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.neural_network import MLPClassifier
from small import blobs, classifier, indicator, same_bits

from skdigits.nn.losses import LOSSES, CrossEntropy, Loss
from skdigits.nn.optimizers import SOLVERS

# Training for a few epochs does not converge, and says so.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RICH = {
    "hidden_layer_sizes": (8, 8),
    "normalization": "batch",
    "dropout": 0.2,
    "noise": 0.1,
    "residual": True,
    "ema_decay": 0.9,
    "learning_rate": "cosine",
    "batch_size": 16,
}
METHODS = ("predict_proba", "predict_log_proba", "decision_function", "predict")

# Labels

distinct_labels = st.one_of(
    st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=5, unique=True),
    st.lists(st.text("abcxyz ", min_size=1, max_size=4), min_size=1, max_size=5, unique=True),
    st.just([True, False]),
    st.just([1.0, -2.0, 7.0]),
)


@settings(max_examples=25)
@given(labels=distinct_labels, as_objects=st.booleans())
def test_labels_are_names_of_which_only_the_order_matters(labels, as_objects):
    X, indices = blobs(n_classes=len(labels))
    names = np.unique(labels)
    y = names.astype(object)[indices] if as_objects and names.dtype.kind == "U" else names[indices]
    named, plain = classifier().fit(X, y), classifier().fit(X, indices)
    assert_array_equal(named.classes_, names)
    assert same_bits(named, plain)
    assert_array_equal(named.predict_proba(X), plain.predict_proba(X))
    assert_array_equal(named.predict(X), names[plain.predict(X)])
    assert named.predict(X).dtype == y.dtype
    assert named.score(X, y) == plain.score(X, indices)


@settings(max_examples=20)
@given(order=st.permutations(range(4)), n_classes=st.integers(2, 4))
def test_a_permutation_of_the_labels_permutes_the_probabilities(order, n_classes):
    X, y = blobs(n_classes=n_classes)
    order = np.argsort(order[:n_classes])
    one, other = (
        classifier(warm_start=True, max_iter=1).fit(X, labels) for labels in (y, order[y])
    )
    for own, given_weights in zip(other.coefs_, one.coefs_, strict=True):
        own[...] = given_weights
    for own, given_biases in zip(other.intercepts_, one.intercepts_, strict=True):
        own[...] = given_biases
    if n_classes == 2:  # The only logit speaks for the second class.
        sign = 1 if order[1] == 1 else -1
        other.coefs_[-1][...] *= sign
        other.intercepts_[-1][...] *= sign
    else:
        other.coefs_[-1][:, order] = one.coefs_[-1]
        other.intercepts_[-1][order] = one.intercepts_[-1]
    one.set_params(max_iter=10).fit(X, y)
    other.set_params(max_iter=10).fit(X, order[y])
    assert_allclose(other.predict_proba(X)[:, order], one.predict_proba(X), rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("n_classes", [1, 2, 3])
def test_probabilities_log_probabilities_and_logits_agree(n_classes):
    X, y = blobs(n_classes=n_classes)
    clf = classifier(max_iter=40).fit(X, y)
    p, log_p, logits = clf.predict_proba(X), clf.predict_log_proba(X), clf.decision_function(X)
    assert p.shape == log_p.shape == (len(X), n_classes)
    assert logits.shape == ((len(X),) if n_classes == 2 else (len(X), n_classes))
    assert_allclose(p.sum(axis=1), 1)
    assert_allclose(np.exp(log_p), p)
    assert_array_equal(clf.predict(X), p.argmax(axis=1))
    if n_classes == 2:
        assert_allclose(logits, log_p[:, 1] - log_p[:, 0])
    else:
        # So that a class's logits rank rows as its probabilities do.
        assert_allclose(logits, log_p, atol=1e-12)
    assert clf.score(X, y) > 0.9


def test_each_label_of_an_indicator_has_its_own_probability():
    X, Y = indicator()
    clf = classifier(max_iter=60).fit(X, Y)
    p, logits = clf.predict_proba(X), clf.decision_function(X)
    assert p.shape == logits.shape == Y.shape
    assert_allclose(p, 1 / (1 + np.exp(-logits)))
    assert_array_equal(clf.predict(X), (p > 0.5).astype(int))
    assert (clf.predict(X) == Y).mean() > 0.9


def test_a_sparse_indicator_is_the_same_as_a_dense_one():
    X, Y = indicator()
    assert same_bits(classifier().fit(X, Y), classifier().fit(X, scipy.sparse.csr_matrix(Y)))


def test_logits_beyond_the_range_of_exp_give_finite_log_probabilities():
    X, y = blobs()
    clf = classifier().fit(X, y)
    clf.coefs_[-1][...] *= 1e6
    log_p = clf.predict_log_proba(X)
    assert np.isfinite(log_p).all()
    assert log_p.min() < -1e4


def test_a_column_of_labels_is_flattened_with_a_warning():
    X, y = blobs()
    with pytest.warns(DataConversionWarning, match="column-vector"):
        clf = classifier().fit(X, y[:, np.newaxis])
    assert same_bits(clf, classifier().fit(X, y))


@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("smoothing", [0, 0.2])
@pytest.mark.parametrize("data", [blobs(n_classes=2), blobs(n_classes=4), indicator()])
def test_every_loss_learns(loss, smoothing, data):
    X, y = data
    clf = classifier(loss=loss, label_smoothing=smoothing, max_iter=100).fit(X, y)
    assert (clf.predict(X) == y).mean() > 0.9
    assert clf.loss_ < clf.loss_curve_[0]


class InWholeNumbers(Loss):
    """Cross-entropy whose slope is an array of integers, and stays as it is."""

    value = CrossEntropy.value

    def slope(self, log_p, p, y):
        slope = -y.astype(int)
        slope.flags.writeable = False
        return slope


def test_a_slope_may_be_whole_numbers():
    X, y = blobs()
    same = (classifier(loss=loss).fit(X, y) for loss in (InWholeNumbers(), "cross_entropy"))
    assert_allclose(*(clf.predict_proba(X) for clf in same))


@pytest.mark.parametrize(("X", "y"), [blobs(n_classes=2), blobs(), indicator()])
def test_smoothed_labels_keep_probabilities_off_the_extremes(X, y):
    sure, unsure = (
        classifier(label_smoothing=share, max_iter=300, alpha=0).fit(X, y) for share in (0, 0.3)
    )
    assert unsure.predict_proba(X).max() < sure.predict_proba(X).max()
    assert unsure.predict_proba(X).min() > sure.predict_proba(X).min()


# Inputs


def read_only(X):
    X = X.copy()
    X.setflags(write=False)
    return X


def every_other_column(X):
    return np.repeat(X, 2, axis=1)[:, ::2]


@pytest.mark.parametrize(
    "convert", [np.asfortranarray, read_only, every_other_column, np.ndarray.tolist]
)
def test_the_layout_of_x_does_not_matter(convert):
    X, y = blobs()
    plain, converted = classifier().fit(X, y), classifier().fit(convert(X), y)
    assert same_bits(plain, converted)
    assert_array_equal(plain.predict_proba(X), plain.predict_proba(convert(X)))


def test_a_memory_map_is_as_good_as_an_array(tmp_path):
    X, y = blobs()
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert same_bits(classifier().fit(X, y), classifier().fit(mapped, y))


@pytest.mark.parametrize("convert", ["csr_matrix", "csc_matrix", "coo_array", "csr_array"])
@pytest.mark.parametrize("params", [{}, {"solver": "lbfgs"}, RICH, {"early_stopping": True}])
def test_sparse_rows_train_as_dense_rows_do(convert, params):
    X, y = blobs()
    X[np.abs(X) < 1] = 0
    sparse = getattr(scipy.sparse, convert)(X)
    dense_fit, sparse_fit = classifier(**params).fit(X, y), classifier(**params).fit(sparse, y)
    expected = dense_fit.predict_proba(X)
    assert_allclose(dense_fit.predict_proba(sparse), expected, rtol=1e-9)
    assert_allclose(sparse_fit.predict_proba(sparse), expected, rtol=1e-5, atol=1e-8)


def test_validation_of_many_labels_takes_little_memory():
    rng = np.random.default_rng(0)
    X, Y = rng.random((20_000, 2), np.float32), rng.random((20_000, 300)) < 0.1
    Y = Y.astype(np.uint8)
    clf = classifier(hidden_layer_sizes=2, max_iter=1, batch_size=500, dropout=0.1)
    clf.fit(X, Y)
    tracemalloc.start()
    clf.fit(X, Y, X_val=X, y_val=Y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # As 64-bit numbers, or with the loss of all rows at once, the labels alone would take more.
    assert peak < 8 * Y.size


@pytest.mark.parametrize("params", [{"input_dropout": 0.1}, {"noise": 0.1}])
def test_wide_sparse_rows_are_predicted_as_they_are(params):
    _, y = blobs()
    X = scipy.sparse.eye_array(len(y), 2**16, format="csr")
    clf = classifier(hidden_layer_sizes=4, max_iter=1, batch_size=10, **params).fit(X, y)
    tracemalloc.start()
    clf.predict_proba(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.shape[0] * X.shape[1]  # Bytes, of which dense rows would take eight each.


@pytest.mark.parametrize("params", [{"input_dropout": 0.1}, {"dropout": 0.1}])
def test_wide_sparse_rows_are_learnt_from_as_they_are(params):
    _, y = blobs()
    X = scipy.sparse.eye_array(len(y), 2**16, format="csr", dtype=np.float32)
    clf = classifier(hidden_layer_sizes=1, max_iter=1, **params)
    clf.fit(X, y)
    tracemalloc.start()
    clf.fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * X.shape[0] * X.shape[1]  # Bytes, of which dense rows would take four each.


SINGLE = [np.bool_, np.uint8, np.int8, np.uint16, np.int16, np.float16, np.float32]
DOUBLE = [np.int32, np.uint32, np.int64, np.uint64, np.float64]


@pytest.mark.parametrize("dtype", SINGLE + DOUBLE)
@pytest.mark.parametrize("params", [{}, {"solver": "lbfgs"}, {"normalization": "batch"}])
def test_a_network_computes_in_the_precision_of_its_inputs(dtype, params):
    X, y = blobs()
    X = np.abs(X).astype(dtype)
    computed = np.float32 if dtype in SINGLE else np.float64
    clf = classifier(**params).fit(X, y)
    assert same_bits(clf, classifier(**params).fit(X.astype(computed), y))
    assert {w.dtype for w in [*clf.coefs_, *clf.intercepts_]} == {np.dtype(computed)}
    for method in METHODS[:-1]:
        outputs = getattr(clf, method)(X)
        assert outputs.dtype == computed
        assert_array_equal(outputs, getattr(clf, method)(X.astype(computed)))


@settings(max_examples=25)
@given(
    X=hnp.arrays(np.uint8, st.tuples(st.integers(2, 30), st.integers(1, 6))),
    batch_size=st.integers(1, 30),
)
@pytest.mark.filterwarnings("ignore:batch_size")
def test_bytes_train_the_same_bits_as_single_precision(X, batch_size):
    y = np.arange(len(X)) % 2
    clf = classifier(batch_size=batch_size, max_iter=2)
    assert same_bits(clone(clf).fit(X, y), clone(clf).fit(X.astype(np.float32), y))


@pytest.mark.parametrize("params", [{}, RICH, {"normalization": "layer"}])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_are_predicted_one_by_one_as_together(params, dtype):
    X, y = blobs()
    X = X.astype(dtype)
    clf = classifier(**params).fit(X, y)
    rounding = 50 * np.finfo(dtype).eps
    for method in METHODS:
        together = getattr(clf, method)(X)
        alone = np.concatenate([getattr(clf, method)(row[np.newaxis]) for row in X])
        assert_allclose(alone, together, rtol=rounding, atol=rounding)


def test_a_row_that_overflows_is_predicted_without_a_warning():
    X, y = blobs()
    clf = classifier().fit(X, y)
    assert set(clf.predict(np.full_like(X, 1e308))) <= set(clf.classes_)


@pytest.mark.skipif(np.finfo(np.longdouble).max == np.finfo(float).max, reason="no such numbers")
def test_numbers_beyond_double_precision_are_refused():
    X, y = blobs()
    with pytest.raises(ValueError, match="too large for float64"):
        classifier().fit(X * np.longdouble("1e4000"), y)


@pytest.mark.parametrize("container", [np.asarray, scipy.sparse.csr_array])
def test_numbers_beyond_the_networks_precision_are_refused(container):
    X, y = blobs()
    clf = classifier().fit(X.astype(np.float32), y)
    rows = container(np.where(X[3, 2] == X, 1e39, X))
    for method in METHODS:
        with pytest.raises(ValueError, match="X has a number too large for float32"):
            getattr(clf, method)(rows)
    with pytest.raises(ValueError, match="X has a number too large for float32"):
        clf.partial_fit(rows, y)


@pytest.mark.parametrize(
    ("params", "megabytes"),
    [
        ({}, 5),
        ({"early_stopping": True}, 10),
        ({"early_stopping": True, "scoring": "accuracy"}, 10),
        (RICH, 15),
    ],
)
def test_x_is_never_copied(params, megabytes):
    X = np.random.default_rng(0).integers(0, 256, (50_000, 400), np.uint8)
    y = np.arange(len(X)) % 2
    clf = classifier(**params | {"max_iter": 1, "batch_size": 500})
    tracemalloc.start()
    try:
        clf.fit(X, y).predict(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < megabytes * 1e6 < X.nbytes


# Names of features


def test_names_of_features_are_remembered_and_checked():
    pd = pytest.importorskip("pandas")
    X, y = blobs()
    frame = pd.DataFrame(X, columns=list("abcde"))
    clf = classifier(early_stopping=True, scoring="accuracy").fit(frame, pd.Series(y))
    assert_array_equal(clf.feature_names_in_, list("abcde"))
    assert same_bits(clf, classifier(early_stopping=True, scoring="accuracy").fit(X, y))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        clf.predict(X)
    with pytest.raises(ValueError, match="feature names"):
        clf.predict(frame[list("bacde")])
    with pytest.raises(ValueError, match="feature names"):
        clf.partial_fit(frame[list("bacde")], y)


def test_labels_of_a_data_frame_may_be_categories():
    pd = pytest.importorskip("pandas")
    X, y = blobs()
    names = pd.Series(np.array(["low", "mid", "high"])[y], dtype="category")
    clf = classifier(max_iter=40).fit(X, names)
    assert_array_equal(clf.classes_, ["high", "low", "mid"])
    assert clf.score(X, names) > 0.9


# Storage

COPIES = {
    "pickle": lambda clf, path: pickle.loads(pickle.dumps(clf)),
    "deepcopy": lambda clf, path: copy.deepcopy(clf),
    "joblib": lambda clf, path: joblib.load(joblib.dump(clf, path / "clf.joblib")[0]),
}


@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("solver", sorted(set(SOLVERS) - {"lbfgs"}))
@pytest.mark.parametrize("params", [{"learning_rate": "invscaling"}, RICH])
def test_a_copy_goes_on_learning_exactly_as_the_original(make_copy, solver, params, tmp_path):
    X, y = blobs()
    clf = classifier(**params | {"solver": solver, "batch_size": 16, "max_iter": 6})
    for _ in range(3):
        clf.partial_fit(X, y, classes=[0, 1, 2])
    twin = make_copy(clf, tmp_path)
    assert_array_equal(twin.predict_proba(X), clf.predict_proba(X))
    for _ in range(3):
        clf.partial_fit(X, y)
        twin.partial_fit(X, y)
    assert same_bits(twin, clf)
    assert twin.loss_curve_ == clf.loss_curve_


@pytest.mark.parametrize("make_copy", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("params", [{}, RICH, {"solver": "lbfgs"}, {"early_stopping": True}])
def test_a_copy_predicts_the_same_bits_and_is_independent(make_copy, params, tmp_path):
    X, y = blobs()
    clf = classifier(**params).fit(X, y)
    twin = make_copy(clf, tmp_path)
    expected = clf.predict_proba(X)
    assert_array_equal(twin.predict_proba(X), expected)
    for weights in twin.coefs_:
        weights.fill(0)
    assert_array_equal(clf.predict_proba(X), expected)
    assert not np.array_equal(twin.predict_proba(X), expected)


def test_a_fitted_model_keeps_nothing_of_the_data_or_of_the_optimizer():
    X, y = blobs(n_rows=2000, n_features=50)
    clf = classifier(solver="adam").fit(X, y)
    parameters = sum(w.nbytes for w in [*clf.coefs_, *clf.intercepts_])
    assert len(pickle.dumps(clf)) < parameters + 5000


def test_prediction_needs_a_fit():
    X, _ = blobs()
    for method in METHODS:
        with pytest.raises(NotFittedError):
            getattr(classifier(), method)(X)
    with pytest.raises(NotFittedError):
        _ = classifier().coefs_


@pytest.mark.parametrize("other", [-1, 2, 256, 0.5])
def test_an_indicator_has_no_other_numbers_than_0_and_1(other):
    X, Y = indicator()
    clf, wrong = classifier(), np.where(Y, other, 0)
    if other != 0.5:
        with pytest.raises(ValueError, match="other numbers than 0 and 1"):
            clf.fit(X, wrong)
    with pytest.raises(ValueError, match="other numbers than 0 and 1"):
        clf.partial_fit(X, Y).partial_fit(X, wrong)


def test_one_label_per_row_stays_one_label_per_row():
    X, y = blobs()
    one_hot = np.eye(3, dtype=int)[y]
    with pytest.raises(ValueError, match="one label per row"):
        classifier().fit(X, y, X_val=X, y_val=one_hot)
    with pytest.raises(ValueError, match="one label per row"):
        classifier().partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, one_hot)
    with pytest.raises(ValueError, match=r"same kind.*ExclusiveClasses.*Multilabel"):
        classifier(warm_start=True).fit(X, y).fit(X, one_hot)


def test_an_average_takes_over_another_activation():
    X, y = blobs()
    clf = classifier(ema_decay=0.5, hidden_layer_sizes=8, activation="relu")
    clf.partial_fit(X, y, classes=[0, 1, 2]).set_params(activation="tanh").partial_fit(X, y)
    (first, second), (shift, last) = clf.coefs_, clf.intercepts_
    logits = np.tanh(X @ first + shift) @ second + last
    assert_allclose(clf.predict_proba(X), softmax(logits, axis=1), rtol=1e-9)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((0, 5), "0 sample"), ((5,), "1D array"), ((2, 3, 5), "dim 3"), ((4, 6), "6 features")],
)
def test_only_rows_of_the_same_features_are_predicted(shape, message):
    clf = classifier(max_iter=1).fit(*blobs())
    with pytest.raises(ValueError, match=message):
        clf.predict(np.ones(shape))


def test_to_set_an_element_of_the_weights_is_to_write_into_the_network():
    X, y = blobs()
    clf = classifier(hidden_layer_sizes=(4,)).fit(X, y)
    theirs = MLPClassifier((4,), max_iter=1).fit(X, y)
    for i in range(2):
        clf.coefs_[i] = theirs.coefs_[i]
        clf.intercepts_[i] = theirs.intercepts_[i]
    assert_allclose(clf.predict_proba(X), theirs.predict_proba(X), rtol=1e-6)
    for wrong in (np.ones((7, 4)), np.ones((1, 4)), 5):
        with pytest.raises(ValueError, match="can't be set to an array of shape"):
            clf.coefs_[0] = wrong
    clf.coefs_[:] = [2 * weights for weights in theirs.coefs_]
    for ours, weights in zip(clf.coefs_, theirs.coefs_, strict=True):
        assert_allclose(ours, 2 * weights)


@pytest.mark.parametrize("use", ["fit", "early stopping", "partial_fit", "predict"])
def test_a_forgotten_column_of_categories_is_named_by_its_text(use):
    pandas = pytest.importorskip("pandas")
    site = pandas.Series(list("xyxz") * 10, dtype="category")
    table, y = pandas.DataFrame({"age": np.arange(40.0), "site": site}), np.arange(40) % 2
    clf = classifier(early_stopping=use == "early stopping")
    if use == "predict":
        method, arguments = clf.fit(table.assign(site=1.0), y).predict, (table,)
    elif use == "partial_fit":
        method, arguments = clf.partial_fit, (table, y, [0, 1])
    else:
        method, arguments = clf.fit, (table, y)
    with pytest.raises(ValueError, match="could not convert string to float: 'x'"):
        method(*arguments)
