"""What all named, configurable parts share: bounds, names, clone and repr.

A component (an activation, a loss, an optimizer, a schedule, an augmentation) holds hyperparameters
and nothing else. State belongs to the training run, so one object may serve many fits and ``clone``
is cheap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral, Rational, Real
from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator, clone


class InvalidParameterError(ValueError, TypeError):
    """A hyperparameter has the wrong type or lies outside its bounds."""


class Interval:
    """Numbers between two bounds, written as on paper.

    Parameters
    ----------
    text : str
        Brackets belong to the interval, parentheses do not: ``"[0, 1)"``.
    integer : bool, default=False
        Whether only whole numbers belong (and ``inf``, where the interval includes it).

    Examples
    --------
    >>> 0 in Interval("[0, 1)"), 1 in Interval("[0, 1)"), "a" in Interval("[0, 1)")
    (True, False, False)
    >>> print(Interval("[1, inf)", integer=True))
    an integer in [1, inf)
    """

    def __init__(self, text: str, *, integer: bool = False):
        self.text = text
        self.integer = integer
        self.low, self.high = (float(bound) for bound in text[1:-1].split(","))

    def __contains__(self, value: Any) -> bool:
        if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
            return False
        # NumPy can't compute with fractions.
        if isinstance(value, Rational) and not isinstance(value, Integral):
            return False
        if self.integer and not isinstance(value, Integral) and value != np.inf:
            return False
        try:
            number = float(value)
        except OverflowError:
            return False
        above = number >= self.low if self.text[0] == "[" else number > self.low
        below = number <= self.high if self.text[-1] == "]" else number < self.high
        return bool(above and below)

    def __str__(self) -> str:
        return f"{'an integer' if self.integer else 'a number'} in {self.text}"


class Names:
    """A set of strings, spelled out in the error message."""

    def __init__(self, names: Any):
        self.names = sorted(names)

    def __contains__(self, value: Any) -> bool:
        return isinstance(value, str) and value in self.names

    def __str__(self) -> str:
        return "one of " + ", ".join(repr(name) for name in self.names)


def is_sequence(value: Any) -> bool:
    """Return whether a value is a list, a tuple, a range or a one-dimensional array."""
    return isinstance(value, list | tuple | range) or (
        isinstance(value, np.ndarray) and value.ndim == 1
    )


class OneForEach:
    """Sequences with one element for each of something.

    Parameters
    ----------
    things : str
        What there is one for each of.
    *allowed : containers
        What an element may be, as for `check_parameter`, which looks at each of them.
    """

    def __init__(self, things: str, *allowed: Any):
        self.things = things
        self.allowed = allowed

    def __contains__(self, value: Any) -> bool:
        return is_sequence(value)

    def __str__(self) -> str:
        return f"a sequence with one for each {self.things}"


class Instance:
    """Objects of a type, with the words that describe them."""

    def __init__(self, kind: Any, words: str):
        self.kind = kind
        self.words = words

    def __contains__(self, value: Any) -> bool:
        return isinstance(value, self.kind) and not isinstance(value, type)

    def __str__(self) -> str:
        return self.words


class Function:
    """Anything that can be called."""

    def __init__(self, signature: str):
        self.signature = signature

    def __contains__(self, value: Any) -> bool:
        return callable(value) and not isinstance(value, type)

    def __str__(self) -> str:
        return f"a function {self.signature}"


POSITIVE, NON_NEGATIVE = Interval("(0, inf)"), Interval("[0, inf)")
FRACTION, SHARE = Interval("[0, 1)"), Interval("[0, 1]")
COUNT = Interval("[1, inf)", integer=True)
BOOLEAN = Instance((bool, np.bool_), "a bool")
NOTHING = Instance(type(None), "None")


def check_parameter(owner: str, name: str, value: Any, allowed: tuple[Any, ...]) -> None:
    """Raise unless one of the `allowed` sets contains the value, and each element of a sequence.

    Parameters
    ----------
    owner : str
        The class whose parameter it is.
    name : str
        The parameter.
    value : object
        What was passed.
    allowed : tuple of containers
        Each answers ``value in container`` and describes itself as text.

    Raises
    ------
    InvalidParameterError
        A ``ValueError`` and ``TypeError`` that names the parameter, the value and what is allowed.

    Examples
    --------
    >>> check_parameter("Adam", "beta_1", 1.5, (Interval("[0, 1)"),))
    Traceback (most recent call last):
    skdigits.component.InvalidParameterError: Adam: beta_1=1.5 is not allowed; it must be a
    number in [0, 1).
    >>> check_parameter("MLP", "sizes", (8, 0), (COUNT, OneForEach("layer", COUNT)))
    Traceback (most recent call last):
    skdigits.component.InvalidParameterError: MLP: sizes[1]=0 is not allowed; it must be an
    integer in [1, inf).
    """
    fitting = [choices for choices in allowed if value in choices]
    if not fitting:
        described = ", or ".join(str(choices) for choices in allowed)
        raise InvalidParameterError(
            f"{owner}: {name}={value!r} is not allowed; it must be {described}."
        )
    for choices in fitting:
        if isinstance(choices, OneForEach):
            for i, element in enumerate(value):
                check_parameter(owner, f"{name}[{i}]", element, choices.allowed)


def bounded(default: Any, *allowed: Any) -> Any:
    """Return a field of a component whose value lies in one of the `allowed` sets.

    Parameters
    ----------
    default : object
        The value where none is given.
    *allowed : containers
        As for `check_parameter`.

    Returns
    -------
    field : dataclasses.Field
        A subclass that declares the field anew also gives it its bounds.

    Examples
    --------
    >>> @dataclass(kw_only=True, eq=False, repr=False)
    ... class Leaky(Component):
    ...     slope: float = bounded(0.01, FRACTION)
    >>> Leaky().slope
    0.01
    >>> Leaky(slope=1).validate()
    Traceback (most recent call last):
    skdigits.component.InvalidParameterError: Leaky: slope=1 is not allowed; it must be a number
    in [0, 1).
    """
    return field(default=default, metadata={"allowed": allowed})


@dataclass(kw_only=True, eq=False, repr=False)
class Component(BaseEstimator):
    """A configurable part of the network; subclasses are keyword-only dataclasses."""

    def validate(self) -> None:
        """Check every hyperparameter against its bounds.

        Raises
        ------
        InvalidParameterError
            The first hyperparameter that lies outside its bounds.
        """
        for own in fields(self):
            if allowed := own.metadata.get("allowed"):
                check_parameter(type(self).__name__, own.name, getattr(self, own.name), allowed)


C = TypeVar("C")


def own(value: C) -> C:
    """Return a copy of a component; all else is returned as it is.

    A fitted network keeps copies, so that to set a parameter of a component changes no answers.

    Examples
    --------
    >>> part = Component()
    >>> own(part) is part, own(3)
    (False, 3)
    """
    return clone(value) if isinstance(value, Component) else value


def resolve(value: Any, registry: Mapping[str, type[C]]) -> C:
    """Return the component that a name stands for, with its defaults; an object stands for itself.

    Parameters
    ----------
    value : str or object
        A name of the registry, or a ready component.
    registry : mapping of str to type
        The class of each name.

    Returns
    -------
    component : object

    Examples
    --------
    >>> resolve("leaky", {"leaky": dict}), resolve(3, {"leaky": dict})
    ({}, 3)
    """
    return registry[value]() if isinstance(value, str) else value
