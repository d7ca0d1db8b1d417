"""Images in, digits out: sets of handwritten digits, ready to train on, and ways to vary them."""

from skdigits.digits.augmentation import (
    Compose,
    ElasticDeformation,
    PixelNoise,
    RandomAffine,
    RandomStroke,
)
from skdigits.digits.datasets import load_digits_8x8, load_mnist
from skdigits.digits.files import load_idx, load_kaggle

__all__ = [
    "Compose",
    "ElasticDeformation",
    "PixelNoise",
    "RandomAffine",
    "RandomStroke",
    "load_digits_8x8",
    "load_idx",
    "load_kaggle",
    "load_mnist",
]
