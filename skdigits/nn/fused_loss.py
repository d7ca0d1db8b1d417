"""Softmax, cross-entropy and accuracy as machine code, where Numba is installed (extra ``fast``).

NumPy evaluates the formulas of `losses.py` call by call, which for the logits of a batch, a few
hundred numbers, takes as long as a small layer. Here they stand once more as loops over the rows::

    logits of a row -> largest -> exp, total -> log p, p -> share of the loss, gradient
                    -> the class of the largest          -> share of the accuracy
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .compiling import machine_code, where_possible
from .losses import CrossEntropy, Objective, Softmax


@cache
@where_possible
def fused_cross_entropy(dtype: DTypeLike) -> Callable[..., tuple[float, NDArray]]:
    """Return softmax with cross-entropy as a compiled loop, or None where that is not possible.

    Parameters
    ----------
    dtype : dtype
        Of the logits.

    Returns
    -------
    run : callable or None
        ``(logits, targets, weights, smoothing) -> (loss, gradient)``, as
        `Objective.loss_and_gradient`.
    """
    lowest = np.finfo(dtype).min
    example = _example(dtype)
    loop = machine_code(_cross_entropy, *example, 0.0, lowest, example[0])

    def run(
        logits: NDArray, targets: NDArray, weights: NDArray, smoothing: float
    ) -> tuple[float, NDArray]:
        """Return the mean loss and its gradient at the logits."""
        gradient = np.empty_like(logits)
        return loop(logits, targets, weights, smoothing, lowest, gradient), gradient

    return run


@cache
@where_possible
def fused_accuracy(dtype: DTypeLike) -> Callable[..., float]:
    """Return the accuracy of a softmax as a compiled loop, or None where that is not possible.

    Parameters
    ----------
    dtype : dtype
        Of the logits.

    Returns
    -------
    run : callable or None
        ``(logits, targets, weights) -> accuracy``, as `Objective.accuracy`.
    """
    return machine_code(_accuracy, *_example(dtype))


def _example(dtype: DTypeLike) -> tuple[NDArray, NDArray, NDArray]:
    """Return logits, targets and weights of a row."""
    return np.zeros((1, 2), dtype), np.zeros(1, np.intp), np.ones(1, dtype)


def _cross_entropy(
    logits: Any, targets: Any, weights: Any, smoothing: float, lowest: Any, gradient: Any
) -> float:
    n_rows, n_classes = logits.shape
    even = smoothing / n_classes
    loss = 0.0
    for i in range(n_rows):
        z, p = logits[i], gradient[i]
        largest = z[0]
        for k in range(1, n_classes):
            largest = max(largest, z[k])
        total = 0.0
        for k in range(n_classes):
            p[k] = math.exp(z[k] - largest)
            total += p[k]
        log_total = math.log(total)
        for k in range(n_classes):
            y = even + (1 - smoothing) * (k == targets[i])
            # An infinite distance between two finite logits would turn 0 * log(p) into nan.
            loss -= weights[i] * y * max(z[k] - largest - log_total, lowest)
            p[k] = weights[i] * (p[k] / total - y)
    return loss


def _accuracy(logits: Any, targets: Any, weights: Any) -> float:
    n_rows, n_classes = logits.shape
    right, n_wrong = 0.0, 0
    for i in range(n_rows):
        z, best = logits[i], 0
        for k in range(1, n_classes):
            if z[k] > z[best]:
                best = k
        if best == targets[i]:
            right += weights[i]
        else:
            n_wrong += 1
    # Rounded weights do not quite sum to one.
    return min(1.0, right) if n_wrong else 1.0


class FusedObjective(Objective):
    """An objective that is evaluated by machine code where that is possible, else by NumPy.

    Examples
    --------
    >>> batch = np.zeros((2, 4)), np.array([0, 3]), np.full(2, 0.5)
    >>> for kind in (Objective, FusedObjective):
    ...     loss, _ = kind(Softmax(), CrossEntropy()).loss_and_gradient(*batch)
    ...     print(round(loss, 4))
    1.3863
    1.3863
    """

    def loss_and_gradient(
        self, logits: NDArray, targets: NDArray, weights: NDArray
    ) -> tuple[float, NDArray]:
        """Return the mean loss and its gradient at the logits, as `Objective` does."""
        # Exact types only: a subclass may compute something else.
        if type(self.output) is Softmax and type(self.loss) is CrossEntropy:
            compiled = fused_cross_entropy(logits.dtype)
            if compiled is not None:
                return compiled(logits, targets, weights, self.label_smoothing)
        return super().loss_and_gradient(logits, targets, weights)

    def accuracy(self, logits: NDArray, targets: NDArray, weights: NDArray) -> float:
        """Return the weighted share of the rows that are right, as `Objective` does."""
        compiled = fused_accuracy(logits.dtype) if type(self.output) is Softmax else None
        accuracy = compiled or super().accuracy
        return accuracy(logits, targets, weights)
