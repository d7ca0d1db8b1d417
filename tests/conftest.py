"""Fixtures that more than one file of tests needs."""

import signal

import pytest


@pytest.fixture
def ctrl_c():
    """SIGINT as in a terminal, whatever started the tests."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)
