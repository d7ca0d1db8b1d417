"""A layer for what has been done to the batches of a training before they reach the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .layers import Backward, Layer, Step, Values
from .workspace import Workspace


@dataclass(frozen=True)
class Prepared(Layer):
    """Prepares the inputs in prediction; in training they come prepared.

    An augmentation may end in what is not random, such as to set the deformed digits upright or to
    make features of them. What is predicted is not deformed, but needs that all the same.

    Parameters
    ----------
    function : callable
        ``batch -> batch``, with a row for each row. What it is given may be the caller's own array,
        and stays as it is.

    Examples
    --------
    >>> layer = Prepared(np.abs)
    >>> layer.predict(np.array([[-1.0, 2.0]]), (), Workspace("float64"))
    array([[1., 2.]])
    >>> layer.n_outputs(2)
    2
    """

    function: Callable[[NDArray], NDArray]

    def n_outputs(self, n_inputs: int) -> int:
        """Return how many numbers the function makes of a row, which a row of zeros tells."""
        return self._rows(np.zeros((1, n_inputs), np.float32)).shape[1]

    def leaves(self, n_inputs: int) -> list[tuple[Layer, int]]:
        """Return the layer with the number of its outputs."""
        return [(self, self.n_outputs(n_inputs))]

    def predict(self, inputs: NDArray, values: Values, memory: Workspace) -> NDArray:
        """Return the function of the inputs."""
        return self._rows(inputs).astype(inputs.dtype, copy=False)

    def _rows(self, inputs: NDArray) -> NDArray:
        outputs = np.asarray(self.function(inputs))
        if outputs.ndim != 2 or len(outputs) != len(inputs):
            raise ValueError(
                f"The function prepare of augment returned an array of shape {outputs.shape} for "
                f"one of shape {inputs.shape}; it must return a row for each row."
            )
        return outputs

    def forward(self, inputs: NDArray, values: Values, step: Step) -> tuple[NDArray, Backward]:
        """Return the inputs as they are; backward passes the gradient on."""

        def backward(d_outputs: NDArray, gradients: Values, propagate: bool) -> NDArray:
            """Return d as it is."""
            return d_outputs

        return inputs, backward
