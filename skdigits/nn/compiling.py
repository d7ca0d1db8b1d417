"""From a loop in Python to machine code, where Numba is installed (the extra ``fast``).

The first use of a loop compiles it; later processes load it from disk.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

OPTIONS = {"error_model": "numpy", "nogil": True, "cache": True}
"""How loops are compiled: without threads of their own, which would compete with those of BLAS."""

Compiled = TypeVar("Compiled")


def where_possible(compiled: Callable[..., Compiled]) -> Callable[..., Compiled | None]:
    """Decorate a function that compiles so that it returns None where that is not possible.

    Examples
    --------
    >>> @where_possible
    ... def compiled(number):
    ...     return (1 / number).hex
    >>> compiled(0) is None
    True
    """

    @wraps(compiled)
    def attempt(*arguments: Any) -> Compiled | None:
        """Return what is compiled, if it can be."""
        try:
            return compiled(*arguments)
        # Whatever is wrong with the loop or the installation, NumPy can do the work.
        except Exception:
            return None

    return attempt


def working_numba() -> Any:
    """Import Numba.

    Raises
    ------
    ImportError
        It is not installed.
    RuntimeError
        It is told to compile nothing, and so would run the loops as slowly as Python does.
    """
    import numba

    if getattr(numba.config, "DISABLE_JIT", False):
        raise RuntimeError("NUMBA_DISABLE_JIT is set")
    return numba


def machine_code(loop: Callable[..., Any], *example: Any) -> Any:
    """Return a function compiled by Numba, called once.

    Parameters
    ----------
    loop : callable
    *example
        Arguments of the types that it will be called with. The call compiles it, or finds out that
        it cannot be compiled.
    """
    compiled: Any = working_numba().njit(**OPTIONS)(loop)
    compiled(*example)
    return compiled
