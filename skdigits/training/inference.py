"""Prediction in blocks: bounded memory for any number of rows, nothing kept on the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skdigits.nn.network import Network
from skdigits.nn.workspace import Workspace

from .batches import Reader, batches
from .history import Tally
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
        memory = Workspace(network.dtype)
        read = (check(reader.block(block)) for block in blocks)
        return np.concatenate([network.predict(block, memory).copy() for block in read])


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
    reader = Reader(samples.X, network.dtype, network.chain.predicts_sparse)
    tally, memory, objective = Tally(), Workspace(network.dtype), network.objective
    for block in batches(samples, samples.rows, BLOCK_ROWS, reader):
        logits = network.predict(block.inputs, memory)
        loss, _ = objective.loss_and_gradient(logits, block.targets, block.weights)
        accuracy = objective.accuracy(logits, block.targets, block.weights)
        tally.add(loss, accuracy, block.total)
    return {f"validation_{name}": mean for name, mean in tally.means().items()}
