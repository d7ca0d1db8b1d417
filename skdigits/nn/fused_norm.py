"""Batch normalisation as machine code, where Numba is installed (the extra ``fast``).

Its passes through a batch stand here once more, each as one loop over the rows, where NumPy takes
up to four.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from .compiling import machine_code, where_possible
from .layers import Step
from .normalization import BatchNorm, Passes


class FusedPasses(NamedTuple):
    """The methods of `Passes` as machine code."""

    centre: Callable[..., Any]
    stretch: Callable[..., Any]
    add_up: Callable[..., Any]
    correct: Callable[..., Any]


@cache
@where_possible
def fused_passes(dtype: DTypeLike) -> FusedPasses:
    """Return the passes as compiled loops, or None where that is not possible.

    Parameters
    ----------
    dtype : dtype
        Of the batch.
    """
    rows, row = np.zeros((1, 1), dtype), np.zeros(1, dtype)
    return FusedPasses(
        machine_code(_centre, rows, row, row, rows),
        machine_code(_stretch, rows, row, row, rows),
        machine_code(_add_up, rows, rows, row, row),
        machine_code(_correct, rows, rows, row, row, row),
    )


def _centre(inputs: Any, mean: Any, weights: Any, centred: Any) -> Any:
    n_rows, n_units = inputs.shape
    variance = np.zeros_like(mean)
    for i in range(n_rows):
        for j in range(n_units):
            c = inputs[i, j] - mean[j]
            centred[i, j] = c
            variance[j] += weights[i] * c * c
    return variance


def _stretch(centred: Any, factor: Any, shift: Any, outputs: Any) -> None:
    n_rows, n_units = centred.shape
    for i in range(n_rows):
        for j in range(n_units):
            outputs[i, j] = centred[i, j] * factor[j] + shift[j]


def _add_up(d: Any, centred: Any, along: Any, total: Any) -> None:
    n_rows, n_units = d.shape
    along[:] = 0
    total[:] = 0
    for i in range(n_rows):
        for j in range(n_units):
            along[j] += d[i, j] * centred[i, j]
            total[j] += d[i, j]


def _correct(d: Any, centred: Any, along: Any, total: Any, weights: Any) -> None:
    n_rows, n_units = d.shape
    for i in range(n_rows):
        for j in range(n_units):
            d[i, j] -= weights[i] * (total[j] + centred[i, j] * along[j])


@dataclass(frozen=True)
class FusedBatchNorm(BatchNorm):
    """Batch normalisation that is trained by machine code where that is possible.

    Examples
    --------
    >>> layer = FusedBatchNorm(3)
    >>> layer.name
    'BatchNorm'
    """

    name = BatchNorm.__name__

    def _passes(self, step: Step) -> FusedPasses | Passes:
        return fused_passes(step.dtype) or super()._passes(step)
