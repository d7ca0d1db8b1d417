"""Images in, digits out: sets of handwritten digits, ready to train on."""

from skdigits.digits.datasets import load_digits_8x8, load_mnist

__all__ = ["load_digits_8x8", "load_mnist"]
