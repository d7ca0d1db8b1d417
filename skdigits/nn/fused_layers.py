"""The layers that are trained by machine code where Numba is installed (the extra ``fast``)."""

from __future__ import annotations

from .activations import ReLU
from .fused_norm import FusedBatchNorm
from .fused_relu import DenseReLU, FusedReLU
from .layers import Activation, Chain, Dense, Layer
from .normalization import BatchNorm
from .residual import Residual


def with_fused_layers(chain: Chain) -> Chain:
    """Return a chain of the same layers, those of machine code where there are such.

    Examples
    --------
    >>> from skdigits.nn.initializers import zeros
    >>> chain = Chain([Dense(4, 3, zeros), Activation(ReLU()), Dense(3, 2, zeros), BatchNorm(2)])
    >>> [type(layer).__name__ for layer in with_fused_layers(chain).layers]
    ['DenseReLU', 'Dense', 'FusedBatchNorm']
    """
    layers: list[Layer] = []
    for layer in chain.layers:
        match layers[-1:], layer:
            # Exactly the ReLU: a subclass of the user's own may compute something else.
            case [Dense(bias=True) as dense], Activation() as relu if type(relu.function) is ReLU:
                layers[-1] = DenseReLU(dense, relu)
            case _, Activation(function) if type(function) is ReLU:
                layers.append(FusedReLU(function))
            case _, Residual() as skipped:
                layers.append(skipped.around(with_fused_layers(skipped.block)))
            case _, BatchNorm(units):
                layers.append(FusedBatchNorm(units))
            case _:
                layers.append(layer)
    return Chain(layers)
