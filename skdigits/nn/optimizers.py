"""Optimizers: hyperparameters, and the scalars that a rule is given at each step.

The rules themselves are element-wise functions. Bias corrections and the factors ``1 - beta`` of
running averages are folded into the rate and epsilon, since ``m / (1 - beta)`` is a plain sum of
decayed gradients. State (`slots` vectors) belongs to the training run, never to the optimizer
object::

    step, rate -> scalars -> rule -> parameters, state     as one compiled loop, or by NumPy
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from skdigits.component import COUNT, FRACTION, NON_NEGATIVE, POSITIVE, Component, bounded

from . import rules
from .fused import fused
from .rules import NO_DECAY, Decay, by_pieces


class Solver(Component):
    """What trains a network: an `Optimizer` on mini-batches, `LBFGS` on all rows at once."""

    incremental: ClassVar[bool] = True
    """Whether it goes from mini-batch to mini-batch, as an `Optimizer` does."""

    slots: ClassVar[int] = 0
    """How many vectors of state it keeps, each as long as that of the parameters."""

    scales: ClassVar[tuple[str, ...]] = ()
    """Hyperparameters that set the scale of the state; when one changes, the state starts anew."""


class Optimizer(Solver):
    """A first-order optimizer that follows mini-batch gradients."""

    rule: ClassVar[Callable[..., Any]]
    weight_decay: float = 0.0

    def scalars(
        self, t: int, rate: float, momentum: float | None = None, before: float | None = None
    ) -> tuple[float, ...]:
        """Return the rule's scalars at step t = 1, 2, ...

        Parameters
        ----------
        t : int
            The number of this step, from 1.
        rate : float
            The learning rate of this step.
        momentum : float, optional
            Replaces the momentum or beta_1 where a schedule varies it.
        before : float, optional
            The value of `momentum` at the step before.
        """
        raise NotImplementedError

    def update(
        self,
        parameters: NDArray,
        gradient: NDArray,
        state: NDArray,
        scalars: tuple[float, ...],
        decay: Decay = NO_DECAY,
    ) -> None:
        """Apply the rule to parameters and state, in place.

        Parameters
        ----------
        parameters, gradient : ndarray of shape (n,)
            The gradient may be overwritten.
        state : ndarray of shape (slots, n)
            Zeros before the first step.
        scalars : tuple of float
            From `scalars`.
        decay : Decay, optional
            Shrinkage and penalty of the weights.
        """
        rule = type(self).rule
        compiled = fused(rule, len(state), len(scalars), parameters.dtype)
        run = compiled or partial(by_pieces, rule)
        run(parameters, gradient, state, scalars, decay)


@dataclass(kw_only=True, eq=False, repr=False)
class SGD(Optimizer):
    """Stochastic gradient descent with momentum (the heavy ball).

    ``v = momentum * v + g``, ``p -= rate * v``.

    Parameters
    ----------
    momentum : float in [0, 1), default=0.9
        The share of the last step that is kept; 0 is plain gradient descent.

    References
    ----------
    Polyak (1964), Some methods of speeding up the convergence of iteration methods.

    Examples
    --------
    >>> p, state = np.array([1.0]), np.zeros((1, 1))
    >>> solver = SGD(momentum=0.0)
    >>> solver.update(p, np.array([2.0]), state, solver.scalars(1, 0.1))
    >>> p
    array([0.8])
    """

    momentum: float = bounded(0.9, FRACTION)
    slots: ClassVar[int] = 1
    rule: ClassVar[Callable[..., Any]] = staticmethod(rules.sgd)

    def scalars(
        self, t: int, rate: float, momentum: float | None = None, before: float | None = None
    ) -> tuple[float, ...]:
        """Return rate and momentum."""
        return rate, self.momentum if momentum is None else momentum


@dataclass(kw_only=True, eq=False, repr=False)
class Nesterov(SGD):
    """Stochastic gradient descent with Nesterov's momentum.

    ``v = momentum * v + g``, ``p -= rate * (g + momentum * v)``.

    Parameters
    ----------
    momentum : float in [0, 1), default=0.9
        The share of the last step that is kept.

    References
    ----------
    Nesterov (1983); Sutskever et al. (2013), On the importance of initialization and momentum in
    deep learning.

    Examples
    --------
    >>> Nesterov(momentum=0.95).momentum
    0.95
    """

    rule: ClassVar[Callable[..., Any]] = staticmethod(rules.nesterov)


@dataclass(kw_only=True, eq=False, repr=False)
class RMSprop(Optimizer):
    """RMSprop: the gradient over the root of its running mean square.

    ``v = rho * v + (1 - rho) * g^2``, ``b = momentum * b + g / (sqrt(v) + epsilon)``,
    ``p -= rate * b``.

    Parameters
    ----------
    rho : float in [0, 1), default=0.99
        Decay of the mean square.
    momentum : float in [0, 1), default=0
        Decay of the accumulated steps.
    epsilon : float in (0, inf), default=1e-8
        Added to the root.

    References
    ----------
    Tieleman and Hinton (2012), Lecture 6.5 of Neural Networks for Machine Learning.

    Examples
    --------
    >>> RMSprop(rho=0.9).get_params()
    {'epsilon': 1e-08, 'momentum': 0.0, 'rho': 0.9}
    """

    rho: float = bounded(0.99, FRACTION)
    momentum: float = bounded(0.0, FRACTION)
    epsilon: float = bounded(1e-8, POSITIVE)
    slots: ClassVar[int] = 2
    scales: ClassVar[tuple[str, ...]] = ("rho",)
    rule: ClassVar[Callable[..., Any]] = staticmethod(rules.rmsprop)

    def scalars(
        self, t: int, rate: float, momentum: float | None = None, before: float | None = None
    ) -> tuple[float, ...]:
        """Return rate, epsilon, rho and momentum."""
        root = math.sqrt(1 - self.rho)
        mu = self.momentum if momentum is None else momentum
        return rate / root, self.epsilon / root, self.rho, mu


@dataclass(kw_only=True, eq=False, repr=False)
class Adagrad(Optimizer):
    """AdaGrad: rates that fall with the sum of all squared gradients.

    ``s += g^2``, ``p -= rate * g / (sqrt(s) + epsilon)``.

    Parameters
    ----------
    epsilon : float in (0, inf), default=1e-10
        Added to the root.

    References
    ----------
    Duchi, Hazan and Singer (2011), Adaptive subgradient methods for online learning and stochastic
    optimization.

    Examples
    --------
    >>> p, state = np.array([1.0]), np.zeros((1, 1))
    >>> Adagrad().update(p, np.array([2.0]), state, Adagrad().scalars(1, 0.1))
    >>> p.round(6)
    array([0.9])
    """

    epsilon: float = bounded(1e-10, POSITIVE)
    slots: ClassVar[int] = 1
    rule: ClassVar[Callable[..., Any]] = staticmethod(rules.adagrad)

    def scalars(
        self, t: int, rate: float, momentum: float | None = None, before: float | None = None
    ) -> tuple[float, ...]:
        """Return rate and epsilon."""
        return rate, self.epsilon


@dataclass(kw_only=True, eq=False, repr=False)
class Adam(Optimizer):
    """Adam: running means of the gradient and of its square, corrected for their start at zero.

    ``m = beta_1 * m + (1 - beta_1) * g``, ``v = beta_2 * v + (1 - beta_2) * g^2``,
    ``p -= rate * (m / (1 - beta_1^t)) / (sqrt(v / (1 - beta_2^t)) + epsilon)``.

    Parameters
    ----------
    beta_1 : float in [0, 1), default=0.9
        Decay of the mean gradient.
    beta_2 : float in [0, 1), default=0.999
        Decay of the mean squared gradient.
    epsilon : float in (0, inf), default=1e-8
        Added to the root, so that tiny gradients make tiny steps.

    References
    ----------
    Kingma and Ba (2015), Adam: a method for stochastic optimization.

    Examples
    --------
    The first step has the length of the learning rate, whatever the gradient:

    >>> p, state, solver = np.array([1.0]), np.zeros((2, 1)), Adam(beta_1=0.95)
    >>> solver.update(p, np.array([1e3]), state, solver.scalars(1, 0.1))
    >>> p.round(6)
    array([0.9])
    """

    beta_1: float = bounded(0.9, FRACTION)
    beta_2: float = bounded(0.999, FRACTION)
    epsilon: float = bounded(1e-8, POSITIVE)
    slots: ClassVar[int] = 2
    scales: ClassVar[tuple[str, ...]] = ("beta_1", "beta_2")
    rule: ClassVar[Callable[..., Any]] = staticmethod(rules.adam)

    def _fade(self, momentum: float | None, before: float | None) -> tuple[float, float]:
        """Return beta_1, and the factor on the sum m, whose scale is ``1 / (1 - beta_1)``."""
        beta_1, last = (self.beta_1 if beta is None else beta for beta in (momentum, before))
        return beta_1, beta_1 * ((1 - last) / (1 - beta_1))

    def scalars(
        self, t: int, rate: float, momentum: float | None = None, before: float | None = None
    ) -> tuple[float, ...]:
        """Return the rate and epsilon that hold the bias corrections, and the betas."""
        beta_1, fade = self._fade(momentum, before)
        root = math.sqrt((1 - self.beta_2**t) / (1 - self.beta_2))
        return (
            rate * root * (1 - beta_1) / (1 - beta_1**t),
            self.epsilon * root,
            fade,
            self.beta_2,
        )


@dataclass(kw_only=True, eq=False, repr=False)
class AdamW(Adam):
    """Adam with decoupled weight decay: ``w -= rate * weight_decay * w`` before each step.

    Biases and the parameters of normalisation do not decay.

    Parameters
    ----------
    beta_1, beta_2, epsilon : float
        As for Adam.
    weight_decay : float in [0, inf), default=0.01
        Decay of the weights per unit of learning rate.

    References
    ----------
    Loshchilov and Hutter (2019), Decoupled weight decay regularization.

    Examples
    --------
    >>> AdamW(weight_decay=0.05).weight_decay
    0.05
    """

    weight_decay: float = bounded(0.01, NON_NEGATIVE)


_HORIZON = 4096  # Steps; the product of so many momenta is zero in double precision.


def _warmth(t: Any) -> Any:
    """Return the share of beta_1 that is the momentum of Nadam's step t."""
    return 1 - 0.5 * 0.96 ** (0.004 * t)


