"""DigitImages gives the form of MNIST, says what goes wrong, and is a transformer like others."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from drawing import normalized, page_with, photograph
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import (
    check_get_params_invariance,
    check_no_attributes_set_in_init,
    check_parameters_default_constructible,
    check_set_params,
)
from small import MNIST_HOME, needs_mnist

from skdigits.digits import DigitImages, find_digits, load_mnist

digits = st.integers(0, 9)


# The form of MNIST


@needs_mnist
@pytest.mark.parametrize("part", ["X_train", "X_test"])
def test_mnist_is_left_as_it_is(part):
    X = getattr(load_mnist(data_home=MNIST_HOME), part)
    expected = X.astype(np.float32) / np.float32(255)
    assert_array_equal(DigitImages().transform(X), expected)
    if part == "X_test":
        for same in (X.astype(np.float64), X.astype(np.int16), expected, expected.astype(float)):
            assert_array_equal(DigitImages().transform(same), expected)
        for row in (0, 1, 2):  # One at a time, through the slower way.
            assert_array_equal(DigitImages().transform([X[row]])[0], expected[row])


@given(digits, st.integers(30, 150))
@settings(max_examples=12)
def test_output_has_the_form_of_mnist(digit, height):
    (image,) = normalized(photograph(page_with(digit, height=height)))
    rows, columns = image.any(axis=1).nonzero()[0], image.any(axis=0).nonzero()[0]
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20)
    centre = np.array([(image.sum(axis) * np.arange(28)).sum() for axis in (1, 0)]) / image.sum()
    assert_allclose(centre, 14, atol=0.51)
    assert image.dtype == np.float32
    assert image.min() == 0
    assert image.max() == 1
    assert ((image > 0) & (image < 1)).any()


@pytest.mark.parametrize("digit", range(10))
def test_output_of_the_output_is_itself(digit):
    once = DigitImages().transform([photograph(page_with(digit))])
    assert_array_equal(DigitImages().transform(once), once)
    assert_array_equal(DigitImages().transform(np.rint(once * 255).astype(np.uint8)), once)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_scaled_digits_may_be_rounded_to_more_than_one(dtype):
    once = DigitImages().transform([photograph(page_with(5))])
    scaled = once.astype(dtype) * (1 + np.finfo(dtype).eps)
    assert scaled.max() > 1
    assert_allclose(DigitImages().transform(scaled), once, atol=1e-6)


def test_aspect_is_kept():
    wide, high = np.zeros((2, 100, 100), np.uint8)
    wide[40:60, 10:90] = high[10:90, 40:60] = 255
    for image in normalized(wide, high.T):
        rows, columns = image.any(axis=1).sum(), image.any(axis=0).sum()
        assert columns == 20
        assert 3 <= rows <= 6


@pytest.mark.parametrize("width", [1, 2, 5, 20, 30])
def test_strokes_have_the_width_of_mnist(width):
    page = np.full((240, 240), 255, np.uint8)
    page[40:200, 100 : 100 + width] = 0
    (image,) = normalized(page)
    assert 2 <= np.median(image.sum(axis=1)[image.any(axis=1)]) <= 4


# What goes wrong


@pytest.mark.parametrize("value", [0, 128, 255])
def test_blank_image_is_named(value):
    page = photograph(page_with(5))
    with pytest.raises(ValueError, match="image 1 shows no digit"):
        DigitImages().transform([page, np.full((50, 60), value, np.uint8)])


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 3), (70, 2), (2, 900)])
def test_tiny_images(shape):
    page = np.full(shape, 255, np.uint8)
    with pytest.raises(ValueError, match="image 0 shows no digit"):
        DigitImages().transform([page])
    page[shape[0] // 2, shape[1] // 2] = 0
    if max(shape) > 1:
        assert find_digits(page) == [] or normalized(page).max() == 1


def test_blank_paper_is_named(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    light = np.linspace(100, 220, 300) + np.random.default_rng(0).normal(0, 4, (200, 300))
    path = tmp_path / "blank.png"
    Image.fromarray(light.astype(np.uint8)).save(path)
    with pytest.raises(ValueError, match=r"blank\.png shows no digit"):
        DigitImages().transform([path])


@pytest.mark.parametrize("content", [b"", b"not an image", "truncated"])
def test_damaged_file_is_named(tmp_path, content):
    Image = pytest.importorskip("PIL.Image")
    path = tmp_path / "damaged.png"
    if content == "truncated":
        Image.fromarray(photograph(page_with(5))).save(path)
        content = path.read_bytes()[:-200]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"damaged\.png is damaged, or not an image"):
        DigitImages().transform([path])


@pytest.mark.parametrize("closed", [False, True])
def test_a_damaged_image_of_pil_is_named(closed):
    Image = pytest.importorskip("PIL.Image")
    page, file = photograph(page_with(5)), io.BytesIO()
    Image.fromarray(page).save(file, "PNG")
    image = Image.open(io.BytesIO(file.getvalue()[: None if closed else -200]))
    if closed:
        image.close()
    with pytest.raises(ValueError, match=r"image 1 is damaged, or not an image"):
        DigitImages().transform([page, image])


def test_missing_file_is_named(tmp_path):
    pytest.importorskip("PIL.Image")
    with pytest.raises(FileNotFoundError, match="absent"):
        DigitImages().transform([tmp_path / "absent.png"])


def test_without_pillow(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert normalized(photograph(page_with(5))).max() == 1
    with pytest.raises(ImportError, match=r"five\.png .* pip install 'skdigits\[image\]'"):
        DigitImages().transform(["five.png"])


@pytest.mark.parametrize(
    "X", [np.ones((3, 100)), np.ones((3, 3)), np.ones((40, 40, 3)), np.ones((2, 30, 30, 5))]
)
def test_wrong_shapes(X):
    with pytest.raises(ValueError, match="shape"):
        DigitImages().transform(X)


@pytest.mark.parametrize("kind", [scipy.sparse.csr_matrix, scipy.sparse.csc_array])
def test_sparse_rows_are_the_same_images(kind):
    X = load_digits().data[:5]
    assert_array_equal(DigitImages().transform(kind(X)), DigitImages().transform(X))


@pytest.mark.parametrize("X", ["five.png", Path("five.png"), b"five", 5, None])
def test_no_sequence_of_images(X):
    with pytest.raises(TypeError, match="expected a sequence of images"):
        DigitImages().transform(X)


@pytest.mark.parametrize("X", [{"a": np.zeros((40, 40))}, {"a.png"}, frozenset({"a.png"})])
def test_what_has_no_order_is_no_sequence_of_images(X):
    with pytest.raises(TypeError, match="expected a sequence of images"):
        DigitImages().transform(X)


@pytest.mark.parametrize("path", ["a\0b.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", Path("\0")])
def test_what_is_no_path_is_named(path):
    page = photograph(page_with(5))
    with pytest.raises(ValueError, match="as image 1 is no path: it has a null byte"):
        DigitImages().transform([page, path])


def test_no_images():
    with pytest.raises(ValueError, match="no images"):
        DigitImages().transform([])


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("side", [28, 40])
def test_pixels_must_be_finite(value, side):
    X = np.zeros((2, side, side))
    X[1, 3, 3] = value
    X[0, 10:20, 10:13] = 1
    with pytest.raises(ValueError, match=r"image 1 .* NaN or infinite"):
        DigitImages().transform(X)


# scikit-learn


@pytest.mark.parametrize(
    "check",
    [
        check_get_params_invariance,
        check_no_attributes_set_in_init,
        check_parameters_default_constructible,
        check_set_params,
    ],
)
def test_is_an_estimator(check):
    check("DigitImages", DigitImages())


def test_needs_no_fit():
    transformer = clone(DigitImages())
    assert transformer.fit([]) is transformer
    page = photograph(page_with(1))
    assert_array_equal(transformer.transform([page]), DigitImages().fit_transform([page]))


def test_feature_names_and_pandas():
    pd = pytest.importorskip("pandas")
    names = DigitImages().get_feature_names_out()
    assert list(names) == [f"pixel{number}" for number in range(784)]
    X = pd.DataFrame(load_digits().data[:3], index=["a", "b", "c"])
    frame = DigitImages().set_output(transform="pandas").fit_transform(X)
    assert list(frame.columns) == list(names)
    assert_array_equal(frame.to_numpy(), DigitImages().transform(X.to_numpy()))


def test_tables_whose_numbers_may_be_missing():
    pd = pytest.importorskip("pandas")
    X = load_digits().data[:3]
    table = pd.DataFrame(X).astype("Int64")
    for numbers in (table, table.astype(object)):
        assert_array_equal(DigitImages().transform(numbers), DigitImages().transform(X))
    table.iloc[1, 3] = pd.NA
    with pytest.raises(ValueError, match="Input X contains NaN"):
        DigitImages().transform(table)


def test_a_table_with_a_column_of_paths(tmp_path):
    pd, Image = pytest.importorskip("pandas"), pytest.importorskip("PIL.Image")
    table = pd.DataFrame({"path": [str(tmp_path / f"{digit}.png") for digit in (5, 2)]})
    for digit, path in zip((5, 2), table["path"], strict=True):
        Image.fromarray(photograph(page_with(digit))).save(path)
    expected = DigitImages().transform(table["path"])
    for paths in (table, table.astype(object), table.astype("string")):
        assert_array_equal(DigitImages().transform(paths), expected)


def test_in_a_pipeline():
    pages = [photograph(page_with(digit)) for digit in (0, 1, 7) * 2]
    y = [0, 1, 7] * 2
    model = make_pipeline(DigitImages(), LogisticRegression()).fit(pages, y)
    assert_array_equal(model.predict([255 - page for page in pages]), y)
