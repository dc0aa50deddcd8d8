# SPDX-License-Identifier: Apache-2.0
"""What a device does in a second: copies to and from it, and products of the bundle's program.

Times are the host's clock, the shortest of a few runs, so they hold what a caller waits for: making
the commands, copying them, the kernel, and reading back the count of infinities. A card's back end
also tells the time of the kernel alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..command_lists import Work
from ..config import ArrayConfig
from ..device import Device
from ..engine import EngineDevice
from ..kernels import STCE
from ..product import Product
from ..stored_program import StoredProgram
from .calls import Call, prepared

COPY_BYTES = 64 << 20
PCIE_PEAK = 16e9
"""Bytes a second of PCIe Gen3 x16, which all of these cards have: about 16 GB/s at the peak (AMD
XD099, Alveo overview). A bound from the documents, not a measurement."""

_REPEATS = 3
# Where a device's profile has the times of what it measures itself.
_KERNEL, _TO, _FROM = ("kernels", STCE.name), ("copies", "to_device"), ("copies", "from_device")


@dataclass(frozen=True)
class Copied:
    """direction: to_device or from_device. seconds: of the fastest of some copies of `bytes`; sync:
    of its way over PCIe alone, None where the device does not tell."""

    direction: str
    bytes: int
    seconds: float
    sync_seconds: float | None

    def rate(self, seconds: float) -> float:
        """Bytes a second."""
        return self.bytes / seconds


@dataclass(frozen=True)
class Timed:
    """A call of the program. macs: done, pruned ones not counted. seconds: of a call; kernel: of
    its kernel alone, None where the device does not tell; modelled: the program's cycles at the
    clock in force, None where it has none."""

    name: str
    macs: int
    seconds: float
    kernel_seconds: float | None
    modelled_seconds: float | None

    def gops(self, seconds: float) -> float:
        """Additions and multiplications, in thousands of millions a second."""
        return 2 * self.macs / seconds / 1e9


def measure_copies(device: Device, size: int = COPY_BYTES) -> tuple[Copied, Copied]:
    """Copy about `size` bytes to the device and back. Raises DeviceError."""
    columns = 64 * device.config.lanes
    rows = max(1, size // (2 * columns))
    values = np.random.default_rng(1).integers(0, 1 << 14, (rows, columns), np.uint16)
    matrix = device.matrix(rows, columns, np.float16)
    try:
        halves = values.view(np.float16)
        there = _fastest(lambda: device.write(matrix, halves), device, _TO)
        back = _fastest(lambda: device.read(matrix), device, _FROM)
    finally:
        device.free(matrix)
    return Copied(_TO[1], values.nbytes, *there), Copied(_FROM[1], values.nbytes, *back)


def measure_call(
    call: Call, device: EngineDevice, program: StoredProgram, clock_mhz: float
) -> Timed:
    """Time one call; clock_mhz: that in force, for the program's cycles. Raises DeviceError."""
    with prepared(call, device) as ready:
        done: list[Work] = []
        device.trace = done
        try:
            ready.run()  # also warms up: the first call of a shape makes its commands
        finally:
            device.trace = None
        seconds, kernel = _fastest(ready.run, device, _KERNEL)
    cycles = [program.cycles.get(work.product.shape(), 0) for work in done]
    return Timed(
        name=call.name,
        macs=sum(work.copies.count * done_macs(device.config, work.product) for work in done),
        seconds=seconds,
        kernel_seconds=kernel,
        modelled_seconds=sum(cycles) / (clock_mhz * 1e6) if cycles and all(cycles) else None,
    )


def done_macs(config: ArrayConfig, product: Product) -> int:
    """Multiplications that a product does: of each group, those of the kept weights."""
    dense = product.rows * product.columns * product.sum_taps * product.reduction
    return dense * product.b.keep // config.group if product.b.packed else dense


def _fastest(
    work: Callable[[], Any], device: Device, part: tuple[str, str]
) -> tuple[float, float | None]:
    """Seconds of the fastest of some calls, and of the part of it that the device measured."""
    seconds, own = min(_timed(work, device, part) for _ in range(_REPEATS))
    return seconds, own or None


def _timed(work: Callable[[], Any], device: Device, part: tuple[str, str]) -> tuple[float, float]:
    before, start = _spent(device, part), time.perf_counter()
    work()
    seconds = time.perf_counter() - start
    return max(seconds, 1e-9), _spent(device, part) - before


def _spent(device: Device, part: tuple[str, str]) -> float:
    """Seconds so far, by the device's own account; 0 where it keeps none."""
    section, name = part
    profile = device.profile() or {section: {}}
    return float(profile[section].get(name, {}).get("seconds", 0.0))
