"""L-BFGS on the flat parameter vector: SciPy minimises, an iteration counts as an epoch."""

from __future__ import annotations

import time
import warnings
from contextlib import suppress
from typing import Any, cast

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from scipy.optimize import OptimizeResult
from sklearn.exceptions import ConvergenceWarning

from skdigits.nn.elementwise import euclidean_norm
from skdigits.nn.optimizers import LBFGS
from skdigits.nn.rules import apply_penalty

from .batches import batches
from .caller import caller_stacklevel
from .loop import Trainer

_RAN_OUT, _STUCK = 1, 2
"""SciPy's status after the last iteration or evaluation, and where there is no lower point."""


class FullBatchTrainer(Trainer):
    """Trains a network on all rows at once, by L-BFGS, an iteration per epoch.

    `clip_norm` and `max_norm` have no effect, since they would mislead its line search.

    Parameters
    ----------
    *args, **kwargs
        Those of `Trainer`.
    """

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        rows = self.samples.rows
        self._batch = next(batches(self.samples, rows, len(rows), self.reader))
        self._decay = self.decay(self._batch.total)
        # At the point that was evaluated last; if SciPy then ends an iteration, it is that one.
        self._figures: dict[str, float] = {}
        self._began = time.perf_counter()

    @property
    def rows_at_once(self) -> int:
        """All of them."""
        return len(self.samples)

    def run(self, epochs: int) -> None:
        """Minimise until L-BFGS has converged, the epochs are over or somebody says stop."""
        lbfgs = cast(LBFGS, self.settings.solver)
        try:
            result = scipy.optimize.minimize(
                self._penalized_loss,
                self.network.parameters.astype(np.float64),
                method="L-BFGS-B",
                jac=True,
                callback=self._end_of_iteration,
                options={
                    "maxiter": epochs,
                    "maxfun": lbfgs.max_fun,
                    "maxcor": lbfgs.memory,
                    "gtol": self.settings.tol,
                    # The gradient decides, not a loss that stalls in its ninth digit.
                    "ftol": 64 * np.finfo(float).eps,
                },
            )
        finally:
            # The last point that was tried is not the last that was accepted.
            self.fall_back()
        if not self.is_finite(float(result.fun)):
            self.diverge(float(result.fun))
            return
        self._note_outcome(result)
        if not result.nit:
            # There was nothing to learn, which is worth a line on record, too. The statistics that
            # prediction needs are those of this point.
            self._penalized_loss(result.x)
            with suppress(StopIteration):
                self._end_of_iteration(result)

    def _penalized_loss(self, parameters: NDArray) -> tuple[float, NDArray]:
        """Return the loss with its penalty, and their gradient, in double precision."""
        network, batch = self.network, self._batch
        network.parameters[...] = parameters
        # The rows are the same at each point, so that earlier ones have nothing to say.
        network.reset_statistics()
        loss, logits = self.loss_and_gradient(batch)
        penalty = self._decay.penalty(network.parameters.astype(np.float64))
        self._figures = {
            "loss": loss,
            "accuracy": network.objective.accuracy(logits, batch.targets, batch.weights),
            "penalty": penalty,
            "gradient_norm": euclidean_norm(self.gradient),
        }
        weights, gradient = (
            vector[: network.n_weights] for vector in (network.parameters, self.gradient)
        )
        apply_penalty(weights, gradient, *self._decay[1:])
        return loss + penalty, self.gradient.astype(np.float64)

    def _end_of_iteration(self, intermediate_result: OptimizeResult) -> None:
        """Take an accepted point as the end of an epoch; SciPy goes by the parameter's name.

        Raises
        ------
        StopIteration
            Which tells SciPy to stop.
        """
        self.network.parameters[...] = intermediate_result.x
        try:
            # SciPy does not say when an iteration begins.
            self.begin_epoch()
            stop = self.finish_epoch(self._figures, self._began)
        except StopIteration as error:
            # From a scorer or callback, where it is a mistake and asks nobody to stop.
            raise RuntimeError("A scorer or a callback raised StopIteration.") from error
        if stop:
            raise StopIteration
        self._began = time.perf_counter()

    def _note_outcome(self, result: OptimizeResult) -> None:
        """Note whether iterations ran out, or tell the user that there is no way down."""
        self.ran_out = result.status == _RAN_OUT
        if result.status == _STUCK:
            warnings.warn(
                f"L-BFGS found no lower loss along its direction after {result.nit} iterations, "
                f"though the gradient is above tol={self.settings.tol:g}. Float64 data, scaled "
                "inputs or a greater tol may help.",
                ConvergenceWarning,
                stacklevel=caller_stacklevel(),
            )
