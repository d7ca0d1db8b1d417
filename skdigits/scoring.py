"""The validation score of an estimator that is being fitted."""

from __future__ import annotations

import copy
from collections.abc import Callable
from inspect import signature
from typing import Any

from sklearn.metrics import get_scorer

from .labels import Labels
from .nn.network import Network
from .training.inference import evaluate
from .training.samples import Samples


def validation_scorer(
    estimator: Any, network: Network, labels: Labels, validation: Samples
) -> Callable[[], dict[str, float]]:
    """Return a function that scores the network, as it then is, on validation samples.

    Parameters
    ----------
    estimator : FromScratchMLPClassifier
        Its `scoring` says how; able to predict by the network.
    network : Network
    labels : Labels
    validation : Samples

    Returns
    -------
    score : callable
        ``() -> {"validation_loss": ..., "validation_accuracy": ..., "validation_score": ...}``

    Raises
    ------
    ValueError
        `scoring` is not the name of a scorer.
    """
    if estimator.scoring == "loss":

        def by_loss() -> dict[str, float]:
            """Return minus the loss as the score."""
            figures = evaluate(network, validation)
            return {**figures, "validation_score": -figures["validation_loss"]}

        return by_loss

    scorer = get_scorer(estimator.scoring)
    # The validation rows have no feature names, so the estimator must not expect any.
    predictor = copy.copy(estimator)
    predictor.__dict__.pop("feature_names_in_", None)
    # A slice takes no copy of X.
    everything = len(validation.rows) == validation.X.shape[0]
    rows = slice(None) if everything else validation.rows
    X, y = validation.X[rows], labels.restore(validation.targets[rows])
    options = {}
    if validation.weights is not None and _takes_weights(scorer):
        options["sample_weight"] = validation.weights[rows]

    def by_scorer() -> dict[str, float]:
        """Return the scorer's figure as the score."""
        try:
            score = float(scorer(predictor, X, y, **options))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"scoring={estimator.scoring!r} fails on the validation data: {error}"
            ) from error
        return {**evaluate(network, validation), "validation_score": score}

    return by_scorer


def _takes_weights(scorer: Callable[..., float]) -> bool:
    """Return whether a scorer takes sample weights; those of scikit-learn say so themselves."""
    # `roc_auc_ovo` has the parameter, but raises when it is used.
    if getattr(scorer, "_kwargs", {}).get("multi_class") == "ovo":
        return False
    if hasattr(scorer, "_accept_sample_weight"):
        return scorer._accept_sample_weight()
    return "sample_weight" in signature(scorer).parameters
