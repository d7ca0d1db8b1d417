"""From the shape of a multilayer perceptron to its chain of layers.

A hidden layer is a small stack, and the logits come from a last dense layer::

    inputs -> [ Dense -> Activation ] -> ... -> Dense -> logits
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .activations import ActivationFunction, Identity
from .initializers import INITIALIZERS, Initializer
from .layers import Activation, Chain, Dense, Layer


@dataclass(frozen=True)
class Architecture:
    """The shape of a multilayer perceptron.

    Parameters
    ----------
    n_features : int
        Inputs of the first layer.
    hidden : sequence of int
        Units of each hidden layer.
    n_outputs : int
        Logits.
    activations : sequence of ActivationFunction
        One per hidden layer.
    initializer : callable or None
        Weights of every dense layer; None takes what suits the layer's activation.

    Examples
    --------
    >>> from skdigits.nn.activations import ReLU
    >>> chain = Architecture(64, [32], 10, [ReLU()], None).chain()
    >>> [type(layer).__name__ for layer in chain.layers]
    ['Dense', 'Activation', 'Dense']
    """

    n_features: int
    hidden: Sequence[int]
    n_outputs: int
    activations: Sequence[ActivationFunction]
    initializer: Initializer | None

    def chain(self) -> Chain:
        """Return the layers, from the inputs to the logits."""
        layers: list[Layer] = []
        fan_in = self.n_features
        for units, function in zip(self.hidden, self.activations, strict=True):
            layers += [self._dense(fan_in, units, function), Activation(function)]
            fan_in = units
        layers.append(self._dense(fan_in, self.n_outputs, Identity()))
        return Chain(layers)

    def _dense(self, fan_in: int, fan_out: int, function: ActivationFunction) -> Dense:
        suited = INITIALIZERS[getattr(function, "initializer", "he_normal")]
        return Dense(fan_in, fan_out, self.initializer or suited)
