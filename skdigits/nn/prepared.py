"""A layer that does to inputs in prediction what augmentation does to batches in training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .layers import Backward, Layer, Step, Values, straight_back
from .workspace import Workspace


@dataclass(frozen=True)
class Prepared(Layer):
    """Prepares the inputs in prediction; in training they come prepared.

    An augmentation may end in a step that is not random, such as setting deformed digits upright or
    computing features. In prediction nothing is deformed, but the inputs need that step as well.

    Parameters
    ----------
    function : callable
        ``batch -> batch``, with a row for each row. It must not change its argument, which may be
        the caller's own array.

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
        """Return how many numbers the function makes of a row, found out with a row of zeros."""
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
        return inputs, straight_back
