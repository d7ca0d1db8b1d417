"""Normalisation of each unit over the batch, or of each row over its units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .layers import Backward, Layer, Parameter, Step, Values
from .workspace import Workspace

EPSILON = 1e-5
"""Added to variances, so that a constant unit is divided by something."""

_ROUNDINGS = 64
"""Tolerance, in machine epsilons, within which equal rows may differ after a matrix product."""


class Passes:
    """Passes through a batch, of which batch normalisation consists.

    Parameters
    ----------
    step : Step
        Lends memory.
    """

    def __init__(self, step: Step):
        self._step = step

    def centre(self, inputs: NDArray, mean: NDArray, weights: NDArray, centred: NDArray) -> NDArray:
        """Write ``x - mean`` into `centred`; return the variance of each unit."""
        np.subtract(inputs, mean, out=centred)
        square = np.multiply(centred, centred, out=self._step.empty(*centred.shape))
        return weights @ square

    def stretch(self, centred: NDArray, factor: NDArray, shift: NDArray, outputs: NDArray) -> None:
        """Write ``centred * factor + shift`` into `outputs`."""
        np.multiply(centred, factor, out=outputs)
        outputs += shift

    def add_up(self, d: NDArray, centred: NDArray, along: NDArray, total: NDArray) -> None:
        """Write the sums of ``d * centred`` and of d over the rows into `along` and `total`."""
        product = np.multiply(d, centred, out=self._step.empty(*d.shape))
        self._step.sum_rows(product, along)
        self._step.sum_rows(d, total)

    def correct(
        self, d: NDArray, centred: NDArray, along: NDArray, total: NDArray, weights: NDArray
    ) -> None:
        """Subtract ``w * (total + centred * along)`` from d."""
        correction = np.multiply(centred, along, out=self._step.empty(*d.shape))
        correction += total
        correction *= weights[:, np.newaxis]
        d -= correction


@dataclass(frozen=True)
class BatchNorm(Layer):
    """Normalises each unit over the batch, then scales and shifts it.

    ``outputs = scale * (x - mean) / sqrt(var + 1e-5) + shift`` with the weighted mean and variance
    of the batch in training and their running averages in prediction. A batch of a single row, or
    of copies of one, has no variance: it is normalised by the running averages, and does not change
    them.

    Parameters
    ----------
    units : int
        The number of inputs and outputs.

    References
    ----------
    Ioffe and Szegedy (2015), Batch normalization: accelerating deep network training by reducing
    internal covariate shift.

    Examples
    --------
    >>> [parameter.role for parameter in BatchNorm(3).parameters]
    ['no_decay', 'no_decay', 'buffer', 'buffer', 'buffer']
    """

    units: int
    # The running averages are plain means over the first ten batches; then each batch replaces a
    # tenth. A batch counts by its sum of sample weights.
    HORIZON: ClassVar[int] = 10

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Scale and shift; running mean and variance; their weight and the largest batch's."""
        learnt = Parameter("no_decay", (self.units,))
        running = Parameter("buffer", (self.units,))
        return learnt, learnt, running, running, Parameter("buffer", (2,))

    def initialize(self, values: Values, rng: np.random.Generator) -> None:
        """Start as the identity on normal inputs."""
        for array, start in zip(values, (1, 0, 0, 1, 0), strict=True):
            array.fill(start)

    def biases(self, values: Values) -> list[NDArray]:
        """Return the shift, which replaces the bias of the layer before."""
        return [values[1]]

    def reset_statistics(self, values: Values) -> None:
        """Discard the running averages: the next batch begins them anew."""
        values[-1].fill(0)

    def predict(self, inputs: NDArray, values: Values, memory: Workspace) -> NDArray:
        """Normalise by the running averages, in the memory of the inputs."""
        scale, shift, mean, variance, _ = values
        inputs -= mean
        inputs *= scale / np.sqrt(variance + EPSILON)
        inputs += shift
        return inputs

    def forward(self, inputs: NDArray, values: Values, step: Step) -> tuple[NDArray, Backward]:
        """Normalise by the batch.

        With x' the normalised inputs and w the row weights, backward is
        ``d_x = scale / sqrt(var + eps) * (d - w * (sum(d) + x' * sum(d * x')))``, and
        ``d_x = scale / sqrt(var + eps) * d`` where running averages, which are constants to the
        gradient, normalise.
        """
        scale, shift, running_mean, running_variance, _ = values
        passes, weights = self._passes(step), step.weights
        centred, outputs = step.empty(*inputs.shape), step.empty(*inputs.shape)
        mean = weights @ inputs
        variance = passes.centre(inputs, mean, weights, centred)
        # Copies of one row differ by rounding.
        rounding = (_ROUNDINGS * np.finfo(variance.dtype).eps) ** 2 * np.square(mean).max()
        varies = bool((variance > rounding).any())
        if varies:
            self._remember(step.total, mean, variance, values)
        else:
            np.subtract(inputs, running_mean, out=centred)
            variance = running_variance
        inverse = 1 / np.sqrt(variance + EPSILON)
        factor = scale * inverse
        passes.stretch(centred, factor, shift, outputs)

        def backward(d_outputs: NDArray, gradients: Values, propagate: bool) -> NDArray:
            """Write the gradients of scale and shift; return d_x as in `forward`."""
            d_scale, d_shift, *_ = gradients
            passes.add_up(d_outputs, centred, d_scale, d_shift)
            d_scale *= inverse
            if varies:
                passes.correct(d_outputs, centred, inverse * d_scale, d_shift, weights)
            d_outputs *= factor
            return d_outputs

        return outputs, backward

    def _passes(self, step: Step) -> Any:
        """Return what goes through a batch: an object with the methods of `Passes`."""
        return Passes(step)

    def _remember(self, total: float, mean: NDArray, variance: NDArray, values: Values) -> None:
        """Move the running averages towards the batch's."""
        *_, running_mean, running_variance, weight = values
        weight[1] = max(weight[1], total)
        weight[0] = min(weight[0] + total, self.HORIZON * weight[1])
        share = total / weight[0]
        running_mean += share * (mean - running_mean)
        running_variance += share * (variance - running_variance)


