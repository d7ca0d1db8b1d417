"""scikit-learn's own tests of its `MLPClassifier`, run on this package's classifier."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn_adapter import LEFT_OUT, classifier_tests, our_classifier

# scikit-learn lets this warning through in its tests; every other one is an error.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

TESTS = classifier_tests()
globals().update(TESTS)


@pytest.mark.skipif(not TESTS, reason="the installed scikit-learn ships without test_mlp.py")
def test_what_is_left_out_exists():
    assert set(LEFT_OUT) <= set(TESTS)


def test_a_step_by_hand():
    """The example of scikit-learn's `test_fit`, on a network that has its weights written into it.

    h = sigmoid(x W1 + b1) = (0.679179, 0.574443) and p = sigmoid(h W2 + b2) = 0.765452 give the
    errors d2 = p - 0 = 0.765452 and d1 = d2 W2 h (1 - h) = (0.016678, 0.037424). A weight moves by
    -0.1 (input * error + 0.1 * weight), a bias by -0.1 * error.
    """
    X, y = np.array([[0.6, 0.8, 0.7]]), np.array([0])
    clf = our_classifier(
        hidden_layer_sizes=2,
        activation="logistic",
        solver="sgd",
        momentum=0,
        learning_rate_init=0.1,
        alpha=0.1,
    )
    clf.partial_fit(X, y, classes=[0, 1])
    clf.coefs_[0][...] = [[0.1, 0.2], [0.3, 0.1], [0.5, 0]]
    clf.coefs_[1][...] = [[0.1], [0.2]]
    clf.intercepts_[0][...] = 0.1
    clf.intercepts_[1][...] = 1.0
    clf.partial_fit(X, y)
    moved = [[0.097999, 0.195755], [0.295666, 0.096006], [0.493832, -0.002620]]
    assert_allclose(clf.coefs_[0], moved, atol=1e-6)
    assert_allclose(clf.coefs_[1], [[0.047012], [0.154029]], atol=1e-6)
    assert_allclose(clf.intercepts_[0], [0.098332, 0.096258], atol=1e-6)
    assert_allclose(clf.intercepts_[1], [0.923455], atol=1e-6)
    assert_allclose(clf.predict_proba(X), [[0.260508, 0.739492]], atol=1e-6)
