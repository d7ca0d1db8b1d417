"""The commands train, evaluate and predict, without their command line.

::

    train     data set -> scale pixels -> fit -> MODEL -> report
    evaluate  MODEL, data set -------------------------> report
    predict   MODEL, image files -> digits, wherever they are -> path, digits, probabilities

A model is a plain scikit-learn pipeline in a joblib file. What it reads follows from its number of
features: 64 are the 8x8 pixels of the bundled digits, 784 the 28x28 of MNIST.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from json import dumps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import joblib
import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from .classifier import FromScratchMLPClassifier
from .component import InvalidParameterError
from .digits.datasets import load_digits_8x8, load_mnist
from .digits.images import DigitImages
from .digits.paper.normalizing import SIDE
from .digits.reading import read_digits
from .digits.sets import DigitSplit


class CommandError(Exception):
    """What the user can put right: told in one line, without a traceback."""


def tell(words: object) -> None:
    """Print one line to stderr.

    Parameters
    ----------
    words : object
        Line breaks in its text become spaces.
    """
    if sys.stderr is not None:
        print("skdigits:", " ".join(str(words).split()), file=sys.stderr, flush=True)


def _about(path: object, error: Exception) -> CommandError:
    """Return the error that says what happened to a file."""
    return CommandError(f"{path}: {getattr(error, 'strerror', None) or error}")


@contextmanager
def _telling_of(path: Path) -> Iterator[None]:
    """Turn an error about a file into one that names the file."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise _about(path, error) from error


# Data sets


@dataclass(frozen=True)
class DataSet:
    """A data set and the look of its images: square, light on dark.

    Parameters
    ----------
    load : callable
        ``data_home -> DigitSplit``.
    side : int
        Height and width in pixels.
    brightest : int
        The largest pixel value.
    """

    load: Callable[[str | None], DigitSplit]
    side: int
    brightest: int

    @property
    def size(self) -> str:
        """Width and height in words."""
        return f"{self.side}x{self.side}"


DATA_SETS = {
    "digits": DataSet(lambda data_home: load_digits_8x8(), side=8, brightest=16),
    "mnist": DataSet(lambda data_home: load_mnist(data_home=data_home), side=28, brightest=255),
}


def _load_data(data_set: DataSet, data_home: str | None) -> DigitSplit:
    try:
        return data_set.load(data_home)
    except (OSError, ValueError) as error:
        raise CommandError(error) from error


# Models


def _new_model(data_set: DataSet, parameters: dict[str, Any]) -> Pipeline:
    """Return an unfitted pipeline that takes pixels as the data set has them."""
    # A fixed factor, for a pixel that is dark in every training image may be lit in another one.
    scale = FunctionTransformer(partial(np.multiply, np.float32(1 / data_set.brightest)))
    return make_pipeline(scale, FromScratchMLPClassifier(**parameters))


def _load_model(path: str) -> tuple[Any, DataSet]:
    """Return the model and the data set that has images of its kind."""
    try:
        model = joblib.load(path)
    except OSError as error:
        raise _about(path, error) from error
    except Exception as error:  # Unpickling what is no pickle may raise anything.
        raise CommandError(
            f"{path} is damaged, not a model that joblib saved, or of another version "
            f"({type(error).__name__}: {error})"
        ) from error
    if _tells_digits(model):
        for data_set in DATA_SETS.values():
            if _n_pixels(model) == data_set.side**2:
                return model, data_set
    sizes = " or ".join(data_set.size for data_set in DATA_SETS.values())
    raise CommandError(
        f"{path} holds a {type(model).__name__}, not a fitted classifier that gives probabilities "
        f"of the digits 0 to 9 for images of {sizes} pixels"
    )


def _tells_digits(model: Any) -> bool:
    """Whether a model gives probabilities of the digits 0 to 9, as numbers or as text.

    The labels of a multilabel model have the same names, but it may answer with several of them.
    """
    try:
        classes = np.asarray(model.classes_).astype(float)
    except (AttributeError, TypeError, ValueError):
        return False
    last = model[-1] if isinstance(model, Pipeline) else model
    answers_once = getattr(last, "out_activation_", "softmax") == "softmax"
    return answers_once and np.array_equal(classes, range(10)) and hasattr(model, "predict_proba")


def _n_pixels(model: Any) -> int | None:
    """Return how many pixels a model takes from an image."""
    first = model[0] if isinstance(model, Pipeline) else model
    # DigitImages takes any number of pixels; images in MNIST's form stay as they are.
    return SIDE**2 if isinstance(first, DigitImages) else getattr(model, "n_features_in_", None)


def _check_output(path: Path) -> None:
    """Find out before training whether the model can be saved."""
    with _telling_of(path), TemporaryDirectory() as folder:
        # joblib compresses as the suffix says, if it can.
        joblib.dump(None, Path(folder, f"model{path.suffix}"))
        fits = not path.is_dir() and os.access(path if path.exists() else path.parent, os.W_OK)
    if not fits:
        raise CommandError(f"--output {path}: not a file that can be written in an existing folder")