@dataclass(frozen=True)
class LayerNorm(Layer):
    """Normalises each row over its units, then scales and shifts each unit.

    ``outputs = scale * (x - mean) / sqrt(var + 1e-5) + shift``, with mean and variance over the
    units of the row; the same in training and prediction.

    Parameters
    ----------
    units : int
        The number of inputs and outputs.

    References
    ----------
    Ba, Kiros and Hinton (2016), Layer normalization.

    Examples
    --------
    >>> layer, memory = LayerNorm(4), Workspace(np.float64)
    >>> values = np.ones(4), np.zeros(4)
    >>> layer.predict(np.array([[1.0, 2.0, 3.0, 4.0]]), values, memory).round(2)
    array([[-1.34, -0.45,  0.45,  1.34]])
    """

    units: int

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Scale and shift."""
        return Parameter("no_decay", (self.units,)), Parameter("no_decay", (self.units,))

    def initialize(self, values: Values, rng: np.random.Generator) -> None:
        """Start without scale or shift."""
        scale, shift = values
        scale.fill(1)
        shift.fill(0)

    def predict(self, inputs: NDArray, values: Values, memory: Workspace) -> NDArray:
        """Return the normalised rows."""
        scale, shift = values
        normal, _ = self._normalize(inputs, memory.empty(*inputs.shape))
        normal *= scale
        normal += shift
        return normal

    def forward(self, inputs: NDArray, values: Values, step: Step) -> tuple[NDArray, Backward]:
        """Normalise the rows.

        With x' the normalised inputs and ``e = d * scale``, backward is
        ``d_x = (e - mean(e) - x' * mean(e * x')) / sqrt(var + eps)``.
        """
        scale, shift = values
        normal, inverse = self._normalize(inputs, step.empty(*inputs.shape))
        outputs = np.multiply(normal, scale, out=step.empty(*inputs.shape))
        outputs += shift

        def backward(d_outputs: NDArray, gradients: Values, propagate: bool) -> NDArray:
            """Write the gradients of scale and shift; return d_x as in `forward`."""
            d_scale, d_shift = gradients
            product = np.multiply(d_outputs, normal, out=step.empty(*inputs.shape))
            step.sum_rows(product, d_scale)
            step.sum_rows(d_outputs, d_shift)
            d_outputs *= scale
            along = np.einsum("ij,ij->i", d_outputs, normal)[:, np.newaxis] / self.units
            d_outputs -= d_outputs.mean(axis=1, keepdims=True)
            d_outputs -= np.multiply(normal, along, out=product)
            d_outputs *= inverse
            return d_outputs

        return outputs, backward

    def _normalize(self, inputs: NDArray, out: NDArray) -> tuple[NDArray, NDArray]:
        """Return the rows at mean 0 and variance 1, and the factor that made them so."""
        normal = np.subtract(inputs, inputs.mean(axis=1, keepdims=True), out=out)
        variance = np.einsum("ij,ij->i", normal, normal)[:, np.newaxis] / self.units
        inverse = 1 / np.sqrt(variance + EPSILON)
        normal *= inverse
        return normal, inverse
