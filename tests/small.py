"""Data and classifiers small enough to train many times in a test."""

import numpy as np

from skdigits import FromScratchMLPClassifier


def blobs(n_rows=60, n_features=5, n_classes=3, seed=0):
    """Rows around a centre for each class, and the classes 0, 1, 2, ... in turn."""
    rng = np.random.default_rng(seed)
    y = np.arange(n_rows) % n_classes
    centres = rng.normal(scale=3, size=(n_classes, n_features))
    return centres[y] + rng.normal(size=(n_rows, n_features)), y


def indicator(n_rows=60, n_features=5, n_labels=3, seed=0):
    """Rows of normal numbers, each of the labels being the sign of a mixture of them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features))
    return X, (X @ rng.normal(size=(n_features, n_labels)) > 0).astype(int)


def classifier(**params):
    """A small network that trains for a few epochs, always the same way."""
    small = {
        "hidden_layer_sizes": 8,
        "learning_rate_init": 0.02,
        "max_iter": 10,
        "n_iter_no_change": np.inf,
        "random_state": 0,
    }
    return FromScratchMLPClassifier(**(small | params))


def same_bits(one, other):
    """Whether two classifiers have the same parameters, bit for bit."""
    pairs = zip([*one.coefs_, *one.intercepts_], [*other.coefs_, *other.intercepts_], strict=True)
    return all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in pairs)


class Order:
    """An augmentation that changes nothing and notes which rows it is given."""

    def __init__(self):
        self.rows = []

    def __call__(self, batch, rng):
        self.rows.extend(batch[:, 0].astype(int).tolist())
        return batch