def _save_model(model: Pipeline, path: Path) -> None:
    with _telling_of(path):
        joblib.dump(model, path)


# Report


def _report(true: ArrayLike, predicted: ArrayLike) -> str:
    """Return accuracy, precision, recall and F1 of each digit, and the confusion matrix."""
    counts = confusion_matrix(true, predicted, labels=range(10))
    width = max(4, len(str(counts.max())) + 2)
    rows = [
        f"{digit:>{width}}" + "".join(f"{count or '.':>{width}}" for count in row)
        for digit, row in enumerate(counts)
    ]
    return "\n".join(
        [
            f"Accuracy on {counts.sum()} test images: {accuracy_score(true, predicted):.2%}",
            "",
            classification_report(true, predicted, digits=4, zero_division=0),
            "Confusion matrix (rows: true digits, columns: predicted digits)",
            "",
            " " * width + "".join(f"{digit:>{width}}" for digit in range(10)),
            *rows,
        ]
    )


def _print_report(model: Any, data: DigitSplit) -> None:
    # A model of the user's own may have learnt OpenML's labels, which are strings.
    print(_report(data.y_test, model.predict(data.X_test).astype(float).astype(int)))


# Commands


def train(output: Path, data: str, data_home: str | None = None, **parameters: Any) -> int:
    """Fit a model to the training images, save it, and report on the test images.

    Parameters
    ----------
    output : Path
        The file for the model.
    data : str
        A key of `DATA_SETS`.
    data_home : str, optional
        scikit-learn's data folder.
    **parameters
        Of the classifier.

    Returns
    -------
    status : int
        0.

    Raises
    ------
    CommandError
        Data, parameters or the output file are not what they must be.
    TypeError
        The classifier has no parameter of that name.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     train(Path(folder, "model"), "digits", max_iter=5, learning_rate="cosine")
    Accuracy on 360 test images: ...
    Model saved as ...model
    0
    """
    _check_output(output)
    data_set = DATA_SETS[data]
    split = _load_data(data_set, data_home)
    model = _new_model(data_set, parameters)
    try:
        model.fit(split.X_train, split.y_train)
    except InvalidParameterError as error:
        raise CommandError(error) from error
    _save_model(model, output)
    _print_report(model, split)
    print(f"\nModel saved as {output}")
    return 0


def evaluate(model_path: str, data: str | None = None, data_home: str | None = None) -> int:
    """Report on the test images for a saved model.

    Parameters
    ----------
    model_path : str
        The file that holds the model.
    data : str, optional
        A key of `DATA_SETS`; by default that of the data set whose images fit the model.
    data_home : str, optional
        scikit-learn's data folder.

    Returns
    -------
    status : int
        0.

    Raises
    ------
    CommandError
        The model can't be loaded, or reads images of another size than the data has.
    """
    model, expected = _load_model(model_path)
    data_set = expected if data is None else DATA_SETS[data]
    if data_set is not expected:
        raise CommandError(
            f"{model_path} reads images of {expected.size} pixels, but --data {data} has "
            f"{data_set.size}"
        )
    _print_report(model, _load_data(data_set, data_home))
    return 0


def _same_file(one: str | Path, other: str | Path) -> bool:
    exist = os.path.exists(one) and os.path.exists(other)
    return exist and os.path.samefile(one, other)


def predict(
    model_path: str, images: Sequence[str], *, json: bool = False, annotate: Path | None = None
) -> int:
    """Print path, digits and probabilities of each image.

    Parameters
    ----------
    model_path : str
        The file that holds the model.
    images : sequence of str
        The image files.
    json : bool, default=False
        Whether to print an object of JSON for each image, with boxes, or with the error that kept
        it from being read.
    annotate : Path, optional
        The file for the image, of which there is just one then, with the answers drawn on it.

    Returns
    -------
    status : int
        0, or 2 where some image can't be read; the others are read all the same.

    Raises
    ------
    CommandError
        The model can't be loaded, Pillow is missing, one file is to show several images, or it is
        one of the files that are read.
    """
    if annotate is not None and len(images) > 1:
        raise CommandError(f"--annotate draws on one image, and {len(images)} are given")
    for path in (model_path, *images):
        if annotate is not None and _same_file(annotate, path):
            raise CommandError(f"--annotate would overwrite {path}, which is read")
    model, data_set = _load_model(model_path)
    status = 0

    def fail(path: str, words: object) -> None:
        """Say why an image can't be read; of JSON, each image has an object."""
        nonlocal status
        status = 2
        tell(f"error: {words}")
        if json:
            print(dumps({"path": path, "error": str(words)}))

    for path in images:
        try:
            reading = read_digits(model, path, data_set.side, data_set.brightest)
            if annotate is not None:
                reading.draw(annotate)
        except ImportError as error:
            raise CommandError(error) from error
        except OSError as error:
            fail(path, _about(error.filename or path, error))
        except ValueError as error:
            fail(path, error)
        else:
            print(reading.json() if json else reading.line())
    return status
