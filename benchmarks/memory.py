"""Peak memory of a fit on MNIST above its data, ours on uint8 beside scikit-learn's.

Each fit runs in a process of its own, which loads the data, notes its resident memory and trains;
the peak above that note is printed. Usage: ``python benchmarks/memory.py``
"""

from __future__ import annotations

import ctypes
import resource
import subprocess
import sys
import warnings
from pathlib import Path

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
}


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def measure(name: str) -> None:
    estimator, dtype = RUNS[name]
    X, y, _, _ = mnist(dtype)
    # What the loader needed for a moment is given back first, and its peak forgotten.
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = resident_mb()
    warnings.simplefilter("ignore", ConvergenceWarning)
    estimator(**SHAPE).fit(X, y)
    status = Path("/proc/self/status").read_text()
    peak = next(int(line.split()[1]) / 1e3 for line in status.splitlines() if "VmHWM" in line)
    print(f"{name:26} {X.nbytes / 1e6:6.0f} MB of data, {peak - before:6.0f} MB above it")


def main() -> None:
    print(machine())
    for name in RUNS:
        subprocess.run([sys.executable, __file__, name], check=True)


if __name__ == "__main__":
    measure(sys.argv[1]) if len(sys.argv) > 1 else main()
