"""A network: a chain of layers over one flat vector.

Weights come first in the vector, then biases and the like, so that one slice holds all that decays,
and one all that is learnt. An optimizer, a norm, a copy and a checkpoint each deal with a single
array; the layers see views::

    vector  [ W1 | W2 | W3 | b1 | b2 | b3 | statistics that are kept, not learnt ]
            |-- n_weights -|              |
            |-------- n_parameters -------|
"""

from __future__ import annotations

import copy
import math
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .layers import Chain, Step, Values
from .losses import Objective
from .workspace import Workspace

_ROLES = ("weight", "no_decay", "buffer")


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
    vector : ndarray of shape (n_parameters + n_buffers,)
        Parameters and buffers. Write into it rather than assign another one, which the views would
        not follow; `like` makes new views.
    parameters : ndarray of shape (n_parameters,)
        All that is learnt, as a view.
    buffers : ndarray of shape (n_buffers,)
        Statistics that training keeps, as a view.
    n_weights : int
        ``vector[:n_weights]`` are the weights, which may be decayed.
    n_parameters : int
        ``vector[:n_parameters]`` are the parameters.

    Examples
    --------
    >>> from skdigits.nn.initializers import zeros
    >>> from skdigits.nn.layers import Dense
    >>> from skdigits.nn.losses import CrossEntropy, Softmax
    >>> network = Network(
    ...     Chain([Dense(4, 3, zeros)]), Objective(Softmax(), CrossEntropy()), np.float64
    ... )
    >>> network.n_parameters, network.n_weights
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
        self.n_parameters = self.n_weights + sizes["no_decay"]
        self.vector = np.zeros(self.n_parameters + sizes["buffer"], self.dtype)
        self._see_vector()

    def _see_vector(self) -> None:
        self.parameters, self.buffers = np.split(self.vector, [self.n_parameters])
        self._values = self.views(self.vector)

    def like(
        self,
        *,
        chain: Chain | None = None,
        objective: Objective | None = None,
        vector: NDArray | None = None,
    ) -> Network:
        """Return a network that shares with this one all but what is given.

        Parameters
        ----------
        chain : Chain, optional
            Its parameters must have the same shapes in the same order.
        objective : Objective, optional
        vector : ndarray of shape (n_parameters + n_buffers,), optional

        Raises
        ------
        ValueError
            The shapes differ.
        """
        network = copy.copy(self)
        network.chain = self.chain if chain is None else chain
        network.objective = self.objective if objective is None else objective
        network.vector = self.vector if vector is None else vector
        ours, theirs = self.chain.parameters, network.chain.parameters
        if theirs != ours:
            raise ValueError(
                "Training can only go on with the same shape of the network: its parameters were "
                f"{[p.shape for p in ours]} and would be {[p.shape for p in theirs]} "
                "(hidden_layer_sizes, normalization, residual or the rows of prepare changed)."
            )
        network._see_vector()
        return network

    def __deepcopy__(self, memo: dict[int, Any]) -> Network:
        """Share the layers, which hold no data, and with them whatever functions a user gave."""
        return self.like(vector=self.vector.copy())

    def __getstate__(self) -> dict[str, Any]:
        """Leave the views out: a copy would no longer alias the vector."""
        views = ("parameters", "buffers", "_values")
        return {name: value for name, value in self.__dict__.items() if name not in views}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._see_vector()

    def views(self, vector: NDArray) -> Values:
        """Return the layers' views of a vector laid out as this network's own.

        Parameters
        ----------
        vector : ndarray of shape (n_parameters + n_buffers,)

        Returns
        -------
        values : tuple
            One tuple of arrays per layer.
        """
        starts = dict(zip(_ROLES, (0, self.n_weights, self.n_parameters), strict=True))
        arrays = []
        for parameter in self.chain.parameters:
            start = starts[parameter.role]
            stop = starts[parameter.role] = start + math.prod(parameter.shape)
            arrays.append(vector[start:stop].reshape(parameter.shape))
        return self.chain.nest(iter(arrays))

    def initialize(self, rng: np.random.Generator) -> None:
        """Draw the initial parameters."""
        for layer, values in self.chain.parts(self._values):
            layer.initialize(values, rng)

    def largest_product(self, n_rows: int) -> int:
        """Return the multiplications in the largest matrix product on so many rows."""
        return n_rows * self._largest_weight

    @cached_property
    def _largest_weight(self) -> int:
        return max(math.prod(p.shape) for p in self.chain.parameters if p.role == "weight")

    @property
    def weights(self) -> list[NDArray]:
        """The weights of each dense layer, as views."""
        parts = self.chain.main_parts(self._values)
        return [weight for layer, values in parts for weight in layer.weights(values)]

    @property
    def biases(self) -> list[NDArray]:
        """The bias of each dense layer, or the shift of its normalisation, as views."""
        parts = self.chain.main_parts(self._values)
        return [bias for layer, values in parts for bias in layer.biases(values)]

    def cap_norms(self, largest: float) -> None:
        """Scale down the incoming weights of each unit whose norm exceeds `largest`."""
        for layer, values in self.chain.parts(self._values):
            layer.cap_norms(values, largest)

    def reset_statistics(self) -> None:
        """Discard the running statistics."""
        for layer, values in self.chain.parts(self._values):
            layer.reset_statistics(values)

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
            The `views` of the vector that the gradient of the mean loss is written to; its part for
            the buffers is left alone.
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
