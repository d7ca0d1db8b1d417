"""Digits out of real files: MNIST in scikit-learn's cache format, and what scikit-learn bundles."""

import gzip
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tarfile
import zlib
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.request import ProxyHandler, build_opener, install_opener

import numpy as np
import pytest
from sklearn.datasets import load_digits
from small import BARE_MNIST, MNIST_HOME, needs_mnist

from skdigits.digits import load_digits_8x8, load_mnist

ROOT = Path(__file__).parents[1]
API = "openml/openml.org/api/v1/json/data"
ARFF = "openml/openml.org/data/v1/download/52667/mnist_784.arff.gz"
NPZ = "openml/openml.org/data/v1/download/52667/mnist_784.npz"


# MNIST caches, in scikit-learn's own format


def row(label, *, pixel="0", n_before=783, n_after=0):
    """One line: the pixel between blank ones, and the label."""
    return f"{'0,' * n_before}{pixel},{'0,' * n_after}{label}\n"


def arff(*rows):
    columns = [f"@ATTRIBUTE pixel{i} INTEGER\n" for i in range(1, 785)]
    digits = "@ATTRIBUTE class {0,1,2,3,4,5,6,7,8,9}\n"
    head = ["% MNIST\n@RELATION m\n\n", *columns, digits, "\n@DATA\n"]
    return gzip.compress("".join([*head, *rows]).encode(), compresslevel=1)


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def write_metadata(home, url, content, n_rows):
    """Cache what OpenML's API answers for a data set of that content at that URL."""
    flags = dict.fromkeys(("is_ignore", "is_row_identifier", "is_target"), "false")
    features = [
        {"index": str(i), "name": f"pixel{i + 1}", "data_type": "numeric", **flags}
        for i in range(784)
    ]
    target = {"index": "784", "name": "class", "data_type": "nominal", "is_target": "true"}
    features.append({**flags, **target, "number_of_missing_values": "0"})
    answers = {
        "list/data_name/mnist_784/limit/2/data_version/1": {"data": {"dataset": [{"did": 554}]}},
        "features/554": {"data_features": {"feature": features}},
        "qualities/554": {
            "data_qualities": {"quality": [{"name": "NumberOfInstances", "value": f"{n_rows}.0"}]}
        },
        "554": {
            "data_set_description": {
                **{"id": "554", "name": "mnist_784", "version": "1", "status": "active"},
                **{"description": "digits", "format": "ARFF", "url": url},
                "md5_checksum": hashlib.md5(gzip.decompress(content)).hexdigest(),
            }
        },
    }
    for name, answer in answers.items():
        write(home / API / f"{name}.gz", gzip.compress(json.dumps(answer).encode()))


@contextmanager
def served(content):
    """Serve the content from this machine; give the URL, which scikit-learn will cache as ARFF."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        install_opener(build_opener(ProxyHandler({})))
        yield f"http://127.0.0.1:{server.server_port}/data/v1/download/52667/mnist_784.arff"
        install_opener(None)
        server.shutdown()
        thread.join()


@pytest.fixture
def offline():
    """Send every request to a port that refuses it."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{closed.getsockname()[1]}"
        install_opener(build_opener(ProxyHandler({"http": proxy, "https": proxy})))
        yield
        install_opener(None)


