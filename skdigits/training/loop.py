"""Epochs: batch -> loss and gradient -> optimizer, again and again, until something says stop.

`TrainingState` is what outlives a training; `Trainer` adds what only lives while training: rows,
memory and the gradient.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from skdigits.nn.elementwise import euclidean_norm, flush_tiny
from skdigits.nn.layers import Step
from skdigits.nn.optimizers import Optimizer, Solver
from skdigits.nn.rules import Decay
from skdigits.nn.schedules import Clock, Schedule

from .augmenting import Augment, ahead, at, augmented
from .batches import Batch, Reader, batches
from .caller import caller_stacklevel
from .history import Tally
from .samples import Samples
from .state import TrainingState
from .threads import InParts, blas_threads, side_by_side

NORMS_PER_EPOCH = 8
"""Steps of an epoch whose gradient norm is measured; more would cost time on large networks."""

NEGLIGIBLE = 1e-3
"""A factor on the learning rate at which a network hardly moves."""

ROWS_ANSWERED = 64
"""Rows that a network must have finite answers to after each epoch."""

FLUSH_EVERY = 64
"""Steps after which tiny numbers are set to zero; 0.9^64 times 1e-30 is still well above 1e-38."""


@dataclass(frozen=True)
class Settings:
    """How to train: components and numbers, all validated.

    Parameters
    ----------
    solver : Solver
    schedule : Schedule
    learning_rate : float
        What the schedule's factors scale.
    alpha, l1_ratio : float
        The elastic-net penalty, divided by the sum of weights that a batch has on average.
    batch_size : int
        Rows in a batch.
    shuffle : bool
        Whether each epoch visits the rows in a new order.
    max_epochs : int
        The length that a schedule plans for.
    tol : float
        Where no component of the gradient is larger, L-BFGS ends.
    clip_norm : float, optional
        Cap on the norm of each step's gradient.
    max_norm : float, optional
        Cap on the norm of each unit's incoming weights.
    augment : callable, optional
        Is given each training batch.
    """

    solver: Solver
    schedule: Schedule
    learning_rate: float
    alpha: float
    l1_ratio: float
    batch_size: int
    shuffle: bool
    max_epochs: int
    tol: float
    clip_norm: float | None = None
    max_norm: float | None = None
    augment: Augment | None = None

    @property
    def planned(self) -> bool:
        """Whether the solver follows a schedule to its end, after `max_epochs`."""
        return self.solver.incremental and self.schedule.planned

    def is_over(self, n_epochs: int) -> bool:
        """Whether the schedule came to its end before, and what it left of the rate is nothing."""
        if not self.schedule.ends or n_epochs < self.max_epochs:
            return False
        return self.schedule.factor(Clock.at(n_epochs, 1, self.max_epochs)) < NEGLIGIBLE

    @property
    def stops_on_plateau(self) -> bool:
        """Whether a plateau of the loss ends it; a planned schedule and L-BFGS know their end."""
        return self.solver.incremental and not self.schedule.planned


class Trainer:
    """Trains a network on samples.

    Parameters
    ----------
    state : TrainingState
        Advanced by training.
    samples : Samples
        The training rows.
    settings : Settings
    end_of_epoch : callable
        ``(figures) -> bool``: told the figures of each epoch, answers whether to stop.
    begin_epoch : callable, optional
        Called before each epoch.

    Attributes
    ----------
    ran_out : bool
        Whether training ended only because it was out of epochs (L-BFGS also: of evaluations).
    """

    def __init__(
        self,
        state: TrainingState,
        samples: Samples,
        settings: Settings,
        end_of_epoch: Callable[[dict[str, float]], bool],
        begin_epoch: Callable[[], None] = lambda: None,
    ):
        self.state = state
        self.network = state.network
        self.samples = samples
        self.settings = settings
        self.end_of_epoch = end_of_epoch
        self.begin_epoch = begin_epoch
        self.ran_out = False
        self.step = Step(self.network.dtype, state.layers_rng)
        sparse = self.network.chain.takes_sparse and settings.augment is None
        self.reader = Reader(samples.X, self.network.dtype, sparse)
        gradient = np.zeros_like(self.network.vector)
        self.gradients = self.network.views(gradient)
        self.gradient = gradient[: self.network.n_parameters]
        self._kept = [network.vector.copy() for network in state.networks]

    def train(self, epochs: int) -> None:
        """Train for so many epochs, or until a stop, divergence or Ctrl-C.

        What was learnt until then is kept. An error leaves the weights from the end of the last
        epoch.
        """
        try:
            # Overflow shows as a loss that is not finite, which is dealt with by name.
            with (
                np.errstate(all="ignore"),
                blas_threads(self.network.largest_product(self.rows_at_once)),
            ):
                self.run(epochs)
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=caller_stacklevel())
        except Exception:
            self.fall_back()
            raise

    @property
    def rows_at_once(self) -> int:
        """How many rows are multiplied in one product."""
        return self.settings.batch_size

    def run(self, epochs: int) -> None:
        """Follow the gradients of mini-batches, epoch by epoch."""
        with side_by_side(self.gradient.size) as in_parts:
            for _ in range(epochs):
                self.begin_epoch()
                started = time.perf_counter()
                figures = self._epoch(in_parts)
                if not self.is_finite(figures["loss"]):
                    self.diverge(figures["loss"], figures["learning_rate"])
                    return
                self.state.n_epochs += 1
                if self.finish_epoch(figures, started):
                    return
        self.ran_out = True

    def _epoch(self, in_parts: InParts) -> dict[str, float]:
        """Train on every row once; return the means over the rows as they were trained on."""
        settings, network, state = self.settings, self.network, self.state
        order = self.samples.rows
        if settings.shuffle:
            order = state.shuffle_rng.permutation(order)
        n_batches = math.ceil(len(order) / settings.batch_size)
        start = Clock(state.n_steps, state.n_epochs, 0, n_batches, settings.max_epochs)
        measured = math.ceil(n_batches / NORMS_PER_EPOCH)
        tally, norms, rate, expected = Tally(), [], 0.0, 0.0
        for i, batch in enumerate(self._batches(order, start)):
            loss, logits = self.loss_and_gradient(batch)
            accuracy = network.objective.accuracy(logits, batch.targets, batch.weights)
            tally.add(loss, accuracy, batch.total)
            expected += batch.expected
            if not math.isfinite(loss):
                break
            if i % measured == 0:
                norms.append(euclidean_norm(self.gradient))
            clock = start._replace(step=state.n_steps, batch=i)
            rate = self._update(clock, batch.expected, in_parts)
        norm = sum(norms) / max(1, len(norms))
        penalty = self.decay(expected / n_batches).penalty(network.parameters)
        return {
            **tally.means(),
            "penalty": penalty,
            "learning_rate": rate,
            "gradient_norm": norm,
        }

    def _batches(self, order: NDArray, clock: Clock) -> Iterator[Batch]:
        """Return the batches of an epoch, augmented where that is asked for."""
        settings, state = self.settings, self.state
        found = batches(self.samples, order, settings.batch_size, self.reader)
        if settings.augment is None:
            return found
        augment = at(settings.augment, clock.progress)
        n_inputs = self.network.weights[0].shape[0]
        return ahead(augmented(found, augment, state.augment_rng, n_inputs))

    def loss_and_gradient(self, batch: Batch) -> tuple[float, NDArray]:
        """Run the network forward and backward; return the mean loss and the logits.

        The gradient is that of the batch's sum of losses over the expected sum of weights. Over its
        own sum, a row would count less the heavier it is, and not at all if it is alone.
        """
        keys = self.samples.keys[batch.rows] if self.network.chain.random else None
        self.step.begin(batch.weights, batch.total, keys)
        loss, logits = self.network.loss_and_gradient(
            batch.inputs, batch.targets, self.gradients, self.step
        )
        if batch.total != batch.expected:
            self.gradient *= batch.total / batch.expected
        return loss, logits

    def _update(self, clock: Clock, expected: float, in_parts: InParts) -> float:
        """Take a step along the gradient; return its learning rate."""
        schedule, initial = self.settings.schedule, self.settings.learning_rate
        rate = schedule.rate(initial, clock) * self.state.rate_scale
        self.state.n_steps += 1
        self._clip()
        self._move(rate, schedule.momentum(clock), expected, in_parts)
        self._follow_up()
        return rate

    def _clip(self) -> None:
        """Scale the gradient down where its norm exceeds `clip_norm`."""
        largest = self.settings.clip_norm
        if largest is not None and (norm := euclidean_norm(self.gradient)) > largest:
            self.gradient *= largest / norm

    def _move(
        self, rate: float, momentum: float | None, expected: float, in_parts: InParts
    ) -> None:
        """Let the optimizer change the parameters, in parts side by side."""
        state, network = self.state, self.network
        optimizer = cast(Optimizer, self.settings.solver)
        decay = self.decay(expected)._replace(shrink=1 - rate * float(optimizer.weight_decay))
        before, state.momentum = state.momentum, momentum
        state.n_updates += 1
        scalars = optimizer.scalars(state.n_updates, rate, momentum, before)
        in_parts(
            lambda part: optimizer.update(
                network.parameters[part],
                self.gradient[part],
                state.slots[:, part],
                scalars,
                decay.of(part),
            )
        )

    def decay(self, expected: float) -> Decay:
        """Return the penalty of the weights beside the loss of a batch.

        Parameters
        ----------
        expected : float
            The sum of sample weights that a batch of its size has on average.
        """
        strength, l1_ratio = self.settings.alpha / expected, self.settings.l1_ratio
        return Decay(self.network.n_weights, l2=strength * (1 - l1_ratio), l1=strength * l1_ratio)

    def _follow_up(self) -> None:
        """Do what a step entails: flush tiny numbers, cap norms and update the average."""
        settings, state, network = self.settings, self.state, self.network
        if state.n_steps % FLUSH_EVERY == 0:
            for vector in (network.parameters, *state.slots):
                flush_tiny(vector)
        if settings.max_norm is not None:
            network.cap_norms(settings.max_norm)
        if state.average is not None:
            state.average.follow(network)

    def is_finite(self, loss: float) -> bool:
        """Return whether the loss, the weights and what the networks answer are finite.

        The loss is that from before the last step, so the answers are looked at, too.
        """
        return math.isfinite(loss) and self._weights_are_finite() and self._answers_are_finite()

    def _weights_are_finite(self) -> bool:
        """Return whether all statistics and the squares of all parameters are finite.

        Weights whose squares overflow may be finite themselves, but the activations two layers
        later would overflow.
        """
        parameters, buffers = self.network.parameters, self.network.buffers
        return math.isfinite(parameters @ parameters) and bool(np.isfinite(buffers).all())

    def _answers_are_finite(self) -> bool:
        """Predict the first rows; return whether all logits are finite."""
        rows = self.samples.rows[: min(self.settings.batch_size, ROWS_ANSWERED)]
        answers = (n.predict(self.reader.read(rows), self.step) for n in self.state.networks)
        return all(np.isfinite(logits).all() for logits in answers)

    def finish_epoch(self, figures: dict[str, float], started: float) -> bool:
        """Count an epoch's rows, keep its weights and pass on its figures; return whether to stop.

        Parameters
        ----------
        figures : dict
            Gets the seconds since `started` as well.
        started : float
            By ``time.perf_counter``.
        """
        self.state.samples_seen += len(self.samples)
        for kept, network in zip(self._kept, self.state.networks, strict=True):
            kept[...] = network.vector
        figures["seconds"] = time.perf_counter() - started
        return self.end_of_epoch(figures)

    def fall_back(self) -> None:
        """Go back to the weights from the end of the last epoch."""
        for kept, network in zip(self._kept, self.state.networks, strict=True):
            network.vector[...] = kept

    def diverge(self, loss: float, rate: float = 0.0) -> None:
        """Fall back, begin anew with the optimizer's state, and say what happened.

        Parameters
        ----------
        loss : float
            Of the epoch.
        rate : float, default=0
            Of its last step; 0 where there was none.
        """
        self.fall_back()
        self.state.clear_slots()
        found = "the weights overflowed" if math.isfinite(loss) else f"the loss is {loss}"
        at_rate = f" at learning rate {rate:g}" if rate else ""
        settings = self.settings
        or_lower = f" or lower {settings.schedule.set_by}" if settings.solver.incremental else ""
        warnings.warn(
            f"Training diverged: {found}{at_rate}. It was stopped, and the weights from before "
            f"that epoch were kept. Scale the inputs (for instance with StandardScaler){or_lower}.",
            ConvergenceWarning,
            stacklevel=caller_stacklevel(),
        )
