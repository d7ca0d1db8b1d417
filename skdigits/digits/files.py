"""Digits in the files that people have: Kaggle's CSV tables, and IDX as MNIST was first published.

::

    load_kaggle   train.csv, test.csv -> header -> parse_rows -----------------------> DigitSet
    load_idx      *-idx3-ubyte[.gz], *-idx1-ubyte[.gz] -> header -> bytes as they lie -> DigitSet

Files are read quickly as a whole. Only one that turns out to be bad is gone through once more, for
the line or the byte at which it is.
"""

from __future__ import annotations

import gzip
import math
import re
import warnings
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TextIO

import numpy as np
from numpy.typing import NDArray

_N_PIXELS = 784
_DIGITS = re.compile(r"\s*0*([0-9]{1,3})\s*")
_GZIP = b"\x1f\x8b"
_N_DIMENSIONS = {"images": 3, "labels": 1}


@dataclass(frozen=True, eq=False)
class DigitSet:
    """Digit images, and their labels where these are known.

    Attributes
    ----------
    X : ndarray of shape (n_images, height * width), dtype uint8
        One image a row, its pixels row by row, from 0 (background) to 255.
    y : ndarray of shape (n_images,), dtype int64, or None
        The digits, 0 to 9.
    image_shape : tuple of int
        `(height, width)`, so that `X.reshape(-1, *image_shape)` are the images.
    """

    X: NDArray[np.uint8]
    y: NDArray[np.int64] | None
    image_shape: tuple[int, int]


