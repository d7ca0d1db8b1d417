"""Layers: descriptions without data.

A layer says which parameters it has; the network keeps them. `forward` returns the outputs and a
function that runs the layer backward. That function holds all that the backward pass needs and dies
with the batch, so nothing of a batch ever stays on a layer and prediction is thread-safe::

    inputs  -> forward  -> outputs
    d_inputs <- backward <- d_outputs        (and writes the layer's own gradients)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .activations import ActivationFunction, write_value
from .draws import RowDraws
from .elementwise import chunks
from .initializers import Initializer
from .workspace import Workspace

Values = tuple[Any, ...]
"""A layer's arrays in the order of its `parameters`; of a chain, its layers' values."""

Backward = Callable[[NDArray, Values, bool], "NDArray | None"]
"""``backward(d_outputs, gradients, propagate)``: write the gradients, return d_inputs if asked."""


class Step(Workspace):
    """What the layers of one training step share: memory, row weights and random numbers.

    Parameters
    ----------
    dtype : dtype
        The element type of the computation.
    rng : numpy.random.Generator
        Advanced by the layers that draw from it.

    Attributes
    ----------
    weights : ndarray of shape (n_rows,)
        Row weights that sum to one.
    total : float
        The sum of the sample weights that they stand for.
    draws : RowDraws
        Random numbers for the rows.
    """

    def __init__(self, dtype: DTypeLike, rng: np.random.Generator):
        super().__init__(dtype)
        self.weights = self._ones = np.ones(0, self.dtype)
        self.total = 0.0
        self.draws = RowDraws(rng)

    def begin(self, weights: NDArray, total: float, keys: NDArray | None = None) -> None:
        """Begin the step on a batch whose rows have these weights.

        Parameters
        ----------
        weights : ndarray of shape (n_rows,)
            They sum to one.
        total : float
            The sum of the sample weights that they stand for.
        keys : ndarray of shape (n_rows,) and dtype uint64, optional
            Equal for equal rows; needed where a layer draws random numbers.
        """
        self.rewind()
        self.weights = weights
        self.total = total
        if keys is not None:
            self.draws.begin(keys)

    def sum_rows(self, rows: NDArray, out: NDArray) -> NDArray:
        """Sum over the rows, as a product with ones: BLAS is faster than a reduction."""
        if len(self._ones) != len(rows):
            self._ones = np.ones(len(rows), self.dtype)
        return np.matmul(self._ones, rows, out=out)


@dataclass(frozen=True)
class Parameter:
    """The shape and the role of one array of a layer.

    Roles are ``"weight"`` (learnt and decayed), ``"no_decay"`` (learnt, but never decayed) and
    ``"buffer"`` (a statistic that training keeps, not learnt).
    """

    role: str
    shape: tuple[int, ...]


class Layer:
    """A step on the way from the inputs to the logits."""

    @property
    def takes_sparse(self) -> bool:
        """Whether it computes on sparse rows as they are."""
        return False

    @property
    def keeps_sparse(self) -> bool:
        """Whether it takes sparse rows, and what it makes of them in training is sparse again."""
        return False

    @property
    def random(self) -> bool:
        """Whether it draws random numbers in training."""
        return False

    @property
    def predicts(self) -> bool:
        """Whether it does anything in prediction."""
        return True

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The layer's arrays, in the order in which `forward` expects them."""
        return ()

    @property
    def name(self) -> str:
        """Its name in a table of layers."""
        return type(self).__name__

    def leaves(self, n_inputs: int) -> list[tuple[Layer, int]]:
        """Return the layers that this one consists of, each with its number of outputs."""
        return [(self, n_inputs)]

    def nest(self, arrays: Iterator[NDArray]) -> Values:
        """Take the layer's arrays from a flat sequence."""
        return tuple(next(arrays) for _ in self.parameters)

    def parts(self, values: Values) -> Iterator[tuple[Layer, Values]]:
        """Yield the layers that this one consists of, each with its arrays."""
        yield self, values

    def main_parts(self, values: Values) -> Iterator[tuple[Layer, Values]]:
        """Yield those `parts` that are on the main path from the inputs to the logits."""
        yield from self.parts(values)

    def initialize(self, values: Values, rng: np.random.Generator) -> None:
        """Fill the arrays with their initial values."""

    def weights(self, values: Values) -> list[NDArray]:
        """Return the weights of its units."""
        return []

    def biases(self, values: Values) -> list[NDArray]:
        """Return the biases of its units."""
        return []

    def cap_norms(self, values: Values, largest: float) -> None:
        """Scale down the incoming weights of each unit whose norm exceeds `largest`."""

    def reset_statistics(self, values: Values) -> None:
        """Discard the running statistics."""

    def predict(self, inputs: NDArray, values: Values, memory: Workspace) -> NDArray:
        """Return the outputs outside training; the inputs may be overwritten."""
        raise NotImplementedError

    def forward(self, inputs: NDArray, values: Values, step: Step) -> tuple[NDArray, Backward]:
        """Return the outputs in training and the function that runs the layer backward."""
        raise NotImplementedError


