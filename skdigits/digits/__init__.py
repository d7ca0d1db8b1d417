"""Images in, digits out: sets of handwritten digits, ways to vary them, and any image like them."""

from skdigits.digits.augmentation import Compose, Fading
from skdigits.digits.boxes import Box
from skdigits.digits.datasets import load_digits_8x8, load_mnist
from skdigits.digits.deformations import ElasticDeformation, RandomAffine
from skdigits.digits.directions import Bends, Directions
from skdigits.digits.habits import Slash, Upstroke
from skdigits.digits.idx import load_idx
from skdigits.digits.images import DigitImages, extract_digits, find_digits
from skdigits.digits.kaggle import load_kaggle
from skdigits.digits.strokes import PixelNoise, RandomStroke
from skdigits.digits.upright import Upright
from skdigits.digits.views import Views

__all__ = [
    "Bends",
    "Box",
    "Compose",
    "DigitImages",
    "Directions",
    "ElasticDeformation",
    "Fading",
    "PixelNoise",
    "RandomAffine",
    "RandomStroke",
    "Slash",
    "Upright",
    "Upstroke",
    "Views",
    "extract_digits",
    "find_digits",
    "load_digits_8x8",
    "load_idx",
    "load_kaggle",
    "load_mnist",
]
