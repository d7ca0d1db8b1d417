"""A table of a network's layers, as in textbooks."""

from __future__ import annotations

import math
from typing import NamedTuple

from .layers import Chain


class Row(NamedTuple):
    """A layer of the table."""

    layer: str
    units: int
    parameters: int


class Summary(list[Row]):
    """The layers from the inputs to the logits; prints as a table.

    Parameters
    ----------
    chain : Chain
    n_features : int
        Inputs of the first layer.

    Examples
    --------
    >>> from skdigits.nn.activations import ReLU
    >>> from skdigits.nn.architecture import Architecture
    >>> Summary(Architecture(64, [32], 10, [ReLU()], None).chain(), 64)
    layer           units   parameters
    ----------------------------------
    Input              64            0
    Dense              32        2,080
    ReLU               32            0
    Dense              10          330
    ----------------------------------
    total                        2,410
    """

    def __init__(self, chain: Chain, n_features: int):
        super().__init__([Row("Input", n_features, 0)])
        for layer, units in chain.leaves(n_features):
            learnt = [p for p in layer.parameters if p.role != "buffer"]
            self.append(Row(layer.name, units, sum(math.prod(p.shape) for p in learnt)))

    @property
    def n_parameters(self) -> int:
        """All learnt parameters."""
        return sum(row.parameters for row in self)

    def __repr__(self) -> str:
        width = max(13, *(len(row.layer) for row in self))
        lines = [f"{row.layer:{width}} {row.units:>7,} {row.parameters:>12,}" for row in self]
        rule = "-" * len(lines[0])
        head = f"{'layer':{width}} {'units':>7} {'parameters':>12}"
        total = f"{'total':{width}} {'':7} {self.n_parameters:>12,}"
        return "\n".join([head, rule, *lines, rule, total])
