"""Handwritten digits as 8-bit images with integer labels, split once and for all.

::

    load_digits_8x8   digits in scikit-learn -> stratified split ------------> DigitSplit
    load_mnist        fetch_openml -> .arff.gz -> parse -> .npz -> split ----> DigitSplit
                                          each step only if what it makes isn't there

scikit-learn downloads MNIST, NumPy parses it: `fetch_openml` would need pandas, or else minutes,
and 1 GB, give strings or integers as labels, and delete the download when its parser raises.
"""

from __future__ import annotations

import gzip
import stat
import warnings
import zlib
from contextlib import suppress
from functools import partial
from http.client import HTTPException
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import fetch_openml, get_data_home, load_digits
from sklearn.model_selection import train_test_split

from skdigits.digits.rows import parse_rows
from skdigits.digits.sets import DigitSplit

# Where scikit-learn's cache puts it.
_MNIST_ARFF = "openml/openml.org/data/v1/download/52667/mnist_784.arff.gz"
_MNIST_CONTENT = (
    "uint8 pixels of shape (70000, 784) from 0 to 255, uint8 labels of shape (70000,) from 0 to 9"
)


def load_digits_8x8() -> DigitSplit:
    """Load the 1,797 digits of 8 x 8 pixels that come with scikit-learn [1]_.

    No download, the same stratified split at every call. Pixels are 0 (background) to 16.

    Returns
    -------
    digits : DigitSplit

    References
    ----------
    .. [1] E. Alpaydin, C. Kaynak. Optical Recognition of Handwritten Digits.
       UCI Machine Learning Repository, 1998. https://doi.org/10.24432/C50P49

    Examples
    --------
    >>> from skdigits.digits import load_digits_8x8
    >>> digits = load_digits_8x8()
    >>> digits.X_train.shape, digits.X_test.shape, digits.image_shape
    ((1437, 64), (360, 64), (8, 8))
    >>> digits.y_test[:4]
    array([7, 6, 3, 7])
    """
    X, y = load_digits(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(
        X.astype(np.uint8), y.astype(np.int64), test_size=360, stratify=y, random_state=0
    )
    return DigitSplit(X_train, y_train, X_test, y_test, image_shape=(8, 8))


def load_mnist(*, data_home: str | PathLike[str] | None = None) -> DigitSplit:
    """Load MNIST [1]_: 60,000 training and 10,000 test digits of 28 x 28 pixels.

    What scikit-learn's cache lacks is downloaded from OpenML (15 MB). The arrays are kept next to
    the download, if that folder can be written, so that later calls take a fraction of a second.
    Pixels are 0 (background) to 255.

    Parameters
    ----------
    data_home : str or path-like, default=None
        scikit-learn's data folder, see `sklearn.datasets.get_data_home`. None means the
        environment variable `SCIKIT_LEARN_DATA`, or else `~/scikit_learn_data`.

    Returns
    -------
    mnist : DigitSplit
        In the canonical order.

    Raises
    ------
    ConnectionError
        The data is not in `data_home` and can't be downloaded.
    ValueError
        The downloaded file holds something else than MNIST. The file is left as it is.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. Gradient-Based Learning Applied to Document
       Recognition. Proceedings of the IEEE 86(11), 1998.

    Examples
    --------
    >>> from skdigits.digits import load_mnist
    >>> mnist = load_mnist()  # doctest: +SKIP
    >>> mnist.X_train.shape, mnist.X_test.shape, mnist.image_shape  # doctest: +SKIP
    ((60000, 784), (10000, 784), (28, 28))
    """
    home = get_data_home(data_home)
    arff = Path(home, _MNIST_ARFF)
    parsed = arff.with_name("mnist_784.npz")
    arrays = _read_parsed(parsed)
    if arrays is None:
        if not arff.exists():
            _download_mnist(home)
        arrays = _read_arff(arff)
        _keep_parsed(parsed, *arrays)
    X, y = arrays[0], arrays[1].astype(np.int64)
    return DigitSplit(X[:60_000], y[:60_000], X[60_000:], y[60_000:], image_shape=(28, 28))


def _download_mnist(home: str) -> None:
    """Have scikit-learn put the ARFF file into its cache."""
    where = {"name": "mnist_784", "version": 1, "data_home": home}
    fetch = partial(fetch_openml, **where, as_frame=False, n_retries=1, delay=0.1)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "A network error occurred")
            try:  # One row of inferred types is quick, and has no category to fail on.
                fetch(parser="pandas", read_csv_kwargs={"nrows": 1, "dtype": None})
            except ImportError:
                fetch(parser="liac-arff")
    except (OSError, HTTPException) as error:
        raise ConnectionError(
            f"{Path(home, _MNIST_ARFF)} is missing and can't be downloaded from OpenML ({error}). "
            "Let the environment variable SCIKIT_LEARN_DATA or `data_home` name a scikit-learn "
            "data folder that has it, or use load_digits_8x8(), which needs no download."
        ) from error


def _read_arff(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Parse the images and labels of OpenML's MNIST file."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                if line.lower().startswith("@data"):
                    break
            rows = parse_rows(line for line in lines if not line.startswith("%"))
        images, labels = np.ascontiguousarray(rows[:, :-1]), rows[:, -1].copy()
        _check_mnist(images, labels)
    except (ValueError, EOFError, zlib.error, gzip.BadGzipFile, Warning) as error:
        raise ValueError(
            f"{path} is damaged or not MNIST ({error}). Expected {_MNIST_CONTENT}. Once you delete "
            "the file, the next call downloads it again."
        ) from error
    return images, labels


def _check_mnist(images: NDArray, labels: NDArray) -> None:
    """Raise ValueError unless shapes, types and ranges are those of MNIST."""
    content = (
        f"{images.dtype} pixels of shape {images.shape} from {images.min()} to {images.max()}, "
        f"{labels.dtype} labels of shape {labels.shape} from {labels.min()} to {labels.max()}"
    )
    if content != _MNIST_CONTENT:
        raise ValueError(f"found {content}")


def _read_parsed(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
    """Read what `_keep_parsed` wrote; None where that is missing, damaged or something else."""
    damage = (EOFError, TypeError, LookupError, RuntimeError, zlib.error, BadZipFile)
    with suppress(OSError, ValueError, *damage), path.open("rb") as file, np.load(file) as archive:
        images, labels = archive["images"], archive["labels"]
        _check_mnist(images, labels)
        return images, labels
    return None


def _keep_parsed(path: Path, images: NDArray[np.uint8], labels: NDArray[np.uint8]) -> None:
    """Save the arrays in one atomic step; a folder that can't be written stays without."""
    # Root could write even where nobody is meant to.
    if path.parent.stat().st_mode & stat.S_IWUSR:
        with suppress(OSError), TemporaryDirectory(dir=path.parent) as folder:
            part = Path(folder, path.name)
            np.savez_compressed(part, images=images, labels=labels)
            part.replace(path)
