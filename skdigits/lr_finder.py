"""The learning-rate range test: which learning rate makes the loss fall fastest."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import _safe_indexing, check_array, check_random_state, indexable

from .classifier import FromScratchMLPClassifier
from .component import FRACTION, POSITIVE, Interval, check_parameter
from .labels import flattened, labels_of
from .parameters import check_parameters
from .training.batches import rows_per_batch


@dataclass(frozen=True, eq=False)
class LearningRateCurve:
    """Loss against learning rate.

    Attributes
    ----------
    rates : ndarray of shape (n_rates,)
        Learning rates, each a constant factor above the one before; fewer than the steps asked for
        if the test ended early.
    losses : ndarray of shape (n_rates,)
        The loss on the batch that was trained on at each rate.
    smoothed : ndarray of shape (n_rates,)
        Exponentially weighted means of the losses, corrected for their start: with s the smoothing,
        ``a_k = s * a_{k-1} + (1 - s) * loss_k``, and ``a_k / (1 - s^k)`` is the k-th, from k = 1.
    suggestion : float
        The rate at which the smoothed loss falls fastest: a good ``learning_rate_init``.
    """

    rates: NDArray
    losses: NDArray
    smoothed: NDArray
    suggestion: float


def find_learning_rate(
    estimator: FromScratchMLPClassifier,
    X: Any,
    y: Any,
    *,
    sample_weight: ArrayLike | None = None,
    lowest: float = 1e-6,
    highest: float = 10.0,
    n_steps: int = 100,
    smoothing: float = 0.9,
) -> LearningRateCurve:
    """Train a copy on one batch after another while the learning rate rises exponentially.

    The test ends early once the smoothed loss is four times its least value, or not finite.

    Parameters
    ----------
    estimator : FromScratchMLPClassifier
        Left as it is; a copy is trained. Its solver must work on mini-batches. Of a pipeline, this
        is the last step, and X what the steps before make of the data.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Scaled as for ``fit``.
    y : array-like of shape (n_samples,) or (n_samples, n_labels)
        As for ``fit``.
    sample_weight : array-like of shape (n_samples,), optional
        As for ``fit``.
    lowest, highest : float, default=1e-6 and 10
        The first and the last learning rate.
    n_steps : int, default=100
        Batches to train on.
    smoothing : float in [0, 1), default=0.9
        How much of the smoothed loss is kept from batch to batch.

    Returns
    -------
    curve : LearningRateCurve

    Raises
    ------
    TypeError
        The estimator is another one.
    ValueError
        The rates do not rise, another parameter is out of bounds, X and y differ in length, or
        training diverges at the first rates.

    References
    ----------
    Smith (2017), Cyclical learning rates for training neural networks. There the rate rises
    linearly; that it rises by a factor and the steepest slope is taken is fastai's.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdigits import FromScratchMLPClassifier, find_learning_rate
    >>> X, y = load_digits(return_X_y=True)
    >>> curve = find_learning_rate(FromScratchMLPClassifier(random_state=0), X / 16, y)
    >>> 1e-4 < curve.suggestion < 1
    True
    """
    _check(estimator, lowest, highest, n_steps, smoothing)
    # Rows are taken from them, which not every sparse format allows.
    X, y = indexable(X, y)
    y = flattened(check_array(y, accept_sparse="csr", ensure_2d=False, dtype=None, input_name="y"))
    labels = labels_of(y)
    _, weights = labels.targets_and_weights(y, sample_weight, estimator.class_weight)
    rows = np.arange(y.shape[0]) if weights is None else np.flatnonzero(weights)
    size = rows_per_batch(estimator.batch_size, len(rows))
    # With so many epochs ahead of it, what changes on the way stays as it is at the beginning.
    probe = clone(estimator).set_params(
        learning_rate="constant", max_iter=2**31, batch_size=size, class_weight=None, verbose=False
    )
    parts = (
        {
            "X": _safe_indexing(X, batch),
            "y": _safe_indexing(y, batch),
            "classes": labels.classes if y.ndim == 1 else None,
            "sample_weight": None if weights is None else weights[batch],
        }
        for batch in _batches(size, probe.random_state, rows, n_steps)
    )
    rates = np.geomspace(lowest, highest, n_steps)
    losses, smoothed = _losses(probe, rates, parts, smoothing)
    _check_learnt(losses, lowest)
    rates = rates[: len(losses)]
    settled = round(1 / (1 - smoothing))
    suggestion = _steepest(rates, np.array(smoothed), settled)
    return LearningRateCurve(rates, np.array(losses), np.array(smoothed), suggestion)


def _losses(
    probe: FromScratchMLPClassifier,
    rates: NDArray,
    parts: Iterator[dict[str, Any]],
    smoothing: float,
) -> tuple[list[float], list[float]]:
    """Train on a part at each rate, as long as that does no harm; return losses and their means."""
    losses: list[float] = []
    smoothed: list[float] = []
    mean = 0.0
    for step, (rate, part) in enumerate(zip(rates, parts, strict=True), start=1):
        probe.set_params(learning_rate_init=rate)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            probe.partial_fit(**part)
        if probe.n_iter_ == 0:
            break
        losses.append(probe.loss_)
        mean = smoothing * mean + (1 - smoothing) * probe.loss_
        smoothed.append(mean / (1 - smoothing**step))
        if smoothed[-1] > 4 * min(smoothed):
            break
    return losses, smoothed


def _check(estimator: Any, lowest: float, highest: float, n_steps: int, smoothing: float) -> None:
    """Raise on a parameter that is out of bounds, before anything is trained."""
    owner = "find_learning_rate"
    if not isinstance(estimator, FromScratchMLPClassifier):
        raise TypeError(
            f"{owner}: estimator={estimator!r} is not allowed; it must be a "
            "FromScratchMLPClassifier. Of a pipeline, pass the last step, and as X what the steps "
            "before make of the data."
        )
    check_parameter(owner, "lowest", lowest, (POSITIVE,))
    check_parameter(owner, "highest", highest, (Interval(f"({lowest}, inf)"),))
    check_parameter(owner, "n_steps", n_steps, (Interval("[2, inf)", integer=True),))
    check_parameter(owner, "smoothing", smoothing, (FRACTION,))
    check_parameters(estimator)
    if not hasattr(estimator, "partial_fit"):
        raise ValueError(
            f"find_learning_rate: solver={estimator.solver!r} has no learning rate; it must be a "
            "mini-batch solver such as 'adam'."
        )


def _check_learnt(losses: list[float], lowest: float) -> None:
    """Raise where there is no curve, since training diverged at the first rates."""
    if len(losses) < 2:
        raise ValueError(
            f"find_learning_rate: training diverged at once, at lowest={lowest!r}; it must be a "
            "rate at which the network learns."
        )


def _batches(size: int, seed: Any, rows: NDArray, n_batches: int) -> list[NDArray]:
    """Return the rows of so many batches, in an order that only repeats after all rows."""
    rng = np.random.default_rng(check_random_state(seed).randint(2**31))
    rounds = math.ceil(n_batches * size / len(rows))
    order = np.concatenate([rng.permutation(rows) for _ in range(rounds)])
    return [order[i * size : (i + 1) * size] for i in range(n_batches)]


def _steepest(rates: NDArray, losses: NDArray, settled: int) -> float:
    """Return the rate at which the loss falls fastest on its way to the least value.

    The first means are those of too few batches, and one of them may be the least by chance; but
    where there are few steps, half of those on the way have to do. At the least value the loss
    falls no more.
    """
    first = min(settled, len(losses) // 2)
    lowest = first + int(losses[first:].argmin())
    start = min(settled, lowest // 2)
    slopes = np.gradient(losses, np.log(rates))[start:lowest]
    return float(rates[start + slopes.argmin()])
