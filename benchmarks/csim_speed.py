# SPDX-License-Identifier: Apache-2.0
"""csim's products beside single-thread OpenBLAS sgemm of the same shape, and its update engine.

All run in one process, in turns; operands are in memory before the clock starts. On one core, but
for the figure that says otherwise.
"""

from __future__ import annotations

import os
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import threadpoolctl
from sat_host import open_device
from sat_host.csim import THREADS
from sat_host.device import Device, Matrix, UpdateScalars

from .clock import alternate, median_ratio
from .report import MEASURED, Figure, Target

Halves = npt.NDArray[np.float16]

SIZE = 2048
KEEP = 2
ROUNDS = 5

# Targets: of sgemm's rate; of a core, with all at work; M weights/s.
DENSE, SPARSE, CORES, UPDATE = 0.25, 0.5, 0.85, 500.0


def measure(bundle: Path, size: int = SIZE, rounds: int = ROUNDS) -> list[Figure]:
    """Products of size x size x size, dense and KEEP:group, and updates of size x size weights."""
    device, on_all = device_of(bundle, 1), device_of(bundle, len(os.sched_getaffinity(0)))
    group = device.config.group
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((size, size)).astype(np.float16) for _ in range(2))
    wide_a, wide_b = a.astype(np.float32), b.astype(np.float32)
    wide_y = np.empty_like(wide_a)
    left, dense, sums = _operands(device, a, b)
    same = _operands(on_all, a, b)
    packed = device.packed(size, size, KEEP)
    device.pack(dense, ff=packed)
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        blas = _blas()
        seconds = alternate(
            {
                "sgemm": lambda: np.matmul(wide_a, wide_b, out=wide_y),
                "dense": lambda: device.product(sums, left, dense),
                "sparse": lambda: device.product(sums, left, packed),
                "all": lambda: on_all.product(same[2], same[0], same[1]),
            },
            rounds,
        )
    macs = float(size) ** 3
    shape = f"{size} x {size} x {size}"
    figures = [Figure(f"sgemm {shape}, {blas}", _rate(macs, seconds["sgemm"]))]
    sparse = f"{KEEP}:{group}, in dense-equivalent MACs"
    for name, text, bound in (("dense", "dense", DENSE), ("sparse", sparse, SPARSE)):
        ratio = median_ratio(seconds["sgemm"], seconds[name])
        value = f"{ratio:.2f} x sgemm, {_rate(macs, seconds[name])}"
        target = Target(ratio, bound)
        figures.append(Figure(f"csim {shape}, {text}", value, MEASURED, target))
    cores = len(os.sched_getaffinity(0))
    ratio = median_ratio(seconds["dense"], seconds["all"])
    what = f"csim {shape}, dense, on {cores} cores beside one"
    value = f"{ratio:.2f} x, {_rate(macs, seconds['all'])}"
    figures.append(Figure(what, value, MEASURED, Target(ratio, CORES * cores)))
    device.free(left, dense, sums, packed)
    # The second one's matrices stay in a core's cache: what is left is not memory's.
    return [*figures, *(_update_figure(device, each, rounds) for each in (size, size // 8))]


def device_of(bundle: Path, threads: int) -> Device:
    """The bundle's simulator on so many threads."""
    before = os.environ.get(THREADS)
    os.environ[THREADS] = str(threads)
    try:
        return open_device(bundle)
    finally:
        del os.environ[THREADS]
        if before is not None:
            os.environ[THREADS] = before


def _operands(device: Device, a: Halves, b: Halves) -> tuple[Matrix, Matrix, Matrix]:
    """A, B and room for their product."""
    shape = a.shape[0], a.shape[1]
    left, right, sums = (device.matrix(*shape, kind) for kind in ("f2", "f2", "f4"))
    device.write(left, a)
    device.write(right, b)
    return left, right, sums


def _update_figure(device: Device, size: int, rounds: int) -> Figure:
    rng = np.random.default_rng(1)
    weights, velocity, gradient = (device.matrix(size, size, "f4") for _ in range(3))
    for matrix in (weights, gradient):
        device.write(matrix, rng.standard_normal((size, size)).astype(np.float32))
    scalars = UpdateScalars(lr=0.01, momentum=0.9, weight_decay=5e-4, inv_scale=2.0**-10)
    ff, bp = device.packed(size, size, KEEP), device.packed(size, size, KEEP)

    def update() -> None:
        device.update_weights(weights, velocity, gradient, scalars, ff, bp)

    seconds = median(alternate({"update": update}, rounds)["update"])
    kinds = f"WUVE, and SORE both ways at {KEEP}:{device.config.group}"
    rate = size * size / seconds / 1e6
    what, value = f"csim update of {size} x {size} weights ({kinds})", f"{rate:.0f} M weights/s"
    return Figure(what, value, MEASURED, Target(rate, UPDATE) if size == SIZE else None)


def _rate(macs: float, seconds: list[float]) -> str:
    return f"{macs / median(seconds) / 1e9:.2f} GMAC/s"


def _blas() -> str:
    """What NumPy multiplies with, and on how many threads."""
    pools: list[dict[str, Any]] = threadpoolctl.threadpool_info()
    for pool in pools:
        if pool["user_api"] == "blas":
            threads = pool["num_threads"]
            return f"{pool['internal_api']} {pool['version']} on {threads} thread"
    return "BLAS unknown"
