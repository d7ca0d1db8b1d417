"""Digits in files: what is written is read, a bad file is named with place and reason."""

import gzip
import re
from io import BytesIO
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skdigits.digits import load_idx, load_kaggle

HEADER = ",".join(f"pixel{i}" for i in range(784))
BLANK = ",".join(["0"] * 784)

PACKINGS = {"as it is": bytes, "gzip": gzip.compress, "zip": lambda content: zipped(file=content)}
each_packing = pytest.mark.parametrize("packing", PACKINGS)

bytes_of = st.integers(0, 255)


def write(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def random_set(n=50, shape=(28, 28)):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (n, *shape), np.uint8), rng.integers(0, 10, n)


def table(X, y=None, *, end="\n"):
    """Return the text of a CSV file as Kaggle writes it."""
    rows = X if y is None else np.column_stack([y, X])
    header = HEADER if y is None else f"label,{HEADER}"
    return end.join([header, *(",".join(map(str, row)) for row in rows.tolist()), ""])


def idx(array):
    """Return the content of an IDX file of these bytes."""
    header = [0x800 + array.ndim, *array.shape]
    return np.array(header, ">u4").tobytes() + array.astype(np.uint8).tobytes()


def zipped(**files):
    """Return a zip archive of these files."""
    content = BytesIO()
    with ZipFile(content, "w") as archive:
        for name, inside in files.items():
            archive.writestr(name, inside)
    return content.getvalue()


def pair(folder, images, labels):
    return write(folder / "images", images), write(folder / "labels", labels)


def assert_set(digits, images, labels):
    np.testing.assert_array_equal(digits.X.reshape(images.shape), images)
    assert digits.X.shape == (len(images), images[0].size)
    assert digits.X.dtype == np.uint8
    assert digits.X.flags.c_contiguous
    assert digits.X.flags.writeable
    assert digits.image_shape == images.shape[1:]
    if labels is None:
        assert digits.y is None
    else:
        np.testing.assert_array_equal(digits.y, labels)
        assert digits.y.dtype == np.int64


def with_cell(text, line, column, value):
    lines = text.splitlines()
    fields = lines[line - 1].split(",")
    fields[column] = value
    lines[line - 1] = ",".join(fields)
    return "\n".join(lines)


# Kaggle


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n", "\n \t\n"])
@pytest.mark.parametrize("labelled", [True, False])
def test_kaggle_tables_are_read(tmp_path, labelled, end):
    images, labels = random_set()
    labels = labels if labelled else None
    path = write(tmp_path / "digits.csv", table(images.reshape(50, 784), labels, end=end))
    assert_set(load_kaggle(path), images, labels)
    assert_set(load_kaggle(str(path)), images, labels)


@each_packing
def test_kaggle_tables_may_be_compressed(tmp_path, packing):
    images, labels = random_set(3)
    content = table(images.reshape(3, 784), labels).encode()
    assert_set(load_kaggle(write(tmp_path / "table", PACKINGS[packing](content))), images, labels)


def test_what_macos_adds_to_an_archive_does_not_count(tmp_path):
    archive = zipped(**{"digits/": "", "digits/test.csv": TEST, "__MACOSX/._test.csv": b"\0"})
    assert load_kaggle(write(tmp_path / "test.zip", archive)).X.shape == (4, 784)


def test_quotes_byte_order_mark_and_missing_end_of_line_do_not_matter(tmp_path):
    images, labels = random_set(3)
    text = table(images.reshape(3, 784), labels).rstrip()
    quoted = re.sub(r"\w+", r'"\g<0>"', text)
    path = write(tmp_path / "train.csv", b"\xef\xbb\xbf" + quoted.encode())
    assert_set(load_kaggle(path), images, labels)


TRAIN = table(np.zeros((4, 784), int), np.arange(4))
TEST = table(np.zeros((4, 784), int))


