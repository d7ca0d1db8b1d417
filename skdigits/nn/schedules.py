"""Schedules: from the step of a training to its learning rate.

A schedule is a factor on ``learning_rate_init``; a plain function ``step -> rate`` does as well::

    step -> ramp * factor(clock) * learning_rate_init * (what a plateau has left of it)

The ramp is the warm-up's. The factor's clock stands still meanwhile and starts after it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from skdigits.component import (
    COUNT,
    FRACTION,
    NON_NEGATIVE,
    NOTHING,
    POSITIVE,
    SHARE,
    Component,
    Interval,
    InvalidParameterError,
    bounded,
)


class Clock(NamedTuple):
    """Where a training is.

    Attributes
    ----------
    step : int
        Optimizer steps taken so far.
    epoch : int
        Epochs that have ended.
    batch : int
        Steps since then.
    steps_per_epoch : int
        Batches in this epoch. Others may have had another number of them, where `partial_fit` is
        given parts of several sizes.
    n_epochs : float
        Epochs until the training ends. A warm-up may leave a fraction.

    Examples
    --------
    >>> clock = Clock.at(5, steps_per_epoch=4, n_epochs=3)
    >>> clock.epoch, clock.batch, clock.epochs
    (1, 1, 1.25)
    """

    step: int
    epoch: int
    batch: int
    steps_per_epoch: int
    n_epochs: float

    @classmethod
    def at(cls, step: int, steps_per_epoch: int, n_epochs: int) -> Clock:
        """Return the clock of a training whose epochs all have the same number of steps."""
        return cls(step, *divmod(step, steps_per_epoch), steps_per_epoch, n_epochs)

    def after(self, epochs: float) -> Clock:
        """Return the clock of what is left of the training after its first epochs.

        It stands at 0 until they are over, and ends when this one does.

        Parameters
        ----------
        epochs : float in [0, inf)
            How many.

        Examples
        --------
        >>> clock = Clock.at(5, steps_per_epoch=4, n_epochs=3)
        >>> clock.after(1).epochs, clock.after(2).epochs, clock.after(1).n_epochs
        (0.25, 0.0, 2.0)
        """
        # What a product is off by rounding makes no further step.
        skipped = math.ceil(round(min(epochs, self.n_epochs) * self.steps_per_epoch, 6))
        position = max(0, self.position - skipped)
        epoch, batch = divmod(position, self.steps_per_epoch)
        n_epochs = self.n_epochs - skipped / self.steps_per_epoch
        # The same share of the steps as of the epochs, since epochs may differ in length.
        step = self.step * position // max(1, self.position)
        return Clock(step, epoch, batch, self.steps_per_epoch, n_epochs)

    @property
    def position(self) -> int:
        """Steps since the beginning, as if each epoch had as many as this one."""
        return self.epoch * self.steps_per_epoch + self.batch

    @property
    def epochs(self) -> float:
        """Epochs since the beginning, in fractions."""
        return self.position / self.steps_per_epoch

    @property
    def progress(self) -> float:
        """Share of the whole training that lies behind, in [0, 1]."""
        last = round(self.n_epochs * self.steps_per_epoch) - 1
        return min(1.0, self.position / max(1, last))


@dataclass(kw_only=True, eq=False, repr=False)
class Schedule(Component):
    """What all schedules share: an optional linear warm-up.

    `planned` says that the schedule leads to an end which a plateau must not cut off, `ends` that
    the rate stays as it is there, and `set_by` which parameter of the classifier scales its rates.

    Parameters
    ----------
    warmup : float in [0, inf), default=0
        Epochs over which the rate rises linearly from zero, before all else.
    """

    warmup: float = bounded(0.0, NON_NEGATIVE)
    planned: ClassVar[bool] = False
    ends: ClassVar[bool] = False
    set_by: ClassVar[str] = "learning_rate_init"

    def factor(self, clock: Clock) -> float:
        """Return the factor on the initial learning rate: 1 by default.

        Parameters
        ----------
        clock : Clock
            Where the training is since the warm-up.
        """
        return 1.0

    def rate(self, initial: float, clock: Clock) -> float:
        """Return the learning rate of the step that the clock shows.

        ``initial * min(1, (s + 1) / (warmup * steps_per_epoch)) * factor``, with s steps since the
        beginning.

        Parameters
        ----------
        initial : float
            ``learning_rate_init``.
        clock : Clock
            Where the training is.
        """
        warmup_steps = self.warmup * clock.steps_per_epoch
        ramp = min(1.0, (clock.position + 1) / warmup_steps) if warmup_steps else 1.0
        return initial * ramp * self.factor(clock.after(self.warmup))

    def momentum(self, clock: Clock) -> float | None:
        """Return the momentum of the step, or None to leave the optimizer's own."""
        return None

    def on_plateau(self, rate: float) -> float | None:
        """Return a factor on all later rates when training stalls, or None to end the training."""
        return None


