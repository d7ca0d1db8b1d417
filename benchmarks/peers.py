"""A training of the same network by each contender: same arrays, same batches, same optimizer.

Every run begins with a new network and has several epochs, since a later epoch may take longer than
the first, as torch's do.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import pairwise
from unittest.mock import patch

import numpy as np
from sklearn.neural_network import MLPClassifier

from skdigits import FromScratchMLPClassifier

EPOCHS = 3
"""In each run."""

Run = Callable[[], object]

COMPILED = [
    "optimizers.fused",
    "fused_loss.fused_cross_entropy",
    "fused_loss.fused_accuracy",
    "fused_relu.fused_relu",
    "fused_relu.fused_bias_relu",
    "fused_norm.fused_passes",
]
"""What returns loops compiled by Numba, or None where it is not installed."""


def skdigits_run(X, y, hidden: Sequence[int], batch: int, **params) -> Run:
    """Train with Numba's rules where it is installed."""
    shape = {
        "hidden_layer_sizes": hidden,
        "batch_size": batch,
        "max_iter": EPOCHS,
        "random_state": 0,
    }
    clf = FromScratchMLPClassifier(**(shape | params))
    return lambda: clf.fit(X, y)


def numpy_run(X, y, hidden: Sequence[int], batch: int, **params) -> Run:
    """Train without any extra."""
    fit = skdigits_run(X, y, hidden, batch, **params)

    def run():
        with ExitStack() as without:
            for compiled in COMPILED:
                without.enter_context(patch(f"skdigits.nn.{compiled}", lambda *_: None))
            fit()

    return run


def sklearn_run(X, y, hidden: Sequence[int], batch: int) -> Run:
    clf = MLPClassifier(hidden, batch_size=batch, max_iter=EPOCHS, random_state=0)
    return lambda: clf.fit(X, y)


def torch_network(sizes: Sequence[int]):
    from torch import nn

    layers = []
    for fan_in, fan_out in pairwise(sizes):
        layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def torch_run(X, y, hidden: Sequence[int], batch: int) -> Run:
    """Train by hand: eager, with the fused Adam."""
    import torch

    inputs, targets = torch.from_numpy(X), torch.from_numpy(y)

    def run():
        network = torch_network((X.shape[1], *hidden, 10))
        optimizer = torch.optim.Adam(network.parameters(), fused=True)
        for _ in range(EPOCHS):
            order = torch.randperm(len(inputs))
            for rows in order.split(batch):
                optimizer.zero_grad()
                loss = torch.nn.functional.cross_entropy(network(inputs[rows]), targets[rows])
                loss.backward()
                optimizer.step()

    return run


def skorch_run(X, y, hidden: Sequence[int], batch: int) -> Run:
    import torch
    from skorch import NeuralNetClassifier

    clf = NeuralNetClassifier(
        torch_network((X.shape[1], *hidden, 10)),
        criterion=torch.nn.CrossEntropyLoss,
        optimizer=torch.optim.Adam,
        optimizer__fused=True,
        lr=0.001,
        batch_size=batch,
        max_epochs=EPOCHS,
        train_split=None,
        iterator_train__shuffle=True,
        verbose=0,
    )
    return lambda: clf.fit(X, y)


def products_run(X, y, hidden: Sequence[int], batch: int) -> Run:
    """Only multiply the matrices that forward and backward multiply: the hardware's limit."""
    rng, shapes = np.random.default_rng(0), list(pairwise((X.shape[1], *hidden, 10)))
    layers = []
    for fan_in, fan_out in shapes:
        a, w, d = (
            rng.standard_normal(shape, np.float32)
            for shape in ((batch, fan_in), (fan_in, fan_out), (batch, fan_out))
        )
        layers.append((a, w, d, np.empty_like(d), np.empty_like(w), np.empty_like(a)))

    def run():
        for _ in range(EPOCHS * math.ceil(len(X) / batch)):
            for a, w, _, out, _, _ in layers:
                np.matmul(a, w, out=out)
            for i in range(len(layers) - 1, -1, -1):
                a, w, d, _, d_w, d_a = layers[i]
                np.matmul(a.T, d, out=d_w)
                if i:
                    np.matmul(d, w.T, out=d_a)

    return run


CONTENDERS = {
    "fast": skdigits_run,
    "numpy": numpy_run,
    "sklearn": sklearn_run,
    "skorch": skorch_run,
    "torch": torch_run,
    "products": products_run,
}
"""Those that need a package which is not installed are left out by `present`."""


def present() -> dict[str, Callable[..., Run]]:
    needs = {"fast": "numba", "skorch": "skorch", "torch": "torch"}
    return {
        name: contender
        for name, contender in CONTENDERS.items()
        if importlib.util.find_spec(needs.get(name, "numpy"))
    }
