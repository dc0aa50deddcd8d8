# SPDX-License-Identifier: Apache-2.0
"""Peak resident memory of a process that opens a bundle and makes one product.

`python -m benchmarks.matmul_memory BUNDLE SIZE` prints it in MiB, operands and NumPy included.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

from .report import ROOT, Figure

SIZE = 4096


def measure(bundle: Path, size: int = SIZE) -> list[Figure]:
    """The peak of a process of its own, so that nothing else counts."""
    command = [sys.executable, "-m", "benchmarks.matmul_memory", str(bundle), str(size)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    what = f"peak resident memory of a process with one {size} x {size} x {size} matmul"
    return [Figure(what, f"{float(done.stdout):.0f} MiB")]


def peak(bundle: Path, size: int) -> float:
    """MiB that this process had resident at most, after `dev.matmul` of size x size operands."""
    import numpy as np
    from sat_host import open_device

    rng = np.random.default_rng(0)
    a = rng.standard_normal((size, size), np.float32).astype(np.float16)
    b = rng.standard_normal((size, size), np.float32).astype(np.float16)
    open_device(bundle).matmul(a, b)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    print(f"{peak(Path(sys.argv[1]), int(sys.argv[2])):.1f}")
