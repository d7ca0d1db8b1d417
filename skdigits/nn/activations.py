"""Activation functions: the value ``a = f(z)`` and the derivative ``f'(z)``.

The derivative is given the value as well, because for most functions it is simplest in terms of it.
An object of your own needs just these two methods, on arrays, element by element.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from skdigits.component import FRACTION, POSITIVE, Component, bounded


@runtime_checkable
class ActivationFunction(Protocol):
    """What a hidden layer asks of its activation; any object with these two methods will do."""

    def value(self, z: NDArray) -> NDArray:
        """Return ``f(z)``, element by element."""
        ...

    def derivative(self, z: NDArray, a: NDArray) -> NDArray:
        """Return ``f'(z)``, where ``a = f(z)`` is known."""
        ...


class BuiltinActivation(Component):
    """An activation function of this package.

    `initializer` names the initial weights behind the activation under which the variance of the
    signal survives; `self_normalizing` says whether dropout must keep mean and variance.
    """

    initializer: ClassVar[str] = "he_normal"
    self_normalizing: ClassVar[bool] = False


@dataclass(kw_only=True, eq=False, repr=False)
class ReLU(BuiltinActivation):
    """Rectified linear unit, ``f(z) = max(z, 0)``.

    References
    ----------
    Nair and Hinton (2010), Rectified linear units improve restricted Boltzmann machines.

    Examples
    --------
    >>> ReLU().value(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def value(self, z: NDArray, out: NDArray | None = None) -> NDArray:
        """Return ``max(z, 0)``, in `out` if it is given."""
        # Against an array, NumPy's maximum is four times as fast as against a number.
        return np.maximum(z, np.zeros(z.shape, z.dtype), out=out)

    def derivative(self, z: NDArray, a: NDArray) -> NDArray:
        """Return 1 where the unit is active, 0 elsewhere."""
        return a > 0


@dataclass(kw_only=True, eq=False, repr=False)
class LeakyReLU(BuiltinActivation):
    """Leaky rectified linear unit, ``f(z) = z`` for positive z and ``slope * z`` elsewhere.

    Parameters
    ----------
    slope : float in [0, 1), default=0.01
        The derivative for negative z, which keeps units from dying.

    References
    ----------
    Maas, Hannun and Ng (2013), Rectifier nonlinearities improve neural network acoustic models.

    Examples
    --------
    >>> LeakyReLU(slope=0.1).value(np.array([-1.0, 2.0]))
    array([-0.1,  2. ])
    """

    slope: float = bounded(0.01, FRACTION)

    def value(self, z: NDArray) -> NDArray:
        """Return ``max(z, slope * z)``."""
        return np.maximum(z, self.slope * z)

    def derivative(self, z: NDArray, a: NDArray) -> NDArray:
        """Return 1 for positive z, `slope` elsewhere."""
        return np.where(z > 0, z.dtype.type(1), z.dtype.type(self.slope))


@dataclass(kw_only=True, eq=False, repr=False)
class ELU(BuiltinActivation):
    """Exponential linear unit, ``f(z) = z`` for positive z and ``alpha * (exp(z) - 1)`` elsewhere.

    Parameters
    ----------
    alpha : float in (0, inf), default=1.0
        Minus the value towards which the function saturates.

    References
    ----------
    Clevert, Unterthiner and Hochreiter (2016), Fast and accurate deep network learning by
    exponential linear units.

    Examples
    --------
    >>> ELU().value(np.array([-1.0, 2.0])).round(3)
    array([-0.632,  2.   ])
    """

    alpha: float = bounded(1.0, POSITIVE)

    def value(self, z: NDArray) -> NDArray:
        """Return ``max(z, 0) + alpha * expm1(min(z, 0))``."""
        return np.maximum(z, 0) + self.alpha * np.expm1(np.minimum(z, 0))

    def derivative(self, z: NDArray, a: NDArray) -> NDArray:
        """Return 1 for positive z, ``f(z) + alpha`` elsewhere."""
        return np.where(z > 0, z.dtype.type(1), a + self.alpha)


@dataclass(kw_only=True, eq=False, repr=False)
class SELU(BuiltinActivation):
    """Scaled exponential linear unit, which drives activations to mean 0 and variance 1.

    ``f(z) = scale * z`` for positive z and ``scale * alpha * (exp(z) - 1)`` elsewhere, with
    ``alpha = 1.6733`` and ``scale = 1.0507``.

    References
    ----------
    Klambauer et al. (2017), Self-normalizing neural networks.

    Examples
    --------
    >>> SELU().value(np.array([-1.0, 2.0])).round(3)
    array([-1.111,  2.101])
    """

    initializer: ClassVar[str] = "lecun_normal"
    self_normalizing: ClassVar[bool] = True
    ALPHA: ClassVar[float] = 1.6732632423543772
    SCALE: ClassVar[float] = 1.0507009873554805

    def value(self, z: NDArray) -> NDArray:
        """Return ``scale * (max(z, 0) + alpha * expm1(min(z, 0)))``."""
        return self.SCALE * (np.maximum(z, 0) + self.ALPHA * np.expm1(np.minimum(z, 0)))

    def derivative(self, z: NDArray, a: NDArray) -> NDArray:
        """Return `scale` for positive z, ``f(z) + scale * alpha`` elsewhere."""
        return np.where(z > 0, z.dtype.type(self.SCALE), a + self.SCALE * self.ALPHA)


@dataclass(kw_only=True, eq=False, repr=False)
class GELU(BuiltinActivation):
    """Gaussian error linear unit, ``f(z) = z * Phi(z)`` with the normal distribution function Phi.

    References
    ----------
    Hendrycks and Gimpel (2016), Gaussian error linear units.

    Examples
    --------
    >>> GELU().value(np.array([-1.0, 2.0])).round(3)
    array([-0.159,  1.954])
    """

    def value(self, z: NDArray) -> NDArray:
        """Return ``z * Phi(z)``."""
        return z * ndtr(z)

    def derivative(self, z: NDArray, a: NDArray) -> NDArray:
        """Return ``Phi(z) + z * phi(z)``."""
        density = np.exp(-0.5 * z * z) * (1 / math.sqrt(2 * math.pi))
        return ndtr(z) + z * density


@dataclass(kw_only=True, eq=False, repr=False)
class SiLU(BuiltinActivation):
    """Sigmoid linear unit (swish), ``f(z) = z * sigmoid(z)``.

    References
    ----------
    Elfwing, Uchibe and Doya (2018), Sigmoid-weighted linear units for neural network function
    approximation in reinforcement learning.

    Examples
    --------
    >>> SiLU().value(np.array([-1.0, 2.0])).round(3)
    array([-0.269,  1.762])
    """

    def value(self, z: NDArray) -> NDArray:
        """Return ``z * sigmoid(z)``."""
        return z * expit(z)

    def derivative(self, z: NDArray, a: NDArray) -> NDArray:
        """Return ``sigmoid(z) + f(z) * (1 - sigmoid(z))``."""
        s = expit(z)
        return s + a * (1 - s)


@dataclass(kw_only=True, eq=False, repr=False)
class Mish(BuiltinActivation):
    """Mish, ``f(z) = z * tanh(softplus(z))``.

    References
    ----------
    Misra (2020), Mish: a self regularized non-monotonic activation function.

    Examples
    --------
    >>> Mish().value(np.array([-1.0, 2.0])).round(3)
    array([-0.303,  1.944])
    """

    def value(self, z: NDArray) -> NDArray:
        """Return ``z * tanh(log(1 + exp(z)))``."""
        return z * np.tanh(np.logaddexp(0, z))

    def derivative(self, z: NDArray, a: NDArray) -> NDArray:
        """Return ``t + z * sigmoid(z) * (1 - t^2)`` with ``t = tanh(softplus(z))``."""
        t = np.tanh(np.logaddexp(0, z))
        return t + z * expit(z) * (1 - t * t)


@dataclass(kw_only=True, eq=False, repr=False)
class Softplus(BuiltinActivation):
    """Smooth rectifier, ``f(z) = log(1 + exp(z))``.

    References
    ----------
    Dugas et al. (2001), Incorporating second-order functional knowledge for better option pricing.

    Examples
    --------
    >>> Softplus().value(np.array([-1.0, 2.0])).round(3)
    array([0.313, 2.127])
    """

    def value(self, z: NDArray) -> NDArray:
        """Return ``log(1 + exp(z))`` without overflow."""
        return np.logaddexp(0, z)

    def derivative(self, z: NDArray, a: NDArray) -> NDArray:
        """Return ``sigmoid(z)``."""
        return expit(z)


@dataclass(kw_only=True, eq=False, repr=False)
class Tanh(BuiltinActivation):
    """Hyperbolic tangent, ``f(z) = tanh(z)``.

    Examples
    --------
    >>> Tanh().value(np.array([-1.0, 2.0])).round(3)
    array([-0.762,  0.964])
    """

    initializer: ClassVar[str] = "glorot_uniform"

    def value(self, z: NDArray) -> NDArray:
        """Return ``tanh(z)``."""
        return np.tanh(z)

    def derivative(self, z: NDArray, a: NDArray) -> NDArray:
        """Return ``1 - a^2``."""
        return 1 - a * a


@dataclass(kw_only=True, eq=False, repr=False)
class Logistic(BuiltinActivation):
    """Logistic sigmoid, ``f(z) = 1 / (1 + exp(-z))``.

    Examples
    --------
    >>> Logistic().value(np.array([-1.0, 2.0])).round(3)
    array([0.269, 0.881])
    """

    initializer: ClassVar[str] = "glorot_uniform"

    def value(self, z: NDArray) -> NDArray:
        """Return ``1 / (1 + exp(-z))`` without overflow."""
        return expit(z)

    def derivative(self, z: NDArray, a: NDArray) -> NDArray:
        """Return ``a * (1 - a)``."""
        return a * (1 - a)


@dataclass(kw_only=True, eq=False, repr=False)
class Identity(BuiltinActivation):
    """No nonlinearity, ``f(z) = z``; with it, the layers form a linear bottleneck.

    Examples
    --------
    >>> Identity().value(np.array([-1.0, 2.0]))
    array([-1.,  2.])
    """

    initializer: ClassVar[str] = "glorot_uniform"

    def value(self, z: NDArray) -> NDArray:
        """Return z."""
        return z

    def derivative(self, z: NDArray, a: NDArray) -> NDArray:
        """Return 1."""
        return np.ones_like(z)


def write_value(function: ActivationFunction, z: NDArray, out: NDArray) -> None:
    """Write ``f(z)`` into `out`, which may be z itself.

    Parameters
    ----------
    function : ActivationFunction
    z, out : ndarray of one shape and dtype

    Examples
    --------
    >>> z = np.array([-1.0, 2.0])
    >>> write_value(ReLU(), z, z)
    >>> z
    array([0., 2.])
    """
    # The most common function takes half the time without a copy. The exact type only: a subclass
    # may have a value of its own.
    if type(function) is ReLU:
        function.value(z, out)
    else:
        out[...] = function.value(z)


ACTIVATIONS: dict[str, type[BuiltinActivation]] = {
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "elu": ELU,
    "selu": SELU,
    "gelu": GELU,
    "silu": SiLU,
    "mish": Mish,
    "softplus": Softplus,
    "tanh": Tanh,
    "logistic": Logistic,
    "sigmoid": Logistic,
    "identity": Identity,
}