@pytest.mark.parametrize(
    ("content", "found", "expected"),
    [
        ("", "line 1 is ''", "header label,pixel0,...,pixel783"),
        ("\n" + TRAIN, "line 1 is ''", "header"),
        (TRAIN.split("\n", 1)[1], "line 1 is '0,0,0,", "header"),
        (TEST.split("\n", 1)[1], "line 1 is '0,0,0,", "header"),
        (with_cell(TEST.split("\n", 1)[1], 1, 783, "1.0"), "line 1 is '0,0,0,", "header"),
        (TRAIN.replace(",pixel783", "", 1), "with 784 names", "header .*785 names"),
        (TEST.replace("pixel0,", "", 1), "line 1 is 'pixel1,pixel2,", "header"),
        (b"\xff\xd8" + TRAIN.encode(), "line 1 is", "header"),
        (gzip.compress(TRAIN.encode(), mtime=0)[:-9], "can't be decompressed", "a complete file"),
        (zipped(file=TRAIN)[:-9], "can't be decompressed", "a complete file"),
        (zipped(train=TRAIN, test=TEST), "it holds 2 files", "a zip archive of one file"),
        (zipped(), "line 1 is 'PK", "header"),
        (f"label,{HEADER}", "no line below the header", "an image a line"),
        (f"{HEADER}\n\n\n", "no line below the header", "an image a line"),
        (TRAIN + "0,0,0\n", "line 6 has 3 fields", "785"),
        (TRAIN + f"1,{BLANK},0\n" + TRAIN, "line 6 has 786 fields", "785"),
        (TRAIN[:-30], "line 5 has 771 fields", "785"),
        (f"{HEADER}\n1,{BLANK}\n", "line 2 has 785 fields", "784"),
        (f"label,{HEADER}\n{BLANK}\n{BLANK}\n", "line 2 has 784 fields", "785"),
        (f"{HEADER}\n{BLANK}\n\n{BLANK}\n1\n", "line 5 has 1 fields", "784"),
        (with_cell(TRAIN, 3, 0, "10"), "line 3 has label '10'", "0 to 9"),
        (with_cell(TRAIN, 3, 0, "-1"), "line 3 has label '-1'", "0 to 9"),
        (with_cell(TRAIN, 3, 0, "seven"), "line 3 has label 'seven'", "0 to 9"),
        (with_cell(TRAIN, 2, 784, "256"), "line 2 has pixel783 '256'", "0 to 255"),
        (with_cell(TRAIN, 4, 1, "1.5"), "line 4 has pixel0 '1.5'", "0 to 255"),
        (with_cell(TEST, 4, 0, ""), "line 4 has pixel0 ''", "0 to 255"),
        (with_cell(TEST, 5, 9, "9" * 5000), "line 5 has pixel9 '9999", "0 to 255"),
        (with_cell(TEST, 5, 9, "\u0663"), "line 5 has pixel9 '\u0663'", "0 to 255"),
        (with_cell(TEST, 5, 9, "?").encode().replace(b"?", b"\xff"), "line 5 has pixel9", "255"),
    ],
)
def test_bad_tables_are_named_with_the_line(tmp_path, content, found, expected):
    path = write(tmp_path / "digits.csv", content)
    message = rf"{re.escape(str(path))}: .*{re.escape(found)}.*; expected .*{expected}"
    with pytest.raises(ValueError, match=message):
        load_kaggle(path)


@given(st.integers(2, 5), st.integers(0, 784), st.integers(0, 400))
def test_a_table_is_read_just_if_all_numbers_are_in_range(tmp_path_factory, line, column, value):
    path = tmp_path_factory.getbasetemp() / "one_cell.csv"
    write(path, with_cell(TRAIN, line, column, str(value)))
    if value > (255 if column else 9):
        with pytest.raises(ValueError, match=f"line {line} has .*'{value}'"):
            load_kaggle(path)
    else:
        digits = load_kaggle(path)
        assert np.column_stack([digits.y, digits.X])[line - 2, column] == value


# IDX


@each_packing
@given(arrays(np.uint8, st.tuples(*[st.integers(1, 6)] * 3)), st.data())
def test_idx_files_are_read(tmp_path_factory, packing, images, data):
    labels = data.draw(arrays(np.uint8, len(images), elements=st.integers(0, 9)))
    pack = PACKINGS[packing]
    paths = pair(tmp_path_factory.getbasetemp(), pack(idx(images)), pack(idx(labels)))
    assert_set(load_idx(*paths), images, labels)
    assert_set(load_idx(str(paths[0])), images, None)


IMAGES, LABELS = random_set(20)
GOOD_IMAGES, GOOD_LABELS = idx(IMAGES), idx(LABELS)
ZIPPED = gzip.compress(GOOD_IMAGES, mtime=0)


