"""Classifiers that between them use every part: what each of them promises, all of them must keep.

Tests take their names from the parameters, so functions, whose names hold an address, cannot be
among them; objects that can be called are.
"""

from dataclasses import dataclass

import numpy as np

from skdigits import FromScratchMLPClassifier
from skdigits.nn.losses import Focal
from skdigits.nn.optimizers import LBFGS, SGD, AdamW, RMSprop
from skdigits.nn.schedules import Cosine, Exponential, StepDecay


@dataclass(frozen=True)
class Shrunk:
    """An augmentation that treats equal rows alike."""

    factor: float

    def __call__(self, batch, rng):
        batch *= self.factor
        return batch


@dataclass(frozen=True)
class Hyperbola:
    """A schedule of one's own."""

    first: float

    def __call__(self, step):
        return self.first / (1 + step / 50)


CONFIGURATIONS = {
    "default": FromScratchMLPClassifier(),
    "lbfgs": FromScratchMLPClassifier(
        hidden_layer_sizes=(12, 6),
        activation=("softplus", "tanh"),
        solver=LBFGS(memory=5),
        loss="squared_error",
        label_smoothing=0.02,
        max_iter=50,
    ),
    "early stopping by the loss": FromScratchMLPClassifier(
        hidden_layer_sizes=16,
        activation="silu",
        normalization="batch",
        solver=RMSprop(rho=0.9, momentum=0.5),
        learning_rate_init=0.01,
        early_stopping=True,
        validation_fraction=0.2,
        max_iter=50,
    ),
    "early stopping by a scorer": FromScratchMLPClassifier(
        hidden_layer_sizes=16,
        activation="mish",
        solver="adamax",
        learning_rate_init=0.1,
        early_stopping=True,
        scoring="accuracy",
        validation_fraction=0.2,
        max_iter=20,
    ),
    "focal loss on a deep network": FromScratchMLPClassifier(
        hidden_layer_sizes=[16, 8, 8],
        activation=["gelu", "tanh", "elu"],
        loss=Focal(gamma=1),
        label_smoothing=0.1,
        normalization="layer",
        residual=True,
        dropout=(0.1, 0, 0.05),
        solver="nadam",
        learning_rate=Cosine(warmup=2, final=0.01),
        learning_rate_init=0.02,
        max_iter=50,
    ),
    "linear": FromScratchMLPClassifier(
        hidden_layer_sizes=(),
        solver="nesterov",
        learning_rate="adaptive",
        learning_rate_init=0.1,
        class_weight="balanced",
        max_iter=100,
    ),
    "sparse weights": FromScratchMLPClassifier(
        hidden_layer_sizes=24,
        activation="selu",
        initializer="orthogonal",
        dropout=0.1,
        solver=AdamW(weight_decay=0.05),
        alpha=0.001,
        l1_ratio=0.5,
        learning_rate_init=0.01,
        learning_rate="invscaling",
        max_iter=50,
    ),
    "small batches in order": FromScratchMLPClassifier(
        hidden_layer_sizes=12,
        activation="leaky_relu",
        initializer="he_uniform",
        input_dropout=0.1,
        max_norm=3,
        solver=SGD(momentum=0.5),
        learning_rate=StepDecay(every=20, decay=0.5),
        learning_rate_init=0.05,
        batch_size=64,
        shuffle=False,
        max_iter=40,
    ),
    "one cycle": FromScratchMLPClassifier(
        hidden_layer_sizes=16,
        activation="logistic",
        initializer="glorot_normal",
        normalization="batch",
        noise=0.1,
        solver="radam",
        learning_rate="one_cycle",
        learning_rate_init=0.1,
        n_iter_no_change=np.inf,
        max_iter=30,
    ),
    "signs of gradients": FromScratchMLPClassifier(
        hidden_layer_sizes=(8, 8),
        activation=("identity", "relu"),
        initializer="lecun_uniform",
        solver="lion",
        clip_norm=1,
        learning_rate=Exponential(decay=0.98),
        learning_rate_init=0.01,
        tol=0,
        max_iter=50,
    ),
    "restarts": FromScratchMLPClassifier(
        hidden_layer_sizes=12,
        solver="adagrad",
        learning_rate="warm_restarts",
        learning_rate_init=0.1,
        ema_decay=0.9,
        max_iter=40,
    ),
    "parts of one's own": FromScratchMLPClassifier(
        hidden_layer_sizes=16,
        initializer="normal",
        learning_rate=Hyperbola(first=0.05),
        augment=Shrunk(factor=0.9),
        max_iter=50,
    ),
    "logistic regression from zeros": FromScratchMLPClassifier(
        hidden_layer_sizes=(),
        initializer="zeros",
        input_dropout=0.05,
        solver=SGD(momentum=0.9),
        learning_rate_init=0.1,
        max_norm=0.5,
        max_iter=60,
    ),
}
