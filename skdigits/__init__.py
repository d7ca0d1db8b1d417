"""A multilayer perceptron for scikit-learn, from scratch in NumPy, and a reader of digits."""

from .classifier import FromScratchMLPClassifier
from .lr_finder import find_learning_rate
from .nn.architecture import HiddenLayers

__version__ = "0.1.0"
__all__ = ["FromScratchMLPClassifier", "HiddenLayers", "__version__", "find_learning_rate"]
