"""scikit-learn's callback protocol: a task for the fit, and one in it for each epoch.

::

    fit task begins -> epoch begins -> epoch ends (True stops) -> ... -> fit task ends

An epoch that diverges, or that Ctrl-C cuts short, counts for nothing and so has no end, as one in
which an error is raised has none.

scikit-learn has the protocol since 1.9; with an older one, fitting works without callbacks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands in for scikit-learn's mixin where there is none."""

    def with_callbacks(method: Any) -> Any:
        """Return the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "FitTasks", "Tasks", "tasks_of", "with_callbacks"]

Attributes = Callable[[], dict[str, Any]]
"""``() -> dict`` of the attributes of an estimator fitted so far; called if a callback asks."""


class Tasks:
    """Null object: a fit without callbacks."""

    def begin_epoch(self) -> None:
        """Do nothing."""

    def end_epoch(self, fitted: Attributes) -> bool:
        """Go on."""
        return False

    def end(self, fitted: Attributes) -> None:
        """Do nothing."""


class FitTasks(Tasks):
    """Tells an estimator's callbacks about its fit.

    Parameters
    ----------
    estimator : estimator
        Being fitted, with callbacks set.
    n_epochs : int
        The largest number of epochs.
    data : dict
        X, y and metadata, as they were passed to ``fit``.
    """

    def __init__(self, estimator: Any, n_epochs: int, data: dict[str, Any]):
        self._estimator = estimator
        self._data = data
        self._fit = estimator._init_callback_context(max_subtasks=n_epochs)
        self._fit.call_on_fit_task_begin(estimator=estimator, **data)

    def begin_epoch(self) -> None:
        """Begin the task of an epoch."""
        self._epoch = self._fit.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(estimator=self._estimator, **self._data)

    def end_epoch(self, fitted: Attributes) -> bool:
        """End the task of the epoch; return whether a callback asks to stop."""
        return self._epoch.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=fitted, **self._data
        )

    def end(self, fitted: Attributes) -> None:
        """End the task of the fit."""
        self._fit.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=fitted, **self._data
        )


def tasks_of(estimator: Any, n_epochs: int, data: dict[str, Any]) -> Tasks:
    """Return the tasks of a fit; without callbacks they cost nothing."""
    if not getattr(estimator, "_skl_callbacks", None):
        return Tasks()
    return FitTasks(estimator, n_epochs, data)