@pytest.mark.parametrize(
    ("images", "found", "expected"),
    [
        (b"", "ends at byte 0", "a header of 16 bytes"),
        (GOOD_IMAGES[:3], "ends at byte 3", "a header of 16 bytes"),
        (GOOD_IMAGES[:15], "ends at byte 15", "a header of 16 bytes"),
        (GOOD_IMAGES[:16], "ends at byte 16", "15696 bytes, for images of the shape (20, 28, 28)"),
        (GOOD_IMAGES[:-1], "ends at byte 15695", "15696 bytes"),
        (GOOD_IMAGES + b"\0", "ends at byte 15697", "15696 bytes"),
        (b"\0\0\x08\3" + b"\xff" * 12 + b"\0", "ends at byte 17", "79228162458924105385300197391"),
        (idx(IMAGES[:0]), "bytes 4 to 15 are the shape (0, 28, 28)", "no 0"),
        (GOOD_LABELS, "bytes 0 to 3 are the number 2049", "2051"),
        (b"\0\0\x0d" + GOOD_IMAGES[3:], "bytes 0 to 3 are the number 3331", "2051"),
        (b"<html>", "bytes 0 to 3 are the number 1013478509", "plain or compressed"),
        (gzip.compress(b"", mtime=0), "ends at byte 0", "a header of 16 bytes"),
        (gzip.compress(GOOD_LABELS, mtime=0), "bytes 0 to 3 are the number 2049", "2051"),
        (ZIPPED[:-9], "can't be decompressed", "a complete file"),
        (ZIPPED[:-8] + b"\0" * 8, "can't be decompressed", "a complete file"),
        (ZIPPED[:10] + b"\xff" * 20, "can't be decompressed", "a complete file"),
        (ZIPPED + b"rest", "can't be decompressed", "a complete file"),
        (b"\x1f\x8b", "can't be decompressed", "a complete file"),
    ],
)
def test_bad_images_are_named_with_the_byte(tmp_path, images, found, expected):
    paths = pair(tmp_path, images, GOOD_LABELS)
    message = rf"{re.escape(str(paths[0]))}.*{re.escape(found)}.*; expected .*{re.escape(expected)}"
    with pytest.raises(ValueError, match=message):
        load_idx(*paths)


@pytest.mark.parametrize(
    ("labels", "found", "expected"),
    [
        (GOOD_LABELS[:7], "ends at byte 7", "a header of 8 bytes"),
        (GOOD_LABELS[:-1], "ends at byte 27", "28 bytes, for labels of the shape (20,)"),
        (GOOD_IMAGES, "bytes 0 to 3 are the number 2051", "2049"),
        (GOOD_LABELS[:13] + b"\x0a" + GOOD_LABELS[14:], "byte 13 is the label 10", "0 to 9"),
        (idx(LABELS[:0]), "bytes 4 to 7 are the shape (0,)", "no 0"),
        (idx(LABELS[:19]), "has 19 labels, but", "a label for each image"),
    ],
)
def test_bad_labels_are_named_with_the_byte(tmp_path, labels, found, expected):
    paths = pair(tmp_path, GOOD_IMAGES, labels)
    message = rf"{re.escape(str(paths[1]))}.*{re.escape(found)}.*; expected .*{re.escape(expected)}"
    with pytest.raises(ValueError, match=message):
        load_idx(*paths)


@given(st.data())
def test_no_other_bytes_pass_for_images(tmp_path_factory, data):
    """Whatever a file holds, it is read without loss or refused by name."""
    content = bytearray(idx(IMAGES[:2, :3, :3]))
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] = data.draw(bytes_of)
    path = write(tmp_path_factory.getbasetemp() / "any", bytes(content))
    refusal = ""
    try:
        digits = load_idx(path)
    except ValueError as error:
        refusal = str(error)
    assert str(path) in refusal or idx(digits.X.reshape(-1, *digits.image_shape)) == content


@pytest.mark.parametrize("load", [load_kaggle, load_idx])
def test_a_file_that_is_not_there(tmp_path, load):
    with pytest.raises(FileNotFoundError, match="absent"):
        load(tmp_path / "absent")
    with pytest.raises(TypeError):
        load(3)


@pytest.mark.parametrize("line", ["%{}", "#{}", "{}#", "{} # seven"])
def test_there_are_no_comments_in_a_kaggle_table(tmp_path, line):
    row = ",".join(["7"] * 785)
    header = ",".join(["label", *(f"pixel{i}" for i in range(784))])
    path = write(tmp_path / "train.csv", f"{header}\n{row}\n{line.format(row)}\n".encode())
    with pytest.raises(ValueError, match="line 3"):
        load_kaggle(path)
