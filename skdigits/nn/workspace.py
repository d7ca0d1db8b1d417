"""Arrays that one training step takes and the next step takes again.

A step asks for the same arrays in the same order as the step before it, so the n-th request is
served with the n-th array. After the first step nothing is allocated; the last, shorter batch gets
slices.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Workspace:
    """Hands out uninitialised arrays, the same ones again after each `rewind`.

    Parameters
    ----------
    dtype : dtype
        The element type of the arrays.

    Examples
    --------
    >>> workspace = Workspace(np.float32)
    >>> first = workspace.empty(4, 3)
    >>> workspace.rewind()
    >>> np.shares_memory(first, workspace.empty(2, 3))
    True
    """

    def __init__(self, dtype: DTypeLike):
        self.dtype = np.dtype(dtype)
        self._memory: list[NDArray] = []
        self._views: list[dict[tuple[int, ...], NDArray]] = []
        self._next = 0

    def rewind(self) -> None:
        """Begin a new step: the next request is served with the first array again."""
        self._next = 0

    def empty(self, *shape: int) -> NDArray:
        """Return an array of this shape; its contents are arbitrary."""
        slot = self._next
        self._next += 1
        if slot == len(self._views):
            self._views.append({})
            self._memory.append(np.empty(math.prod(shape), self.dtype))
        view = self._views[slot].get(shape)
        if view is None:
            view = self._views[slot][shape] = self._view(slot, shape)
        return view

    def _view(self, slot: int, shape: tuple[int, ...]) -> NDArray:
        size = math.prod(shape)
        if self._memory[slot].size < size:
            self._memory[slot] = np.empty(size, self.dtype)
            self._views[slot].clear()
        return self._memory[slot][:size].reshape(shape)
