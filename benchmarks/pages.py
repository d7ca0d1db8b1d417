"""Numbers on photographed pages, found digit by digit and read by the recipe `any_image`.

``SCIKIT_LEARN_DATA=... python benchmarks/pages.py [MODEL]`` writes numbers of three to seven of
MNIST's test digits on paper of each kind, adds noise and JPEG's compression, and prints of how many
numbers `extract_digits` finds all digits, and how many are read without an error, from the image
alone and where the model helps to cut apart what touches; and on how many blank pages digits are
found. MODEL is a file with the recipe, fitted on pixels from 0 to 1, as joblib writes it; without
it, the recipe is trained.
"""

from __future__ import annotations

import io
import sys
from collections import Counter
from collections.abc import Callable

import joblib
import numpy as np
from common import machine, mnist
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage
from sklearn.base import ClassifierMixin

from skdigits.digits import extract_digits, find_digits
from skdigits.digits.recipes import recipe

N_PAGES = 100
SEED = 11
Form = Callable[[NDArray, np.random.Generator], NDArray]
Light = Callable[[NDArray, NDArray, np.random.Generator], NDArray]


def number(
    X: NDArray, y: NDArray, rng: np.random.Generator, touching: float
) -> tuple[NDArray, str]:
    """Write digits in a line; return where the ink is, from 0 to 1, and what it says.

    Of the digits, so large a share touches the one before.
    """
    size, n_digits = int(rng.integers(50, 110)), int(rng.integers(3, 8))
    page = np.zeros((int(2.2 * size), int((n_digits + 1) * 1.05 * size)))
    left, text = size // 2, ""
    for row in rng.choice(len(X), n_digits, replace=False):
        ink = ndimage.zoom(X[row].reshape(28, 28), size / 28, order=3)
        columns = np.flatnonzero(ink.max(axis=0) > 0.3)
        ink = ink[:, columns[0] : columns[-1] + 1]
        top = int(0.6 * size + rng.integers(-size // 12, size // 12 + 1))
        if touching and text and rng.random() < touching:
            left = contact(page[top : top + len(ink)], ink) - int(rng.integers(1, 4))
        place = page[top : top + len(ink), left : left + ink.shape[1]]
        np.maximum(place, ink, out=place)
        left += ink.shape[1] + int(size * rng.uniform(0.08, 0.35))
        text += str(y[row])
    # As sharp as from a pen.
    return np.clip((page - 0.35) / 0.3, 0, 1), text


def contact(page: NDArray, ink: NDArray) -> int:
    """Return the leftmost column where ink does not touch what is written left of it."""
    before, after = page > 0.5, ink > 0.5
    stop = np.where(before.any(axis=1), page.shape[1] - before[:, ::-1].argmax(axis=1), 0)
    start = np.where(after.any(axis=1), after.argmax(axis=1), page.shape[1])
    return max(0, int((stop - start).max()))


def slope(down: NDArray, right: NDArray, rng: np.random.Generator) -> NDArray:
    angle = rng.uniform(0, 2 * np.pi)
    light = down * np.sin(angle) + right * np.cos(angle)
    return 0.35 + 0.65 * (light - light.min()) / np.ptp(light)


def rules(down: NDArray, right: NDArray, rng: np.random.Generator) -> NDArray:
    gap, askew = rng.uniform(18, 45), rng.uniform(-0.03, 0.03)
    rule = (down + askew * right + rng.uniform(0, gap)) % gap < rng.integers(1, 3)
    return np.where(rule, rng.uniform(0.65, 0.8), 1)


def squares(down: NDArray, right: NDArray, rng: np.random.Generator) -> NDArray:
    gap, askew = rng.uniform(18, 45), rng.uniform(-0.03, 0.03)
    rule = ((down + askew * right) % gap < 1) | ((right - askew * down) % gap < 1)
    return np.where(rule, 0.75, 1)


def shadow(down: NDArray, right: NDArray, rng: np.random.Generator) -> NDArray:
    edge = rng.uniform(0.2, 0.8) * right.max() + rng.uniform(-1, 1) * down
    return 1 - 0.5 * ndimage.gaussian_filter((right > edge).astype(float), rng.uniform(2, 15))


def table(down: NDArray, right: NDArray, rng: np.random.Generator) -> NDArray:
    return np.where(down < rng.integers(5, 25), rng.uniform(0.3, 0.6), 1)


def facets(down: NDArray, right: NDArray, rng: np.random.Generator) -> NDArray:
    """Return the light on paper that was crumpled: it catches more or less of it piece by piece."""
    n_facets = int(rng.integers(20, 60))
    rows, columns = (rng.uniform(0, axis.max(), n_facets) for axis in (down, right))
    distances = (down[..., None] - rows) ** 2 + (right[..., None] - columns) ** 2
    return ndimage.gaussian_filter(rng.uniform(0.75, 1, n_facets)[distances.argmin(axis=-1)], 1)


def grain(down: NDArray, right: NDArray, rng: np.random.Generator) -> NDArray:
    texture = ndimage.gaussian_filter(rng.normal(size=down.shape), 10)
    return np.clip(1 - 0.1 * np.abs(texture / texture.std()), 0.2, 1)


PAPERS: dict[str, Light] = {
    "plain": lambda down, right, rng: np.ones(down.shape),
    "in uneven light": slope,
    "ruled, up to 2 degrees askew": rules,
    "squared, up to 2 degrees askew": squares,
    "half in shadow": shadow,
    "beside a table's edge": table,
    "crumpled": facets,
    "of coarse grain": grain,
}


def box_of(ink: NDArray) -> tuple[int, int, int, int]:
    """Return the first row and column with ink, and the last."""
    rows, columns = (ink > 0.5).nonzero()
    return rows.min(), columns.min(), rows.max(), columns.max()


def underline(ink: NDArray, rng: np.random.Generator) -> NDArray:
    top, left, bottom, right = box_of(ink)
    row = bottom + int(rng.uniform(0.05, 0.2) * (bottom - top)) + 3
    ink[row : row + rng.integers(2, 5), left - 5 : right + 5] = 1
    return ink


def far_away(ink: NDArray, rng: np.random.Generator) -> NDArray:
    height, width = ink.shape
    above, before = rng.integers(0, 3 * height), rng.integers(0, width)
    return np.pad(ink, ((above, 3 * height - above), (before, width - before)))


def slant(ink: NDArray, rng: np.random.Generator) -> NDArray:
    return ndimage.rotate(ink, rng.uniform(-15, 15), order=1).clip(0, 1)


def cut_out(ink: NDArray, rng: np.random.Generator) -> NDArray:
    top, left, bottom, right = box_of(ink)
    above, before, below, after = rng.integers(0, 4, 4)
    return ink[top - above : bottom + below + 1, left - before : right + after + 1]


def cells(ink: NDArray, rng: np.random.Generator) -> NDArray:
    """Draw cells around the digits, some of which reach over the lines below and above them."""
    top, left, bottom, right = box_of(ink)
    gaps, n_gaps = ndimage.label(ink.max(axis=0)[left:right] < 0.5)
    between = ndimage.mean(np.arange(left, right), gaps, range(1, n_gaps + 1)).astype(int)
    top, bottom = top - rng.integers(-3, 8), bottom + rng.integers(-3, 8)
    left, right, thickness = left - 9, right + 9, rng.integers(1, 3)
    for row in (top, bottom):
        ink[row : row + thickness, left : right + thickness] = 1
    for column in (left, *between, right):
        ink[top : bottom + thickness, column : column + thickness] = 1
    return ndimage.rotate(ink, rng.uniform(-3, 3), order=1).clip(0, 1)


FORMS: dict[str, Form] = {
    "plain, underlined": underline,
    "plain, on a page twice as wide and four times as high": far_away,
    "plain, turned by up to 15 degrees": slant,
    "plain, cut out with 0 to 3 pixels around": cut_out,
    "plain, in the cells of a form": cells,
}
TOUCHING = {f"plain, {share:.0%} of the digits touch the one before": share for share in (0.2, 0.5)}


def photograph(ink: NDArray, light: Light, rng: np.random.Generator) -> NDArray:
    """Return 8-bit grey levels: the pen takes its share of the paper's light."""
    down, right = np.mgrid[: ink.shape[0], : ink.shape[1]].astype(float)
    seen = rng.uniform(0.7, 0.95) * light(down, right, rng) * (1 - rng.uniform(0.5, 0.95) * ink)
    levels = np.clip(255 * (seen + rng.normal(0, 0.02, seen.shape)), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(levels).save(file, "JPEG", quality=int(rng.integers(40, 95)))
    return np.asarray(Image.open(file))


def read_pages(
    name: str,
    model: ClassifierMixin,
    X: NDArray,
    y: NDArray,
    light: Light = PAPERS["plain"],
    form: Form = lambda ink, rng: ink,
    touching: float = 0.0,
) -> None:
    rng = np.random.default_rng(SEED)
    ways = {"alone": None, "cut apart": model.predict_proba}
    found, right = Counter(), Counter()
    for _ in range(N_PAGES):
        ink, text = number(X, y, rng, touching)
        page = photograph(form(ink, rng), light, rng)
        for way, predict_proba in ways.items():
            boxes, digits = extract_digits(page, predict_proba)
            read = "".join(str(digit) for digit in model.predict(digits)) if boxes else ""
            found[way] += len(boxes) == len(text)
            right[way] += read == text
    figures = "; ".join(
        f"{way}: all digits found in {found[way]}, read {right[way]}" for way in ways
    )
    print(f"{name:53} of {N_PAGES} numbers, {figures}", flush=True)


def look_at_blank_pages(name: str, light: Light) -> None:
    rng = np.random.default_rng(SEED)
    pages = (np.zeros(rng.integers(200, 500, 2)) for _ in range(N_PAGES))
    taken = sum(bool(find_digits(photograph(page, light, rng))) for page in pages)
    print(f"{name:53} of {N_PAGES} blank pages, digits found on {taken}", flush=True)


def main() -> None:
    print(machine(), flush=True)
    X, y, X_test, y_test = mnist()
    if sys.argv[1:]:
        model = joblib.load(sys.argv[1])
    else:
        model = recipe("any_image", random_state=0).fit(X, y)
    for name, light in PAPERS.items():
        read_pages(name, model, X_test, y_test, light=light)
    for name, form in FORMS.items():
        read_pages(name, model, X_test, y_test, form=form)
    for name, share in TOUCHING.items():
        read_pages(name, model, X_test, y_test, touching=share)
    for name, light in PAPERS.items():
        look_at_blank_pages(name, light)


if __name__ == "__main__":
    main()
