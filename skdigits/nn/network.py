"""A network: a chain of layers over one flat parameter vector.

Weights come first in the vector, then biases and the like, so that what decays is one slice. An
optimizer, a norm, a snapshot and a checkpoint each deal with a single array; the layers see views::

    parameters  [ W1 | W2 | W3 | b1 | b2 | b3 ]      decayed: parameters[:n_weights]
    buffers     [ statistics that are kept, not learnt ]
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .layers import Chain, Step, Values
from .losses import Objective
from .workspace import Workspace

_ROLES = ("weight", "offset", "buffer")


class Network:
    """Layers, their parameters and the objective.

    Parameters
    ----------
    chain : Chain
        The layers from the inputs to the logits.
    objective : Objective
        What is minimised.
    dtype : dtype
        Single or double precision.

    Attributes
    ----------
    parameters : ndarray of shape (n_parameters,)
        All that is learnt. Write into it; rebinding it would orphan the layers' views.
    buffers : ndarray of shape (n_buffers,)
        Statistics that training keeps.
    n_weights : int
        ``parameters[:n_weights]`` are the weights, which may be decayed.

    Examples
    --------
    >>> from skdigits.nn.initializers import zeros
    >>> from skdigits.nn.layers import Dense
    >>> from skdigits.nn.losses import CrossEntropy, Softmax
    >>> network = Network(
    ...     Chain([Dense(4, 3, zeros)]), Objective(Softmax(), CrossEntropy()), np.float64
    ... )
    >>> network.parameters.size, network.n_weights
    (15, 12)
    >>> network.predict(np.ones((2, 4)))
    array([[0., 0., 0.],
           [0., 0., 0.]])
    """

    def __init__(self, chain: Chain, objective: Objective, dtype: DTypeLike):
        self.chain = chain
        self.objective = objective
        self.dtype = np.dtype(dtype)
        sizes = dict.fromkeys(_ROLES, 0)
        for parameter in chain.parameters:
            sizes[parameter.role] += math.prod(parameter.shape)
        self.n_weights = sizes["weight"]
        self.parameters = np.zeros(sizes["weight"] + sizes["offset"], self.dtype)
        self.buffers = np.zeros(sizes["buffer"], self.dtype)
        self._values = self.views(self.parameters, self.buffers)

    def rebuilt(self, chain: Chain, objective: Objective) -> Network:
        """Return a network of other layers on the same parameters.

        Parameters
        ----------
        chain : Chain
            Its parameters must have the same shapes in the same order.
        objective : Objective

        Raises
        ------
        ValueError
            The shapes differ.
        """
        if chain.parameters != self.chain.parameters:
            raise ValueError(
                "Training can only go on with the same shape of the network: its parameters were "
                f"{[p.shape for p in self.chain.parameters]} and would be "
                f"{[p.shape for p in chain.parameters]} (hidden_layer_sizes and the like changed)."
            )
        network = Network(chain, objective, self.dtype)
        network.parameters, network.buffers = self.parameters, self.buffers
        network._values = network.views(network.parameters, network.buffers)
        return network

    def __getstate__(self) -> dict[str, Any]:
        """Leave the views out: a copy would no longer alias the vectors."""
        return {name: value for name, value in self.__dict__.items() if name != "_values"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._values = self.views(self.parameters, self.buffers)

    def views(self, parameters: NDArray, buffers: NDArray) -> Values:
        """Return the layers' views of two vectors laid out as this network's own.

        Parameters
        ----------
        parameters : ndarray of shape (n_parameters,)
        buffers : ndarray of shape (n_buffers,)

        Returns
        -------
        values : tuple
            One tuple of arrays per layer.
        """
        vectors = dict(
            zip(_ROLES, (parameters, parameters[self.n_weights :], buffers), strict=True)
        )
        starts = dict.fromkeys(_ROLES, 0)
        arrays = []
        for parameter in self.chain.parameters:
            start = starts[parameter.role]
            stop = starts[parameter.role] = start + math.prod(parameter.shape)
            arrays.append(vectors[parameter.role][start:stop].reshape(parameter.shape))
        return self.chain.nest(iter(arrays))

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw the initial parameters."""
        self.chain.initialize(self._values, rng)

    def largest_product(self, n_rows: int) -> int:
        """Return the multiplications in the largest matrix product on so many rows."""
        return n_rows * self._largest_weight

    @cached_property
    def _largest_weight(self) -> int:
        return max(math.prod(p.shape) for p in self.chain.parameters if p.role == "weight")

    @property
    def weights(self) -> list[NDArray]:
        """The weights of each dense layer, as views."""
        return self.chain.weights(self._values)

    @property
    def biases(self) -> list[NDArray]:
        """The bias of each dense layer, or the shift of its normalisation, as views."""
        return self.chain.biases(self._values)

    def cap_norms(self, largest: float) -> None:
        """Scale down the incoming weights of each unit whose norm exceeds `largest`."""
        self.chain.cap_norms(self._values, largest)

    def predict(self, inputs: Any, memory: Workspace | None = None) -> NDArray:
        """Return the logits of rows outside training.

        Parameters
        ----------
        inputs : ndarray or CSR of shape (n_rows, n_features) and the network's dtype
        memory : Workspace, optional
            Reused from block to block; the logits lie in it.

        Returns
        -------
        logits : ndarray of shape (n_rows, n_outputs)
        """
        if memory is None:
            memory = Workspace(self.dtype)
        else:
            memory.rewind()
        return self.chain.predict(inputs, self._values, memory)

    def loss_and_gradient(
        self, inputs: Any, targets: NDArray, gradients: Values, step: Step
    ) -> tuple[float, NDArray]:
        """Run forward and backward on a batch.

        Parameters
        ----------
        inputs : ndarray or CSR of shape (n_rows, n_features)
        targets : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        gradients : tuple
            The `views` of the vector that the gradient of the mean loss is written to.
        step : Step
            Memory and row weights.

        Returns
        -------
        loss : float
            The weighted mean over the rows, without penalty.
        logits : ndarray of shape (n_rows, n_outputs)
        """
        logits, backward = self.chain.forward(inputs, self._values, step)
        loss, d_logits = self.objective.loss_and_gradient(logits, targets, step.weights)
        backward(d_logits, gradients, False)
        return loss, logits
