# SPDX-License-Identifier: Apache-2.0
"""How long the scheduler takes for the SAT paper's workloads, and how many tiles it tries.

`python -m benchmarks.schedule_time SPEC NAME` schedules a workload with the spec's method, and
dense, and prints the CPU seconds of that and the candidates tried.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from hlsgen import workloads

from .report import ROOT, Figure


@dataclass(frozen=True)
class Timing:
    """CPU seconds of one thread, and candidates tried, each of equal products' once."""

    seconds: float
    tried: int


def measure(spec: Path, names: tuple[str, ...] = workloads.PAPER) -> list[Figure]:
    """All workloads one after the other, and the slowest of them."""
    timings = {name: timing(spec, name) for name in names}
    slowest = max(names, key=lambda name: timings[name].seconds)
    seconds = sum(each.seconds for each in timings.values())
    rate = sum(each.tried for each in timings.values()) / seconds
    return [
        Figure(f"scheduling {len(names)} workloads of batch 512, two methods", f"{seconds:.1f} s"),
        Figure(f"of which {slowest}, the slowest", f"{timings[slowest].seconds:.1f} s"),
        Figure("candidates tried", f"{rate / 1e3:,.0f} thousand/s"),
    ]


def timing(spec: Path, name: str) -> Timing:
    """Of a process that knows nothing from another workload; without its start."""
    command = [sys.executable, "-m", "benchmarks.schedule_time", str(spec), name]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    seconds, tried = done.stdout.split()
    return Timing(float(seconds), int(tried))


def run(spec: Path, name: str) -> Timing:
    """In this process."""
    from hlsgen.cli.schedule_input import pruning_of
    from hlsgen.schedule.step import model_step
    from hlsgen.schedule.work import ProductWork, works
    from hlsgen.scheduled import hardware_of
    from hlsgen.specfile import load_spec

    chosen, rows = load_spec(spec), workloads.load(name)
    hardware, pruning = hardware_of(chosen), pruning_of(chosen, None, None)
    start = time.thread_time()
    step = model_step(rows, hardware, pruning)
    seconds = time.thread_time() - start
    config = hardware.config
    tried = {}
    for layers, method, keep in (
        (step.layers, pruning.method, pruning.keep),
        (step.dense, "dense", config.group),
    ):
        for layer, work in zip(layers, works(rows, config, method, keep), strict=True):
            if isinstance(work, ProductWork):
                bare = replace(work, layer="", stage="", number=0, tensors=("", "", ""))
                tried[bare] = layer.tried
    return Timing(seconds, sum(tried.values()))


if __name__ == "__main__":
    found = run(Path(sys.argv[1]).resolve(), sys.argv[2])
    print(f"{found.seconds:.3f} {found.tried}")
