"""Digits in IDX files, as MNIST was first published.

::

    load_idx   *-idx3-ubyte[.gz], *-idx1-ubyte[.gz] -> unpacked -> header -> bytes as they lie
                                                                               -> DigitSet
"""

from __future__ import annotations

import math
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skdigits.digits.sets import DigitSet
from skdigits.digits.unpacking import unpacked

_N_DIMENSIONS = {"images": 3, "labels": 1}


def load_idx(
    images_path: str | PathLike[str], labels_path: str | PathLike[str] | None = None
) -> DigitSet:
    """Load images, and their labels, from IDX files such as MNIST's own [1]_.

    An IDX file is a header of big-endian 32-bit integers and then one byte for each number: the
    magic number, 2051 for images and 2049 for labels, the number of items, and for images their
    height and width. It may be compressed by gzip, or the only one in a zip archive, whatever its
    name.

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
    OSError
        A file can't be read.
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
    content = unpacked(path)
    n_dimensions = _N_DIMENSIONS[items]
    start = 4 + 4 * n_dimensions
    # Two zeros, 8 for unsigned bytes, the number of dimensions.
    magic, found = 0x800 + n_dimensions, int.from_bytes(content[:4], "big")
    if len(content) >= 4 and found != magic:
        raise ValueError(
            f"{path}: bytes 0 to 3 are the number {found}; expected {magic}, the magic number of "
            f"{items} in IDX, plain or compressed."
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
