"""Digits that touch each other, cut apart where a classifier is surest of the pieces.

::

    strokes -> paths from top to bottom that cross little ink -> pieces between two of the paths
            -> probabilities of the pieces -> the likeliest chain of pieces from left to right

To cut too often, and to let a classifier find out which cuts to keep, is heuristic
over-segmentation (LeCun et al. 1998, section V).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from skdigits.digits.paper.finding import Strokes, normalized_digit
from skdigits.digits.paper.pages import Page

PredictProba = Callable[[NDArray[np.float32]], NDArray]
"""``(n_digits, 784) -> (n_digits, 10)``: pixels of digits, as MNIST's -> their probabilities."""

# Width over height of the digits from 0 to 9: the medians in MNIST.
_ASPECTS = np.array([0.9, 0.4, 0.95, 0.8, 0.8, 0.9, 0.7, 0.75, 0.75, 0.7])
_SURE = 0.99  # Probability of what needs no other reading.
_LIKELY = 0.95  # Probability of a piece, at least.
# Shares of the height of the strokes.
_NARROWEST = 0.5  # Two ones.
_LONGEST = 8.0  # Ten digits; longer is a line.
_MARGIN = 0.15  # From either side to the nearest path.
_STEP = 0.12  # From one path to the next.
_REACH = 0.15  # How far a path may be from its column.
_APART = 0.03  # Paths that are closer to each other are one.
_WIDEST = 1.2  # Of a piece that can be a digit;
_LOWEST = 0.4  # its height.
_LEAST = 0.05  # Its share of all ink.
# What a path pays for beside the ink that it crosses, in pixels of ink.
_ASIDE = 0.1  # A step to the left or right.
_OFF = 0.001  # Each row, for each pixel between it and its column.
# What is taken from the logarithm of a piece's probability
_INK_CUT = 0.5  # for as much ink on its paths as the strokes are high,
_WIDE = 2.0  # for the square of the logarithm of how many times too wide it is.


class Piece(NamedTuple):
    """What lies between two paths, of which 0 is the left end.

    Parameters
    ----------
    start, stop : int
        The paths.
    strokes : Strokes
    cut : int
        Pixels of ink on the two paths.
    """

    start: int
    stop: int
    strokes: Strokes
    cut: int


def parted(page: Page, strokes: Strokes, predict_proba: PredictProba) -> list[Strokes]:
    """Return the digits that strokes are likeliest to consist of, from left to right.

    Parameters
    ----------
    page : Page
    strokes : Strokes
        Of one digit, or of several that touch each other.
    predict_proba : callable
        ``(n_digits, 784) -> (n_digits, 10)``: pixels of digits, as MNIST's, to the probabilities
        of the digits from 0 to 9.

    Returns
    -------
    digits : list of Strokes
        The strokes themselves, if they are likeliest to be one digit.
    """
    height, width = strokes.size
    if not _NARROWEST * height <= width <= _LONGEST * height:
        return [strokes]
    if _best(page, [strokes], predict_proba)[1][0] > _SURE:
        return [strokes]
    pieces = _pieces(strokes, _paths(strokes))
    digits, probabilities = _best(page, [piece.strokes for piece in pieces], predict_proba)
    sizes = np.array([piece.strokes.size for piece in pieces])
    too_wide = np.log(sizes[:, 1] / sizes[:, 0] / _ASPECTS[digits]).clip(0)
    cut = np.array([piece.cut for piece in pieces]) / height
    scores = np.log(probabilities) - _INK_CUT * cut - _WIDE * too_wide**2
    scores[1:][probabilities[1:] < _LIKELY] = -np.inf
    return [pieces[index].strokes for index in _best_chain(pieces, scores)]


def _best(
    page: Page, digits: Sequence[Strokes], predict_proba: PredictProba
) -> tuple[NDArray[np.intp], NDArray]:
    """Return for each of the strokes the likeliest digit and its probability."""
    pixels = np.array([normalized_digit(page, strokes).ravel() for strokes in digits])
    probabilities = np.asarray(predict_proba(pixels))
    if probabilities.shape != (len(digits), 10) or not np.isfinite(probabilities).all():
        raise ValueError(
            f"predict_proba returned an array of shape {probabilities.shape}, expected finite "
            f"probabilities of the digits from 0 to 9, of shape {(len(digits), 10)}"
        )
    return probabilities.argmax(axis=1), probabilities.max(axis=1)


