"""L-BFGS on the flat parameter vector: SciPy minimises, an iteration counts as an epoch."""

from __future__ import annotations

import time
import warnings
from typing import cast

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from skdigits.nn.elementwise import euclidean_norm
from skdigits.nn.optimizers import LBFGS
from skdigits.nn.rules import apply_penalty

from .batches import batches
from .caller import outside
from .loop import Trainer

_STUCK = 2
"""SciPy's status where L-BFGS-B gives up for another reason than a limit."""


class FullBatch:
    """Penalised loss and gradient over all rows at once, as a function of the parameters.

    Parameters
    ----------
    trainer : Trainer
        Its network takes the parameters of the last call.

    Attributes
    ----------
    accuracy : float
        The share of rows that were right at the last call.
    gradient_norm : float
        The norm of the loss's gradient at the last call.
    """

    def __init__(self, trainer: Trainer):
        self.trainer = trainer
        rows = trainer.samples.rows
        self.batch = next(batches(trainer.samples, rows, len(rows), trainer.reader))
        self.l2, self.l1 = trainer.settings.penalty(self.batch.total)
        self.accuracy = self.gradient_norm = 0.0

    def __call__(self, parameters: NDArray) -> tuple[float, NDArray]:
        """Return loss and gradient in double precision."""
        trainer, network, batch = self.trainer, self.trainer.network, self.batch
        network.parameters[...] = parameters
        # The rows are the same at each point, so that earlier ones have nothing to say.
        network.reset_statistics()
        loss, logits = trainer.loss_and_gradient(batch)
        self.accuracy = network.objective.accuracy(logits, batch.targets, batch.weights)
        self.gradient_norm = euclidean_norm(trainer.gradient)
        weights, gradient = (
            vector[: network.n_weights] for vector in (network.parameters, trainer.gradient)
        )
        apply_penalty(weights, gradient, 1.0, self.l2, self.l1)
        return loss + self.penalty(), trainer.gradient.astype(np.float64)

    def penalty(self) -> float:
        """Return the elastic-net penalty of the network's weights."""
        network = self.trainer.network
        weights = network.parameters[: network.n_weights].astype(np.float64)
        return float(0.5 * self.l2 * (weights @ weights) + self.l1 * np.abs(weights).sum())


class FullBatchTrainer(Trainer):
    """Trains a network on all rows at once, by L-BFGS, an iteration per epoch."""

    @property
    def rows_at_once(self) -> int:
        """All of them."""
        return len(self.samples)

    def run(self) -> None:
        """Minimise until L-BFGS has converged, the epochs are over or somebody says stop."""
        minimize(self, cast(LBFGS, self.settings.solver))


def minimize(trainer: Trainer, lbfgs: LBFGS) -> None:
    """Leave a trainer with the parameters of the last iteration of L-BFGS.

    Parameters
    ----------
    trainer : Trainer
    lbfgs : LBFGS
    """
    objective = FullBatch(trainer)
    started = time.perf_counter()

    def end_of_iteration(intermediate_result: scipy.optimize.OptimizeResult) -> None:
        """Take an accepted point as the end of an epoch."""
        nonlocal started
        # SciPy does not say when an iteration begins.
        trainer.begin_epoch()
        trainer.network.parameters[...] = intermediate_result.x
        trainer.keep()
        figures = {
            "loss": float(intermediate_result.fun) - objective.penalty(),
            "accuracy": objective.accuracy,
            "gradient_norm": objective.gradient_norm,
            "seconds": time.perf_counter() - started,
        }
        if trainer.end_of_epoch(figures):
            trainer.outcome = "stopped"
            raise StopIteration
        started = time.perf_counter()

    try:
        result = scipy.optimize.minimize(
            objective,
            trainer.network.parameters.astype(np.float64),
            method="L-BFGS-B",
            jac=True,
            callback=end_of_iteration,
            options={
                "maxiter": trainer.epochs,
                "maxfun": lbfgs.max_fun,
                "maxcor": lbfgs.memory,
                "gtol": trainer.settings.tol,
                # The gradient decides, not a loss that stalls in its ninth digit.
                "ftol": 64 * np.finfo(float).eps,
            },
        )
    finally:
        # The last point that was tried is not the last that was accepted.
        trainer.fall_back()
    _note_outcome(trainer, result)
    if not trainer.is_finite(float(result.fun)):
        trainer.diverged(float(result.fun))
    elif not result.nit:
        # There was nothing to learn, which is worth a line on record, too.
        end_of_iteration(result)


def _note_outcome(trainer: Trainer, result: scipy.optimize.OptimizeResult) -> None:
    """Tell the trainer that training has converged, or the user that there is no way down."""
    if result.status == 0:
        trainer.outcome = "stopped"
    elif result.status == _STUCK:
        trainer.outcome = "stuck"
        warnings.warn(
            f"L-BFGS found no lower loss along its direction after {result.nit} iterations, though "
            f"the gradient is above tol={trainer.settings.tol:g}. Float64 data, scaled inputs or a "
            "greater tol may help.",
            ConvergenceWarning,
            stacklevel=outside(),
        )
