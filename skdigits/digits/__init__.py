"""Images in, digits out: sets of handwritten digits, ways to vary them, and any image like them."""

from skdigits.digits.augmentation.composing import Compose, Fading
from skdigits.digits.augmentation.deformations import ElasticDeformation, RandomAffine
from skdigits.digits.augmentation.directions import Bends, Directions
from skdigits.digits.augmentation.habits import Slash, Upstroke
from skdigits.digits.augmentation.loci import Loci
from skdigits.digits.augmentation.strokes import PixelNoise, RandomStroke
from skdigits.digits.augmentation.upright import Upright
from skdigits.digits.augmentation.views import Views
from skdigits.digits.datasets import load_digits_8x8, load_mnist
from skdigits.digits.idx import load_idx
from skdigits.digits.images import DigitImages, extract_digits, find_digits
from skdigits.digits.kaggle import load_kaggle
from skdigits.digits.paper.boxes import Box

__all__ = [
    "Bends",
    "Box",
    "Compose",
    "DigitImages",
    "Directions",
    "ElasticDeformation",
    "Fading",
    "Loci",
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