def _paths(strokes: Strokes) -> list[NDArray[np.intp]]:
    """Return paths from top to bottom, from left to right: the column of each in each row.

    Each crosses the least ink of all paths near its column.
    """
    height, width = strokes.size
    step, reach = (max(1, round(share * height)) for share in (_STEP, _REACH))
    margin = min(round(_MARGIN * height), (width - 1) // 2)
    left = strokes.box.left - strokes.left
    columns = np.arange(left + margin, left + width - margin, step)
    offsets = np.arange(-reach, reach + 1)
    # Beyond the sides, dearer than any way through.
    ink = np.pad(strokes.mask.astype(float), ((0, 0), (reach, reach)), constant_values=height)
    cost = sliding_window_view(ink, len(offsets), axis=1)[:, columns] + _OFF * np.abs(offsets)
    paths = _cheapest(cost) + (columns - reach)[:, None]
    apart = np.abs(np.diff(paths, axis=0)).mean(axis=1) >= _APART * height
    return [paths[0], *paths[1:][apart]]


def _cheapest(cost: NDArray) -> NDArray[np.intp]:
    """Return the path of least cost in each band, by dynamic programming in all bands at once.

    From row to row a path goes aside by at most a pixel, which costs something, too.

    Parameters
    ----------
    cost : ndarray of shape (n_rows, n_bands, width)

    Returns
    -------
    paths : ndarray of shape (n_bands, n_rows)
        Places from 0 to width - 1.
    """
    least = cost.copy()  # From the top to each pixel.
    for above, row in pairwise(least):
        aside = np.pad(above + _ASIDE, ((0, 0), (1, 1)), constant_values=np.inf)
        row += np.minimum(above, np.minimum(aside[:, :-2], aside[:, 2:]))
    bands, last = np.arange(cost.shape[1]), cost.shape[2] - 1
    path, toll = least[-1].argmin(axis=1), np.array([[0], [_ASIDE], [_ASIDE]])
    upwards = [path]
    for above in least[-2::-1]:
        near = np.stack([path, path - 1, path + 1]).clip(0, last)
        path = near[np.argmin(above[bands, near] + toll, axis=0), bands]
        upwards.append(path)
    return np.stack(upwards[::-1], axis=1)


def _pieces(strokes: Strokes, paths: list[NDArray[np.intp]]) -> list[Piece]:
    """Return the whole, and what lies between each two paths and can be a digit."""
    mask, (height, _) = strokes.mask, strokes.size
    rows, columns = np.arange(len(mask)), np.arange(mask.shape[1])
    ends = [np.zeros_like(rows), *paths, np.full_like(rows, len(columns))]
    cuts = [0, *(int(mask[rows, path].sum()) for path in paths), 0]
    right_of = [columns >= end[:, None] for end in ends]
    whole = Piece(0, len(paths) + 1, strokes, 0)
    pieces = [whole]
    for start, stop in combinations(range(len(ends)), 2):
        part = mask & right_of[start] & ~right_of[stop]
        if (start, stop) == whole[:2] or part.sum() < _LEAST * mask.sum():
            continue
        piece = Piece(start, stop, strokes.part(part), cuts[start] + cuts[stop])
        piece_height, piece_width = piece.strokes.size
        if piece_width <= _WIDEST * height and piece_height >= _LOWEST * height:
            pieces.append(piece)
    return pieces


def _best_chain(pieces: Sequence[Piece], scores: NDArray) -> list[int]:
    """Return the pieces of the chain from the left to the right end with the highest score.

    The first piece is the whole; the others are sorted by where they start.
    """
    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}
    for index, (piece, score) in enumerate(zip(pieces, scores.tolist(), strict=True)):
        if piece.start in best:
            total, chain = best[piece.start]
            if total + score > best.get(piece.stop, (-np.inf,))[0]:
                best[piece.stop] = total + score, [*chain, index]
    return best[pieces[0].stop][1]
