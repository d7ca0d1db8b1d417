"""Initial weights from a layer's fan-in and fan-out.

An initializer is a function ``(fan_in, fan_out, rng) -> weights`` of shape (fan_in, fan_out). The
variance-preserving families differ only in the variance of the weights and in the shape of their
distribution, normal or uniform in ``±sqrt(3 * variance)``:

========  ======================  =============================================
family    variance                keeps the variance of
========  ======================  =============================================
he        2 / fan_in              the signal through rectifiers (He et al. 2015)
glorot    2 / (fan_in + fan_out)  signal and gradient (Glorot and Bengio 2010)
lecun     1 / fan_in              the signal through selu (LeCun et al. 1998)
========  ======================  =============================================
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Initializer = Callable[[int, int, np.random.Generator], NDArray]


@dataclass(frozen=True)
class VarianceScaling:
    """Independent weights of mean 0, whose variance depends on the fans.

    Parameters
    ----------
    variance : callable
        ``(fan_in, fan_out) -> variance``, such as ``2 / fan_in``.
    draw : callable
        ``(rng, deviation, shape) -> weights`` with this standard deviation.

    References
    ----------
    LeCun et al. (1998), Efficient backprop. Glorot and Bengio (2010), Understanding the difficulty
    of training deep feedforward neural networks. He et al. (2015), Delving deep into rectifiers.

    Examples
    --------
    >>> he = INITIALIZERS["he_normal"]
    >>> round(float(he(200, 100, np.random.default_rng(0)).std()), 3)  # The root of 2 / 200.
    0.1
    """

    variance: Callable[[int, int], float]
    draw: Callable[[np.random.Generator, float, tuple[int, int]], NDArray]

    def __call__(self, fan_in: int, fan_out: int, rng: np.random.Generator) -> NDArray:
        """Return weights of shape (fan_in, fan_out)."""
        return self.draw(rng, math.sqrt(self.variance(fan_in, fan_out)), (fan_in, fan_out))


def _he(fan_in: int, fan_out: int) -> float:
    return 2 / fan_in


def _glorot(fan_in: int, fan_out: int) -> float:
    return 2 / (fan_in + fan_out)


def _lecun(fan_in: int, fan_out: int) -> float:
    return 1 / fan_in


def _normal(rng: np.random.Generator, deviation: float, shape: tuple[int, int]) -> NDArray:
    return rng.normal(0, deviation, shape)


def _uniform(rng: np.random.Generator, deviation: float, shape: tuple[int, int]) -> NDArray:
    bound = math.sqrt(3) * deviation
    return rng.uniform(-bound, bound, shape)


def orthogonal(fan_in: int, fan_out: int, rng: np.random.Generator) -> NDArray:
    """Draw a matrix with orthonormal rows or columns, uniformly (Saxe et al. 2014).

    Parameters
    ----------
    fan_in, fan_out : int
        The shape of the weights.
    rng : numpy.random.Generator
        Where the randomness comes from.

    Returns
    -------
    weights : ndarray of shape (fan_in, fan_out)

    Examples
    --------
    >>> W = orthogonal(5, 3, np.random.default_rng(0))
    >>> np.allclose(W.T @ W, np.eye(3))
    True
    """
    tall = rng.normal(size=(max(fan_in, fan_out), min(fan_in, fan_out)))
    q, r = np.linalg.qr(tall)
    # The signs of R's diagonal make the decomposition unique, and so the draw uniform.
    q *= np.sign(np.diagonal(r))
    return q if fan_in >= fan_out else q.T


def zeros(fan_in: int, fan_out: int, rng: np.random.Generator) -> NDArray:
    """Return zero weights: right for an output layer alone, since equal hidden units stay equal.

    Parameters
    ----------
    fan_in, fan_out : int
        The shape of the weights.
    rng : numpy.random.Generator
        Not used.

    Returns
    -------
    weights : ndarray of shape (fan_in, fan_out)

    Examples
    --------
    >>> zeros(2, 3, np.random.default_rng())
    array([[0., 0., 0.],
           [0., 0., 0.]])
    """
    return np.zeros((fan_in, fan_out))


def normal(fan_in: int, fan_out: int, rng: np.random.Generator) -> NDArray:
    """Draw weights from a normal distribution with standard deviation 0.01, whatever the fans.

    Parameters
    ----------
    fan_in, fan_out : int
        The shape of the weights.
    rng : numpy.random.Generator
        Where the randomness comes from.

    Returns
    -------
    weights : ndarray of shape (fan_in, fan_out)

    Examples
    --------
    >>> round(float(normal(200, 100, np.random.default_rng(0)).std()), 3)
    0.01
    """
    return rng.normal(0, 0.01, (fan_in, fan_out))


INITIALIZERS: dict[str, Initializer] = {
    "he_normal": VarianceScaling(_he, _normal),
    "he_uniform": VarianceScaling(_he, _uniform),
    "glorot_normal": VarianceScaling(_glorot, _normal),
    "glorot_uniform": VarianceScaling(_glorot, _uniform),
    "lecun_normal": VarianceScaling(_lecun, _normal),
    "lecun_uniform": VarianceScaling(_lecun, _uniform),
    "normal": normal,
    "orthogonal": orthogonal,
    "zeros": zeros,
}
