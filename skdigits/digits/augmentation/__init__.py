"""Ways to change digits at random, and what a network sees in place of their pixels."""

from skdigits.digits.augmentation.composing import Compose, Fading
from skdigits.digits.augmentation.deformations import ElasticDeformation, RandomAffine
from skdigits.digits.augmentation.directions import Bends, Directions
from skdigits.digits.augmentation.habits import Slash, Upstroke
from skdigits.digits.augmentation.strokes import PixelNoise, RandomStroke
from skdigits.digits.augmentation.upright import Upright
from skdigits.digits.augmentation.views import Views

__all__ = [
    "Bends",
    "Compose",
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
]