@dataclass(kw_only=True, eq=False, repr=False)
class Constant(Schedule):
    """The initial learning rate throughout.

    Parameters
    ----------
    warmup : float in [0, inf), default=0
        Epochs over which the rate rises linearly from zero, before all else.

    Examples
    --------
    >>> [Constant(warmup=1).rate(0.1, Clock.at(step, 4, 10)) for step in (0, 1, 3, 20)]
    [0.025, 0.05, 0.1, 0.1]
    """


@dataclass(kw_only=True, eq=False, repr=False)
class InverseScaling(Schedule):
    """A falling power of the step, ``1 / (step + 1)^power``.

    Parameters
    ----------
    power : float in (0, inf), default=0.5
        The exponent.
    warmup : float in [0, inf), default=0
        Epochs over which the rate rises linearly from zero, before all else.

    Examples
    --------
    >>> InverseScaling().rate(0.1, Clock.at(3, 4, 10))
    0.05
    """

    power: float = bounded(0.5, POSITIVE)

    def factor(self, clock: Clock) -> float:
        """Return ``(step + 1)^-power``."""
        return float(clock.step + 1) ** -self.power


@dataclass(kw_only=True, eq=False, repr=False)
class Adaptive(Schedule):
    """Constant until training stalls, then `decay` times as large; at `minimum`, the end.

    Training stalls when more than ``n_iter_no_change`` epochs brought no gain of ``tol``. What the
    next epochs are measured against is then forgotten, so that a single lucky epoch cannot make
    every later one look like a failure.

    Parameters
    ----------
    decay : float in (0, 1), default=0.2
        The factor on the rate at each plateau.
    minimum : float in (0, inf), default=1e-6
        A rate at or below this one ends the training at the next plateau.
    warmup : float in [0, inf), default=0
        Epochs over which the rate rises linearly from zero, before all else.

    Examples
    --------
    >>> Adaptive().on_plateau(0.1), Adaptive().on_plateau(1e-7)
    (0.2, None)
    """

    decay: float = bounded(0.2, Interval("(0, 1)"))
    minimum: float = bounded(1e-6, POSITIVE)

    def on_plateau(self, rate: float) -> float | None:
        """Return `decay`, or None where the rate is small enough already."""
        # Products of many factors are rounded.
        return self.decay if rate > self.minimum * (1 + 1e-9) else None


