"""From whatever holds an image to its grey levels.

::

    path, file -> Pillow -> EXIF rotation -> pixels -> 0 to 1 -> composed on paper -> grey
                                      array ---^
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from os import PathLike, fsdecode
from reprlib import repr as shortened
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skdigits.digits.paper.resampling import PAGE_SIDE, Grey, shrunk

# ITU-R BT.601, which Pillow takes, too.
_RED, _BLUE = np.float32(0.299), np.float32(0.114)
_CLEARLY = 1.5  # Times as strong a contrast.
SQUARES = {8 * 8: 8, 16 * 16: 16, 28 * 28: 28}
SHAPES = "(height, width), (height, width, 3), (height, width, 4), (784,), (256,) or (64,)"


class Picture(NamedTuple):
    """The grey levels of an image.

    Parameters
    ----------
    grey : ndarray of shape (height, width), dtype float32
        0 for black to 1 for white; shrunk where the image is large.
    shape : tuple of two ints
        Height and width of the image itself.
    name : str
        What to call the image in an error.
    """

    grey: Grey
    shape: tuple[int, int]
    name: str


def read_picture(source: Any, index: int = 0) -> Picture:
    """Read an image.

    Parameters
    ----------
    source : str, path-like, binary file, PIL.Image.Image or array-like
        Arrays have one of the shapes in `SHAPES`.
    index : int, default=0
        The image's place in a batch, which names images other than files.

    Returns
    -------
    picture : Picture

    Raises
    ------
    ImportError
        A file is given, or its path, and Pillow is missing.
    OSError
        There is no such file, or it can't be opened.
    ValueError
        The path is none, the image is damaged or none, or the array is no image.
    """
    name = f"image {index}"
    if isinstance(source, str | bytes | PathLike):
        name = fsdecode(source)
        if "\0" in name:  # Such as the content of a file.
            raise ValueError(f"{shortened(source)} as image {index} is no path: it has a null byte")
        pixels = _read_file(name, name)
    elif hasattr(source, "read"):
        pixels = _read_file(source, name)
    elif hasattr(source, "getexif"):
        with _blamed_on(name):
            pixels = _decode(source)
    else:
        pixels = np.asarray(source)
    _check(pixels, name)
    grey = _grey(pixels)
    height, width = grey.shape
    return Picture(shrunk(grey, PAGE_SIDE), (height, width), name)


def canvas(path: str) -> Any:
    """Return an image file as an RGB image of PIL, to be drawn on.

    Parameters
    ----------
    path : str

    Returns
    -------
    image : PIL.Image.Image
        In its colours, where 8 bits hold them and nothing is transparent; else in its grey levels.
    """
    from PIL import Image

    with Image.open(path) as image:
        if image.mode[0] in "IF" or image.has_transparency_data:
            levels = 255 * _grey(_decode(image))
            return Image.fromarray(levels.astype(np.uint8)).convert("RGB")
        return _upright(image).convert("RGB")


def unit_range(images: NDArray) -> Grey:
    """Scale each image to a range from 0 to 1.

    Parameters
    ----------
    images : ndarray of shape (n_images, ...)
        Each from 0 to 1, to 16 (the 8x8 digits in scikit-learn) or to 255; above that to the range
        of 10, 12, 14 or 16 bits in unsigned numbers of 16 bits, and to its maximum in others.

    Returns
    -------
    images : ndarray of shape (n_images, ...), dtype float32
    """
    peak = images.max(axis=tuple(range(1, images.ndim)), keepdims=True)
    peak = peak.astype(np.float32)
    tops = [1, 16, 255]
    if images.dtype.kind == "u" and images.dtype.itemsize == 2:
        tops += [1023, 4095, 16383, 65535]  # Of 10, 12, 14 and 16 bits.
    ranges = np.array(tops, np.float32)
    # Rounding may have added to it.
    rounded = peak * np.float32(1 - 1e-6)
    white = np.select([rounded <= top for top in ranges], list(ranges), peak)
    return images.astype(np.float32) / white


def _read_file(source: Any, name: str) -> NDArray:
    """Read an open file, or open it by its path."""
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            f"{name} is read by Pillow, which is missing: pip install 'skdigits[image]'"
        ) from error
    with ExitStack() as opened:
        file = source if hasattr(source, "read") else opened.enter_context(open(source, "rb"))
        with _blamed_on(name), Image.open(file) as image:
            return _decode(image)


@contextmanager
def _blamed_on(name: str) -> Iterator[None]:
    """Name the image where decoding fails: a damaged one may raise anything."""
    try:
        yield
    except Exception as error:
        raise ValueError(f"{name} is damaged, or not an image ({error})") from error


def _decode(image: Any) -> NDArray:
    """Return the pixels of a PIL image, the right way up."""
    image = _upright(image)
    if image.mode in ("P", "PA"):
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    elif image.mode not in ("1", "L", "LA", "RGB", "RGBA", "I", "F") and image.mode[:2] != "I;":
        image = image.convert({"La": "LA", "RGBa": "RGBA"}.get(image.mode, "RGB"))
    return np.asarray(image)


def _upright(image: Any) -> Any:
    """Return a PIL image as the orientation in its EXIF data says."""
    from PIL import ExifTags, Image

    turns = Image.Transpose
    wanted = {
        2: turns.FLIP_LEFT_RIGHT,
        3: turns.ROTATE_180,
        4: turns.FLIP_TOP_BOTTOM,
        5: turns.TRANSPOSE,
        6: turns.ROTATE_270,
        7: turns.TRANSVERSE,
        8: turns.ROTATE_90,
    }
    try:
        turn = wanted[image.getexif()[ExifTags.Base.Orientation]]
    except Exception:  # EXIF data may lack it, or be damaged in any way beside good pixels.
        return image
    return image.transpose(turn)


def _check(pixels: NDArray, name: str) -> None:
    """Raise ValueError unless an array is an image."""
    if pixels.dtype.kind not in "biuf":
        raise ValueError(
            f"{name} has pixels of dtype {pixels.dtype}, expected numbers, a path, a file or an "
            "image of PIL"
        )
    flat = pixels.ndim == 1 and pixels.size in SQUARES
    coloured = pixels.ndim == 3 and 1 <= pixels.shape[2] <= 4
    if not (flat or coloured or pixels.ndim == 2) or not pixels.size:
        raise ValueError(f"{name} has shape {pixels.shape}, expected {SHAPES}")
    with np.errstate(over="ignore"):
        if not np.isfinite(pixels.astype(np.float32)).all():
            raise ValueError(f"{name} has pixels that are NaN or infinite in single precision")


def _grey(pixels: NDArray) -> Grey:
    """Return an image's grey levels; what is transparent shows the paper behind."""
    if pixels.ndim == 1:
        pixels = pixels.reshape(SQUARES[pixels.size], -1)
    if pixels.min() < 0:
        # In their own type, integers would wrap around.
        pixels = pixels.astype(np.float64) - float(pixels.min())
    image = unit_range(pixels[None])[0]
    if image.ndim == 2:
        return image
    n_colours = 3 if image.shape[2] >= 3 else 1
    colours = image[..., :n_colours]
    if n_colours < image.shape[2]:
        colours = _compose(colours, image[..., n_colours:])
    return colours[..., 0] if n_colours == 1 else _most_telling(colours)


def _compose(colours: Grey, opacity: Grey) -> Grey:
    """Put an image on white paper or, if white ink would vanish there, on black."""
    on_black = colours * opacity
    on_white = on_black + (1 - opacity)
    return on_black if np.ptp(on_white) < np.ptp(on_black) / 4 else on_white


def _most_telling(colours: Grey) -> Grey:
    """Return the luminance or, if ink is about as light as its paper, what sets it off.

    That is the projection of the colours on their first principal component.
    """
    # In this order of operations, equal channels give exactly their value.
    red, green, blue = np.moveaxis(colours, -1, 0)
    luminance = green + _RED * (red - green) + _BLUE * (blue - green)
    rows, columns = (slice(None, None, side // 100 + 1) for side in luminance.shape)
    some = colours[rows, columns].reshape(-1, 3)
    axis = np.linalg.eigh(np.cov(some, rowvar=False, bias=True))[1][:, -1].astype(np.float32)
    axis /= np.abs(axis).sum()
    if (some @ axis).std() <= _CLEARLY * luminance[rows, columns].std():
        return luminance
    return colours @ axis - np.minimum(axis, 0).sum()
