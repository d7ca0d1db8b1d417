"""The examples run as they stand, and what they train reads digits."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from small import MNIST_HOME, needs_mnist

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"

ARGUMENTS = {"mnist_openml.py": ["1"]}
"""What makes an example quick: one epoch."""


def run(name, **variables):
    """Run an example as a user does; return what it printed."""
    answer = subprocess.run(
        [sys.executable, EXAMPLES / name, *ARGUMENTS.get(name, [])],
        env={**os.environ, "PYTHONPATH": str(ROOT), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.stderr, answer.returncode) == ("", 0)
    return answer.stdout


def accuracy_in(output):
    return float(re.search(r"^Test accuracy: (\S+)$", output, re.MULTILINE)[1])


@pytest.mark.parametrize(
    "name", sorted(path.name for path in EXAMPLES.glob("*.py") if path.stem != "mnist_openml")
)
def test_example(name):
    assert accuracy_in(run(name)) > 0.95


@needs_mnist
def test_mnist_from_openml():
    output = run("mnist_openml.py", SCIKIT_LEARN_DATA=str(MNIST_HOME))
    assert len(re.findall(r"^Iteration", output, re.MULTILINE)) == 1
    assert accuracy_in(output) > 0.9
