"""Digits in Kaggle's tables.

::

    load_kaggle   train.csv, test.csv[.zip] -> unpacked -> header -> parse_rows -> DigitSet

A table is read quickly as a whole. Only one that turns out to be bad is gone through once more, for
the line at which it is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from io import BytesIO, TextIOWrapper
from os import PathLike
from pathlib import Path

import numpy as np

from skdigits.digits.rows import parse_rows, unquoted
from skdigits.digits.sets import DigitSet
from skdigits.digits.unpacking import unpacked

_N_PIXELS = 784
_DIGITS = re.compile(r"\s*0*([0-9]{1,3})\s*")


def load_kaggle(path: str | PathLike[str]) -> DigitSet:
    """Load `train.csv` or `test.csv` of Kaggle's competition Digit Recognizer [1]_.

    A header names the columns, `label` first if there are labels; each further line is an image of
    28 x 28 pixels, `pixel0` to `pixel783`.

    Parameters
    ----------
    path : str or path-like
        The file itself, compressed by gzip, or a zip archive of nothing else.

    Returns
    -------
    digits : DigitSet
        `y` is None where the file has no labels.

    Raises
    ------
    OSError
        A file can't be read.
    ValueError
        The file holds something else. The message names the line and what was expected there.

    References
    ----------
    .. [1] https://www.kaggle.com/competitions/digit-recognizer/data

    Examples
    --------
    >>> from skdigits.digits import load_kaggle
    >>> digits = load_kaggle("train.csv")  # doctest: +SKIP
    >>> digits.X.shape, digits.y[:4]  # doctest: +SKIP
    ((42000, 784), array([1, 0, 1, 4]))
    """
    path = Path(path)
    content = unpacked(path)
    lines = _lines(content)
    names = _columns(path, next(lines, ""))
    n_labels = len(names) - _N_PIXELS
    try:
        rows = parse_rows(lines)
        if rows.shape[1] != len(names) or np.any(rows[:, :n_labels] > 9):
            raise ValueError("other columns or labels")
    except (ValueError, Warning) as error:
        raise ValueError(f"{path}: {_first_fault(content, names) or error}.") from error
    y = rows[:, 0].astype(np.int64) if n_labels else None
    return DigitSet(np.ascontiguousarray(rows[:, n_labels:]), y, image_shape=(28, 28))


def _lines(content: bytes) -> TextIOWrapper:
    # What is not text shows in its line, as something that is no number.
    return TextIOWrapper(BytesIO(content), encoding="utf-8-sig", errors="replace")


def _columns(path: Path, header: str) -> list[str]:
    """Return the names of the columns."""
    names = unquoted(header).strip().split(",")
    n_pixels = len(names) - (names[0] == "label")
    if n_pixels != _N_PIXELS or any(map(_is_number, names)):
        raise ValueError(
            f"{path}: line 1 is {_shortened(header)}, with {len(names)} names; expected the header "
            f"label,pixel0,...,pixel783, of {_N_PIXELS + 1} names, or the same without label."
        )
    return names


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _first_fault(content: bytes, names: Sequence[str]) -> str | None:
    """Say what is wrong with the first bad line below the header."""
    n_images = 0
    lines = _lines(content)
    next(lines)
    for number, line in enumerate(lines, start=2):
        fields = unquoted(line).strip().split(",")
        if fields == [""]:
            continue
        if len(fields) != len(names):
            return f"line {number} has {len(fields)} fields; expected {len(names)}"
        for name, field in zip(names, fields, strict=True):
            largest = 9 if name == "label" else 255
            digits = _DIGITS.fullmatch(field)
            if digits is None or int(digits[1]) > largest:
                found = f"line {number} has {name} {_shortened(field)}"
                return f"{found}; expected an integer from 0 to {largest}"
        n_images += 1
    return None if n_images else "there is no line below the header; expected an image a line"


def _shortened(text: str) -> str:
    """Quote the beginning of a text."""
    text = text.strip()
    return repr(text if len(text) <= 40 else f"{text[:37]}...")