@dataclass(kw_only=True, eq=False, repr=False)
class StepDecay(Schedule):
    """A staircase, ``decay^floor(epochs / every)``.

    Parameters
    ----------
    every : int in [1, inf), default=30
        Epochs on each stair.
    decay : float in (0, inf), default=0.1
        The factor from stair to stair.
    warmup : float in [0, inf), default=0
        Epochs over which the rate rises linearly from zero, before all else.

    Examples
    --------
    >>> [StepDecay(every=2, decay=0.5).rate(0.1, Clock.at(step, 1, 9)) for step in range(5)]
    [0.1, 0.1, 0.05, 0.05, 0.025]
    """

    every: int = bounded(30, COUNT)
    decay: float = bounded(0.1, POSITIVE)

    def factor(self, clock: Clock) -> float:
        """Return ``decay^floor(epochs / every)``."""
        # Where it overflows, Python's power raises an error, NumPy's is infinite.
        return float(np.power(self.decay, clock.epochs // self.every))


@dataclass(kw_only=True, eq=False, repr=False)
class Exponential(Schedule):
    """A smooth fall by the factor `decay` in each epoch, ``decay^epochs``.

    Parameters
    ----------
    decay : float in (0, inf), default=0.95
        The factor per epoch.
    warmup : float in [0, inf), default=0
        Epochs over which the rate rises linearly from zero, before all else.

    Examples
    --------
    >>> Exponential(decay=0.5).rate(0.1, Clock.at(8, 4, 10))
    0.025
    """

    decay: float = bounded(0.95, POSITIVE)

    def factor(self, clock: Clock) -> float:
        """Return ``decay^epochs``."""
        # As in `StepDecay`.
        return float(np.power(self.decay, clock.epochs))


def _half_cosine(start: float, end: float, share: float) -> float:
    """Go from start to end along half a cosine wave."""
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * share))


@dataclass(kw_only=True, eq=False, repr=False)
class Cosine(Schedule):
    """Half a cosine wave from the initial rate down to `final` times it at the last step.

    ``final + (1 - final) * (1 + cos(pi * t)) / 2``, with t from 0 at the first step to 1.

    Parameters
    ----------
    final : float in [0, 1], default=0
        The last rate as a share of the initial one.
    warmup : float in [0, inf), default=0
        Epochs over which the rate rises linearly from zero, before all else.

    References
    ----------
    Loshchilov and Hutter (2017), SGDR: stochastic gradient descent with warm restarts.

    Examples
    --------
    >>> [round(Cosine().rate(0.1, Clock.at(step, 1, 5)), 4) for step in range(5)]
    [0.1, 0.0854, 0.05, 0.0146, 0.0]
    """

    final: float = bounded(0.0, SHARE)
    planned: ClassVar[bool] = True
    ends: ClassVar[bool] = True

    def factor(self, clock: Clock) -> float:
        """Return ``final + (1 - final) * (1 + cos(pi * progress)) / 2``."""
        return _half_cosine(1.0, self.final, clock.progress)


@dataclass(kw_only=True, eq=False, repr=False)
class WarmRestarts(Schedule):
    """Cosine waves that start anew, each `growth` times as long as the one before.

    ``final + (1 - final) * (1 + cos(pi * T / L)) / 2``, T epochs into a wave of length L; the k-th
    has ``L = period * growth^k``, from k = 0.

    Parameters
    ----------
    period : int in [1, inf), default=10
        Epochs of the first wave.
    growth : float in [1, inf), default=2
        The factor on the length from wave to wave.
    final : float in [0, 1], default=0
        The rate at the end of a wave as a share of the initial one.
    warmup : float in [0, inf), default=0
        Epochs over which the rate rises linearly from zero, before all else.

    References
    ----------
    Loshchilov and Hutter (2017), SGDR: stochastic gradient descent with warm restarts.

    Examples
    --------
    >>> waves = WarmRestarts(period=2, growth=1)
    >>> [round(waves.rate(0.1, Clock.at(step, 1, 5)), 3) for step in range(5)]
    [0.1, 0.05, 0.1, 0.05, 0.1]
    """

    period: int = bounded(10, COUNT)
    growth: float = bounded(2.0, Interval("[1, inf)"))
    final: float = bounded(0.0, SHARE)
    planned: ClassVar[bool] = True

    def factor(self, clock: Clock) -> float:
        """Return the height of the current wave."""
        length, since = float(self.period), clock.epochs
        if self.growth == 1:
            since %= length  # Any number of waves at once.
        while since >= length:
            since -= length
            length *= self.growth
        return _half_cosine(1.0, self.final, since / length)