@cache
def _warming() -> NDArray:
    """Return the products of the shares up to each step."""
    return np.cumprod(_warmth(np.arange(1, _HORIZON + 1)))


@dataclass(kw_only=True, eq=False, repr=False)
class Nadam(Adam):
    """Adam with Nesterov's look-ahead and a momentum that warms up.

    With ``mu_t = beta_1 * (1 - 0.96^(t / 250) / 2)`` and M_t the product of mu_1 ... mu_t, the mean
    gradient of Adam is replaced by
    ``(1 - mu_t) / (1 - M_t) * g + mu_{t+1} / (1 - M_{t+1}) * m``.

    Parameters
    ----------
    beta_1, beta_2, epsilon : float
        As for Adam.

    References
    ----------
    Dozat (2016), Incorporating Nesterov momentum into Adam.

    Examples
    --------
    >>> Nadam().slots
    2
    """

    rule: ClassVar[Callable[..., Any]] = staticmethod(rules.nadam)

    def scalars(
        self, t: int, rate: float, momentum: float | None = None, before: float | None = None
    ) -> tuple[float, ...]:
        """Return the factors of gradient and mean, epsilon and the betas."""
        beta_1, fade = self._fade(momentum, before)
        product = beta_1**t * float(_warming()[min(t, _HORIZON) - 1])
        mu, mu_next = beta_1 * _warmth(t), beta_1 * _warmth(t + 1)
        root = math.sqrt((1 - self.beta_2**t) / (1 - self.beta_2))
        return (
            rate * root * (1 - mu) / (1 - product),
            rate * root * (1 - beta_1) * mu_next / (1 - product * mu_next),
            self.epsilon * root,
            fade,
            self.beta_2,
        )


