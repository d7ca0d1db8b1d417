"""All that a training needs to go on exactly where it stopped; this is what gets pickled."""

from __future__ import annotations

import copy

import numpy as np
from numpy.typing import NDArray

from skdigits.nn.layers import Chain
from skdigits.nn.losses import Objective
from skdigits.nn.network import Network
from skdigits.nn.optimizers import Solver
from skdigits.nn.schedules import Schedule

from .average import Average
from .stopping import Plateau


class TrainingState:
    """What changes while a network learns, and all that a later call needs to go on exactly.

    In the order of the calls::

        fit          (rebuild, if warm) -> restart_optimizer -> begin_average -> plateau.expect
                     -> epochs, frozen for callbacks -> settle -> forget_optimizer
        partial_fit  (rebuild, but for the first) -> resume_optimizer -> begin_average
                     -> plateau.expect -> an epoch

    Parameters
    ----------
    network : Network
        Initialised from the first of the streams.
    seeds : numpy.random.SeedSequence
        Initial weights, shuffles, the validation split, random layers and augmentation draw from
        streams spawned off it.

    Attributes
    ----------
    shuffle_rng, layers_rng, augment_rng : numpy.random.Generator
        Advanced by shuffles, random layers and augmentation.
    split_seed : int
        Decides which rows are set aside for validation, in each fit.
    samples_seen : int
        Rows of all finished epochs.
    average : Average or None
        The running average of the network, where predictions come from one.
    plateau : Plateau
        What later epochs are measured against.
    n_steps, n_epochs : int
        Optimizer steps and finished epochs since the schedule began.
    n_updates : int
        Optimizer steps since its state was zero.
    rate_scale : float
        The factor that plateaus have put on the schedule's rates.
    momentum : float or None
        What the schedule made of the optimizer's momentum at the last step.
    solver_type, schedule_type : type or None
        The classes of the optimizer and of the schedule that the last call trained with.
    scales : list of float
        The hyperparameters that the optimizer's state is measured by.
    slots : ndarray of shape (n_slots, n_parameters)
        The optimizer's state.
    """

    def __init__(self, network: Network, seeds: np.random.SeedSequence):
        for_weights, for_shuffles, for_split, for_layers, for_augment = seeds.spawn(5)
        self.network = network
        self.network.initialize(np.random.default_rng(for_weights))
        self.shuffle_rng = np.random.default_rng(for_shuffles)
        self.layers_rng = np.random.default_rng(for_layers)
        self.augment_rng = np.random.default_rng(for_augment)
        self.split_seed = int(for_split.generate_state(1)[0])
        self.samples_seen = 0
        self.average: Average | None = None
        self.n_steps = self.n_epochs = self.n_updates = 0
        self.momentum: float | None = None
        self.rate_scale = 1.0
        self.plateau = Plateau()
        self.solver_type: type[Solver] | None = None
        self.schedule_type: type[Schedule] | None = None
        self.scales: list[float] = []
        self.slots = np.empty((0, 0), network.dtype)

    def frozen(self) -> TrainingState:
        """Return a copy that predicts like this one; neither is touched by the other's training."""
        copied = copy.copy(self)
        copied.settle()
        copied.forget_optimizer()
        return copy.deepcopy(copied)

    @property
    def predictor(self) -> Network:
        """The network that predicts: the average, where there is one."""
        return self.network if self.average is None else self.average.network

    @property
    def networks(self) -> list[Network]:
        """The network that learns, and its average, where there is one."""
        return [self.network] if self.average is None else [self.network, self.average.network]

    def rebuild(self, chain: Chain, objective: Objective) -> None:
        """Go on with other layers on the same parameters."""

        def again(network: Network) -> Network:
            """Return the network with these layers, on numbers that may be written to."""
            vector = _writable(network.vector)
            return network.like(chain=chain, objective=objective, vector=vector)

        self.network, self.slots = again(self.network), _writable(self.slots)
        if self.average is not None:
            self.average.network = again(self.average.network)

    def begin_average(self, decay: float | None) -> None:
        """Begin to average, or go on averaging; with None, predict by the latest weights again."""
        if decay is None:
            self.average = None
        elif self.average is None:
            # The average takes over the existing arrays, so a user's `coefs_` stay views of what
            # predicts; a copy goes on learning.
            self.average = Average(self.network, decay)
            self.network = self.network.like(vector=self.network.vector.copy())
        else:
            self.average.decay = decay

    def settle(self) -> None:
        """Let the average take the place of the network, at the end of a training."""
        self.network, self.average = self.predictor, None

    def restart_optimizer(self, solver: Solver) -> None:
        """Begin with an optimizer: at the start of its schedule, its state zero."""
        self.n_steps = self.n_epochs = self.n_updates = 0
        self.rate_scale = 1.0
        self.plateau.forget()
        self.solver_type, self.scales = type(solver), _scales(solver)
        self.slots = np.zeros((solver.slots, self.network.parameters.size), self.network.dtype)

    def resume_optimizer(self, solver: Solver, schedule: Schedule) -> None:
        """Go on with an optimizer, or begin with it if it is another one.

        Where a hyperparameter that its state is measured by has changed, the state begins anew.
        Another schedule knows nothing of the rates that the one before has lowered.
        """
        if type(solver) is not self.solver_type:
            self.restart_optimizer(solver)
        elif self.scales != (scales := _scales(solver)):
            self.clear_slots()
            self.scales = scales
        if type(schedule) is not self.schedule_type:
            self.rate_scale, self.schedule_type = 1.0, type(schedule)
            self.plateau.forget()

    def clear_slots(self) -> None:
        """Begin anew with the optimizer's state, but not with its schedule."""
        self.slots[...] = 0
        self.n_updates = 0

    def forget_optimizer(self) -> None:
        """Drop the optimizer's state, which would triple the size of a saved model."""
        self.solver_type = None
        self.slots = np.empty((0, 0), self.network.dtype)


def _writable(vector: NDArray) -> NDArray:
    """Return a vector that may be written to: a copy of what a file or another process holds."""
    return vector if vector.flags.writeable else vector.copy()


def _scales(solver: Solver) -> list[float]:
    return [getattr(solver, name) for name in solver.scales]
