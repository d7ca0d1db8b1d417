"""What the benchmarks share: the machine in a line, the digits, and alternating timings."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from sklearn.base import clone
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_info

from skdigits.digits import load_mnist

FOLDS = (2, 5)
_PACKAGES = ("numpy", "scikit-learn", "numba", "torch", "skorch")


def machine() -> str:
    """Return processor, cores, BLAS and its threads, and versions in a few lines."""
    model = platform.processor()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    versions = [f"Python {platform.python_version()}"]
    for package in _PACKAGES:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    found = [library for library in threadpool_info() if library["user_api"] == "blas"]
    threads = "/".join(sorted({str(library["num_threads"]) for library in found}))
    return (
        f"{model}, {os.cpu_count()} cores, {threads} BLAS threads\n"
        f"{', '.join(versions)}, NumPy's BLAS {blas['name']} {blas['version']}"
    )


def mnist(dtype: str = "float32") -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return MNIST's canonical split; in float32 the pixels are scaled to [0, 1]."""
    digits = load_mnist()
    if dtype == "uint8":
        return digits.X_train, digits.y_train, digits.X_test, digits.y_test
    scaled = [X.astype(dtype) / np.dtype(dtype).type(255) for X in (digits.X_train, digits.X_test)]
    return scaled[0], digits.y_train, scaled[1], digits.y_test


def alternate(runs: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Time the runs in turn, A B, B A, A B, ..., and return the median seconds of each."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for i in range(rounds):
        # Back and forth, so that no run always comes after the same other one.
        for name, run in list(runs.items())[:: -1 if i % 2 else 1]:
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(times) for name, times in seconds.items()}


def other_writers(n_digits: int, fold: int) -> np.ndarray:
    """Return which of MNIST's training digits to hold out: 4 blocks of 2,500 in a row.

    The digits lie in the order of their writers. The test digits are other people's, so what reads
    them is chosen by digits of people that it has not learnt from; a random split has everybody's
    on both sides, and finds best what recognises a hand.
    """
    return np.arange(n_digits) // 2_500 % 6 == fold


def compare(models: Mapping[str, object]) -> dict[str, np.ndarray]:
    """Print how models read digits of other writers, twice 10,000; return the probabilities."""
    X, y, _, _ = mnist()
    found = {}
    for name, model in models.items():
        started = time.perf_counter()
        found[name] = np.vstack(
            [
                clone(model).fit(X[~held_out], y[~held_out]).predict_proba(X[held_out])
                for held_out in (other_writers(len(X), fold) for fold in FOLDS)
            ]
        )
        print(f"{told(name, found[name])}, {time.perf_counter() - started:.0f} s", flush=True)
    return found


def told(name: str, probabilities: np.ndarray) -> str:
    """Return how a model read the digits of other writers, from what `compare` found."""
    _, y, _, _ = mnist()
    truth = np.concatenate([y[other_writers(len(y), fold)] for fold in FOLDS])
    wrong = int((probabilities.argmax(axis=1) != truth).sum())
    return f"{name:32} {wrong:5} of {len(truth)} wrong, loss {log_loss(truth, probabilities):.5f}"