def straight_back(d_outputs: NDArray, gradients: Values, propagate: bool) -> NDArray:
    """Return d as it is: backward for a layer that adds a constant or does nothing."""
    return d_outputs


def nothing_back(d_outputs: NDArray, gradients: Values, propagate: bool) -> None:
    """Return None: backward for a layer on sparse rows, whose gradient nobody asks for."""


def _product(inputs: Any, weight: NDArray, out: NDArray) -> NDArray:
    """Matrix product into `out`; the left factor may be sparse."""
    if isinstance(inputs, np.ndarray):
        return np.matmul(inputs, weight, out=out)
    out[...] = inputs @ weight
    return out


@dataclass(frozen=True)
class Dense(Layer):
    """Fully connected layer, ``outputs = inputs @ weight + bias``.

    Parameters
    ----------
    fan_in, fan_out : int
        The numbers of inputs and outputs.
    initializer : callable
        ``(fan_in, fan_out, rng) -> weights``; biases start at zero.
    bias : bool, default=True
        Whether there is a bias; batch normalisation right after the layer replaces it.

    Examples
    --------
    >>> from skdigits.nn.initializers import zeros
    >>> weight, bias = np.array([[1.0], [2.0]]), np.array([0.5])
    >>> Dense(2, 1, zeros).predict(np.array([[3.0, 4.0]]), (weight, bias), Workspace("float64"))
    array([[11.5]])
    """

    fan_in: int
    fan_out: int
    initializer: Initializer
    bias: bool = True

    takes_sparse = True

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The weight of shape (fan_in, fan_out) and the bias of shape (fan_out,)."""
        weight = Parameter("weight", (self.fan_in, self.fan_out))
        return (weight, Parameter("no_decay", (self.fan_out,))) if self.bias else (weight,)

    def leaves(self, n_inputs: int) -> list[tuple[Layer, int]]:
        """Return the layer with its `fan_out`."""
        return [(self, self.fan_out)]

    def initialize(self, values: Values, rng: np.random.Generator) -> None:
        """Draw the weights; set the bias to zero."""
        weight, *biases = values
        drawn = np.asarray(self.initializer(self.fan_in, self.fan_out, rng))
        if drawn.shape != weight.shape:
            raise ValueError(
                f"initializer returned weights of shape {drawn.shape}; a layer with "
                f"fan_in={self.fan_in} and fan_out={self.fan_out} needs {weight.shape}."
            )
        weight[...] = drawn
        if not np.isfinite(weight).all():
            raise ValueError("initializer returned weights that are NaN or infinite.")
        for bias in biases:
            bias.fill(0)

    def weights(self, values: Values) -> list[NDArray]:
        """Return the weight."""
        return [values[0]]

    def biases(self, values: Values) -> list[NDArray]:
        """Return the bias, if there is one."""
        return list(values[1:])

    def cap_norms(self, values: Values, largest: float) -> None:
        """Scale down each column of the weight whose norm exceeds `largest`."""
        weight = values[0]
        norms = np.sqrt(np.einsum("ij,ij->j", weight, weight))
        if norms.max() > largest:
            weight *= largest / np.maximum(norms, largest)

    def predict(self, inputs: NDArray, values: Values, memory: Workspace) -> NDArray:
        """Return ``inputs @ weight + bias``."""
        weight, *biases = values
        outputs = _product(inputs, weight, memory.empty(inputs.shape[0], self.fan_out))
        for bias in biases:
            outputs += bias
        return outputs

    def forward(self, inputs: NDArray, values: Values, step: Step) -> tuple[NDArray, Backward]:
        """Return the outputs; backward: ``dW = inputs.T @ d``, ``d_inputs = d @ weight.T``."""
        outputs = self.predict(inputs, values, step)

        def backward(d_outputs: NDArray, gradients: Values, propagate: bool) -> NDArray | None:
            """Write dW and db; return d_inputs if asked."""
            d_weight, *d_biases = gradients
            _product(inputs.T, d_outputs, d_weight)
            for d_bias in d_biases:
                step.sum_rows(d_outputs, d_bias)
            if not propagate:
                return None
            return np.matmul(d_outputs, values[0].T, out=step.empty(*inputs.shape))

        return outputs, backward


@dataclass(frozen=True)
class Activation(Layer):
    """An activation function, applied to each element, ``outputs = f(inputs)``.

    Parameters
    ----------
    function : ActivationFunction

    Examples
    --------
    >>> from skdigits.nn.activations import ReLU
    >>> Activation(ReLU()).predict(np.array([[-1.0, 2.0]]), (), Workspace("float64"))
    array([[0., 2.]])
    """

    function: ActivationFunction

    @property
    def name(self) -> str:
        """The name of the function."""
        return type(self.function).__name__

    def predict(self, inputs: NDArray, values: Values, memory: Workspace) -> NDArray:
        """Return ``f(inputs)`` in the memory of the inputs."""
        return self._apply(inputs, inputs)

    def forward(self, inputs: NDArray, values: Values, step: Step) -> tuple[NDArray, Backward]:
        """Return ``f(inputs)``; backward is ``d_inputs = d * f'(inputs)``."""
        outputs = self._apply(inputs, step.empty(*inputs.shape))

        def backward(d_outputs: NDArray, gradients: Values, propagate: bool) -> NDArray:
            """Return ``d * f'(inputs)``, in the memory of d."""
            for d, z, a in chunks(d_outputs, inputs, outputs):
                d *= self.function.derivative(z, a)
            return d_outputs

        return outputs, backward

    def _apply(self, inputs: NDArray, outputs: NDArray) -> NDArray:
        for z, a in chunks(inputs, outputs):
            write_value(self.function, z, a)
        return outputs


