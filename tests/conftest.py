"""Fixtures that more than one file of tests needs."""

import signal

import pytest
from command_line import run

from skdigits.digits import load_digits_8x8


@pytest.fixture
def ctrl_c():
    """SIGINT as in a terminal, whatever started the tests."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.fixture(scope="session")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="session")
def digits():
    return load_digits_8x8()


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with digits.joblib, and what training with the defaults printed."""
    folder = tmp_path_factory.mktemp("trained")
    return folder, run("train", folder=folder)


@pytest.fixture(scope="session")
def model_path(trained):
    return str(trained[0] / "digits.joblib")
