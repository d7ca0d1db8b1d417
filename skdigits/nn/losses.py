"""Losses and their gradients, from the logits.

A loss is a function of the log-probabilities: its `value` and its `slope`, the derivative of the
value with respect to each log-probability. An output turns logits into log-probabilities and
slopes into a gradient at the logits::

    logits z -> output -> log p -> loss -> value
    d_logits <-  output  <- slope <-  loss

Since everything is computed in the log domain, it is stable for any finite logit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, log_expit

from skdigits.component import NON_NEGATIVE, Component, bounded


class Loss(Component):
    """A loss on the probabilities of mutually exclusive classes, element by element.

    With p the probabilities and y the targets (each summing to one over the classes), the loss of a
    row is the sum of `value` over its classes.
    """

    def value(self, log_p: NDArray, y: NDArray) -> NDArray:
        """Return each class's share of the loss, of the shape of `log_p`.

        Parameters
        ----------
        log_p, y : ndarray of shape (n_rows, n_classes)
        """
        raise NotImplementedError

    def slope(self, log_p: NDArray, p: NDArray, y: NDArray) -> NDArray:
        """Return ``d value / d log(p) = p * d value / d p``, of the shape of `log_p`.

        Parameters
        ----------
        log_p, p, y : ndarray of shape (n_rows, n_classes)
        """
        raise NotImplementedError


@dataclass(kw_only=True, eq=False, repr=False)
class CrossEntropy(Loss):
    """Cross-entropy, ``L = -sum(y * log(p))``: the negative log-likelihood.

    At the logits of a softmax or a sigmoid its gradient is ``p - y``.

    References
    ----------
    Bridle (1990), Probabilistic interpretation of feedforward classification network outputs.

    Examples
    --------
    >>> CrossEntropy().value(np.log([0.25, 0.75]), np.array([0.0, 1.0])).round(3)
    array([-0.   ,  0.288])
    """

    def value(self, log_p: NDArray, y: NDArray) -> NDArray:
        """Return ``-y * log(p)``."""
        return -y * log_p

    def slope(self, log_p: NDArray, p: NDArray, y: NDArray) -> NDArray:
        """Return ``-y``."""
        return -y


@dataclass(kw_only=True, eq=False, repr=False)
class SquaredError(Loss):
    """Half the squared error of the probabilities, ``L = sum((p - y)^2) / 2``.

    For two classes this is the Brier score ``(p_1 - y_1)^2``.

    References
    ----------
    Brier (1950), Verification of forecasts expressed in terms of probability.

    Examples
    --------
    >>> SquaredError().value(np.log([0.25, 0.75]), np.array([0.0, 1.0])).sum().round(4)
    np.float64(0.0625)
    """

    def value(self, log_p: NDArray, y: NDArray) -> NDArray:
        """Return ``(p - y)^2 / 2``."""
        return 0.5 * np.square(np.exp(log_p) - y)

    def slope(self, log_p: NDArray, p: NDArray, y: NDArray) -> NDArray:
        """Return ``(p - y) * p``."""
        return (p - y) * p


@dataclass(kw_only=True, eq=False, repr=False)
class Focal(Loss):
    """Focal loss, ``L = -sum(y * (1 - p)^gamma * log(p))``, which down-weights easy samples.

    Parameters
    ----------
    gamma : float in [0, inf), default=2.0
        The focus; 0 gives cross-entropy.

    References
    ----------
    Lin et al. (2017), Focal loss for dense object detection.

    Examples
    --------
    >>> Focal(gamma=2.0).value(np.log([0.25, 0.75]), np.array([0.0, 1.0])).round(4)
    array([-0.   ,  0.018])
    """

    gamma: float = bounded(2.0, NON_NEGATIVE)

    def value(self, log_p: NDArray, y: NDArray) -> NDArray:
        """Return ``-y * (1 - p)^gamma * log(p)``."""
        return -y * (-np.expm1(log_p)) ** self.gamma * log_p

    def slope(self, log_p: NDArray, p: NDArray, y: NDArray) -> NDArray:
        """Return ``y * (gamma * (1 - p)^(gamma - 1) * p * log(p) - (1 - p)^gamma)``."""
        # At p = 1 the first term tends to 0; the bound keeps a negative power finite there.
        q = np.maximum(-np.expm1(log_p), np.finfo(log_p.dtype).tiny)
        return y * (self.gamma * q ** (self.gamma - 1) * p * log_p - q**self.gamma)


LOSSES: dict[str, type[Loss]] = {
    "cross_entropy": CrossEntropy,
    "squared_error": SquaredError,
    "focal": Focal,
}


def _smoothed(y: NDArray, smoothing: float, n_classes: int) -> NDArray:
    """Spread a share of the targets evenly over the classes, in place."""
    if smoothing:
        y *= 1 - smoothing
        y += smoothing / n_classes
    return y


def _below_the_largest(logits: NDArray) -> NDArray:
    """Return the logits less the largest of each row."""
    # Class after class, so that maxima and sums over a few classes run through many rows at once.
    below = np.array(logits, order="F")
    below -= below.max(axis=1, keepdims=True)
    return below


class Softmax:
    """Mutually exclusive classes, one logit each: ``p = exp(z) / sum(exp(z))``.

    References
    ----------
    Bridle (1990), Probabilistic interpretation of feedforward classification network outputs.

    Examples
    --------
    >>> Softmax().probabilities(np.log([[1.0, 2.0, 5.0]])).round(3)
    array([[0.125, 0.25 , 0.625]])
    """

    name: ClassVar[str] = "softmax"

    def log_probabilities(self, logits: NDArray) -> NDArray:
        """Return ``log(p)`` of the shape of the logits, (n_rows, n_classes)."""
        log_p = _below_the_largest(logits)
        log_p -= np.log(np.exp(log_p).sum(axis=1, keepdims=True))
        # An infinite distance between two finite logits would turn 0 * log(p) into nan.
        return np.maximum(log_p, np.finfo(log_p.dtype).min, order="C")

    def probabilities(self, logits: NDArray) -> NDArray:
        """Return ``p`` of the shape of the logits, (n_rows, n_classes)."""
        p = np.exp(_below_the_largest(logits))
        return np.divide(p, p.sum(axis=1, keepdims=True), order="C")

    def expand(self, targets: NDArray, like: NDArray, smoothing: float) -> NDArray:
        """Return class indices as smoothed indicators, shaped like the logits."""
        n_classes = like.shape[1]
        y = (targets[:, np.newaxis] == np.arange(n_classes)).astype(like.dtype)
        return _smoothed(y, smoothing, n_classes)

    def correct(self, logits: NDArray, targets: NDArray) -> NDArray:
        """Return for each row whether the most probable class is the target."""
        return logits.argmax(axis=1) == targets

    def elements(self, loss: Loss, logits: NDArray, y: NDArray) -> tuple[NDArray, NDArray]:
        """Return each logit's share of the loss, and the gradient at the logits.

        Since ``d log(p_i) / dz_j = (i == j) - p_j``, the gradient is ``s - p * sum(s)`` with s the
        slopes. Those of cross-entropy are ``-y``, whose sum is -1, which leaves ``p - y``.
        """
        log_p = self.log_probabilities(logits)
        p = np.exp(log_p)
        # The exact type only: a subclass may have other slopes.
        if type(loss) is CrossEntropy:
            return loss.value(log_p, y), p - y
        slope = loss.slope(log_p, p, y)
        return loss.value(log_p, y), slope - p * slope.sum(axis=1, keepdims=True)


class Sigmoid:
    """Independent yes-or-no outputs, one logit each: ``p = 1 / (1 + exp(-z))``.

    References
    ----------
    Bridle (1990), Probabilistic interpretation of feedforward classification network outputs.

    Examples
    --------
    >>> Sigmoid().probabilities(np.log([[1.0, 3.0]]))
    array([[0.5 , 0.75]])
    """

    name: ClassVar[str] = "logistic"

    def log_probabilities(self, logits: NDArray) -> NDArray:
        """Return ``log(p)`` of the shape of the logits, (n_rows, n_outputs)."""
        return log_expit(logits)

    def probabilities(self, logits: NDArray) -> NDArray:
        """Return ``p`` of the shape of the logits, (n_rows, n_outputs)."""
        return expit(logits)

    def expand(self, targets: NDArray, like: NDArray, smoothing: float) -> NDArray:
        """Return 0 and 1, drawn towards one half by the smoothing, shaped like the logits."""
        return _smoothed(targets.reshape(like.shape).astype(like.dtype), smoothing, 2)

    def correct(self, logits: NDArray, targets: NDArray) -> NDArray:
        """Return for each row whether all of its outputs are right."""
        return ((logits > 0) == targets.reshape(logits.shape)).all(axis=1)

    def elements(self, loss: Loss, logits: NDArray, y: NDArray) -> tuple[NDArray, NDArray]:
        """Return each logit's share of the loss, and the gradient at the logits.

        Each output is a choice between yes (p) and no (q = 1 - p). Since ``d log(p) / dz = q`` and
        ``d log(q) / dz = -p``, the gradient is ``s_yes * q - s_no * p``.
        """
        log_p, log_q = self.log_probabilities(logits), self.log_probabilities(-logits)
        p, q = np.exp(log_p), np.exp(log_q)
        value = loss.value(log_p, y) + loss.value(log_q, 1 - y)
        gradient = loss.slope(log_p, p, y) * q - loss.slope(log_q, q, 1 - y) * p
        return value, gradient


class Objective:
    """The weighted mean of a loss over the rows of a batch, from the logits.

    Parameters
    ----------
    output : Softmax or Sigmoid
        How logits become probabilities.
    loss : Loss
        How far the probabilities are from the targets.
    label_smoothing : float in [0, 1), default=0
        The share of the targets that is spread evenly over the classes (Szegedy et al. 2016).

    Examples
    --------
    >>> objective = Objective(Softmax(), CrossEntropy())
    >>> logits, weights = np.zeros((2, 4)), np.full(2, 0.5)
    >>> loss, gradient = objective.loss_and_gradient(logits, np.array([0, 3]), weights)
    >>> bool(np.isclose(loss, np.log(4)))
    True
    """

    def __init__(self, output: Softmax | Sigmoid, loss: Loss, label_smoothing: float = 0.0):
        self.output = output
        self.loss = loss
        self.label_smoothing = label_smoothing

    def loss_and_gradient(
        self, logits: NDArray, targets: NDArray, weights: NDArray
    ) -> tuple[float, NDArray]:
        """Return the mean loss and its gradient at the logits.

        Parameters
        ----------
        logits : ndarray of shape (n_rows, n_outputs)
        targets : ndarray of shape (n_rows,) or (n_rows, n_outputs)
            Class indices for `Softmax`, 0 or 1 for `Sigmoid`.
        weights : ndarray of shape (n_rows,)
            Row weights that sum to one.

        Returns
        -------
        loss : float
        gradient : ndarray of shape (n_rows, n_outputs)
        """
        y = self.output.expand(targets, logits, self.label_smoothing)
        shares, gradient = self.output.elements(self.loss, logits, y)
        gradient *= weights[:, np.newaxis]
        # In double precision, since shares of logits that are finite may have an infinite sum.
        return float((weights @ shares.astype(np.float64)).sum()), gradient

    def accuracy(self, logits: NDArray, targets: NDArray, weights: NDArray) -> float:
        """Return the weighted share of the rows that are right; as for `loss_and_gradient`."""
        right = self.output.correct(logits, targets)
        # Rounded weights do not quite sum to one.
        all_right = np.count_nonzero(right) == len(right)
        return 1.0 if all_right else min(1.0, float(weights @ right))
