"""From the shape of a multilayer perceptron to its chain of layers.

A hidden layer is a small stack, and a last dense layer gives the logits; parts that are not asked
for are left out::

    inputs -> Prepared -> Noise -> Dropout
           -> [ Dense -> Norm -> Noise -> Activation -> Dropout ] -> ...      (+ skip)
           -> Dense -> logits
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from numpy.typing import NDArray

from skdigits.component import COUNT, Component, Interval, Names, bounded, check_parameter

from .activations import ActivationFunction, Identity
from .initializers import INITIALIZERS, Initializer
from .layers import Activation, Chain, Dense, Layer
from .noise import AlphaDropout, Dropout, GaussianNoise
from .normalization import BatchNorm, LayerNorm
from .prepared import Prepared
from .residual import Residual

NORMALIZATIONS: dict[str, type[BatchNorm] | type[LayerNorm]] = {
    "batch": BatchNorm,
    "layer": LayerNorm,
}


@dataclass(kw_only=True, eq=False, repr=False)
class HiddenLayers(Component):
    """Hidden layers of one width, as two numbers that a search over parameters can draw.

    Pass it as `hidden_layer_sizes` and search over ``hidden_layer_sizes__width`` and
    ``hidden_layer_sizes__n_layers``.

    Parameters
    ----------
    width : int in [1, inf), default=100
        Units of each layer.
    n_layers : int in [0, inf), default=1
        How many layers there are.

    Examples
    --------
    >>> HiddenLayers(width=64, n_layers=3).sizes
    [64, 64, 64]
    """

    width: int = bounded(100, COUNT)
    n_layers: int = bounded(1, Interval("[0, inf)", integer=True))

    @property
    def sizes(self) -> list[int]:
        """The units of each layer."""
        return [int(self.width)] * int(self.n_layers)


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
        Weights of every dense layer; None takes what suits the activation before the layer, and
        Glorot's for the first, before which no rectifier has cut half of the signal off, and for
        the last.
    normalization : {"batch", "layer"} or None
        The normalisation after the dense layer of each hidden layer.
    dropout : sequence of float
        The rate after each hidden layer; empty for none.
    input_dropout : float
        The rate on the inputs.
    noise : float
        Standard deviation of the noise on the inputs and before each activation.
    residual : bool
        Whether each hidden layer has a skip connection.
    prepare : callable or None
        ``batch -> batch``, applied to the inputs in prediction; in training they come prepared.

    Examples
    --------
    >>> from skdigits.nn.activations import ReLU
    >>> chain = Architecture(64, [32], 10, [ReLU()], None, normalization="batch").chain()
    >>> [type(layer).__name__ for layer in chain.layers]
    ['Dense', 'BatchNorm', 'Activation', 'Dense']
    """

    n_features: int
    hidden: Sequence[int]
    n_outputs: int
    activations: Sequence[ActivationFunction]
    initializer: Initializer | None
    normalization: str | None = None
    dropout: Sequence[float] = field(default_factory=list)
    input_dropout: float = 0.0
    noise: float = 0.0
    residual: bool = False
    prepare: Callable[[NDArray], NDArray] | None = None

    def chain(self) -> Chain:
        """Return the layers, from the inputs to the logits."""
        layers: list[Layer] = []
        fan_in = self.n_features
        if self.prepare is not None:
            prepared = Prepared(self.prepare)
            layers, fan_in = [prepared], prepared.n_outputs(fan_in)
        layers += [*self._noise(), *self._drop(self.input_dropout, Identity())]
        rates = self.dropout or [0.0] * len(self.hidden)
        before: ActivationFunction = Identity()
        for units, function, rate in zip(self.hidden, self.activations, rates, strict=True):
            # Batch normalisation subtracts any bias added before it; its own shift replaces it.
            dense = self._dense(fan_in, units, before, bias=self.normalization != "batch")
            block = [dense, *self._behind(units, function, rate)]
            layers += [self._skip(block, fan_in, units)] if self.residual else block
            fan_in, before = units, function
        layers.append(self._dense(fan_in, self.n_outputs, Identity()))
        return Chain(layers)

    def _behind(self, units: int, function: ActivationFunction, rate: float) -> list[Layer]:
        """Return the layers of a hidden layer behind the dense one."""
        layers = [*self._noise(), Activation(function), *self._drop(rate, function)]
        if self.normalization is None:
            return layers
        return [NORMALIZATIONS[self.normalization](units), *layers]

    def _skip(self, block: list[Layer], fan_in: int, units: int) -> Residual:
        """Return the block with a skip connection."""
        same = fan_in == units
        around = None if same else self._dense(fan_in, units, Identity(), bias=False)
        return Residual(Chain(block), around)

    def _noise(self) -> list[Layer]:
        return [GaussianNoise(self.noise)] if self.noise else []

    def _drop(self, rate: float, function: ActivationFunction) -> list[Layer]:
        if not rate:
            return []
        keeps_variance = getattr(function, "self_normalizing", False)
        return [AlphaDropout(rate) if keeps_variance else Dropout(rate)]

    def _dense(
        self, fan_in: int, fan_out: int, before: ActivationFunction, *, bias: bool = True
    ) -> Dense:
        name = getattr(before, "initializer", "he_normal")
        check_parameter(type(before).__name__, "initializer", name, (Names(INITIALIZERS),))
        return Dense(fan_in, fan_out, self.initializer or INITIALIZERS[name], bias)
