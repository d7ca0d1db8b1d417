"""Sets of digits, as they are loaded: images, labels, and the images' shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


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


@dataclass(frozen=True, eq=False)
class DigitSplit:
    """Digit images and their labels, split for training and testing.

    Attributes
    ----------
    X_train, X_test : ndarray of shape (n_images, height * width), dtype uint8
        One image a row, its pixels row by row. 0 is the background.
    y_train, y_test : ndarray of shape (n_images,), dtype int64
        The digits, 0 to 9.
    image_shape : tuple of int
        `(height, width)`, so that `X_train.reshape(-1, *image_shape)` are the images.
    """

    X_train: NDArray[np.uint8]
    y_train: NDArray[np.int64]
    X_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]
    image_shape: tuple[int, int]
