"""A dense layer and its ReLU in one, as machine code where Numba is installed (the extra ``fast``).

NumPy goes through the outputs of a batch once for the bias and once for the ReLU, and on the way
back for the mask, the product with it and the sum over the rows. Here each way is one loop::

    forward    z = x @ W    ->  a = max(z + b, 0)
    backward   d where a > 0, else 0, and its sum over the rows db    ->  dW, dx
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .activations import ReLU
from .fused import OPTIONS, where_possible
from .layers import Activation, Backward, Chain, Dense, Layer, Step, Values

Loops = tuple[Callable[[NDArray, NDArray], None], Callable[[NDArray, NDArray, NDArray], None]]


@cache
@where_possible
def fused_relu(dtype: DTypeLike) -> Loops:
    """Return bias and ReLU as compiled loops, or None where that is not possible.

    Parameters
    ----------
    dtype : dtype
        Of the outputs.

    Returns
    -------
    activate : callable
        ``(outputs, bias)``: adds the bias and sets to zero what is negative.
    pass_back : callable
        ``(d_outputs, outputs, d_bias)``: sets to zero what belongs to an output of zero, and writes
        the sums over the rows.
    """
    import numba

    compile_loop: Any = numba.njit(**OPTIONS)  # type: ignore[call-overload]
    activate, pass_back = compile_loop(_activate), compile_loop(_pass_back)
    # This compiles the loops, or finds out that they cannot be compiled.
    rows, row = np.zeros((1, 1), dtype), np.zeros(1, dtype)
    activate(rows, row)
    pass_back(rows, rows, row)
    return activate, pass_back


def _activate(outputs: Any, bias: Any) -> None:
    n_rows, n_units = outputs.shape
    for i in range(n_rows):
        for j in range(n_units):
            z = outputs[i, j] + bias[j]
            # Not a number stays what it is.
            outputs[i, j] = 0 if z < 0 else z


def _pass_back(d_outputs: Any, outputs: Any, d_bias: Any) -> None:
    n_rows, n_units = outputs.shape
    d_bias[:] = 0
    for i in range(n_rows):
        for j in range(n_units):
            d = d_outputs[i, j] if outputs[i, j] > 0 else 0
            d_outputs[i, j] = d
            d_bias[j] += d


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
        loops = fused_relu(step.dtype)
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


def with_fused_relus(chain: Chain) -> Chain:
    """Return a chain in which each dense layer and the ReLU right after it are one.

    Examples
    --------
    >>> from skdigits.nn.initializers import zeros
    >>> chain = Chain([Dense(4, 3, zeros), Activation(ReLU()), Dense(3, 2, zeros)])
    >>> [type(layer).__name__ for layer in with_fused_relus(chain).layers]
    ['DenseReLU', 'Dense']
    """
    joined: list[Layer] = []
    for layer in chain.layers:
        match joined[-1:], layer:
            # The exact type only: a subclass may compute something else.
            case [Dense(bias=True) as dense], Activation() as relu if type(relu.function) is ReLU:
                joined[-1] = DenseReLU(dense, relu)
            case _:
                joined.append(layer)
    return Chain(joined)
