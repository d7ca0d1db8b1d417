"""A multilayer perceptron for scikit-learn, from scratch in NumPy, and a reader of digits."""

from .classifier import FromScratchMLPClassifier
from .training.lr_finder import find_learning_rate

__version__ = "0.1.0"
__all__ = ["FromScratchMLPClassifier", "__version__", "find_learning_rate"]
