"""The record of a training, a row per epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping


class History(dict[str, list[float]]):
    """Columns of numbers, one entry per epoch; ``pandas.DataFrame(history)`` makes a table of it.

    A figure that some epochs lack is ``nan`` there.

    Examples
    --------
    >>> history = History()
    >>> history.append({"loss": 0.5})
    >>> history.append({"loss": 0.25, "validation_loss": 0.3})
    >>> history
    {'loss': [0.5, 0.25], 'validation_loss': [nan, 0.3]}
    """

    @property
    def n_epochs(self) -> int:
        """How many epochs are on record."""
        return max((len(column) for column in self.values()), default=0)

    def append(self, epoch: Mapping[str, float]) -> None:
        """Add the figures of an epoch.

        Parameters
        ----------
        epoch : mapping of str to float
        """
        n_before = self.n_epochs
        try:
            for name in {**self, **epoch}:
                column = self.setdefault(name, [math.nan] * n_before)
                column.append(epoch.get(name, math.nan))
        except KeyboardInterrupt:
            for column in self.values():
                del column[n_before:]
            raise

    def keep_last(self, n_epochs: int) -> None:
        """Forget all but the last epochs, and figures that none of them has."""
        for name, column in [*self.items()]:
            del column[: max(0, len(column) - n_epochs)]
            if all(map(math.isnan, column)):
                del self[name]


class Tally:
    """Adds up loss and accuracy over the batches of an epoch.

    Examples
    --------
    >>> tally = Tally()
    >>> tally.add(loss=1.0, accuracy=0.5, total=2.0)
    >>> tally.add(loss=4.0, accuracy=1.0, total=1.0)
    >>> tally.means()["loss"]
    2.0
    """

    def __init__(self) -> None:
        self._loss = self._accuracy = self._total = 0.0

    def add(self, loss: float, accuracy: float, total: float) -> None:
        """Take the means over a batch and the sum of its rows' weights."""
        self._loss += loss * total
        self._accuracy += accuracy * total
        self._total += total

    def means(self) -> dict[str, float]:
        """Return the means over all rows so far."""
        return {"loss": self._loss / self._total, "accuracy": self._accuracy / self._total}
