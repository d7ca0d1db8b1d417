"""Image files in, digits out.

::

    file -> boxes of digits, 28x28 pixels of each -> pixels as the model knows them -> model
         -> those that touch each other are cut apart, where the model is surest of the pieces
         -> digits, probabilities -> a line of text, a line of JSON, boxes drawn on the image
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdigits.digits.augmentation.upright import Upright
from skdigits.digits.images import digits_of
from skdigits.digits.paper.boxes import Box, inked_box
from skdigits.digits.paper.levels import light_on_dark
from skdigits.digits.paper.normalizing import SIDE
from skdigits.digits.paper.pictures import canvas, read_picture
from skdigits.digits.paper.resampling import area_average

_RED = (220, 30, 30)


@dataclass(frozen=True, eq=False)
class Reading:
    r"""The digits that a model reads in an image.

    Attributes
    ----------
    path : str
        The image file.
    boxes : list of Box
        Where the digits are, in reading order.
    digits : ndarray of shape (n_digits,)
        The most probable digits.
    probabilities : ndarray of shape (n_digits,)
        How probable they are.

    Examples
    --------
    >>> box = Box(top=5, left=10, bottom=40, right=30)
    >>> reading = Reading("seven.png", [box], np.array([7]), np.array([0.9876]))
    >>> reading.line()
    'seven.png\t7\t0.9876'
    >>> print(reading.json())
    {"path": "seven.png", "digits": [{"digit": 7, "probability": 0.9876, "box": [5, 10, 40, 30]}]}
    """

    path: str
    boxes: list[Box]
    digits: NDArray[np.int64]
    probabilities: NDArray[np.float64]

    def line(self) -> str:
        """Return path, digits and their probabilities, separated by tabs."""
        number = "".join(map(str, self.digits))
        return "\t".join([self.path, number, " ".join(f"{p:.4f}" for p in self.probabilities)])

    def json(self) -> str:
        """Return the same, and the boxes, as an object of JSON."""
        parts = zip(self.digits.tolist(), self.probabilities.tolist(), self.boxes, strict=True)
        digits = [
            {"digit": digit, "probability": round(probability, 4), "box": list(box)}
            for digit, probability, box in parts
        ]
        return json.dumps({"path": self.path, "digits": digits})

    def draw(self, output: Path) -> None:
        """Save the image with a box around each digit and the answer above it.

        Parameters
        ----------
        output : Path
            Its suffix says the kind of file.

        Raises
        ------
        OSError
            The file can't be written.
        ValueError
            The suffix is not that of an image.
        """
        from PIL import ImageDraw, ImageFont

        image = canvas(self.path)
        pen, width = ImageDraw.Draw(image), max(1, max(image.size) // 300)
        size = max(10, max(image.size) // 25)
        font = ImageFont.load_default(size)
        for digit, (top, left, bottom, right) in zip(self.digits, self.boxes, strict=True):
            pen.rectangle((left, top, right - 1, bottom - 1), outline=_RED, width=width)
            anchor = "lb" if top >= size else "la"
            pen.text((left, top), str(digit), fill=_RED, font=font, anchor=anchor)
        try:
            image.save(output)
        except (KeyError, ValueError, OSError) as error:
            if isinstance(error, OSError) and error.errno:
                error.filename = str(output)  # Such as where the disk is full.
                raise
            # Each format has its own way to say so.
            raise ValueError(f"{output}: images of that kind can't be written") from error


def read_digits(model: Any, path: str, side: int, brightest: int) -> Reading:
    """Read the digits in an image file.

    Parameters
    ----------
    model : classifier
        Its classes are the digits 0 to 9.
    path : str
        The image file.
    side : int
        Height and width of the images that the model knows, 28 for MNIST's.
    brightest : int
        Their largest pixel value.

    Returns
    -------
    reading : Reading

    Raises
    ------
    ImportError, OSError, ValueError
        Pillow is missing, the file can't be read, or it shows no digit.
    """

    def predict_proba(pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the probabilities of digits in MNIST's form."""
        return model.predict_proba(_resized(pixels, side) * np.float32(brightest))

    picture = read_picture(path)
    grey = picture.grey
    if grey.shape == (side, side) != (SIDE, SIDE):
        if not np.ptp(grey):
            raise ValueError(f"{path} shows no digit")
        boxes = [Box(0, 0, side, side)]
        # What surrounds a stroke is the whole of so small an image.
        ink = grey if light_on_dark(grey, grey, 2 * side - 1) else 1 - grey
        probabilities = model.predict_proba(ink.reshape(1, -1) * np.float32(brightest))
    else:
        boxes, pixels = digits_of(picture, predict_proba)
        if not boxes:
            raise ValueError(f"{path} shows no digit")
        probabilities = predict_proba(pixels)
    return Reading(path, boxes, probabilities.argmax(axis=1), probabilities.max(axis=1))


def _resized(pixels: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Return digits in MNIST's form at the size that a model knows."""
    if side == SIDE:
        return pixels
    # Those of 8 x 8 pixels in scikit-learn hardly slant.
    upright = Upright().prepare(pixels).reshape(-1, SIDE, SIDE)
    return np.array([_shrunk(image, side).ravel() for image in upright])


def _shrunk(image: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Let a digit fill a smaller square, as those of 8 x 8 pixels in scikit-learn do."""
    top, left, bottom, right = inked_box(image)
    half = max(bottom - top, right - left) / 2
    rows, columns = (
        slice(max(0, round(middle - half)), round(middle + half))
        for middle in ((top + bottom) / 2, (left + right) / 2)
    )
    return area_average(image[rows, columns], side, side)
