"""scikit-learn's own tests of its `MLPClassifier`, as installed, run on this package's classifier."""

import numpy as np
import pytest
from sklearn_adapter import LEFT_OUT, classifier_tests, our_classifier

# scikit-learn runs these tests with such warnings let through; every other one is an error.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

TESTS = classifier_tests()
globals().update(TESTS)


@pytest.mark.skipif(not TESTS, reason="the installed scikit-learn ships without test_mlp.py")
def test_what_is_left_out_exists():
    assert set(LEFT_OUT) <= set(TESTS)


