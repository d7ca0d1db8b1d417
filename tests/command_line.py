"""The command line as tests use it, and files for it."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from drawing import enlarged

from skdigits.cli import main

ROOT = Path(__file__).parents[1]


def command(*arguments):
    return [sys.executable, "-m", "skdigits", *map(str, arguments)]


def surroundings(unbuffered=""):
    return {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered}


def run(*arguments, folder, **options):
    """Run the command line as a user does, in that folder."""
    return subprocess.run(
        command(*arguments),
        cwd=folder,
        env=surroundings(),
        text=True,
        check=False,
        **({"capture_output": True} | options),
    )


def error_of(capsys, *arguments):
    """The one line on stderr that goes with exit code 2."""
    assert main([str(argument) for argument in arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    return line.removeprefix("skdigits: error: ")


def as_mnist(X):
    """The 8x8 digits as MNIST would have them: 28x28 pixels from 0 to 255."""
    return (255 * enlarged(X)).astype(np.uint8)


def write_image(path, pixels, mode="L"):
    """Write square grey pixels from 0 to 255 as a file of that mode."""
    image = pytest.importorskip("PIL.Image", reason="images are written by Pillow")
    side = round(len(pixels) ** 0.5)
    grey = np.asarray(pixels).round().astype(np.uint8).reshape(side, side)
    image.fromarray(grey).convert(mode).save(path)
    return str(path)
