"""Named networks for digits: what each is good for, and the parameters that make it so.

Inputs are pixels scaled to [0, 1]. Nothing in a recipe is bound to digits but the augmentations;
``docs/digits.md`` says what carries over to other small images, such as Fashion-MNIST's.
"""

from __future__ import annotations

from typing import Any

from sklearn.base import clone
from sklearn.ensemble import VotingClassifier

from skdigits.classifier import FromScratchMLPClassifier
from skdigits.component import Names, check_parameter
from skdigits.digits.augmentation.composing import Augmentation, Fading
from skdigits.digits.augmentation.deformations import ElasticDeformation, RandomAffine
from skdigits.digits.augmentation.directions import Bends, Directions
from skdigits.digits.augmentation.habits import Slash, Upstroke
from skdigits.digits.augmentation.loci import Loci
from skdigits.digits.augmentation.strokes import RandomStroke
from skdigits.digits.augmentation.upright import Upright
from skdigits.digits.augmentation.views import Views


def _fading(deformed: Augmentation) -> Fading:
    """Return what lets a network end on images nearly as sharp as those it is for."""
    return Fading(augment=deformed, start=0.8, end=0.1)


# After Ciresan et al. (2010), bent somewhat more; MNIST's digits are centred, so none is shifted.
_DEFORMED = RandomAffine(shift=0) + ElasticDeformation(alpha=44)
_VIEWS = Views(steps=[Directions(), Bends(), Loci()])


_COMMON: dict[str, Any] = {
    "normalization": "batch",
    "batch_size": 128,
    "learning_rate": "one_cycle",
    "alpha": 0.0,
}

RECIPES: dict[str, dict[str, Any]] = {
    # Noise after every normalisation, as in the supervised part of Rasmus et al. (2015).
    "plain": {
        **_COMMON,
        "hidden_layer_sizes": (1200, 600, 300, 300),
        "noise": 0.3,
        "max_iter": 60,
        "learning_rate_init": 0.003,
    },
    # Behind batch normalisation the scale of the inputs is irrelevant: raw pixels do as well.
    "fast": {
        **_COMMON,
        "hidden_layer_sizes": (192, 64),
        "label_smoothing": 0.1,
        "max_iter": 3,
        "learning_rate_init": 0.02,
    },
    # For whatever DigitImages makes of photographs and scans: of other pens and other habits than
    # those of MNIST's writers, too.
    "any_image": {
        **_COMMON,
        "hidden_layer_sizes": (512, 256),
        "dropout": 0.1,
        "solver": "adamw",
        "max_iter": 20,
        "learning_rate_init": 0.003,
        "augment": Upstroke()
        + Slash()
        + RandomAffine()
        + ElasticDeformation()
        + RandomStroke()
        + Upright()
        + Views(steps=[Directions(), Loci()]),
    },
    "best": {
        **_COMMON,
        "hidden_layer_sizes": (2048, 1024),
        "dropout": 0.05,
        "solver": "adamw",
        "max_iter": 30,
        "learning_rate_init": 0.003,
        # What a writer's hand does to a digit changes its pixels; less of it is left once the digit
        # stands upright, and again less in the directions of its edges, in how these change, and in
        # where paper lies between strokes.
        "augment": _fading(_DEFORMED + Upright() + _VIEWS),
    },
}
"""The parameters of each recipe, by its name.

- ``plain``: one network of at most two million weights, no augmentation: the best of the toolbox
  alone (``benchmarks/plain.py``).
- ``fast``: 98 % of MNIST's test digits in the shortest time; takes raw 8-bit pixels
  (``benchmarks/fast.py``).
- ``any_image``: for photographs, scans and drawings, after ``DigitImages``
  (``benchmarks/any_image.py``).
- ``best``: one network that sees the edges of deformed digits, by direction, how they bend, and
  what they enclose (``benchmarks/best.py``).
"""


def recipe(name: str, **changes: Any) -> FromScratchMLPClassifier:
    """Return the classifier of a recipe.

    Parameters
    ----------
    name : str
        A key of `RECIPES`.
    **changes
        Parameters that differ from the recipe's, such as ``random_state=0``.

    Returns
    -------
    classifier : FromScratchMLPClassifier
        Not fitted.

    Raises
    ------
    ValueError
        There is no recipe of that name.

    Examples
    --------
    >>> recipe("plain", random_state=0).normalization
    'batch'
    """
    check_parameter("recipe", "name", name, (Names(RECIPES),))
    # A clone, so that nobody who changes a part of it changes the recipe.
    return clone(FromScratchMLPClassifier(**{**RECIPES[name], **changes}))


def committee(**params: Any) -> VotingClassifier:
    """Return seven networks that vote by their mean probability.

    Three are `best` with seeds of their own, the first of them with ``random_state=0``; each of the
    others sees the digits in another way, so that it errs on other digits.

    Parameters
    ----------
    **params
        Of `sklearn.ensemble.VotingClassifier`, such as ``n_jobs=2``.

    Returns
    -------
    classifier : VotingClassifier
        Not fitted.

    References
    ----------
    Meier, Ciresan, Gambardella and Schmidhuber (2011), Better digit recognition with a committee of
    simple neural nets. There, the digits' widths differ.

    Examples
    --------
    >>> [name for name, _ in committee().estimators]
    ['best-0', 'written-1', 'strokes-2', 'stretched-3', 'edges-4', 'best-5', 'best-6']
    """
    best = RECIPES["best"]["augment"].augment
    seen = {
        "best-0": best,
        "written-1": _DEFORMED + _VIEWS,
        "strokes-2": _DEFORMED + RandomStroke() + Upright() + Directions(),
        "stretched-3": _DEFORMED + Upright(stretch=1, width=0.18) + _VIEWS,
        "edges-4": _DEFORMED + Upright() + Directions(places=9),
        "best-5": best,
        "best-6": best,
    }
    voters = [
        (name, recipe("best", augment=_fading(deformed), random_state=seed))
        for seed, (name, deformed) in enumerate(seen.items())
    ]
    return VotingClassifier(voters, **{"voting": "soft", **params})