def _take_sparse(layers: Iterable[Layer]) -> bool:
    """Return whether the first layer that makes rows dense computes on sparse ones."""
    return next((layer.takes_sparse for layer in layers if not layer.keeps_sparse), False)


class Chain(Layer):
    """Layers one after another.

    Parameters
    ----------
    layers : sequence of Layer
        From the inputs to the outputs.

    Examples
    --------
    >>> from skdigits.nn.activations import ReLU
    >>> from skdigits.nn.initializers import zeros
    >>> chain = Chain([Dense(4, 3, zeros), Activation(ReLU()), Dense(3, 2, zeros)])
    >>> [parameter.shape for parameter in chain.parameters]
    [(4, 3), (3,), (3, 2), (2,)]
    """

    def __init__(self, layers: Sequence[Layer]):
        self.layers = tuple(layers)
        learns = [bool(layer.parameters) for layer in self.layers]
        # No layer before the first that learns needs a gradient.
        self._first_learning = learns.index(True) if any(learns) else len(learns)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters of all layers."""
        return tuple(parameter for layer in self.layers for parameter in layer.parameters)

    @property
    def takes_sparse(self) -> bool:
        """Whether the first layers compute on sparse rows as they are."""
        return _take_sparse(self.layers)

    @property
    def predicts_sparse(self) -> bool:
        """The same in prediction, where the first layers may do nothing."""
        return _take_sparse(layer for layer in self.layers if layer.predicts)

    @property
    def random(self) -> bool:
        """Whether any layer draws random numbers."""
        return any(layer.random for layer in self.layers)

    def leaves(self, n_inputs: int) -> list[tuple[Layer, int]]:
        """Return the leaves of all layers, from the inputs to the outputs."""
        found: list[tuple[Layer, int]] = []
        for layer in self.layers:
            found += layer.leaves(found[-1][1] if found else n_inputs)
        return found

    def nest(self, arrays: Iterator[NDArray]) -> Values:
        """Return the values of each layer."""
        return tuple(layer.nest(arrays) for layer in self.layers)

    def parts(self, values: Values) -> Iterator[tuple[Layer, Values]]:
        """Yield the parts of all layers, from the inputs to the outputs."""
        for layer, own in zip(self.layers, values, strict=True):
            yield from layer.parts(own)

    def main_parts(self, values: Values) -> Iterator[tuple[Layer, Values]]:
        """Yield the parts of all layers that are on the main path."""
        for layer, own in zip(self.layers, values, strict=True):
            yield from layer.main_parts(own)

    def predict(self, inputs: NDArray, values: Values, memory: Workspace) -> NDArray:
        """Return the outputs of the last layer."""
        for layer, own in zip(self.layers, values, strict=True):
            inputs = layer.predict(inputs, own, memory)
        return inputs

    def forward(self, inputs: NDArray, values: Values, step: Step) -> tuple[NDArray, Backward]:
        """Return the last outputs; backward runs the layers in reverse."""
        backwards: list[Backward] = []
        for layer, own in zip(self.layers, values, strict=True):
            inputs, backward = layer.forward(inputs, own, step)
            backwards.append(backward)

        def run_backward(d_outputs: NDArray, gradients: Values, propagate: bool) -> NDArray | None:
            """Run the layers backward, unless asked no further than the first that learns."""
            d: Any = d_outputs
            last = -1 if propagate else self._first_learning - 1
            for i in range(len(backwards) - 1, last, -1):
                d = backwards[i](d, gradients[i], propagate or i > self._first_learning)
            return d

        return inputs, run_backward
