"""Warnings point at the line that called the library, however deep inside they arise."""

from __future__ import annotations

import sys

_INSIDE = {"skdigits", "sklearn", "joblib"}


def caller_stacklevel() -> int:
    """Return the `stacklevel` of a warning that points at the first line outside the library.

    Pipelines and searches of scikit-learn count as inside.
    """
    frame, level = sys._getframe(1), 1
    # Code that is executed from a string may lack a name.
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in _INSIDE:
        frame, level = frame.f_back, level + 1
    return level
