"""Photographs, scans and drawings of digits in, what MNIST would have of them out.

::

    file, PIL image, array -> grey -> ink -> strokes -> digit -> 20x20 -> 28x28
               pictures.py     cleaning.py   finding.py     normalizing.py

    in MNIST's form already ------------------------------------> unchanged
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import Tags, check_array, gen_batches

from skdigits.digits.paper.boxes import Box, inked_box
from skdigits.digits.paper.cleaning import read_page
from skdigits.digits.paper.finding import (
    central_digit,
    digits_in_reading_order,
    normalized_digit,
    strokes_of,
)
from skdigits.digits.paper.normalizing import SIDE, is_normalized
from skdigits.digits.paper.pictures import SQUARES, Picture, read_picture, unit_range
from skdigits.digits.paper.touching import PredictProba, parted

_STACKS = (
    "(n_images, height, width), (n_images, height, width, 3), (n_images, height, width, 4), "
    "(n_images, 784), (n_images, 256) or (n_images, 64)"
)

_BATCH = 500  # Images that fit in the L2 cache.


class DigitImages(TransformerMixin, BaseEstimator):
    """Turn images of one digit each into what MNIST would have of them.

    The steps are those by which LeCun et al. [1]_ made MNIST from NIST's scans, after those that a
    photograph needs to look like a scan:

    1. Grey levels. EXIF rotation is applied; transparency shows white paper or, behind white ink,
       black. Ink of another colour than its paper, but hardly darker or lighter, is told from it by
       the first principal component of the colours.
    2. What surrounds a light sheet, such as the table that paper lies on askew, is taken for more
       of the sheet.
    3. Ink, whether dark on light or light on dark: the grey levels divided by a background that
       follows uneven lighting, blurred where noise or dithering would hide what is written, and
       Otsu's threshold [2]_ with hysteresis.
    4. Rules, specks, shadows at the border, frames and circles around digits, lines under them and
       grids between them are dropped. Of what is left, the digit is the largest connected
       component near the middle, with its parts.
    5. The strokes are thickened or thinned to MNIST's width (but a digit of a dozen pixels or less
       keeps its grey levels), the digit is cut out, scaled to fit 20x20 pixels with its aspect
       kept and anti-aliased, and put into 28x28 pixels with its centre of mass at the centre.

    An image that is in MNIST's form already, as all of MNIST is, is only scaled from 0 to 1.
    The transformer has no parameters and learns nothing.

    Raises
    ------
    ImportError
        A file is given and Pillow is missing.
    OSError
        A file is missing or can't be opened.
    TypeError
        X is not a sequence of images.
    ValueError
        X has another shape, a file is damaged, or an image shows no digit. The message names it.

    See Also
    --------
    find_digits : Where the digits are on an image of several.
    extract_digits : The digits on an image of several, in MNIST's form.

    References
    ----------
    .. [1] Y. LeCun, L. Bottou, Y. Bengio, P. Haffner. Gradient-Based Learning Applied to Document
       Recognition. Proceedings of the IEEE 86(11), 1998.
    .. [2] N. Otsu. A Threshold Selection Method from Gray-Level Histograms. IEEE Transactions on
       Systems, Man, and Cybernetics 9(1), 1979.

    Examples
    --------
    >>> import numpy as np
    >>> from skdigits.digits import DigitImages
    >>> photograph = np.linspace(90, 220, 160) * np.ones((200, 1))  # Paper in uneven light,
    >>> photograph[40:150, 60:70] *= 0.3  # and on it a one.
    >>> X = DigitImages().fit_transform([photograph.astype(np.uint8)])
    >>> X.shape, X.dtype, float(X.max())
    ((1, 784), dtype('float32'), 1.0)
    >>> X.reshape(28, 28).any(axis=1).sum()  # Rows of the digit.
    np.int64(20)
    """

    def fit(self, X: Any, y: Any = None) -> DigitImages:
        """Do nothing.

        Parameters
        ----------
        X : object
            Ignored.
        y : object
            Ignored.

        Returns
        -------
        self : DigitImages
        """
        return self

    def transform(self, X: Any) -> NDArray[np.float32]:
        """Give images the form of MNIST's.

        Parameters
        ----------
        X : array-like of shape (n_images, height, width), (n_images, height, width, 3), \
                (n_images, height, width, 4), (n_images, 784), (n_images, 256) or (n_images, 64), \
                or sequence of str, path-like, binary file, PIL.Image.Image or array-like
            Images of one digit each, of any size; rows are square images, and may be sparse. Each
            from 0 to 1, 0 to 16, 0 to 255, of 16 bits, or boolean.

        Returns
        -------
        pixels : ndarray of shape (n_images, 784), dtype float32
            0 for paper to 1 for ink.
        """
        images = _as_images(X)
        pixels = np.empty((len(images), SIDE * SIDE), np.float32)
        todo = np.ones(len(images), bool)
        if isinstance(images, np.ndarray) and images.shape[1:] == (SIDE, SIDE):
            for batch in gen_batches(len(images), _BATCH):
                done = is_normalized(images[batch])
                pixels[batch][done] = unit_range(images[batch][done].reshape(-1, SIDE * SIDE))
                todo[batch] = ~done
        for index in np.flatnonzero(todo).tolist():
            pixels[index] = _only_digit(read_picture(images[index], index)).ravel()
        return pixels

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the pixels.

        Parameters
        ----------
        input_features : object
            Ignored.

        Returns
        -------
        names : ndarray of shape (784,), dtype object
            ``pixel0`` to ``pixel783``, row by row.
        """
        return np.array([f"pixel{pixel}" for pixel in range(SIDE * SIDE)], dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        return tags


def find_digits(image: Any) -> list[Box]:
    """Find the digits on an image, such as the photograph of a postal code.

    Parameters
    ----------
    image : str, path-like, binary file, PIL.Image.Image or array-like of shape \
            (height, width), (height, width, 3) or (height, width, 4)
        Dark on light or light on dark.

    Returns
    -------
    boxes : list of Box
        Line by line, from left to right, in pixels of the image after its EXIF rotation. Empty if
        there is no digit: where nothing is as large as a fortieth of the longer side of the image,
        or a twentieth if it is faint, all of it is the grain of the paper. Digits that touch each
        other share a box.

    Raises
    ------
    ImportError, OSError, ValueError
        As in `DigitImages`, but for an image without a digit.

    Examples
    --------
    >>> import numpy as np
    >>> from skdigits.digits import find_digits
    >>> paper = np.full((100, 200), 255, np.uint8)
    >>> paper[20:80, 120:130] = 0  # A one, right of
    >>> paper[20:80, 30:70] = 0  # a zero.
    >>> paper[30:70, 40:60] = 255
    >>> find_digits(paper)
    [Box(top=20, left=30, bottom=80, right=70), Box(top=20, left=120, bottom=80, right=130)]
    """
    return extract_digits(image)[0]


def extract_digits(
    image: Any, predict_proba: PredictProba | None = None
) -> tuple[list[Box], NDArray[np.float32]]:
    """Find the digits on an image and give each of them the form of MNIST's.

    Parameters
    ----------
    image : str, path-like, binary file, PIL.Image.Image or array-like of shape \
            (height, width), (height, width, 3) or (height, width, 4)
        As `find_digits` takes it.
    predict_proba : callable, optional
        A classifier's method of that name, which tells from pixels as below the probabilities of
        the digits from 0 to 9. Digits that touch each other are cut apart where it is surest of
        the pieces; without it, they share a box.

    Returns
    -------
    boxes : list of Box
        As `find_digits` returns them, but for digits that were cut apart.
    pixels : ndarray of shape (n_digits, 784), dtype float32
        As `DigitImages.transform` returns them: what a classifier predicts from.

    Raises
    ------
    ImportError, OSError, ValueError
        As in `DigitImages`, but for an image without a digit.

    Examples
    --------
    >>> import numpy as np
    >>> from skdigits.digits import extract_digits
    >>> paper = np.full((100, 200), 255, np.uint8)
    >>> paper[20:80, 30:40] = paper[20:80, 120:130] = 0  # Eleven.
    >>> boxes, X = extract_digits(paper)
    >>> len(boxes), X.shape
    (2, (2, 784))
    """
    return digits_of(read_picture(image), predict_proba)


def digits_of(
    picture: Picture, predict_proba: PredictProba | None = None
) -> tuple[list[Box], NDArray[np.float32]]:
    """Find the digits on a picture, as `extract_digits` does on an image.

    Parameters
    ----------
    picture : Picture
    predict_proba : callable, optional

    Returns
    -------
    boxes : list of Box
    pixels : ndarray of shape (n_digits, 784), dtype float32
    """
    if _in_mnist_form(picture):
        return [inked_box(picture.grey)], picture.grey.reshape(1, -1)
    page = read_page(picture.grey)
    digits = [strokes_of(page, digit) for digit in digits_in_reading_order(page)]
    if predict_proba is not None:
        digits = [part for strokes in digits for part in parted(page, strokes, predict_proba)]
    boxes = [strokes.box.scaled(page.labels.shape, picture.shape) for strokes in digits]
    pixels = [normalized_digit(page, strokes).ravel() for strokes in digits]
    return boxes, np.array(pixels, np.float32).reshape(-1, SIDE * SIDE)


def _only_digit(picture: Picture) -> NDArray[np.float32]:
    """Return the digit of an image that shows one, in MNIST's form."""
    if _in_mnist_form(picture):
        return picture.grey
    page = read_page(picture.grey)
    digit = central_digit(page)
    if not len(digit):
        raise ValueError(f"{picture.name} shows no digit")
    return normalized_digit(page, strokes_of(page, digit))


def _in_mnist_form(picture: Picture) -> bool:
    return picture.grey.shape == (SIDE, SIDE) and bool(is_normalized(picture.grey[None])[0])


def _as_images(X: Any) -> NDArray | Sequence:
    """Return images as an array, where they are numbers of one shape, or else as a sequence."""
    if hasattr(X, "toarray"):  # Of a sparse matrix.
        X = X.toarray()
    unordered = isinstance(X, Mapping | Set)
    if unordered or isinstance(X, str | bytes | PathLike) or not hasattr(X, "__len__"):
        raise TypeError(f"X is {X!r}, expected a sequence of images: [image]")
    if not len(X):
        raise ValueError("X has no images, expected at least one")
    images = np.asarray(X) if hasattr(X, "__array__") else X
    if isinstance(images, np.ndarray) and images.dtype == object and images.shape[1:] == (1,):
        images = images[:, 0]  # A table with a column of paths.
    if isinstance(images, np.ndarray) and images.dtype == object and images.ndim > 1:
        # A table whose numbers may be missing.
        images = check_array(X, allow_nd=True, input_name="X")
    if not isinstance(images, np.ndarray) or images.dtype.kind not in "biuf":
        return images
    if images.ndim == 2 and images.shape[1] in SQUARES:
        return images.reshape(len(images), SQUARES[images.shape[1]], -1)
    if images.ndim == 4 or (images.ndim == 3 and images.shape[2] > 4):
        return images
    raise ValueError(f"X has shape {images.shape}, expected {_STACKS}; a single image is [image]")
