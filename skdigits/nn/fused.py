"""Optimizer rules as machine code, where Numba is installed (the extra ``fast``).

The very functions of `rules.py` are compiled as operations on scalars and fused into one loop, so
that each number is read and written once per step. The first use of a rule compiles it; later
processes load it from disk. Where Numba is missing or does not work, NumPy runs the rules.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from . import rules
from .compiling import OPTIONS, where_possible, working_numba
from .rules import NO_DECAY, Decay, apply_penalty


@cache
@where_possible
def fused(
    rule: Callable[..., Any], n_slots: int, n_scalars: int, dtype: DTypeLike
) -> Callable[..., None]:
    """Return a rule as a compiled loop, or None where that is not possible.

    Parameters
    ----------
    rule : callable
        ``(p, g, *slots, *scalars) -> (p, *slots)``, such as those of `rules.py`.
    n_slots, n_scalars : int
        How many numbers of state the rule has for each parameter, and how many scalars.
    dtype : dtype
        Of the parameters.

    Returns
    -------
    run : callable or None
        ``(parameters, gradient, state, scalars, decay)``, as `by_pieces` without the rule.
    """
    return _compiled(rule, n_slots, n_scalars, np.dtype(dtype))


def why_not_compiled() -> str | None:
    """Return the reason why rules cannot be compiled, or None where they can.

    Examples
    --------
    >>> why_not_compiled() is None or "Numba" in why_not_compiled()
    True
    """
    try:
        _compiled(rules.sgd, 1, 2, np.dtype(np.float32))
    except ImportError:
        return "Numba is not installed (pip install 'skdigits[fast]')"
    except Exception as error:
        return f"Numba does not work here ({type(error).__name__}: {error})"
    return None


def _one_slot(rule: Callable[..., Any], penalised: Callable[..., Any]) -> Callable[..., None]:
    def loop(p: Any, g: Any, m: Any, n_weights: int, penalty: Any, scalars: Any) -> None:
        """Update the weights, which are penalised, and then all other parameters."""
        for i in range(n_weights):
            w, d = penalised(p[i], g[i], penalty)
            p[i], m[i] = rule(w, d, m[i], *scalars)
        p, g, m = p[n_weights:], g[n_weights:], m[n_weights:]
        for i in range(p.size):
            p[i], m[i] = rule(p[i], g[i], m[i], *scalars)

    return loop


def _two_slots(rule: Callable[..., Any], penalised: Callable[..., Any]) -> Callable[..., None]:
    def loop(p: Any, g: Any, m: Any, v: Any, n_weights: int, penalty: Any, scalars: Any) -> None:
        """Update the weights, which are penalised, and then all other parameters."""
        for i in range(n_weights):
            w, d = penalised(p[i], g[i], penalty)
            p[i], m[i], v[i] = rule(w, d, m[i], v[i], *scalars)
        p, g, m, v = p[n_weights:], g[n_weights:], m[n_weights:], v[n_weights:]
        for i in range(p.size):
            p[i], m[i], v[i] = rule(p[i], g[i], m[i], v[i], *scalars)

    return loop


_LOOPS = {1: _one_slot, 2: _two_slots}


def _penalised(apply_penalty: Callable[..., Any], dtype: np.dtype) -> Callable[..., Any]:
    tiny, zero = np.sqrt(np.finfo(dtype).tiny), dtype.type(0)

    def penalised(w: Any, d: Any, penalty: Any) -> Any:
        """Return a weight and its gradient with the penalty; a tiny gradient counts as zero.

        Where an input is always zero, nothing but the penalty moves a weight, and both vanish. The
        square of such a gradient is no normal number, with which processors are slow.
        """
        w, d = apply_penalty(w, d, *penalty)
        return w, (zero if abs(d) < tiny else d)

    return penalised


def _copied(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a copy that Numba caches by its bytecode.

    Numba caches importable functions by name: once a rule was edited, the next process would load
    the machine code of the old one.
    """
    return FunctionType(
        function.__code__,
        function.__globals__,
        function.__name__,
        function.__defaults__,
        function.__closure__,
    )


def _compiled(
    rule: Callable[..., Any], n_slots: int, n_scalars: int, dtype: np.dtype
) -> Callable[..., None]:
    numba = working_numba()
    from numba.extending import register_jitable

    jitable = register_jitable(fastmath=True, error_model="numpy")
    compile_loop: Any = numba.njit(fastmath=True, **OPTIONS)
    penalised = jitable(_penalised(jitable(_copied(apply_penalty)), dtype))
    loop = compile_loop(_LOOPS[n_slots](jitable(_copied(rule)), penalised))

    def run(
        parameters: NDArray,
        gradient: NDArray,
        state: NDArray,
        scalars: tuple[float, ...],
        decay: Decay = NO_DECAY,
    ) -> None:
        """Hand everything to the loop in the types that it is compiled for."""
        n_weights, *penalty = decay
        # Through an array, since NumPy is slow to make its numbers one by one.
        numbers = tuple(np.array((*penalty, *scalars), dtype))
        typed = numbers[: len(penalty)], numbers[len(penalty) :]
        loop(parameters, gradient, *state, min(n_weights, parameters.size), *typed)

    # This compiles the loop, or finds out that it cannot be compiled.
    nothing = np.zeros((2 + n_slots, 0), dtype)
    run(nothing[0], nothing[1], nothing[2:], (1.0,) * n_scalars)
    return run
