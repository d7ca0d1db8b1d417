"""The end of an epoch: validate, record, report, and decide whether to go on.

The flow of an epoch's figures::

    figures -> validation -> history -> report -> plateau? -> schedule: lower the rate, or stop
"""

from __future__ import annotations

from collections.abc import Callable

from skdigits.nn.fused import why_not_compiled
from skdigits.nn.schedules import Schedule

from .history import History
from .state import TrainingState
from .stopping import Validation


def minus_objective(figures: dict[str, float]) -> float:
    """Return minus what an epoch of training minimises, which should grow."""
    return -(figures["loss"] + figures["penalty"])


def validation_score(figures: dict[str, float]) -> float:
    """Return the validation score of an epoch, which should grow."""
    return figures["validation_score"]


class Monitor:
    """Watches a training from epoch to epoch.

    Parameters
    ----------
    state : TrainingState
        Its plateau is told the epochs; its `rate_scale` falls where the schedule answers a plateau
        with a lower rate.
    schedule : Schedule
    history : History
        Gets a row per epoch.
    progress : callable, default=minus_objective
        ``figures -> value`` that the plateau is told, such as `validation_score`.
    validation : Validation, optional
    report : callable, optional
        ``(n_epochs, figures)``, such as one that prints a line.
    listener : callable, optional
        ``n_epochs -> bool``, called last; True asks to stop.

    Attributes
    ----------
    n_epochs : int
        Epochs that have ended so far.
    """

    def __init__(
        self,
        state: TrainingState,
        schedule: Schedule,
        history: History,
        progress: Callable[[dict[str, float]], float] = minus_objective,
        validation: Validation | None = None,
        report: Callable[[int, dict[str, float]], None] | None = None,
        listener: Callable[[int], bool] = lambda n_epochs: False,
    ):
        self.state = state
        self.schedule = schedule
        self.history = history
        self.progress = progress
        self.validation = validation
        self.report = report
        self.listener = listener
        self.n_epochs = 0

    def end_of_epoch(self, figures: dict[str, float]) -> bool:
        """Take the figures of an epoch; return whether to stop."""
        if self.validation is not None:
            figures |= self.validation.score()
        self.history.append(figures)
        self.n_epochs += 1
        if self.report is not None:
            self.report(self.n_epochs, figures)
        self.state.plateau.update(self.progress(figures))
        stalled = self.state.plateau.reached and self._stop_or_lower_rate(figures)
        return self.listener(self.n_epochs) or stalled

    def _stop_or_lower_rate(self, figures: dict[str, float]) -> bool:
        factor = self.schedule.on_plateau(figures.get("learning_rate", 0.0))
        if factor is None:
            return True
        self.state.rate_scale *= factor
        self.state.plateau.forget()
        return False


def print_obstacle() -> None:
    """Print why training is not compiled, if it is not."""
    reason = why_not_compiled()
    if reason:
        print(f"Training is left to NumPy, nothing is compiled: {reason}.", flush=True)


def print_epoch(epoch: int, figures: dict[str, float]) -> None:
    """Print a line on an epoch.

    Examples
    --------
    >>> print_epoch(3, {"loss": 0.25, "accuracy": 0.9, "seconds": 0.5})
    Iteration 3, loss = 0.25000000, accuracy = 0.9000, 0.50 s
    """
    parts = [f"Iteration {epoch}, loss = {figures['loss']:.8f}"]
    parts.append(f"accuracy = {figures['accuracy']:.4f}")
    if "validation_score" in figures:
        parts.append(f"validation score = {figures['validation_score']:.6f}")
    print(", ".join([*parts, f"{figures['seconds']:.2f} s"]), flush=True)
