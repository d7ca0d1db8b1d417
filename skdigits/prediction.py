"""What a fitted classifier answers: X -> logits -> labels, probabilities, decisions."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from .labels import Labels
from .nn.network import Network
from .nn.summary import Summary
from .training.finite import is_plain, must_be_finite
from .training.inference import predict_logits
from .training.state import TrainingState

VALID: dict[str, Any] = {"accept_sparse": "csr", "dtype": "numeric"}
"""What X may be, to scikit-learn's `validate_data`."""


def in_numbers(X: Any) -> Any:
    """Return valid X in numbers: that of a table with columns of categories is one of objects."""
    return X.astype(np.float64) if X.dtype == object else X


class ArrayViews(list[NDArray]):
    """Arrays of a network, where to set an element is to write into it.

    Examples
    --------
    >>> views = ArrayViews([np.ones(2), np.ones(3)])
    >>> first, views[0] = views[0], [3.0, 4.0]
    >>> first
    array([3., 4.])
    """

    def __setitem__(self, index: Any, value: Any) -> None:
        """Write the value into the array that is there; of a slice, each into its own."""
        several = isinstance(index, slice)
        pairs = zip(self[index], value, strict=True) if several else [(self[index], value)]
        for array, own in pairs:
            if np.shape(own) != array.shape:
                raise ValueError(
                    f"coefs_ and intercepts_ can't be set to an array of shape {np.shape(own)} "
                    f"where theirs is {array.shape}."
                )
            array[...] = own


class PredictionMixin:
    """Predictions of a classifier from its training state and its labels."""

    _labels: Labels
    _state: TrainingState
    n_features_in_: int

    @property
    def _network(self) -> Network:
        return self._state.predictor

    @property
    def coefs_(self) -> list[NDArray]:
        """The weights of each dense layer, as views of shape (fan_in, fan_out)."""
        check_is_fitted(self, "_state")
        return ArrayViews(self._network.weights)

    @property
    def intercepts_(self) -> list[NDArray]:
        """The biases of each dense layer, as views of shape (fan_out,)."""
        check_is_fitted(self, "_state")
        return ArrayViews(self._network.biases)

    def _logits(self, X: Any) -> NDArray:
        if hasattr(self, "_state") and self._is_as_fitted(X):
            # Where sums overflow, validation finds out whether the numbers are finite.
            with suppress(FloatingPointError):
                return predict_logits(self._network, X, must_be_finite)
        check_is_fitted(self, "_state")
        X = in_numbers(validate_data(self, X, **VALID, reset=False))
        return predict_logits(self._network, X)

    def _is_as_fitted(self, X: Any) -> bool:
        """Whether X is valid if it is finite; validation takes far longer than to predict a row."""
        return (
            is_plain(X)
            and len(X) > 0
            and X.shape[1] == self.n_features_in_
            and not hasattr(self, "feature_names_in_")
        )

    def predict(self, X: Any) -> NDArray:
        """Return the most probable class of each row, or an indicator of its labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_labels)
        """
        logits = self._logits(X)
        return self._labels.decode(logits)

    # Where probabilities are too small for any number, 0 is right.
    @np.errstate(under="ignore")
    def predict_proba(self, X: Any) -> NDArray:
        """Return the probability of each class, in the order of `classes_`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes)
            Of each label's presence where y was a multilabel indicator.
        """
        logits = self._logits(X)
        return self._labels.probabilities(logits)

    @np.errstate(under="ignore")
    def predict_log_proba(self, X: Any) -> NDArray:
        """Return the logarithm of the probabilities, finite for any finite logits.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes)
        """
        logits = self._logits(X)
        log_p, p = self._labels.log_probabilities(logits), self._labels.probabilities(logits)
        # Rows that tie in predict_proba, for instance at p = 1, must tie here too, so this is its
        # logarithm, except where a probability has underflowed.
        return np.log(p, out=log_p, where=p >= np.finfo(p.dtype).tiny)

    @np.errstate(under="ignore")
    def decision_function(self, X: Any) -> NDArray:
        """Return the logits.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        logits : ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes, the logit of the second. For more, those of a row are shifted so that
            they are logarithms of probabilities, and one class's can be compared between rows.
        """
        logits = self._logits(X)
        return self._labels.decision(logits)

    def summary(self) -> Summary:
        """Return the table of layers with units and learnt parameters.

        Returns
        -------
        summary : Summary
            A list of rows (layer, units, parameters) that prints as a table.
        """
        check_is_fitted(self, "_state")
        return Summary(self._network.chain, self.n_features_in_)