@dataclass(kw_only=True, eq=False, repr=False)
class OneCycle(Schedule):
    """Up to the initial rate and down again to almost nothing; momentum may do the opposite.

    With x the progress and ``c(u) = (1 + cos(pi * u)) / 2``, the factor on the highest rate is
    ``1 + (start - 1) * c(x / rise)`` up to x = rise, and from there
    ``end + (1 - end) * c((x - rise) / (1 - rise))``.

    Parameters
    ----------
    rise : float in [0, 1], default=0.3
        The share of the training in which the rate rises.
    start : float in [0, 1], default=0.04
        The first rate as a share of the highest, which is ``learning_rate_init``.
    end : float in [0, 1], default=4e-6
        The last rate as a share of the highest.
    high_momentum, low_momentum : float in [0, 1), default=None
        Momentum (or beta_1) at the lowest and at the highest rate; None leaves the optimizer's own.
    warmup : float in [0, inf), default=0
        Epochs before the cycle over which the rate rises linearly from zero to its first value.

    References
    ----------
    Smith and Topin (2019), Super-convergence: very fast training of neural networks using large
    learning rates. There the rate follows straight lines; half cosine waves are fastai's.

    Examples
    --------
    >>> cycle = OneCycle(rise=0.5)
    >>> [round(cycle.rate(0.1, Clock.at(step, 1, 5)), 3) for step in range(5)]
    [0.004, 0.052, 0.1, 0.05, 0.0]
    """

    rise: float = bounded(0.3, SHARE)
    start: float = bounded(0.04, SHARE)
    end: float = bounded(4e-6, SHARE)
    high_momentum: float | None = bounded(None, NOTHING, FRACTION)
    low_momentum: float | None = bounded(None, NOTHING, FRACTION)
    planned: ClassVar[bool] = True
    ends: ClassVar[bool] = True

    def validate(self) -> None:
        """Check the bounds, and that there are both momenta or none.

        Raises
        ------
        InvalidParameterError
            A hyperparameter is out of bounds, or there is only one momentum.
        """
        super().validate()
        if (self.high_momentum is None) != (self.low_momentum is None):
            raise InvalidParameterError(
                f"OneCycle: high_momentum={self.high_momentum!r} and "
                f"low_momentum={self.low_momentum!r} must both be numbers in [0, 1), or both None."
            )

    def _cycle(self, clock: Clock, start: float, top: float, end: float) -> float:
        progress = clock.progress
        if progress < self.rise:
            return _half_cosine(start, top, progress / self.rise)
        return _half_cosine(top, end, (progress - self.rise) / max(1 - self.rise, 1e-12))

    def factor(self, clock: Clock) -> float:
        """Return the height of the cycle."""
        return self._cycle(clock, self.start, 1.0, self.end)

    def momentum(self, clock: Clock) -> float | None:
        """Return the momentum that mirrors the rate."""
        if self.high_momentum is None or self.low_momentum is None:
            return None
        since = clock.after(self.warmup)
        return self._cycle(since, self.high_momentum, self.low_momentum, self.high_momentum)


class StepFunction(Schedule):
    """A function ``step -> rate`` of the user's own, with steps counted from 0."""

    set_by: ClassVar[str] = "learning_rate"

    def __init__(self, function: Callable[[int], Any]):
        super().__init__()
        self.function = function

    def rate(self, initial: float, clock: Clock) -> float:
        """Return what the function says.

        Raises
        ------
        ValueError
            It is not a finite number from zero up.
        """
        answer = self.function(clock.step)
        with suppress(TypeError, ValueError):
            if 0 <= (rate := float(answer)) < math.inf:
                return rate
        raise ValueError(
            f"learning_rate(step={clock.step}) returned {answer!r}; it must return a number in "
            "[0, inf)."
        )


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "invscaling": InverseScaling,
    "adaptive": Adaptive,
    "step": StepDecay,
    "exponential": Exponential,
    "cosine": Cosine,
    "warm_restarts": WarmRestarts,
    "one_cycle": OneCycle,
}
