"""Optimizer rules: element-wise, in place, each the step of its paper.

A rule is a handful of augmented assignments. They mean the same on array slices and on scalars, so
the one function serves twice: NumPy applies it to pieces that fit into the cache (`by_pieces`), and
a compiled loop to the numbers of one parameter after another (`fused.py`)::

    p, g  ->  apply_penalty (weights alone)  ->  rule  ->  p, state
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .elementwise import CHUNK


def apply_penalty(p: Any, g: Any, shrink: float, l2: float, l1: float) -> Any:
    """Shrink weights; add the penalty's derivative ``l2 * p + l1 * sign(p)`` to their gradient."""
    if shrink != 1:
        p *= shrink
    if l2:
        g += l2 * p
    if l1:
        g += l1 * np.sign(p)
    return p, g


class Decay(NamedTuple):
    """Shrinkage and penalty in a step, of the first `n_weights` parameters: these are the weights.

    Parameters
    ----------
    n_weights : int
    shrink : float
        Factor on the weights (decoupled weight decay).
    l2, l1 : float
        The penalty's derivative ``l2 * w + l1 * sign(w)`` is added to the gradient.
    """

    n_weights: int = 0
    shrink: float = 1.0
    l2: float = 0.0
    l1: float = 0.0

    def penalty(self, parameters: NDArray) -> float:
        """Return the penalty, ``l2 / 2 * |w|_2^2 + l1 * |w|_1``.

        Parameters
        ----------
        parameters : ndarray of shape (n_parameters,)

        Examples
        --------
        >>> Decay(n_weights=2, l2=0.1, l1=1).penalty(np.array([3.0, -1.0, 5.0]))
        4.5
        """
        weights = parameters[: self.n_weights]
        penalty = 0.5 * self.l2 * float(weights @ weights)
        # To add up what nobody penalises would take longer than a small step.
        return penalty + self.l1 * float(np.abs(weights).sum()) if self.l1 else penalty

    def of(self, part: slice) -> Decay:
        """Return the decay of a part of the parameters.

        Parameters
        ----------
        part : slice
            With a start.

        Examples
        --------
        >>> Decay(n_weights=5).of(slice(3, 9)).n_weights
        2
        """
        return self._replace(n_weights=max(0, self.n_weights - part.start))


NO_DECAY = Decay()


def by_pieces(
    rule: Callable[..., Any],
    parameters: NDArray,
    gradient: NDArray,
    state: NDArray,
    scalars: tuple[float, ...],
    decay: Decay,
) -> None:
    """Apply a rule by NumPy, to pieces whose temporaries stay in the cache.

    Parameters
    ----------
    rule : callable
        ``(p, g, *state, *scalars) -> (p, *state)``, in place or not.
    parameters, gradient : ndarray of shape (n,)
    state : ndarray of shape (slots, n)
    scalars : tuple of float
    decay : Decay

    Examples
    --------
    >>> p, g, v = np.array([1.0, 1.0]), np.array([2.0, 2.0]), np.zeros((1, 2))
    >>> by_pieces(sgd, p, g, v, (0.1, 0.9), Decay(n_weights=1, shrink=0.5))
    >>> p
    array([0.3, 0.8])
    """
    n_weights, *penalty = decay
    # A NumPy scalar in double precision would make every temporary double.
    plain = [float(scalar) for scalar in scalars]
    for start in range(0, parameters.size, CHUNK):
        piece = slice(start, start + CHUNK)
        p, g = parameters[piece], gradient[piece]
        if start < n_weights:
            apply_penalty(p[: n_weights - start], g[: n_weights - start], *penalty)
        kept = p, *state[:, piece]
        for array, updated in zip(kept, rule(p, g, *kept[1:], *plain), strict=True):
            # A rule may do without augmented assignments.
            if updated is not array:
                array[...] = updated


def sgd(p: Any, g: Any, v: Any, rate: float, momentum: float) -> Any:
    """Heavy ball: ``v = momentum * v + g``, ``p -= rate * v``."""
    v *= momentum
    v += g
    p -= rate * v
    return p, v


def nesterov(p: Any, g: Any, v: Any, rate: float, momentum: float) -> Any:
    """Nesterov: ``v = momentum * v + g``, ``p -= rate * (g + momentum * v)``."""
    v *= momentum
    v += g
    p -= rate * (g + momentum * v)
    return p, v


def rmsprop(p: Any, g: Any, v: Any, b: Any, rate: float, eps: float, rho: float, mu: float) -> Any:
    """RMSprop: a decayed sum v of squares scales the gradient, b is its momentum."""
    v *= rho
    v += g * g
    b *= mu
    b += g / (np.sqrt(v) + eps)
    p -= rate * b
    return p, v, b


def adagrad(p: Any, g: Any, s: Any, rate: float, eps: float) -> Any:
    """AdaGrad: ``s += g^2``, ``p -= rate * g / (sqrt(s) + eps)``."""
    s += g * g
    p -= rate * g / (np.sqrt(s) + eps)
    return p, s


def adam(
    p: Any, g: Any, m: Any, v: Any, rate: float, eps: float, beta_1: float, beta_2: float
) -> Any:
    """Adam on decayed sums: m and v are the paper's, divided by ``1 - beta_1`` and ``1 - beta_2``.

    So no pass over the arrays multiplies g by these; they are in the rate and in eps instead.
    """
    m *= beta_1
    m += g
    v *= beta_2
    v += g * g
    p -= rate * m / (np.sqrt(v) + eps)
    return p, m, v


def nadam(
    p: Any,
    g: Any,
    m: Any,
    v: Any,
    on_g: float,
    on_m: float,
    eps: float,
    beta_1: float,
    beta_2: float,
) -> Any:
    """Adam whose step looks ahead: a mixture of the gradient and its decayed sum."""
    m *= beta_1
    m += g
    v *= beta_2
    v += g * g
    p -= (on_g * g + on_m * m) / (np.sqrt(v) + eps)
    return p, m, v


def adamax(
    p: Any, g: Any, m: Any, u: Any, rate: float, eps: float, beta_1: float, beta_2: float
) -> Any:
    """Adam in the infinity norm: ``u = max(beta_2 * u, |g| + eps)``."""
    m *= beta_1
    m += g
    u *= beta_2
    u += np.maximum(np.abs(g) + eps - u, 0)
    p -= rate * m / u
    return p, m, u


def radam(
    p: Any,
    g: Any,
    m: Any,
    v: Any,
    rate: float,
    eps: float,
    adaptive: float,
    beta_1: float,
    beta_2: float,
) -> Any:
    """Adam whose denominator is switched on once the variance of v is known well enough."""
    m *= beta_1
    m += g
    v *= beta_2
    v += g * g
    p -= rate * m / (adaptive * np.sqrt(v) + eps)
    return p, m, v


def lion(
    p: Any,
    g: Any,
    m: Any,
    rate: float,
    beta_1: float,
    rest_1: float,
    beta_2: float,
    rest_2: float,
) -> Any:
    """Lion: steps of equal length, ``sign(beta_1 * m + rest_1 * g)`` with ``rest = 1 - beta``."""
    p -= rate * np.sign(beta_1 * m + rest_1 * g)
    m *= beta_2
    m += rest_2 * g
    return p, m
