"""What each parameter of the classifier may be, and the components that the values stand for."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer_names

from .component import (
    BOOLEAN,
    COUNT,
    FRACTION,
    NON_NEGATIVE,
    NOTHING,
    POSITIVE,
    SHARE,
    Component,
    Function,
    Instance,
    Interval,
    InvalidParameterError,
    Names,
    OneForEach,
    check_parameter,
    is_sequence,
    own,
    resolve,
)
from .nn.activations import ACTIVATIONS, ActivationFunction
from .nn.architecture import NORMALIZATIONS, Architecture, HiddenLayers
from .nn.fused_layers import with_fused_layers
from .nn.fused_loss import FusedObjective
from .nn.initializers import INITIALIZERS, Initializer
from .nn.layers import Chain
from .nn.losses import LOSSES, Loss, Objective, Sigmoid, Softmax
from .nn.optimizers import SOLVERS, Solver
from .nn.schedules import SCHEDULES, Schedule, StepFunction
from .training.batches import rows_per_batch
from .training.caller import caller_stacklevel
from .training.loop import Settings

_FUNCTION = (
    Names(ACTIVATIONS),
    Instance(ActivationFunction, "an object with value and derivative"),
)

ALLOWED: dict[str, tuple[Any, ...]] = {
    "hidden_layer_sizes": (
        COUNT,
        OneForEach("hidden layer", COUNT),
        Instance(HiddenLayers, "HiddenLayers(width=..., n_layers=...)"),
    ),
    "activation": (*_FUNCTION, OneForEach("hidden layer", *_FUNCTION)),
    "loss": (Names(LOSSES), Instance(Loss, "a Loss")),
    "label_smoothing": (FRACTION,),
    "initializer": (
        Names([*INITIALIZERS, "auto"]),
        Function("(fan_in, fan_out, rng) -> weights"),
    ),
    "normalization": (NOTHING, Names(NORMALIZATIONS)),
    "dropout": (FRACTION, OneForEach("hidden layer", FRACTION)),
    "input_dropout": (FRACTION,),
    "noise": (NON_NEGATIVE,),
    "residual": (BOOLEAN,),
    "solver": (Names(SOLVERS), Instance(Solver, "an optimizer such as Adam()")),
    "learning_rate_init": (POSITIVE,),
    "learning_rate": (
        Names(SCHEDULES),
        Instance(Schedule, "a schedule such as Cosine()"),
        Function("step -> rate"),
    ),
    "alpha": (NON_NEGATIVE,),
    "l1_ratio": (SHARE,),
    "max_norm": (NOTHING, POSITIVE),
    "clip_norm": (NOTHING, POSITIVE),
    "batch_size": (Names(["auto"]), COUNT),
    "max_iter": (COUNT,),
    "tol": (NON_NEGATIVE,),
    "n_iter_no_change": (Interval("[1, inf]", integer=True),),
    "shuffle": (BOOLEAN,),
    "warm_start": (BOOLEAN,),
    "verbose": (BOOLEAN, Interval("[0, inf)", integer=True)),
    "random_state": (
        NOTHING,
        Interval("[0, 4294967295]", integer=True),
        Instance(np.random.RandomState, "a numpy.random.RandomState"),
    ),
    "early_stopping": (BOOLEAN,),
    "validation_fraction": (Interval("(0, 1)"),),
    "scoring": (
        Names(["loss", *get_scorer_names()]),
        Function("(estimator, X, y) -> score"),
    ),
    "class_weight": (NOTHING, Names(["balanced"]), Instance(dict, "a dict {label: weight}")),
    "ema_decay": (NOTHING, FRACTION),
    "augment": (NOTHING, Function("(batch, rng) -> batch")),
}


def check_parameters(estimator: Any) -> None:
    """Check every parameter of the classifier against `ALLOWED`, and the objects among them.

    Raises
    ------
    InvalidParameterError
        A ``ValueError`` and ``TypeError`` that names the parameter, the value and what is allowed.
    """
    owner = type(estimator).__name__
    for name, allowed in ALLOWED.items():
        value = getattr(estimator, name)
        check_parameter(owner, name, value, allowed)
        for part in _elements(value):
            if isinstance(part, Component):
                part.validate()
    n_layers = len(hidden_sizes(estimator.hidden_layer_sizes))
    for name in ("activation", "dropout"):
        value = getattr(estimator, name)
        if is_sequence(value) and len(value) != n_layers:
            raise InvalidParameterError(
                f"{owner}: {name}={value!r} has {len(value)} elements; it must have one for each "
                f"of the {n_layers} hidden layers."
            )
    _check_full_batch(estimator)


def _check_full_batch(estimator: Any) -> None:
    """Refuse randomness where a line search needs the same loss at the same weights."""
    if _incremental(estimator):
        return
    random = {
        "dropout": any(_elements(estimator.dropout)),
        "input_dropout": estimator.input_dropout > 0,
        "noise": estimator.noise > 0,
        "augment": estimator.augment is not None,
    }
    for name, present in random.items():
        if present:
            raise InvalidParameterError(
                f"{name}={getattr(estimator, name)!r} is random and not allowed with "
                f"solver={estimator.solver!r}, whose line search needs the same loss at the same "
                "weights. Leave it out, or use a mini-batch solver such as 'adam'."
            )


def check_nested(given: dict[str, Any]) -> None:
    """Check that what parameters such as ``solver__beta_1`` are to be set on has parameters.

    Parameters
    ----------
    given : dict
        All parameters by their names, and the nested ones that are to be set.

    Raises
    ------
    InvalidParameterError
        There is none to set, as on a name; the message says what to pass instead.
    """
    for key in given:
        name, _, nested = key.partition("__")
        holder = given.get(name)
        # A class has the method, but no object to set anything of.
        holds_none = isinstance(holder, type) or not hasattr(holder, "set_params")
        if nested and name in given and holds_none:
            raise InvalidParameterError(
                f"{key} cannot be set, because {name}={holder!r} holds no parameters. "
                f"{advice(name, holder, nested)}"
            )


def advice(parameter: str, value: Any, nested: str) -> str:
    """Return which object to pass in place of a value, so that a nested parameter can be set.

    Examples
    --------
    >>> advice("solver", "adam", "beta_1")
    'Pass the object itself: solver=Adam(beta_1=...).'
    >>> advice("solver", "sgd", "beta_1")
    "SGD has no parameter 'beta_1', only momentum."
    """
    registries: dict[str, Any] = {
        "activation": ACTIVATIONS,
        "loss": LOSSES,
        "solver": SOLVERS,
        "learning_rate": SCHEDULES,
    }
    if parameter == "hidden_layer_sizes":
        return "Pass an object that has it, such as hidden_layer_sizes=HiddenLayers(...)."
    kind = registries.get(parameter, {}).get(value) if isinstance(value, str) else None
    if kind is None:
        return f"Pass an object that has it as {parameter}."
    known = list(kind().get_params())
    if nested in known:
        return f"Pass the object itself: {parameter}={kind.__name__}({nested}=...)."
    listed = ", only " + ", ".join(known) if known else ""
    return f"{kind.__name__} has no parameter {nested!r}{listed}."


# What follows reads parameters that have been checked.


def _elements(value: Any) -> list[Any]:
    """Return the elements of a sequence, or the one value that there is."""
    return list(value) if is_sequence(value) else [value]


def hidden_sizes(value: Any) -> list[int]:
    """Return the units of each hidden layer; an int is one layer, an empty sequence none."""
    if isinstance(value, HiddenLayers):
        return value.sizes
    return [int(size) for size in _elements(value)]


def per_layer(value: Any, n_layers: int) -> list[Any]:
    """Return one value for each hidden layer, from one for all or a sequence with one for each."""
    return list(value) if is_sequence(value) else [value] * n_layers


def initializer(value: Any) -> Initializer | None:
    """Return the function that draws weights, or None for what suits each activation."""
    if isinstance(value, str):
        return None if value == "auto" else INITIALIZERS[value]
    return value


def schedule(value: Any) -> Schedule:
    """Return the schedule that a name, an object or a plain function stands for."""
    if callable(value) and not isinstance(value, Schedule):
        return StepFunction(value)
    return resolve(value, SCHEDULES)


def chain(estimator: Any, n_features: int, n_outputs: int) -> Chain:
    """Return the layers that an estimator's parameters describe."""
    hidden = hidden_sizes(estimator.hidden_layer_sizes)
    functions = per_layer(estimator.activation, len(hidden))
    made = Architecture(
        n_features=n_features,
        hidden=hidden,
        n_outputs=n_outputs,
        activations=[own(resolve(function, ACTIVATIONS)) for function in functions],
        initializer=initializer(estimator.initializer),
        normalization=estimator.normalization,
        dropout=per_layer(estimator.dropout, len(hidden)),
        input_dropout=estimator.input_dropout,
        noise=estimator.noise,
        residual=estimator.residual,
        prepare=getattr(own(estimator.augment), "prepare", None),
    ).chain()
    return with_fused_layers(made) if _incremental(estimator) else made


