"""Digits drawn for the tests, as MNIST has them or as strokes on paper, and how to compare them."""

from itertools import product

import numpy as np
from scipy import ndimage
from sklearn.datasets import load_digits

from skdigits.digits import DigitImages


def strokes(digit, height=120, example=0):
    """Return how much ink covers each pixel, from 0 to 1, of one of scikit-learn's digits."""
    X, y = load_digits(return_X_y=True)
    image = np.pad(X[y == digit][example].reshape(8, 8) / 16, 1)
    labels, _ = ndimage.label(ndimage.zoom(image, height / 8, order=1) > 0.45)
    smooth = labels == np.bincount(labels[labels > 0]).argmax()
    rows, columns = smooth.any(axis=1).nonzero()[0], smooth.any(axis=0).nonzero()[0]
    cut = smooth[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return ndimage.gaussian_filter(np.pad(cut, 3).astype(float), 0.7)


def enlarged(X):
    """Return rows of 8 x 8 pixels up to 16 as MNIST has them: 28 x 28 pixels, here from 0 to 1."""
    blocks = np.kron(X.reshape(-1, 8, 8) / 16, np.ones((3, 3)))
    return np.pad(blocks, ((0, 0), (2, 2), (2, 2))).reshape(len(X), 784).astype(np.float32)


def paper(shape=(240, 240)):
    return np.zeros(shape)


def write(page, ink, top, left):
    """Put ink on a page and return the box where it is."""
    height, width = ink.shape
    place = np.s_[top : top + height, left : left + width]
    page[place] = np.maximum(page[place], ink)
    return top, left, top + height, left + width


def photograph(ink, light=220.0, darkness=0.7):
    """Return what a camera sees of ink on paper in some light, in 8 bits."""
    return np.clip(light * (1 - darkness * ink), 0, 255).astype(np.uint8)


def alike(one, other):
    """Return the cosine of two images: 1 if they show the same.

    Where the centre of mass lies between two pixels, a trifle decides on the place, so the best
    of all shifts by a pixel counts; and edges are blurred.
    """
    one, other = (ndimage.gaussian_filter(image, 0.7) for image in (one, other))
    norms = np.linalg.norm(one) * np.linalg.norm(other)
    shifts = product((-1, 0, 1), repeat=2)
    return max(np.sum(one * np.roll(other, shift, (0, 1))) for shift in shifts) / norms


def normalized(*images):
    """Return what DigitImages makes of images, each of shape (28, 28)."""
    return DigitImages().transform(list(images)).reshape(-1, 28, 28)


def page_with(digit, top=60, left=70, height=120, shape=(240, 240)):
    """Return the ink of a digit on a page."""
    page = paper(shape)
    write(page, strokes(digit, height), top, left)
    return page
