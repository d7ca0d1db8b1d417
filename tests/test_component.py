"""Components: all hyperparameters have bounds, and subclasses of the user's own are components."""

from dataclasses import dataclass, fields

import pytest
from sklearn.base import clone

import skdigits.digits  # noqa: F401  # Its augmentations are components as well.
from skdigits.component import POSITIVE, Component, InvalidParameterError, bounded
from skdigits.nn.activations import LeakyReLU
from skdigits.nn.losses import Loss
from skdigits.nn.optimizers import Adam


def subclasses(kind):
    for subclass in kind.__subclasses__():
        yield from (subclass, *subclasses(subclass))


KINDS = sorted(
    {kind for kind in subclasses(Component) if kind.__module__.startswith("skdigits.")},
    key=lambda kind: kind.__name__,
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_hyperparameter_has_bounds(kind):
    assert [own.name for own in fields(kind) if not own.metadata.get("allowed")] == []


class Undecorated(Adam):
    pass


@dataclass(kw_only=True, eq=False, repr=False)
class Decorated(LeakyReLU):
    scale: float = 1.0


class WithItsOwnInit(Loss):
    def __init__(self, focus=1):
        self.focus = focus


@pytest.mark.parametrize(
    ("component", "params"),
    [
        (Undecorated(beta_1=0.5), {"beta_1": 0.5, "beta_2": 0.999, "epsilon": 1e-8}),
        (Decorated(scale=2.0), {"slope": 0.01, "scale": 2.0}),
        (WithItsOwnInit(focus=3), {"focus": 3}),
    ],
)
def test_a_subclass_of_the_users_own_is_a_component(component, params):
    component.validate()
    assert component.get_params() == params
    assert repr(clone(component)) == repr(component)
    assert eval(repr(component)).get_params() == params


@pytest.mark.parametrize("component", [Undecorated(beta_1=1), Decorated(slope=1)])
def test_a_subclass_inherits_bounds(component):
    with pytest.raises(InvalidParameterError, match=r"=1 is not allowed; .* number in \[0, 1\)"):
        component.validate()


def test_a_subclass_may_have_bounds_of_its_own():
    @dataclass(kw_only=True, eq=False, repr=False)
    class Steep(LeakyReLU):
        slope: float = bounded(2.0, POSITIVE)

    Steep(slope=5).validate()
    with pytest.raises(InvalidParameterError, match=r"Steep: slope=0 .* number in \(0, inf\)"):
        Steep(slope=0).validate()