@dataclass(kw_only=True, eq=False, repr=False)
class Adamax(Adam):
    """Adam with the infinity norm in place of the root mean square.

    ``u = max(beta_2 * u, |g| + epsilon)``, ``p -= rate / (1 - beta_1^t) * m / u``.

    Parameters
    ----------
    beta_1, beta_2, epsilon : float
        As for Adam.

    References
    ----------
    Kingma and Ba (2015), Adam: a method for stochastic optimization, section 7.1. It has no
    epsilon; this one is PyTorch's.

    Examples
    --------
    >>> Adamax().slots
    2
    """

    rule: ClassVar[Callable[..., Any]] = staticmethod(rules.adamax)

    def scalars(
        self, t: int, rate: float, momentum: float | None = None, before: float | None = None
    ) -> tuple[float, ...]:
        """Return the rate with its bias correction, epsilon and the betas."""
        beta_1, fade = self._fade(momentum, before)
        return rate * (1 - beta_1) / (1 - beta_1**t), self.epsilon, fade, self.beta_2


@dataclass(kw_only=True, eq=False, repr=False)
class RAdam(Adam):
    """Rectified Adam: plain momentum until the variance of the second moment can be trusted.

    With ``rho_inf = 2 / (1 - beta_2) - 1`` and
    ``rho_t = rho_inf - 2 * t * beta_2^t / (1 - beta_2^t)``, the step is
    ``rate * r * m / (1 - beta_1^t) * sqrt(1 - beta_2^t) / (sqrt(v) + epsilon)`` once ``rho_t > 5``,
    where ``r = sqrt((rho_t - 4) (rho_t - 2) rho_inf / ((rho_inf - 4) (rho_inf - 2) rho_t))``, and
    ``rate * m / (1 - beta_1^t)`` before.

    Parameters
    ----------
    beta_1, beta_2, epsilon : float
        As for Adam.

    References
    ----------
    Liu et al. (2020), On the variance of the adaptive learning rate and beyond. There the switch is
    at ``rho_t > 4``, and there is no epsilon; 5 is in the authors' code and in PyTorch.

    Examples
    --------
    >>> RAdam().slots
    2
    """

    rule: ClassVar[Callable[..., Any]] = staticmethod(rules.radam)

    def scalars(
        self, t: int, rate: float, momentum: float | None = None, before: float | None = None
    ) -> tuple[float, ...]:
        """Return the rate, epsilon, the switch of the denominator and the betas."""
        beta_1, fade = self._fade(momentum, before)
        decayed = self.beta_2**t
        mean = rate * (1 - beta_1) / (1 - beta_1**t)
        rho_inf = 2 / (1 - self.beta_2) - 1
        rho = rho_inf - 2 * t * decayed / (1 - decayed)
        if rho <= 5:
            return mean, 1.0, 0.0, fade, self.beta_2
        rectified = (rho - 4) * (rho - 2) * rho_inf / ((rho_inf - 4) * (rho_inf - 2) * rho)
        return (
            mean * math.sqrt(rectified * (1 - decayed)),
            self.epsilon,
            math.sqrt(1 - self.beta_2),
            fade,
            self.beta_2,
        )


