# SPDX-License-Identifier: Apache-2.0
"""One training step of a named network, in a process of its own: seconds and peak memory.

`python -m benchmarks.network_step BUNDLE NAME PIXELS BATCH` prints both; images are random.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .report import ROOT, Figure

if TYPE_CHECKING:
    from sat_host.device import Device

# Network, side of its square images, images of a step.
STEPS = (("resnet50", 224, 1), ("resnet18", 64, 8))


def measure(bundle: Path, steps: tuple[tuple[str, int, int], ...] = STEPS) -> list[Figure]:
    """A step of each with BDWP 2:8, after one that warms up."""
    figures = []
    for name, side, batch in steps:
        command = [sys.executable, "-m", "benchmarks.network_step", str(bundle)]
        command += [name, str(side), str(batch)]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        seconds, mebibytes = done.stdout.split()
        what = f"training step of {name}, {batch} x {side} x {side} x 3, bdwp, on csim"
        figures.append(Figure(what, f"{seconds} s, peak {mebibytes} MiB"))
    return figures


def step(bundle: Path, name: str, side: int, batch: int) -> tuple[float, float]:
    """Seconds of the second step, and the MiB that this process had resident at most."""
    _, steps = training_steps(bundle, name, side, batch)
    next(steps)
    started = time.perf_counter()
    next(steps)
    seconds = time.perf_counter() - started
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def training_steps(bundle: Path, name: str, side: int, batch: int) -> tuple[Device, Iterator[None]]:
    """Training of a named network with BDWP 2:8 on random images, step by step, and its device."""
    import numpy as np
    from sat_host import open_device
    from sat_host.device import UpdateScalars
    from sat_host.loss import softmax_cross_entropy
    from sat_host.methods import plan_network
    from sat_host.models import build_network
    from sat_host.nn import Model, Run

    device, scale, rng = open_device(bundle), 1024.0, np.random.default_rng(0)
    group = device.config.group
    network = build_network({"name": name}, (side, side, 3), 1000)
    plans = plan_network(network, "bdwp", group // 4, group)
    x = rng.standard_normal((batch, side, side, 3)).astype(np.float32)
    labels = rng.integers(0, 1000, batch)
    scalars = UpdateScalars(0.01, 0.9, 5e-4, 1 / scale)
    model = Model(device, network, plans, batch, rng)

    def steps() -> Iterator[None]:
        while True:
            run = Run(training=True)
            _, gradient = softmax_cross_entropy(model.forward(x, run), labels)
            if not model.backward((gradient * scale).astype(np.float32), run):
                raise SystemExit("the gradients are not finite")
            model.update(scalars, scalars)
            yield

    return device, steps()


if __name__ == "__main__":
    took, held = step(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
    print(f"{took:.1f} {held:.0f}")
