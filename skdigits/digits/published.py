"""Networks for MNIST as tutorials published them, and the same networks trained better.

`PUBLISHED` holds what each tutorial says, `IMPROVED` the parameters of this package that get more
out of the same hidden layers. Inputs are pixels scaled to [0, 1]; for the two published networks
that take all rows at once, standardised ones. What both reach is measured by
``benchmarks/published.py`` and told in ``docs/published.md``.
"""

from __future__ import annotations

import math
from typing import Any

from sklearn.base import clone

from skdigits.classifier import FromScratchMLPClassifier
from skdigits.component import Names, check_parameter
from skdigits.digits.augmentation.deformations import ElasticDeformation, RandomAffine
from skdigits.nn.optimizers import SGD

# Plain gradient descent for so many epochs, whatever the loss does meanwhile.
_DESCENT: dict[str, Any] = {
    "solver": SGD(momentum=0.0),
    "alpha": 0.0,
    "n_iter_no_change": math.inf,
}
# For standardised inputs, with which these weights belong (LeCun et al. 1998, Efficient backprop).
_FULL_BATCH: dict[str, Any] = {
    **_DESCENT,
    "initializer": "lecun_normal",
    "learning_rate_init": 0.5,
    "shuffle": False,
    "max_iter": 150,
}

PUBLISHED: dict[str, dict[str, Any]] = {
    "mini_batches": {
        "hidden_layer_sizes": (128, 64, 32),
        "batch_size": 64,
        "max_iter": 10,
    },
    # All rows, when 1,000 or 20 % of the 60,000 training digits are held out.
    "full_batch_10": {**_FULL_BATCH, "hidden_layer_sizes": (10,), "batch_size": 59_000},
    "full_batch_256": {**_FULL_BATCH, "hidden_layer_sizes": (256,), "batch_size": 48_000},
    "sigmoid": {
        **_DESCENT,
        "hidden_layer_sizes": (10,),
        "activation": "logistic",
        "initializer": "lecun_normal",
        "learning_rate_init": 0.1,
        "batch_size": 64,
        "max_iter": 100,
    },
    "one_by_one": {
        **_DESCENT,
        "hidden_layer_sizes": (128, 64),
        "activation": "logistic",
        "learning_rate_init": 0.1,
        "batch_size": 1,
        "max_iter": 3,
    },
    "widening": {
        "hidden_layer_sizes": (128, 256, 512),
        "batch_size": 32,
        "max_iter": 10,
    },
}
"""
==============  ==================================================================================
mini_batches    784-128-64-32-10, ReLU, Adam on mini-batches
full_batch_10   784-10-10, ReLU, gradient descent on all rows at once
full_batch_256  784-256-10, the same
sigmoid         784-10-10, sigmoid, stochastic gradient descent
one_by_one      784-128-64-10, sigmoid, stochastic gradient descent, one image at a time
widening        784-128-256-512-10, ReLU, Adam on small mini-batches
==============  ==================================================================================
"""

_IMPROVED: dict[str, Any] = {
    "normalization": "batch",
    "batch_size": 128,
    "max_iter": 15,
    "learning_rate": "one_cycle",
    "learning_rate_init": 0.005,
    "alpha": 0.0,
    "augment": RandomAffine(rotation=8, scale=0.1, shear=0.1, shift=1.5)
    + ElasticDeformation(alpha=25),
}
# Ten units have no room for what augmentation teaches.
_IMPROVED_TINY: dict[str, Any] = {
    **_IMPROVED,
    "learning_rate_init": 0.02,
    "max_iter": 20,
    "activation": "gelu",
    "augment": None,
}

IMPROVED: dict[str, dict[str, Any]] = {
    "mini_batches": _IMPROVED,
    "full_batch_10": _IMPROVED_TINY,
    "full_batch_256": _IMPROVED,
    "sigmoid": _IMPROVED_TINY,
    "one_by_one": _IMPROVED,
    "widening": _IMPROVED,
}
"""What trains the hidden layers of each published network better. Where `augment` is set, it is for
images of 28 x 28 pixels."""


def published_network(name: str, **changes: Any) -> FromScratchMLPClassifier:
    """Return a network as it was published.

    Parameters
    ----------
    name : str
        A key of `PUBLISHED`.
    **changes
        Parameters that differ from the published ones, such as ``random_state=0``, or
        ``batch_size=len(X)`` where the batch is all rows.

    Returns
    -------
    classifier : FromScratchMLPClassifier
        Not fitted.

    Raises
    ------
    ValueError
        There is no published network of that name.

    Examples
    --------
    >>> published_network("sigmoid", random_state=0).activation
    'logistic'
    """
    check_parameter("published_network", "name", name, (Names(PUBLISHED),))
    return _classifier({**PUBLISHED[name], **changes})


def improved_network(name: str, **changes: Any) -> FromScratchMLPClassifier:
    """Return a network with the hidden layers of a published one, trained better.

    Parameters
    ----------
    name : str
        A key of `PUBLISHED`.
    **changes
        Parameters that differ, such as ``random_state=0``, or ``augment=None`` for images of
        another size than 28 x 28.

    Returns
    -------
    classifier : FromScratchMLPClassifier
        Not fitted.

    Raises
    ------
    ValueError
        There is no published network of that name.

    Examples
    --------
    >>> model = improved_network("one_by_one", random_state=0)
    >>> model.hidden_layer_sizes, model.normalization
    ((128, 64), 'batch')
    """
    check_parameter("improved_network", "name", name, (Names(PUBLISHED),))
    size = PUBLISHED[name]["hidden_layer_sizes"]
    return _classifier({**IMPROVED[name], "hidden_layer_sizes": size, **changes})


def _classifier(parameters: dict[str, Any]) -> FromScratchMLPClassifier:
    """Return a classifier with copies of the solver and the augmentation, which can be changed."""
    return clone(FromScratchMLPClassifier(**parameters))
