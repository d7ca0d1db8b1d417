"""Several views of the same images: what one of them hides, another shows.

::

    images -+-> step 1 -> features -+-> side by side
            +-> step 2 -> features -+
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skdigits.component import InvalidParameterError
from skdigits.digits.augmentation.composing import Combination


@dataclass(kw_only=True, eq=False, repr=False)
class Views(Combination):
    """Each image in several ways at once, side by side, as a ``FeatureUnion`` gives its features.

    Every step is given the same images, and the network's inputs are the columns of the first, then
    those of the second, and so on. Outside training a step that prepares nothing passes the images
    on as they are.

    Parameters
    ----------
    steps : list of callable
        Augmentations, or functions ``(batch, rng) -> batch``, such as ``[Directions(), Bends()]``.
        What is random in one of them is drawn for it alone: what is to change all views alike comes
        before them.

    Examples
    --------
    >>> from skdigits.digits import Compose, Directions, Upright
    >>> views = Views(steps=[Compose(), Upright() + Directions(places=5)])
    >>> images = np.ones((2, 784), dtype=np.float32)
    >>> views.prepare(images).shape
    (2, 984)
    """

    def validate(self) -> None:
        """Check that there is a step, and the steps and their parameters.

        Raises
        ------
        InvalidParameterError
            There is none, one can't be called, or a parameter of one is out of bounds.
        """
        super().validate()
        if not self.steps:
            raise InvalidParameterError(
                f"Views: steps={self.steps!r} is not allowed; it must have at least one step."
            )

    def prepare(self, batch: NDArray) -> NDArray:
        """Return what the steps make of a batch outside training, side by side."""
        self.validate()
        return np.hstack([step(batch) if step else batch for step in self.preparing()])

    def __call__(self, batch: NDArray, rng: np.random.Generator) -> NDArray:
        """Return what the steps make of a batch, side by side."""
        self.validate()
        return np.hstack([step(batch, rng) for step in self.steps])
