"""Layers that are random in training and do nothing in prediction.

Random numbers belong to rows: equal rows of a batch get equal numbers, whatever their positions. So
a row of weight 2 is treated exactly as the same row twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .activations import SELU
from .layers import Backward, Layer, Step, Values, nothing_back, straight_back
from .workspace import Workspace


class Random(Layer):
    """A layer that only acts in training."""

    random = True
    predicts = False

    def predict(self, inputs: NDArray, values: Values, memory: Workspace) -> NDArray:
        """Return the inputs as they are."""
        return inputs


def _threshold(rate: float) -> int:
    """Return below which of 2^16 equally likely numbers a unit is dropped; never all of them."""
    return min(round(rate * 2**16), 2**16 - 1)


def _times(factor: NDArray) -> Backward:
    """Return the backward pass of a product with a constant factor."""

    def backward(d_outputs: NDArray, gradients: Values, propagate: bool) -> NDArray:
        """Return ``d * factor``, in the memory of d."""
        d_outputs *= factor
        return d_outputs

    return backward


@dataclass(frozen=True)
class Dropout(Random):
    """Sets a share of the units to zero and scales the others up ("inverted" dropout).

    ``outputs = inputs * mask / (1 - rate)``, so that the expectation is that of prediction.

    Parameters
    ----------
    rate : float in (0, 1)
        The probability that a unit is dropped, exact to 2^-16.

    References
    ----------
    Srivastava et al. (2014), Dropout: a simple way to prevent neural networks from overfitting.

    Examples
    --------
    >>> Dropout(0.5)
    Dropout(rate=0.5)
    """

    rate: float

    takes_sparse = keeps_sparse = True

    def forward(self, inputs: Any, values: Values, step: Step) -> tuple[Any, Backward]:
        """Drop units; backward drops the same."""
        threshold = _threshold(self.rate)
        scale = np.array(1 / (1 - threshold / 2**16), step.dtype)
        if not isinstance(inputs, np.ndarray):
            return _dropped_stored(inputs, threshold, scale, step), nothing_back
        factor = step.empty(*inputs.shape)
        for columns, bits in step.draws.blocks(inputs.shape[1]):
            np.multiply(bits >= threshold, scale, out=factor[:, columns])
        return np.multiply(inputs, factor, out=step.empty(*inputs.shape)), _times(factor)


def _dropped_stored(rows: Any, threshold: int, scale: NDArray, step: Step) -> Any:
    """Return sparse rows some of whose stored numbers are dropped: zeros stay what they are."""
    rows = rows.copy()
    rows.sum_duplicates()
    rows.eliminate_zeros()
    rows.data *= (step.draws.of_stored(rows) >= threshold) * scale
    return rows


@dataclass(frozen=True)
class AlphaDropout(Random):
    """Dropout that keeps mean 0 and variance 1, for networks of `SELU` units.

    Dropped units take the value towards which selu saturates, ``s = -scale * alpha``; then
    ``outputs = a * x + b`` with ``a = (q + s^2 * q * (1 - q))^(-1/2)``, ``b = -a * (1 - q) * s``
    and ``q = 1 - rate``.

    Parameters
    ----------
    rate : float in (0, 1)
        The probability that a unit is dropped, exact to 2^-16.

    References
    ----------
    Klambauer et al. (2017), Self-normalizing neural networks.

    Examples
    --------
    >>> AlphaDropout(0.1)
    AlphaDropout(rate=0.1)
    """

    rate: float
    SATURATED: ClassVar[float] = -SELU.SCALE * SELU.ALPHA

    def forward(self, inputs: NDArray, values: Values, step: Step) -> tuple[NDArray, Backward]:
        """Drop units; backward drops the same."""
        threshold = _threshold(self.rate)
        s, q = self.SATURATED, 1 - threshold / 2**16
        a = (q + s * s * q * (1 - q)) ** -0.5
        b = -a * (1 - q) * s
        factor, outputs = step.empty(*inputs.shape), step.empty(*inputs.shape)
        for columns, bits in step.draws.blocks(inputs.shape[1]):
            kept = bits >= threshold
            factor[:, columns] = kept * factor.dtype.type(a)
            # A kept unit becomes a * x + b, a dropped one a * s + b.
            outputs[:, columns] = np.where(kept, inputs[:, columns] * a + b, a * s + b)
        return outputs, _times(factor)


@dataclass(frozen=True)
class GaussianNoise(Random):
    """Adds independent normal noise to each unit.

    Parameters
    ----------
    deviation : float > 0
        Standard deviation of the noise.

    References
    ----------
    Rasmus et al. (2015), Semi-supervised learning with ladder networks.

    Examples
    --------
    >>> GaussianNoise(0.3)
    GaussianNoise(deviation=0.3)
    """

    deviation: float

    def forward(self, inputs: NDArray, values: Values, step: Step) -> tuple[NDArray, Backward]:
        """Add noise; backward passes the gradient on."""
        outputs = step.draws.normal(step.empty(*inputs.shape))
        outputs *= self.deviation
        outputs += inputs
        return outputs, straight_back
