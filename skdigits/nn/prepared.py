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

    An augmentation may end in a normalisation, such as to set the deformed digits upright. What is
    predicted is not deformed, but has to be normalised all the same.

    Parameters
    ----------
    function : callable
        ``batch -> batch``, of the same shape. What it is given may be the caller's own array, and
        stays as it is.

    Examples
    --------
    >>> Prepared(np.abs).predict(np.array([[-1.0, 2.0]]), (), Workspace("float64"))
    array([[1., 2.]])
    """

    function: Callable[[NDArray], NDArray]

    def predict(self, inputs: NDArray, values: Values, memory: Workspace) -> NDArray:
        """Return the function of the inputs."""
        outputs = np.asarray(self.function(inputs))
        if outputs.shape != inputs.shape:
            raise ValueError(
                f"The normalization of augment returned an array of shape {outputs.shape}; it must "
                f"return one of the shape it was given, {inputs.shape}."
            )
        return outputs.astype(inputs.dtype, copy=False)

    def forward(self, inputs: NDArray, values: Values, step: Step) -> tuple[NDArray, Backward]:
        """Return the inputs as they are; backward passes the gradient on."""

        def backward(d_outputs: NDArray, gradients: Values, propagate: bool) -> NDArray:
            """Return d as it is."""
            return d_outputs

        return inputs, backward
