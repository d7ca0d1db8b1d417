"""scikit-learn's estimator checks, every one of them, on classifiers that use every part."""

import pytest
from configurations import CONFIGURATIONS
from sklearn.utils.estimator_checks import parametrize_with_checks

CHECKS = parametrize_with_checks(list(CONFIGURATIONS.values()))
# scikit-learn 1.7 makes a generator of the cases, which pytest warns of.
names, cases = CHECKS.args


@pytest.fixture(autouse=True)
def array_api(monkeypatch):
    """Without this, the check under array API dispatch skips itself."""
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")


# The checks train for a few epochs on a few rows.
@pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore:batch_size=.* is larger than",
    "ignore:Too few distinct rows",
)
@pytest.mark.parametrize(names, list(cases), **CHECKS.kwargs)
def test_keeps_the_promises_of_an_estimator(estimator, check):
    check(estimator)
