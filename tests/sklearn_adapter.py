"""scikit-learn's own tests of its `MLPClassifier`, pointed at this package's classifier.

The flow from the installed file to what pytest runs::

    test_mlp.py -> executed, importing our `MLPClassifier` -> the tests of classifiers
                -> those named in `LEFT_OUT` are expected to fail
"""

from collections.abc import Callable
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from inspect import signature
from pathlib import Path
from types import FunctionType, ModuleType, SimpleNamespace

import pytest
import sklearn.neural_network
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skdigits import FromScratchMLPClassifier
from skdigits.nn.optimizers import LBFGS, SGD, Adam, Nesterov
from skdigits.nn.schedules import InverseScaling

LEFT_OUT = {
    "test_fit": "builds a fitted network by hand out of private attributes",
    "test_gradient": "calls the private `_loss_grad_lbfgs`",
    "test_learning_rate_warmstart": "`invscaling` counts the steps of a fit here, and the rows of "
    "all fits there",
    "test_early_stopping_stratified": "a class of one row is in both parts here, and "
    "is refused there",
    "test_mlp_partial_fit_after_fit": "`partial_fit` goes on after a fit with early stopping here, "
    "and is refused there",
}
"""Tests that cannot pass, and why. They run all the same and must fail, so nothing hides here."""


class Inspected(FromScratchMLPClassifier):
    """The classifier with the private figures of scikit-learn's that its tests look at."""

    @property
    def _no_improvement_count(self):
        return self._state.plateau.count

    @property
    def _optimizer(self):
        return SimpleNamespace(learning_rate=self.history_["learning_rate"][-1])


def our_classifier(*args, **params):
    """Return our classifier for scikit-learn's parameters.

    What belongs to one optimizer or one schedule moves there; all the rest keeps its name.
    """
    bound = signature(MLPClassifier).bind(*args, **params)
    bound.apply_defaults()
    values = bound.arguments
    take = values.pop
    descent = Nesterov if take("nesterovs_momentum") else SGD
    solvers = {
        "sgd": descent(momentum=take("momentum")),
        "adam": Adam(beta_1=take("beta_1"), beta_2=take("beta_2"), epsilon=take("epsilon")),
        "lbfgs": LBFGS(max_fun=take("max_fun")),
    }
    schedules = {"invscaling": InverseScaling(power=take("power_t"))}
    values["solver"] = solvers.get(values["solver"], values["solver"])
    values["learning_rate"] = schedules.get(values["learning_rate"], values["learning_rate"])
    return Inspected(scoring="accuracy", **values)


def classifier_tests() -> dict[str, Callable[..., None]]:
    """Return the tests of classifiers by name; none where scikit-learn ships without its tests.

    Tests of regressors are left away, since there is no regressor here.
    """
    path = Path(find_spec("sklearn.neural_network").origin).parent / "tests" / "test_mlp.py"
    if not path.exists():
        return {}
    tests = {
        name: value
        for name, value in vars(_execute(path)).items()
        if name.startswith("test_") and isinstance(value, FunctionType)
    }
    for test in tests.values():
        test.pytestmark = [_of_classifiers(mark) for mark in getattr(test, "pytestmark", [])]
    about_us = {name: test for name, test in tests.items() if _is_about_classifiers(test)}
    for name, reason in LEFT_OUT.items():
        if name in about_us:
            pytest.mark.xfail(reason=reason, strict=True)(about_us[name])
    return about_us


def _execute(path: Path) -> ModuleType:
    """Execute a test file in which ``from sklearn.neural_network import`` gives our classifier."""
    spec = spec_from_file_location("test_mlp_of_scikit_learn", path)
    module = module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sklearn.neural_network, "MLPClassifier", our_classifier)
        spec.loader.exec_module(module)
    return module


def _of_classifiers(mark: pytest.Mark) -> pytest.Mark:
    """Return a mark without its cases for regressors."""
    if mark.name != "parametrize":
        return mark
    names, cases = mark.args
    kept = [case for case in cases if case is not MLPRegressor]
    return pytest.mark.parametrize(names, kept, **mark.kwargs).mark


def _is_about_classifiers(test: FunctionType) -> bool:
    marks = [mark for mark in test.pytestmark if mark.name == "parametrize"]
    cases = [case for mark in marks for case in mark.args[1]]
    named = "MLPClassifier" in test.__code__.co_names
    return named or any(case is our_classifier for case in cases)
