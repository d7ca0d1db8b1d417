"""Peak memory of a fit on MNIST above its data, and of one on a memory map that is larger.

Each fit runs in a process of its own, which loads the data, notes its resident memory and trains.
Printed are the peak above that note, and the peak above an interpreter that has only imported what
it needs. The memory map holds MNIST's training images over and over, 4 GB of them in a temporary
file. Usage: ``SCIKIT_LEARN_DATA=... python benchmarks/memory.py``
"""

from __future__ import annotations

import ctypes
import resource
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
from common import machine, mnist
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from skdigits import FromScratchMLPClassifier

SHAPE = {"hidden_layer_sizes": (128, 64, 32), "batch_size": 64, "max_iter": 1, "random_state": 0}
RUNS = {
    "skdigits on uint8": (FromScratchMLPClassifier, "uint8"),
    "skdigits on float32": (FromScratchMLPClassifier, "float32"),
    "MLPClassifier on uint8": (MLPClassifier, "uint8"),
    "MLPClassifier on float32": (MLPClassifier, "float32"),
    "skdigits on a memory map": (FromScratchMLPClassifier, "map"),
}
MAP_BYTES = 4e9


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def write_map(path: str) -> None:
    """Write MNIST's images, over and over, and their labels beside them."""
    X, y, _, _ = mnist("uint8")
    times = int(MAP_BYTES / X.nbytes)
    images = np.lib.format.open_memmap(path, "w+", np.uint8, (times * len(X), X.shape[1]))
    for i in range(times):
        images[i * len(X) : (i + 1) * len(X)] = X
    np.save(f"{path}.labels.npy", np.tile(y.astype(np.uint8), times))


def data(kind: str, path: str) -> tuple[np.ndarray, np.ndarray]:
    if kind == "map":
        return np.load(path, mmap_mode="r"), np.load(f"{path}.labels.npy")
    X, y, _, _ = mnist(kind)
    return X, y


def measure(name: str, path: str) -> None:
    estimator, kind = RUNS[name]
    bare = resident_mb()
    X, y = data(kind, path)
    # What the loader needed for a moment is given back first, and its peak forgotten.
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = resident_mb()
    warnings.simplefilter("ignore", ConvergenceWarning)
    estimator(**SHAPE).fit(X, y)
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) / 1e3 for line in status.splitlines() if "VmHWM" in line)
    print(
        f"{name:26}{X.nbytes / 1e6:6.0f} MB of data, {peak - before:5.0f} MB above what was there, "
        f"{peak - bare:5.0f} MB above the bare interpreter's {bare:.0f}"
    )


def main() -> None:
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/images.npy"
        subprocess.run([sys.executable, __file__, "write", path], check=True)
        for name in RUNS:
            subprocess.run([sys.executable, __file__, name, path], check=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["write"]:
        write_map(sys.argv[2])
    elif sys.argv[1:]:
        measure(*sys.argv[1:])
    else:
        main()
