"""Photographs, scans and drawings read by a network that has seen nothing but MNIST.

``python benchmarks/any_image.py MANIFEST`` trains the recipe `any_image` on MNIST's training digits
and reads the images that a CSV file lists, with the columns path (beside the file), label and
style. It prints how many of each style were read rightly, and which were not.
"""

from __future__ import annotations

import csv
import sys
import time
from collections import Counter
from pathlib import Path

from common import machine, mnist

from skdigits.digits import DigitImages
from skdigits.digits.recipes import recipe


def main() -> None:
    print(machine(), flush=True)
    manifest = Path(sys.argv[1])
    with manifest.open(encoding="utf-8", newline="") as file:
        listed = list(csv.DictReader(file))
    X, y, X_test, y_test = mnist()
    started = time.perf_counter()
    model = recipe("any_image", random_state=0).fit(X, y)
    print(f"trained in {time.perf_counter() - started:.0f} s", flush=True)
    print(f"MNIST's test digits: {model.score(X_test, y_test):.4f}")
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


if __name__ == "__main__":
    main()
