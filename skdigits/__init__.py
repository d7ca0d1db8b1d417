"""A multilayer perceptron for scikit-learn, from scratch in NumPy, and a reader of digits."""

from .classifier import FromScratchMLPClassifier

__version__ = "0.1.0"
__all__ = ["FromScratchMLPClassifier", "__version__"]
