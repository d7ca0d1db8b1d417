"""Photographs, scans and drawings read by a network that has seen nothing but MNIST.

``python benchmarks/any_image.py [MANIFEST]`` trains the recipe `any_image` on MNIST's training
digits and reads the images that a CSV file lists, with the columns path (beside the file), label
and style. It prints how many of each style were read rightly, and which were not. The 8 x 8 digits
that come with scikit-learn, by other authors too, are always there: they are read in any case.
"""

from __future__ import annotations

import csv
import sys
import time
from collections import Counter
from pathlib import Path

from common import machine, mnist
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_digits

from skdigits.digits import DigitImages
from skdigits.digits.recipes import recipe


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
    for manifest in map(Path, sys.argv[1:]):
        read_all(manifest, model)


if __name__ == "__main__":
    main()
