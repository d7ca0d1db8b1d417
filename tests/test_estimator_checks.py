"""scikit-learn's estimator checks, every one of them, on configurations that use every part."""

import pytest
from configurations import CONFIGURATIONS
from sklearn.utils.estimator_checks import parametrize_with_checks


@pytest.fixture(autouse=True)
def array_api(monkeypatch):
    """Without this, the check of arrays under array API dispatch skips itself."""
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")


# The checks fit tiny data in few epochs, wider than them in the batch.
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(list(CONFIGURATIONS.values()))
def test_keeps_the_promises_of_an_estimator(estimator, check):
    check(estimator)