def _incremental(estimator: Any) -> bool:
    """Whether the solver works on mini-batches; L-BFGS, on all rows, has too few to compile for."""
    return resolve(estimator.solver, SOLVERS).incremental


def objective(estimator: Any, output: Softmax | Sigmoid) -> Objective:
    """Return what an estimator minimises."""
    kind = FusedObjective if _incremental(estimator) else Objective
    return kind(output, resolve(estimator.loss, LOSSES), estimator.label_smoothing)


def settings(estimator: Any, n_samples: int) -> Settings:
    """Return how an estimator is trained on so many rows."""
    solver, size = resolve(estimator.solver, SOLVERS), estimator.batch_size
    if solver.incremental and size != "auto" and size > n_samples:
        warnings.warn(
            f"batch_size={size} is larger than the {n_samples} training rows; it is "
            "clipped to them.",
            stacklevel=caller_stacklevel(),
        )
    return Settings(
        solver=solver,
        schedule=schedule(estimator.learning_rate),
        learning_rate=float(estimator.learning_rate_init),
        alpha=float(estimator.alpha),
        l1_ratio=float(estimator.l1_ratio),
        batch_size=rows_per_batch(size, n_samples),
        shuffle=bool(estimator.shuffle),
        max_epochs=int(estimator.max_iter),
        tol=float(estimator.tol),
        clip_norm=estimator.clip_norm,
        max_norm=estimator.max_norm,
        augment=estimator.augment,
    )
