"""A running average of a network's weights, often better than the weights themselves."""

from __future__ import annotations

from skdigits.nn.elementwise import chunks
from skdigits.nn.network import Network


class Average:
    """Exponential moving average of parameters and buffers.

    ``average += (1 - decay_t) * (network - average)`` after each step t, where
    ``decay_t = min(decay, (1 + t) / (10 + t))`` forgets the initial weights soon.

    Parameters
    ----------
    network : Network
        Becomes the average; a copy of it goes on learning.
    decay : float in [0, 1)
        The share of itself that the average keeps in each step.

    References
    ----------
    Polyak and Juditsky (1992), Acceleration of stochastic approximation by averaging. They take the
    plain mean of all steps; the decay that rises with t is that of TensorFlow.

    Examples
    --------
    >>> from skdigits.nn.architecture import Architecture
    >>> from skdigits.nn.losses import CrossEntropy, Objective, Softmax
    >>> chain = Architecture(2, [], 3, [], None).chain()
    >>> network = Network(chain, Objective(Softmax(), CrossEntropy()), "float64")
    >>> average = Average(network, decay=0.999)
    >>> learning = network.like(vector=network.vector + 1)
    >>> average.follow(learning)
    >>> round(float(network.vector[0]), 4)
    0.8182
    """

    def __init__(self, network: Network, decay: float):
        self.network = network
        self.decay = decay
        self.steps = 0

    def follow(self, network: Network) -> None:
        """Move a little towards the network."""
        self.steps += 1
        share = 1 - min(self.decay, (1 + self.steps) / (10 + self.steps))
        for average, latest in chunks(self.network.vector, network.vector):
            average += share * (latest - average)
