"""Prediction in blocks: bounded memory for any number of rows, nothing kept on the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdigits.nn.network import Network
from skdigits.nn.workspace import Workspace

from .batches import Reader
from .samples import Samples
from .threads import ALONE, blas_threads

BLOCK_ROWS = 1024
"""Rows that are predicted at a time, so that memory stays bounded for any n."""


# A row that overflows has infinite logits, not a warning for each caller to silence.
@np.errstate(all="ignore")
def predict_logits(
    network: Network, X: Any, check: Callable[[Any], Any] = lambda block: block
) -> NDArray:
    """Return the logits of each row of X.

    Parameters
    ----------
    network : Network
    X : ndarray or CSR of shape (n_rows, n_features)
    check : callable, optional
        Looks at each block of rows right before the network does, while it is in the cache.

    Returns
    -------
    logits : ndarray of shape (n_rows, n_outputs) and the network's dtype
    """
    n_rows, reader = X.shape[0], Reader(X, network.dtype, network.chain.predicts_sparse)
    blocks = (slice(start, start + BLOCK_ROWS) for start in range(0, n_rows, BLOCK_ROWS))
    # A thread that BLAS has woken keeps spinning and slows whatever else runs on its core.
    with blas_threads(network.largest_product(min(n_rows, BLOCK_ROWS)), ALONE):
        return _joined(network, (check(reader.block(block)) for block in blocks))


@np.errstate(all="ignore")
def evaluate(network: Network, samples: Samples) -> dict[str, float]:
    """Return the weighted mean loss and the accuracy of a network on samples.

    Parameters
    ----------
    network : Network
    samples : Samples

    Returns
    -------
    figures : dict
        ``validation_loss`` and ``validation_accuracy``.
    """
    rows = samples.rows
    reader = Reader(samples.X, network.dtype, network.chain.predicts_sparse)
    blocks = (rows[start : start + BLOCK_ROWS] for start in range(0, len(rows), BLOCK_ROWS))
    logits = _joined(network, (reader.read(block) for block in blocks))
    targets = samples.targets[rows]
    weights = np.ones(len(rows)) if samples.weights is None else samples.weights[rows]
    weights = (weights / weights.sum()).astype(network.dtype)
    loss, _ = network.objective.loss_and_gradient(logits, targets, weights)
    accuracy = network.objective.accuracy(logits, targets, weights)
    return {"validation_loss": loss, "validation_accuracy": accuracy}


def _joined(network: Network, blocks: Iterator[Any]) -> NDArray:
    """Return the logits of all blocks of inputs, which are read one at a time."""
    memory = Workspace(network.dtype)
    return np.concatenate([network.predict(block, memory).copy() for block in blocks])
