# SPDX-License-Identifier: Apache-2.0
"""csim's products beside single-thread OpenBLAS sgemm of the same shape, and its update engine.

All run in one process, in turns; operands are in memory before the clock starts.
"""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import threadpoolctl
from sat_host import open_device
from sat_host.device import Device, UpdateScalars

from .clock import alternate, median_ratio
from .report import Figure

SIZE = 2048
KEEP = 2
ROUNDS = 5


def measure(bundle: Path, size: int = SIZE, rounds: int = ROUNDS) -> list[Figure]:
    """Products of size x size x size, dense and KEEP:group, and updates of size x size weights."""
    device = open_device(bundle)
    group = device.config.group
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((size, size)).astype(np.float16) for _ in range(2))
    wide_a, wide_b = a.astype(np.float32), b.astype(np.float32)
    wide_y = np.empty_like(wide_a)
    left, dense, sums = (device.matrix(size, size, kind) for kind in ("f2", "f2", "f4"))
    packed = device.packed(size, size, KEEP)
    device.write(left, a)
    device.write(dense, b)
    device.pack(dense, ff=packed)
    with threadpoolctl.threadpool_limits(1, user_api="blas"):
        blas = _blas()
        seconds = alternate(
            {
                "sgemm": lambda: np.matmul(wide_a, wide_b, out=wide_y),
                "dense": lambda: device.product(sums, left, dense),
                "sparse": lambda: device.product(sums, left, packed),
            },
            rounds,
        )
    macs = float(size) ** 3
    shape = f"{size} x {size} x {size}"
    figures = [Figure(f"sgemm {shape}, {blas}", _rate(macs, seconds["sgemm"]))]
    for name, text in (("dense", "dense"), ("sparse", f"{KEEP}:{group}, in dense-equivalent MACs")):
        ratio = median_ratio(seconds["sgemm"], seconds[name])
        rate = _rate(macs, seconds[name])
        figures.append(Figure(f"csim {shape}, {text}", f"{ratio:.2f} x sgemm, {rate}"))
    device.free(left, dense, sums, packed)
    return [*figures, _update_figure(device, size, rounds)]


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
    what = f"csim update of {size} x {size} weights (WUVE, and SORE both ways at {KEEP}:"
    return Figure(f"{what}{device.config.group})", f"{size * size / seconds / 1e6:.0f} M weights/s")


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
