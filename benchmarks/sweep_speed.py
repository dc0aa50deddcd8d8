# SPDX-License-Identifier: Apache-2.0
"""How many design points a second `hlsgen sweep` models on one core, for ResNet-18.

`python -m benchmarks.sweep_speed SPEC [GRID]` evaluates a grid in this process, which knows nothing
before, and prints its points and the CPU seconds; with --profile, where they go.
"""

from __future__ import annotations

import cProfile
import pstats
import subprocess
import sys
import time
from pathlib import Path

from .report import MEASURED, ROOT, Figure, Target

WORKLOAD = "resnet18_tinyimagenet"
TARGET = 200.0
"""Points a second and core that are aimed at, where the grid is not too small for its start."""

SMALL = "3 arrays, 3 values of keep"
GRIDS = {
    "8 arrays, 6 settings of keep and dataflows, 14 of clock and card": (
        "array.rows=8,12,16,24", "array.lanes=16,32", "sparsity.keep=1,2,4",
        "dataflows=[os],[os, ws]", "clock_mhz=100,125,150,175,200,225,250", "card=vcu1525,u280",
    ),
    SMALL: ("array.rows=8,16,32", "sparsity.keep=1,2,4"),
    "256 arrays": (
        "array.rows=4,6,8,10,12,16,20,24", "array.lanes=16,32", "array.interleave=8,16",
        "array.memory_tile=4,8", "array.feed=1,2", "array.strip_words=4096,8192",
    ),
}  # fmt: skip
"""From much that points share to nothing but the network."""


def measure(spec: Path) -> list[Figure]:
    """The rate of each grid; those that are large enough have the target."""
    found = []
    for name in GRIDS:
        command = [sys.executable, "-m", "benchmarks.sweep_speed", str(spec), name]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        points, seconds = done.stdout.split()
        rate = int(points) / float(seconds)
        what = f"sweep of ResNet-18, {points} points: {name}"
        target = None if name == SMALL else Target(rate, TARGET)
        found.append(Figure(what, f"{rate:,.0f} points/s a core", MEASURED, target))
    return found


def run(spec: Path, grid: str) -> tuple[int, float]:
    """Points, and CPU seconds of one thread without its start."""
    from hlsgen import workloads
    from hlsgen.sweep.axes import parse_axes
    from hlsgen.sweep.evaluate import Request
    from hlsgen.sweep.run import document_of, sweep

    axes = parse_axes(GRIDS[grid])
    keys, table = tuple(axis.key for axis in axes), workloads.load(WORKLOAD)
    request = Request(document_of(spec).value, str(spec), keys, table, None, None, True)
    start = time.thread_time()
    rows = sweep(request, axes, None)
    return len(rows), time.thread_time() - start


def profile(spec: Path, grid: str) -> None:
    """Where the time goes, by functions."""
    profiler = cProfile.Profile()
    profiler.enable()
    run(spec, grid)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("tottime").print_stats(20)


if __name__ == "__main__":
    asked = [word for word in sys.argv[1:] if word != "--profile"]
    file, chosen = Path(asked[0]).resolve(), [*asked[1:], next(iter(GRIDS))][0]
    if "--profile" in sys.argv:
        profile(file, chosen)
    else:
        count, spent = run(file, chosen)
        print(f"{count} {spent:.3f}")