@pytest.fixture
def quoted_home(tmp_path):
    """MNIST with quoted labels in a folder that nobody may write."""
    home = tmp_path / "home"
    shutil.copytree(MNIST_HOME, home)
    folders = [home, *(path for path in home.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    yield home
    for folder in folders:
        folder.chmod(0o755)


@pytest.fixture(scope="module")
def bare_home(tmp_path_factory):
    """MNIST with bare labels, as OpenML has it, and a parsed copy that went wrong."""
    home = tmp_path_factory.mktemp("bare")
    with tarfile.open(BARE_MNIST) as archive:
        archive.extractall(home, filter="data")
    write(home / NPZ, b"damaged")
    return home


@pytest.fixture(scope="module")
def mnist(bare_home):
    return load_mnist(data_home=bare_home)


def arrays(split):
    return [split.X_train, split.y_train, split.X_test, split.y_test]


def assert_same(split, other):
    for a, b in zip(arrays(split), arrays(other), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


def checksums(split):
    return [zlib.crc32(array) for array in arrays(split)]


def run_without_pandas(script, home):
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.modules['pandas'] = None\n{script}"],
        env={**os.environ, "SCIKIT_LEARN_DATA": str(home), "no_proxy": "127.0.0.1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


# MNIST itself


@needs_mnist
def test_mnist_is_the_canonical_split(mnist):
    assert mnist.X_train.shape == (60_000, 784)
    assert mnist.X_test.shape == (10_000, 784)
    assert mnist.image_shape == (28, 28)
    assert {mnist.X_train.dtype, mnist.X_test.dtype} == {np.dtype(np.uint8)}
    assert {mnist.y_train.dtype, mnist.y_test.dtype} == {np.dtype(np.int64)}
    assert mnist.y_train[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.y_test[:5].tolist() == [7, 2, 1, 0, 4]
    n_train = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    n_test = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert np.bincount(mnist.y_train).tolist() == n_train
    assert np.bincount(mnist.y_test).tolist() == n_test
    # The mean and standard deviation that everybody normalises MNIST with.
    assert mnist.X_train.mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert mnist.X_train.std() / 255 == pytest.approx(0.3081, abs=5e-5)


@needs_mnist
def test_images_are_contiguous_and_may_be_changed(mnist):
    assert all(a.flags.c_contiguous and a.flags.writeable for a in arrays(mnist))


@needs_mnist
def test_the_download_survives_and_the_next_load_reads_the_parsed_copy(mnist, bare_home):
    with tarfile.open(BARE_MNIST) as archive:
        download = archive.extractfile(ARFF).read()
    assert (bare_home / ARFF).read_bytes() == download
    assert {path.name for path in (bare_home / NPZ).parent.iterdir()} == {
        "mnist_784.arff.gz",
        "mnist_784.npz",
    }
    assert_same(load_mnist(data_home=str(bare_home)), mnist)


@needs_mnist
def test_quoted_labels_in_a_read_only_home_without_pandas(mnist, quoted_home):
    before = {path: path.is_file() and path.read_bytes() for path in quoted_home.rglob("*")}
    script = (
        "import zlib; from skdigits.digits import load_mnist; m = load_mnist()\n"
        "print([zlib.crc32(a) for a in (m.X_train, m.y_train, m.X_test, m.y_test)])"
    )
    answer = run_without_pandas(script, quoted_home)
    assert answer.stdout.strip() == str(checksums(mnist)), answer.stderr
    after = {path: path.is_file() and path.read_bytes() for path in quoted_home.rglob("*")}
    assert after == before


# Any other content


def test_download_then_parsed_copy(tmp_path):
    """All spellings of labels; the file comes from a server; what was parsed outlives it."""
    index = np.arange(70_000)
    images = np.zeros((70_000, 784), np.uint8)
    images[index, index % 784] = index % 256
    spellings = ("{}", "'{}'", '"{}"')
    content = arff(
        *(
            row(
                spellings[i % 3].format(i % 10),
                pixel=i % 256,
                n_before=i % 784,
                n_after=783 - i % 784,
            )
            for i in range(70_000)
        )
    )
    with served(content) as url:
        write_metadata(tmp_path, url, content, n_rows=70_000)
        split = load_mnist(data_home=tmp_path)
    np.testing.assert_array_equal(np.vstack([split.X_train, split.X_test]), images)
    np.testing.assert_array_equal(np.hstack([split.y_train, split.y_test]), index % 10)
    assert (tmp_path / ARFF).read_bytes() == content

    (tmp_path / ARFF).unlink()
    assert_same(load_mnist(data_home=tmp_path), split)
    assert [path.name for path in (tmp_path / NPZ).parent.iterdir()] == ["mnist_784.npz"]


def test_download_without_pandas(tmp_path):
    content = arff(row("5"), row("'0'"))
    script = "from skdigits.digits import load_mnist; load_mnist()"
    with served(content) as url:
        write_metadata(tmp_path, url, content, n_rows=2)
        answer = run_without_pandas(script, tmp_path)
    assert "ValueError" in answer.stderr
    assert "found uint8 pixels of shape (2, 784)" in answer.stderr
    assert (tmp_path / ARFF).read_bytes() == content


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (arff(row(1), row(9)), r"shape \(2, 784\) from 0 to 0, .* from 1 to 9"),
        (arff(row(1, pixel=7, n_before=782)), r"shape \(1, 783\) from 0 to 7"),
        (arff(row(1), row(1, n_before=0)), "from 785 to 2 at row"),
        (arff(row("a")), "'a'"),
        (arff(row(1, pixel=256)), "'256'"),
        (arff(row(1, pixel=-1)), "'-1'"),
        (arff(row(1, pixel=0.5)), "'0.5'"),
        (arff(row(1, pixel="?")), r"'\?'"),
        (arff(), "no data"),
        (gzip.compress(b"", mtime=0), "no data"),
        (gzip.compress(b"\xff\xfe", mtime=0), "can't decode"),
        (arff(row(1))[:-20], "ended before"),
        (b"<html>", "Not a gzipped file"),
    ],
)
@pytest.mark.usefixtures("offline")
def test_other_content_is_named_and_left_alone(tmp_path, content, found):
    path = write(tmp_path / ARFF, content)
    with pytest.raises(ValueError, match=rf"{path.name}(?s:.*){found}.*\(70000, 784\)"):
        load_mnist(data_home=tmp_path)
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def npz(path, **contents):
    np.savez_compressed(path, **contents)
    return path.read_bytes()


def test_unusable_parsed_copy_is_passed_over(tmp_path):
    write(tmp_path / ARFF, arff(row(1)))
    X, y = np.zeros((5, 784), np.uint8), np.zeros(5, np.uint8)
    small = npz(tmp_path / "small.npz", images=X, labels=y)
    text = npz(tmp_path / "text.npz", images=np.array(["a"]), labels=y)
    nameless = npz(tmp_path / "nameless.npz", data=X)
    locked = bytearray(small)
    locked[small.index(b"PK\1\2") + 8] ^= 1  # The bit that says so.
    for content in (b"", b"garbage", small, small[:-30], text, nameless, bytes(locked)):
        write(tmp_path / NPZ, content)
        with pytest.raises(ValueError, match=r"mnist_784\.arff\.gz.*found"):
            load_mnist(data_home=tmp_path)


@pytest.mark.usefixtures("offline")
def test_offline_error_says_what_to_do(tmp_path):
    with pytest.raises(ConnectionError) as error:
        load_mnist(data_home=tmp_path)
    for word in (str(tmp_path / ARFF), "SCIKIT_LEARN_DATA", "data_home", "load_digits_8x8"):
        assert word in str(error.value)
    assert isinstance(error.value.__cause__, OSError)


def test_data_home_of_wrong_type():
    with pytest.raises(TypeError, match="data_home"):
        load_mnist(data_home=3)


# The bundled digits


def test_bundled_digits_are_split_without_loss():
    digits = load_digits_8x8()
    assert digits.X_train.shape == (1437, 64)
    assert digits.X_test.shape == (360, 64)
    assert digits.image_shape == (8, 8)
    assert {digits.X_train.dtype, digits.X_test.dtype} == {np.dtype(np.uint8)}
    assert {digits.y_train.dtype, digits.y_test.dtype} == {np.dtype(np.int64)}

    def as_rows(X, y):
        return sorted(map(tuple, np.column_stack([X, y]).astype(int).tolist()))

    train = as_rows(digits.X_train, digits.y_train)
    test = as_rows(digits.X_test, digits.y_test)
    assert sorted(train + test) == as_rows(*load_digits(return_X_y=True))
    assert not set(train) & set(test)


def test_bundled_digits_are_stratified():
    digits = load_digits_8x8()
    share = np.bincount(digits.y_test) / np.bincount(np.hstack([digits.y_train, digits.y_test]))
    np.testing.assert_allclose(share, 0.2, atol=0.005)


def test_bundled_split_is_always_the_same():
    np.random.seed(1)  # noqa: NPY002 - the global state must not matter
    assert_same(load_digits_8x8(), load_digits_8x8())
    digits = load_digits_8x8()
    assert [zlib.crc32(X) for X in (digits.X_train, digits.X_test)] == [3142362505, 1814970648]
