"""What may come into DigitImages: arrays of all kinds, colours, and image files."""

import struct
from io import BytesIO

import numpy as np
import pytest
from drawing import alike, normalized, page_with, photograph
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skdigits.digits import DigitImages
from skdigits.digits.paper.pictures import canvas, unit_range


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int64, np.float32, np.float64])
def test_any_number_of_bits(dtype):
    page = photograph(page_with(5))
    expected = normalized(page)
    same = page.astype(dtype)
    if dtype == np.uint16:
        same *= 257
    assert_allclose(normalized(same), expected, atol=0.05)
    if np.issubdtype(dtype, np.floating):
        assert_allclose(normalized(same / 255), expected, atol=0.05)


@given(st.sampled_from([1, 16, 255]), st.floats(0.51, 1), st.integers(1, 3))
def test_each_image_has_the_range_of_its_brightest_pixel(top, share, n_images):
    images = np.zeros((n_images, 5, 5))
    images[-1, 2, 2] = share * top
    assert unit_range(images).max() == pytest.approx(share)


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32])
def test_signed_integers_do_not_wrap_around(dtype):
    image = photograph(page_with(5))
    shifted = (image.astype(int) - 128) * ((np.iinfo(dtype).max + 1) // 128)
    assert alike(*normalized(image, shifted.astype(dtype))) > 0.99


def test_booleans():
    page = page_with(5) > 0.5
    assert_array_equal(normalized(page), normalized(page.astype(np.uint8) * 255))


@pytest.mark.parametrize("side", [8, 16])
def test_small_rows_are_square_images(side):
    X = load_digits().images[:5]
    X = np.kron(X, np.ones((side // 8, side // 8)))
    rows = DigitImages().transform(X.reshape(5, -1))
    assert_array_equal(rows, DigitImages().transform(X))
    assert_array_equal(rows, DigitImages().transform(X.astype(np.uint8)))


def test_digits_of_scikit_learn_are_told_apart():
    X, y = load_digits(return_X_y=True)
    X, y = DigitImages().transform(X[:400]), y[:400]
    assert (
        LogisticRegression(C=0.1, max_iter=300).fit(X[:250], y[:250]).score(X[250:], y[250:]) > 0.8
    )


def test_colours_and_transparency():
    page = photograph(page_with(4))
    expected = normalized(page)
    colour = np.stack([page] * 3, axis=-1)
    opaque = np.dstack([colour, np.full_like(page, 255)])
    ink = np.rint(255 * page_with(4)).astype(np.uint8)
    black, white = (np.dstack([np.full_like(colour, value), ink]) for value in (0, 255))
    assert_array_equal(normalized(colour, opaque), np.repeat(expected, 2, axis=0))
    assert_array_equal(DigitImages().transform(np.stack([colour])), expected.reshape(1, -1))
    for image in normalized(black, white):
        assert alike(image, expected[0]) > 0.98


@pytest.mark.parametrize(
    ("ink", "paper"),
    [((120, 70, 20), (255, 0, 0)), ((0, 114, 0), (224, 0, 0)), ((0, 0, 255), (97, 0, 0))],
)
@pytest.mark.parametrize("grain", [0, 5])
def test_ink_as_light_as_its_paper(ink, paper, grain):
    cover = page_with(4)[..., None]
    noise = np.random.default_rng(0).normal(0, grain, cover.shape)
    page = np.clip(cover * ink + (1 - cover) * paper + noise, 0, 255).astype(np.uint8)
    assert alike(normalized(page)[0], normalized(photograph(page_with(4)))[0]) > 0.95


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff", ".gif", ".bmp"])
def test_files(tmp_path, suffix):
    Image = pytest.importorskip("PIL.Image")
    page = photograph(page_with(6))
    path = tmp_path / f"six{suffix}"
    Image.fromarray(page).save(path)
    with Image.open(path) as read:
        read.load()
    # Such as what was sent to a web service.
    upload = BytesIO(path.read_bytes())
    for image in normalized(path, str(path), read, upload, upload):
        assert alike(image, normalized(page)[0]) > 0.98


@pytest.mark.parametrize(
    "mode", ["P", "LA", "La", "RGB", "RGBA", "CMYK", "YCbCr", "I", "I;16", "F"]
)
def test_pillow_modes(mode):
    Image = pytest.importorskip("PIL.Image")
    page = photograph(page_with(6))
    # Only what has an alpha can have it multiplied in.
    image = Image.fromarray(page).convert("LA" if mode == "La" else "L").convert(mode)
    assert alike(normalized(image)[0], normalized(page)[0]) > 0.97


@pytest.mark.parametrize("mode", ["LA", "La", "PA", "RGBA", "RGBa"])
def test_what_is_transparent_shows_paper_in_each_mode(mode):
    Image = pytest.importorskip("PIL.Image")
    ink = np.rint(255 * page_with(6)).astype(np.uint8)
    # Only what has an alpha can have it multiplied in.
    image = Image.new({"La": "LA", "RGBa": "RGBA"}.get(mode, mode), ink.T.shape)
    image.putalpha(Image.fromarray(ink))
    assert alike(normalized(image.convert(mode))[0], normalized(255 - ink)[0]) > 0.99


def test_a_palette_may_have_a_colour_that_is_transparent(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    page = page_with(6) > 0.5
    image = Image.fromarray(page.astype(np.uint8), mode="P")
    image.putpalette([0] * 6)
    image.save(tmp_path / "six.png", transparency=0)
    assert_array_equal(normalized(tmp_path / "six.png"), normalized(~page))


@pytest.mark.parametrize(("orientation", "turns"), [(3, 2), (6, 1), (8, 3)])
def test_exif_rotation(tmp_path, orientation, turns):
    Image = pytest.importorskip("PIL.Image")
    page = photograph(page_with(7, shape=(240, 300)))
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "seven.jpg"
    Image.fromarray(np.rot90(page, turns)).save(path, exif=exif, quality=95)
    assert alike(normalized(path)[0], normalized(page)[0]) > 0.99


@pytest.mark.parametrize(
    ("orientation", "mirrored"),
    [
        (2, np.fliplr),
        (4, np.flipud),
        (5, np.transpose),
        (7, lambda page: np.rot90(page, 2).T),
    ],
)
def test_exif_mirroring(orientation, mirrored):
    Image = pytest.importorskip("PIL.Image")
    page = photograph(page_with(7, shape=(240, 300)))
    image = Image.fromarray(mirrored(page))
    image.getexif()[0x0112] = orientation
    assert_array_equal(normalized(image), normalized(page))


@pytest.mark.parametrize("mode", ["RGB", "LA", "I;16"])
def test_what_is_drawn_on_is_upright_too(mode, tmp_path):
    Image = pytest.importorskip("PIL.Image")
    page = photograph(page_with(7, shape=(240, 300)))
    levels = np.rot90(page)
    image = Image.fromarray(levels.astype(np.uint16) * 257 if mode == "I;16" else levels)
    exif = Image.Exif()
    exif[0x0112] = 6
    image.convert(mode).save(tmp_path / "seven.png", exif=exif)
    drawn_on = np.asarray(canvas(str(tmp_path / "seven.png")))
    assert drawn_on.shape == (240, 300, 3)
    assert_allclose(normalized(drawn_on), normalized(page), atol=0.05)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_exif_data_may_be_damaged(tmp_path, suffix):
    Image = pytest.importorskip("PIL.Image")
    page = photograph(page_with(7, shape=(240, 300)))
    # Orientation 6, and a resolution that is text.
    tags = struct.pack("<HHII", 0x112, 3, 1, 6) + struct.pack("<HHI4s", 0x11A, 2, 4, b"72")
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 2) + tags + bytes(4)
    path = tmp_path / f"seven{suffix}"
    Image.fromarray(np.rot90(page)).convert("RGB").save(path, exif=exif, quality=95)
    assert alike(normalized(path)[0], normalized(page)[0]) > 0.98
    Image.fromarray(page).convert("RGB").save(path, exif=b"Exif\0\0garbage!", quality=95)
    for image in (path, Image.open(path)):
        assert alike(normalized(image)[0], normalized(page)[0]) > 0.98


@pytest.mark.parametrize("bits", [10, 12, 14, 16])
@pytest.mark.parametrize("order", ["<u2", ">u2"])
def test_sixteen_bits_may_hold_fewer(bits, order):
    ink = page_with(5)
    levels = (ink / ink.max() * (2**bits - 1)).astype(order)
    expected = normalized(levels.astype(float) / (2**bits - 1))
    assert_allclose(normalized(levels), expected, atol=0.05)


def test_mnist_form_in_a_file(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    pixels = np.rint(255 * normalized(photograph(page_with(2)))[0]).astype(np.uint8)
    grey, colour = tmp_path / "grey.png", tmp_path / "colour.png"
    Image.fromarray(pixels).save(grey)
    Image.fromarray(pixels).convert("RGBA").save(colour)
    assert_array_equal(normalized(grey, colour), [pixels / np.float32(255)] * 2)


def test_mixed_lists(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    pages = [photograph(page_with(digit, shape=(240, 240 + digit))) for digit in range(4)]
    Image.fromarray(pages[1]).save(tmp_path / "one.png")
    mixed = [pages[0], tmp_path / "one.png", Image.fromarray(pages[2]), pages[3].tolist()]
    assert_array_equal(DigitImages().transform(mixed), DigitImages().transform(pages))


def test_large_photographs():
    page = photograph(page_with(8))
    (large,) = normalized(np.kron(page, np.ones((10, 10), np.uint8)))
    assert alike(large, normalized(page)[0]) > 0.97