@dataclass(kw_only=True, eq=False, repr=False)
class Lion(Optimizer):
    """Lion: every parameter moves by the learning rate, in the direction of a mixed momentum.

    ``w -= rate * weight_decay * w``, ``p -= rate * sign(beta_1 * m + (1 - beta_1) * g)``,
    ``m = beta_2 * m + (1 - beta_2) * g``. Its learning rate should be three to ten times smaller
    than Adam's.

    Parameters
    ----------
    beta_1 : float in [0, 1), default=0.9
        Share of the momentum in the direction.
    beta_2 : float in [0, 1), default=0.99
        Decay of the momentum.
    weight_decay : float in [0, inf), default=0
        Decoupled decay of the weights per unit of learning rate.

    References
    ----------
    Chen et al. (2023), Symbolic discovery of optimization algorithms.

    Examples
    --------
    >>> p, state = np.array([1.0, 1.0]), np.zeros((1, 2))
    >>> Lion().update(p, np.array([1e-9, -5.0]), state, Lion().scalars(1, 0.25))
    >>> p
    array([0.75, 1.25])
    """

    beta_1: float = bounded(0.9, FRACTION)
    beta_2: float = bounded(0.99, FRACTION)
    weight_decay: float = bounded(0.0, NON_NEGATIVE)
    slots: ClassVar[int] = 1
    rule: ClassVar[Callable[..., Any]] = staticmethod(rules.lion)

    def scalars(
        self, t: int, rate: float, momentum: float | None = None, before: float | None = None
    ) -> tuple[float, ...]:
        """Return rate, beta_1, 1 - beta_1, beta_2 and 1 - beta_2."""
        beta_1 = self.beta_1 if momentum is None else momentum
        # Computed in the rule, 1 - beta would make Numba go over to double precision.
        return rate, beta_1, 1 - beta_1, self.beta_2, 1 - self.beta_2


@dataclass(kw_only=True, eq=False, repr=False)
class LBFGS(Solver):
    """Limited-memory BFGS on the whole training set, by SciPy.

    Each epoch is one iteration: a direction from the last `memory` changes of the gradient and a
    line search along it. The learning rate and its schedule play no role. For a few thousand rows
    it often converges faster than any mini-batch method.

    Parameters
    ----------
    memory : int in [1, inf), default=10
        How many changes of the gradient are remembered.
    max_fun : int in [1, inf), default=15000
        The largest number of evaluations of loss and gradient.

    References
    ----------
    Byrd, Lu, Nocedal and Zhu (1995), A limited memory algorithm for bound constrained optimization.

    Examples
    --------
    >>> LBFGS(memory=20).get_params()
    {'max_fun': 15000, 'memory': 20}
    """

    memory: int = bounded(10, COUNT)
    max_fun: int = bounded(15_000, COUNT)
    incremental: ClassVar[bool] = False


SOLVERS: dict[str, type[Solver]] = {
    "sgd": SGD,
    "nesterov": Nesterov,
    "rmsprop": RMSprop,
    "adagrad": Adagrad,
    "adam": Adam,
    "adamw": AdamW,
    "nadam": Nadam,
    "adamax": Adamax,
    "radam": RAdam,
    "lion": Lion,
    "lbfgs": LBFGS,
}
