"""Photographs, scans and drawings read by a network that has seen nothing but MNIST.

``python benchmarks/any_image.py [MANIFEST]`` trains the recipe `any_image` on MNIST's training
digits and reads the images that a CSV file lists, with the columns path (beside the file), label
and style. It prints how many of each style were read rightly, and which were not. What is always
there is read in any case: the 8 x 8 digits that come with scikit-learn, by other authors too, and
drawings of ones, sevens and zeros as they are written in one country or the other.
"""

from __future__ import annotations

import csv
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from common import machine, mnist
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_digits

from skdigits.digits import DigitImages
from skdigits.digits.recipes import recipe

N_DRAWINGS = 100
Stroke = list[tuple[float, float]]  # Points right and down, in heights of the digit.


def upstroke(rng: np.random.Generator) -> list[Stroke]:
    length, angle = rng.uniform(0.2, 0.6), np.radians(rng.uniform(30, 55))
    return [[(-length * np.sin(angle), length * np.cos(angle)), (0, 0), (rng.uniform(-0.2, 0), 1)]]


def seven(rng: np.random.Generator) -> list[Stroke]:
    return [[(0, rng.uniform(0, 0.1)), (rng.uniform(0.4, 0.7), 0), (rng.uniform(0.1, 0.3), 1)]]


def zero(rng: np.random.Generator) -> list[Stroke]:
    turn, flat = np.linspace(0, 2 * np.pi, 50), rng.uniform(0.3, 0.45)
    return [list(zip(0.5 + flat * np.cos(turn), 0.5 + 0.5 * np.sin(turn), strict=True))]


def slash(reach: float) -> Stroke:
    return [(0.5 + 0.35 * reach, 0.5 - 0.4 * reach), (0.5 - 0.35 * reach, 0.5 + 0.4 * reach)]


STYLES: dict[str, tuple[int, Callable[[np.random.Generator], list[Stroke]]]] = {
    "1, bare": (1, lambda rng: [[(0, 0), (rng.uniform(-0.3, 0.1), 1)]]),
    "1 with an upstroke": (1, upstroke),
    "1 with an upstroke and a foot": (1, lambda rng: [*upstroke(rng), [(-0.3, 1), (0.2, 1)]]),
    "7": (7, seven),
    "7, crossed": (7, lambda rng: [*seven(rng), [(0.15, 0.5), (0.6, 0.5)]]),
    "0": (0, zero),
    "0, slashed": (0, lambda rng: [*zero(rng), slash(rng.uniform(0.6, 1))]),
    "0, slashed beyond the ring": (0, lambda rng: [*zero(rng), slash(rng.uniform(1.1, 1.5))]),
}


def drawing(strokes: list[Stroke], rng: np.random.Generator) -> NDArray:
    """Draw with a round pen, black on white, turned and slanted a little."""
    canvas = Image.new("L", (400, 400), 255)
    draw, pen = ImageDraw.Draw(canvas), int(rng.uniform(8, 25))
    turn, slant = rng.uniform(-0.15, 0.15), rng.uniform(0, 0.2)
    matrix = 200 * np.array([[1, -slant - turn], [turn, 1]])
    for stroke in strokes:
        points = [tuple(point) for point in 130 + np.array(stroke) @ matrix.T]
        draw.line(points, fill=0, width=pen)
        for right, down in points:
            draw.circle((right, down), pen / 2, fill=0)
    return np.asarray(canvas)


def read_drawings(model: ClassifierMixin) -> None:
    rng = np.random.default_rng(0)
    for name, (digit, strokes) in STYLES.items():
        drawings = [drawing(strokes(rng), rng) for _ in range(N_DRAWINGS)]
        right = (model.predict(DigitImages().transform(drawings)) == digit).sum()
        print(f"{name:30}{right:5} of {N_DRAWINGS:4}", flush=True)


def read_all(manifest: Path, model: ClassifierMixin) -> None:
    with manifest.open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    right, total = Counter(), Counter()
    for row in listed:
        read = model.predict(DigitImages().transform([manifest.parent / row["path"]]))[0]
        for style in (row["style"], "all"):
            total[style] += 1
            right[style] += str(read) == row["label"]
        if str(read) != row["label"]:
            print(f"{row['path']}: {row['label']} read as {read}")
    for style, n_images in sorted(total.items()):
        print(f"{style:20}{right[style]:5} of {n_images:4}  {right[style] / n_images:7.1%}")


def main() -> None:
    print(machine(), flush=True)
    X, y, X_test, y_test = mnist()
    started = time.perf_counter()
    model = recipe("any_image", random_state=0).fit(X, y)
    print(f"trained in {time.perf_counter() - started:.0f} s", flush=True)
    print(f"MNIST's test digits: {model.score(X_test, y_test):.4f}")
    small = load_digits()
    wrong = model.predict(DigitImages().transform(small.images)) != small.target
    print(f"8 x 8 digits: {wrong.sum()} of {len(wrong)} wrong")
    read_drawings(model)
    for manifest in map(Path, sys.argv[1:]):
        read_all(manifest, model)


if __name__ == "__main__":
    main()
