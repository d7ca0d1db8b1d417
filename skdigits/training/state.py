"""All that a training needs in order to go on exactly; it is what gets pickled."""

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

    Parameters
    ----------
    network : Network
        Initialised from the first of the streams.
    seeds : numpy.random.SeedSequence
        Initial weights, shuffles, the validation split, random layers and augmentation draw from
        streams spawned off it.

    Attributes
    ----------
    plateau : Plateau
        What later epochs are measured against.
    average : Average or None
        The running average of the network, where predictions come from one.
    n_steps, n_epochs : int
        Optimizer steps and finished epochs since its schedule began.
    n_updates : int
        Optimizer steps since its state was zero.
    momentum : float or None
        What the schedule made of the optimizer's momentum at the last of them.
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
        self.plateau = Plateau(tol=0.0, patience=np.inf)
        self.solver: type[Solver] | None = None
        self.schedule: type[Schedule] | None = None
        self.units: list[float] = []
        self.slots = np.empty((0, 0), network.dtype)

    def frozen(self) -> TrainingState:
        """Return a copy that predicts like this one; neither is touched by the other's training."""
        copied = copy.copy(self)
        copied.settle()
        copied.forget_optimizer()
        return copy.deepcopy(copied)

    @property
    def judged(self) -> Network:
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

    def begin_average(self, wanted: bool) -> None:
        """Begin to average, go on averaging, or predict by the latest weights again."""
        if not wanted:
            self.average = None
        elif self.average is None:
            # The arrays that predict are the same before, during and after a training.
            self.average = Average(self.network)
            self.network = self.network.like(vector=self.network.vector.copy())

    def settle(self) -> None:
        """Let the network take over its average, at the end of a training."""
        self.network, self.average = self.judged, None

    def restart_optimizer(self, solver: Solver) -> None:
        """Begin with an optimizer: at the start of its schedule, its state zero."""
        self.n_steps = self.n_epochs = self.n_updates = 0
        self.rate_scale = 1.0
        self.plateau.forget()
        self.solver, self.units = type(solver), _units(solver)
        self.slots = np.zeros((solver.slots, self.network.parameters.size), self.network.dtype)

    def resume_optimizer(self, solver: Solver, schedule: Schedule) -> None:
        """Go on with an optimizer, or begin with it if it is another one.

        Where a hyperparameter that its state is measured by has changed, the state begins anew.
        Another schedule knows nothing of the rates that the one before has lowered.
        """
        if type(solver) is not self.solver:
            self.restart_optimizer(solver)
        elif self.units != (units := _units(solver)):
            self.clear_slots()
            self.units = units
        if type(schedule) is not self.schedule:
            self.rate_scale, self.schedule = 1.0, type(schedule)
            self.plateau.forget()

    def clear_slots(self) -> None:
        """Begin anew with the optimizer's state, but not with its schedule."""
        self.slots[...] = 0
        self.n_updates = 0

    def forget_optimizer(self) -> None:
        """Drop the optimizer's state, which would triple the size of a saved model."""
        self.solver = None
        self.slots = np.empty((0, 0), self.network.dtype)


def _writable(vector: NDArray) -> NDArray:
    """Return a vector that may be written to: a copy of what a file or another process holds."""
    return vector if vector.flags.writeable else vector.copy()


def _units(solver: Solver) -> list[float]:
    return [getattr(solver, name) for name in solver.units]
