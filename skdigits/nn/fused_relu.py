"""The ReLU as machine code, where Numba is installed (the extra ``fast``).

NumPy goes through the outputs of a batch once for the bias and once for the ReLU, and on the way
back for the mask, the product with it and the sum over the rows. Here each way is one loop::

    forward    z = x @ W    ->  a = max(z + b, 0)
    backward   d where a > 0, else 0, and its sum over the rows db    ->  dW, dx

and the same without a bias, for a ReLU that comes after something else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .compiling import machine_code, where_possible
from .layers import Activation, Backward, Chain, Dense, Step, Values


@cache
@where_possible
def fused_relu(dtype: DTypeLike) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return a ReLU as compiled loops, or None where that is not possible.

    Parameters
    ----------
    dtype : dtype
        Of the batch.

    Returns
    -------
    activate : callable
        ``(inputs, outputs)``: writes ``max(inputs, 0)`` into `outputs`.
    pass_back : callable
        ``(d_outputs, outputs)``: sets to zero what belongs to an output of zero.
    """
    rows = np.zeros((1, 1), dtype)
    return machine_code(_activate, rows, rows), machine_code(_pass_back, rows, rows)


@cache
@where_possible
def fused_bias_relu(dtype: DTypeLike) -> tuple[Callable[..., None], Callable[..., None]]:
    """Return bias and ReLU as compiled loops, or None where that is not possible.

    Parameters
    ----------
    dtype : dtype
        Of the batch.

    Returns
    -------
    activate : callable
        ``(outputs, bias)``: adds the bias, and sets to zero what is negative then.
    pass_back : callable
        ``(d_outputs, outputs, d_bias)``: sets to zero what belongs to an output of zero, and writes
        the sums over the rows.
    """
    rows, row = np.zeros((1, 1), dtype), np.zeros(1, dtype)
    activate = machine_code(_add_and_activate, rows, row)
    return activate, machine_code(_pass_back_and_sum, rows, rows, row)


def _activate(inputs: Any, outputs: Any) -> None:
    n_rows, n_units = inputs.shape
    for i in range(n_rows):
        for j in range(n_units):
            z = inputs[i, j]
            # Not a number stays what it is.
            outputs[i, j] = 0 if z < 0 else z


def _pass_back(d_outputs: Any, outputs: Any) -> None:
    n_rows, n_units = outputs.shape
    for i in range(n_rows):
        for j in range(n_units):
            d_outputs[i, j] = d_outputs[i, j] if outputs[i, j] > 0 else 0


def _add_and_activate(outputs: Any, bias: Any) -> None:
    n_rows, n_units = outputs.shape
    for i in range(n_rows):
        for j in range(n_units):
            z = outputs[i, j] + bias[j]
            outputs[i, j] = 0 if z < 0 else z


def _pass_back_and_sum(d_outputs: Any, outputs: Any, d_bias: Any) -> None:
    n_rows, n_units = outputs.shape
    d_bias[:] = 0
    for i in range(n_rows):
        for j in range(n_units):
            d = d_outputs[i, j] if outputs[i, j] > 0 else 0
            d_outputs[i, j] = d
            d_bias[j] += d


@dataclass(frozen=True)
class FusedReLU(Activation):
    """A ReLU that is trained by machine code where possible.

    Examples
    --------
    >>> from skdigits.nn.activations import ReLU
    >>> step = Step(np.float64, np.random.default_rng())
    >>> FusedReLU(ReLU()).forward(np.array([[-1.0, 2.0]]), (), step)[0]
    array([[0., 2.]])
    """

    def forward(self, inputs: NDArray, values: Values, step: Step) -> tuple[NDArray, Backward]:
        """Return ``max(inputs, 0)``; backward as `Activation`."""
        loops = fused_relu(step.dtype)
        if loops is None:
            return super().forward(inputs, values, step)
        activate, pass_back = loops
        outputs = step.empty(*inputs.shape)
        activate(inputs, outputs)

        def backward(d_outputs: NDArray, gradients: Values, propagate: bool) -> NDArray:
            """Return d where the unit is active, in the memory of d."""
            pass_back(d_outputs, outputs)
            return d_outputs

        return outputs, backward


class DenseReLU(Chain):
    """A dense layer with a bias and the ReLU after it, trained by machine code where possible.

    Parameters
    ----------
    dense : Dense
        With a bias.
    relu : Activation
        A ReLU.

    Examples
    --------
    >>> from skdigits.nn.activations import ReLU
    >>> from skdigits.nn.initializers import zeros
    >>> layer = DenseReLU(Dense(2, 3, zeros), Activation(ReLU()))
    >>> values = layer.nest(iter([np.ones((2, 3)), np.array([0.0, -1.0, -9.0])]))
    >>> step = Step(np.float64, np.random.default_rng())
    >>> outputs, backward = layer.forward(np.array([[1.0, 2.0]]), values, step)
    >>> outputs
    array([[3., 2., 0.]])
    """

    def __init__(self, dense: Dense, relu: Activation):
        super().__init__([dense, relu])
        self._product = replace(dense, bias=False)

    def forward(self, inputs: NDArray, values: Values, step: Step) -> tuple[NDArray, Backward]:
        """Return ``max(inputs @ weight + bias, 0)``; backward as the two layers do."""
        loops = fused_bias_relu(step.dtype)
        if loops is None:
            return super().forward(inputs, values, step)
        activate, pass_back = loops
        (weight, bias), _ = values
        outputs, back_through_product = self._product.forward(inputs, (weight,), step)
        activate(outputs, bias)

        def backward(d_outputs: NDArray, gradients: Values, propagate: bool) -> NDArray | None:
            """Write dW and db; return d_inputs if asked."""
            (d_weight, d_bias), _ = gradients
            pass_back(d_outputs, outputs, d_bias)
            return back_through_product(d_outputs, (d_weight,), propagate)

        return outputs, backward
