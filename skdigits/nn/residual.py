"""Skip connections around a block of layers."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy

import numpy as np
from numpy.typing import NDArray

from .layers import Backward, Chain, Dense, Layer, Parameter, Step, Values
from .workspace import Workspace


class Residual(Layer):
    """A block with a skip connection, ``outputs = block(x) + skip(x)``.

    Parameters
    ----------
    block : Chain
        Begins with a dense layer.
    projection : Dense or None
        The skip where the block changes the width; None is the identity.

    References
    ----------
    He, Zhang, Ren and Sun (2016), Deep residual learning for image recognition.

    Examples
    --------
    >>> from skdigits.nn.initializers import zeros
    >>> layer = Residual(Chain([Dense(2, 2, zeros)]), None)
    >>> values = layer.nest(iter([np.zeros((2, 2)), np.ones(2)]))
    >>> layer.predict(np.array([[1.0, 2.0]]), values, Workspace(np.float64))
    array([[2., 3.]])
    """

    def __init__(self, block: Chain, projection: Dense | None):
        self.block = block
        self.projection = Chain([] if projection is None else [projection])

    def around(self, block: Chain) -> Residual:
        """Return the same skip connection around another block."""
        other = copy(self)
        other.block = block
        return other

    @property
    def takes_sparse(self) -> bool:
        """Whether block and skip begin with a dense layer, which can multiply sparse rows."""
        return bool(self.projection.layers) and self.block.takes_sparse

    @property
    def random(self) -> bool:
        """Whether the block draws random numbers."""
        return self.block.random

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The block's parameters, then the projection's."""
        return self.block.parameters + self.projection.parameters

    def leaves(self, n_inputs: int) -> list[tuple[Layer, int]]:
        """Return the leaves of the projection, then those of the block."""
        return self.projection.leaves(n_inputs) + self.block.leaves(n_inputs)

    def nest(self, arrays: Iterator[NDArray]) -> Values:
        """Return the block's values and the projection's."""
        return self.block.nest(arrays), self.projection.nest(arrays)

    def parts(self, values: Values) -> Iterator[tuple[Layer, Values]]:
        """Yield the parts of the block, then those of the projection."""
        yield from self.block.parts(values[0])
        yield from self.projection.parts(values[1])

    def main_parts(self, values: Values) -> Iterator[tuple[Layer, Values]]:
        """Yield those parts of the block."""
        yield from self.block.main_parts(values[0])

    def predict(self, inputs: NDArray, values: Values, memory: Workspace) -> NDArray:
        """Return ``block(inputs) + skip(inputs)``."""
        outputs = self.block.predict(inputs, values[0], memory)
        outputs += self.projection.predict(inputs, values[1], memory)
        return outputs

    def forward(self, inputs: NDArray, values: Values, step: Step) -> tuple[NDArray, Backward]:
        """Return the sum of block and skip; backward adds the gradients of both."""
        through, back_through = self.block.forward(inputs, values[0], step)
        around, back_around = self.projection.forward(inputs, values[1], step)
        outputs = np.add(through, around, out=step.empty(*through.shape))

        def backward(d_outputs: NDArray, gradients: Values, propagate: bool) -> NDArray | None:
            """Return the sum of the gradients at the inputs of block and skip."""
            # Each of the two may overwrite its gradient.
            d_around = step.empty(*d_outputs.shape)
            d_around[...] = d_outputs
            d_inputs = back_through(d_outputs, gradients[0], propagate)
            d_skip = back_around(d_around, gradients[1], propagate)
            if d_inputs is None or d_skip is None:
                return None
            d_inputs += d_skip
            return d_inputs

        return outputs, backward