def load_kaggle(path: str | PathLike[str]) -> DigitSet:
    """Load `train.csv` or `test.csv` of Kaggle's competition Digit Recognizer [1]_.

    A header names the columns, `label` first if there are labels; each further line is an image of
    28 x 28 pixels, `pixel0` to `pixel783`.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    digits : DigitSet
        `y` is None where the file has no labels.

    Raises
    ------
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
    with _open_text(path) as lines:
        names = _columns(path, next(lines, ""))
        n_labels = len(names) - _N_PIXELS
        try:
            rows = parse_rows(lines)
            if rows.shape[1] != len(names) or np.any(rows[:, :n_labels] > 9):
                raise ValueError("other columns or labels")
        except (ValueError, Warning) as error:
            raise ValueError(f"{path}: {_first_fault(path, names) or error}.") from error
    y = rows[:, 0].astype(np.int64) if n_labels else None
    return DigitSet(np.ascontiguousarray(rows[:, n_labels:]), y, image_shape=(28, 28))


def parse_rows(lines: Iterable[str]) -> NDArray[np.uint8]:
    """Parse comma-separated integers from 0 to 255; quotes around them don't count.

    Parameters
    ----------
    lines : iterable of str
        Blank ones are left out.

    Returns
    -------
    rows : ndarray of shape (n_lines, n_columns), dtype uint8

    Raises
    ------
    ValueError or Warning
        There is something else, or nothing at all.

    Examples
    --------
    >>> parse_rows(["0,255", "7,'1'"])
    array([[  0, 255],
           [  7,   1]], dtype=uint8)
    """
    with warnings.catch_warnings():
        # NumPy 2.0 lets 300 wrap around and cuts 1.5, with no more than a warning.
        warnings.filterwarnings("error", "loadtxt")
        unquoted = (_unquoted(line) for line in lines if not line.isspace())
        return np.loadtxt(unquoted, dtype=np.uint8, delimiter=",", comments=None, ndmin=2)


def _unquoted(line: str) -> str:
    return line.replace("'", "").replace('"', "")


def _open_text(path: Path) -> TextIO:
    # What is not text shows in its line, as something that is no number.
    return path.open(encoding="utf-8-sig", errors="replace")


def _columns(path: Path, header: str) -> list[str]:
    """Return the names of the columns."""
    names = _unquoted(header).strip().split(",")
    n_pixels = len(names) - (names[0] == "label")
    if n_pixels != _N_PIXELS or any(map(_is_number, names)):
        raise ValueError(
            f"{path}: line 1 is {_shortened(header)}; expected the header label,pixel0,...,"
            "pixel783, or the same without label."
        )
    return names


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _first_fault(path: Path, names: Sequence[str]) -> str | None:
    """Say what is wrong with the first bad line below the header."""
    n_images = 0
    with _open_text(path) as lines:
        next(lines)
        for number, line in enumerate(lines, start=2):
            fields = _unquoted(line).strip().split(",")
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


def load_idx(
    images_path: str | PathLike[str], labels_path: str | PathLike[str] | None = None
) -> DigitSet:
    """Load images, and their labels, from IDX files such as MNIST's own [1]_.

    An IDX file is a header of big-endian 32-bit integers and then one byte for each number: the
    magic number, 2051 for images and 2049 for labels, the number of items, and for images their
    height and width. It may be compressed by gzip, whatever its name.

    Parameters
    ----------
    images_path : str or path-like
        Such as `train-images-idx3-ubyte.gz`.
    labels_path : str or path-like, default=None
        Such as `train-labels-idx1-ubyte.gz`.

    Returns
    -------
    digits : DigitSet
        `y` is None without `labels_path`.

    Raises
    ------
    ValueError
        A file holds something else, or the two don't have the same number of items. The message
        names the byte, from 0 and after decompression, and what was expected there.

    References
    ----------
    .. [1] Y. LeCun, C. Cortes, C. Burges. The MNIST Database of Handwritten Digits, 1998.

    Examples
    --------
    >>> from skdigits.digits import load_idx
    >>> digits = load_idx("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")  # doctest: +SKIP
    >>> digits.X.shape, digits.y[:4], digits.image_shape  # doctest: +SKIP
    ((10000, 784), array([7, 2, 1, 0]), (28, 28))
    """
    images = _read_idx(Path(images_path), "images")
    n_images, height, width = images.shape
    y = None
    if labels_path is not None:
        y = _read_labels(Path(labels_path))
        if len(y) != n_images:
            raise ValueError(
                f"{labels_path} has {len(y)} labels, but {images_path} has {n_images} images; "
                "expected a label for each image."
            )
    return DigitSet(images.reshape(n_images, -1), y, image_shape=(height, width))


def _read_labels(path: Path) -> NDArray[np.int64]:
    labels = _read_idx(path, "labels")
    if labels.max() > 9:
        i = int(np.argmax(labels > 9))
        raise ValueError(f"{path}: byte {8 + i} is the label {labels[i]}; expected 0 to 9.")
    return labels.astype(np.int64)


def _read_idx(path: Path, items: str) -> NDArray[np.uint8]:
    """Read images or labels."""
    content = _decompressed(path)
    n_dimensions = _N_DIMENSIONS[items]
    start = 4 + 4 * n_dimensions
    # Two zeros, 8 for unsigned bytes, the number of dimensions.
    magic, found = 0x800 + n_dimensions, int.from_bytes(content[:4], "big")
    if len(content) >= 4 and found != magic:
        raise ValueError(
            f"{path}: bytes 0 to 3 are the number {found}; expected {magic}, the magic number of "
            f"{items} in IDX, plain or compressed by gzip."
        )
    if len(content) < start:
        raise ValueError(f"{path} ends at byte {len(content)}; expected a header of {start} bytes.")
    shape = tuple(np.frombuffer(content, ">u4", n_dimensions, offset=4).tolist())
    if 0 in shape:
        raise ValueError(
            f"{path}: bytes 4 to {start - 1} are the shape {shape}; expected no 0 among them."
        )
    size = start + math.prod(shape)
    if len(content) != size:
        raise ValueError(
            f"{path} ends at byte {len(content)}; expected {size} bytes, for {items} of the shape "
            f"{shape} in the header."
        )
    # A copy may be written to.
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape).copy()


def _decompressed(path: Path) -> bytes:
    """Read a file, decompressed if it is gzip's."""
    content = path.read_bytes()
    if not content.startswith(_GZIP):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(
            f"{path} begins as gzip and can't be decompressed ({error}); expected a complete file."
        ) from error
