# SPDX-License-Identifier: Apache-2.0
"""Self-test of a bundle: its device beside the golden model, bit by bit.

A first difference is told with its element, both bit patterns, and the tile of the array that made
it. Best run in a process of its own (`python -m sat_host selftest`): a library that crashes is then
a failed test.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..command_lists import Work
from ..device import Device
from ..engine import EngineDevice, Region
from ..golden_device import GoldenDevice
from .cases import Case, Result, cases
from .tiles import locate

Array = npt.NDArray[Any]

_BITS = {np.dtype(np.float16): np.uint16, np.dtype(np.float32): np.uint32}


@dataclass(frozen=True)
class Check:
    """One compared case. detail: how much was compared, or the first difference."""

    name: str
    detail: str
    passed: bool


def run_selftest(
    device: Device,
    more: Iterable[Case] = (),
    on_check: Callable[[Check], None] = lambda check: None,
) -> list[Check]:
    """Compare a device with the golden model of its array. more: cases beside those for every
    array. on_check hears each as it is done. Raises DeviceError."""
    return compare_devices(device, GoldenDevice(device.config), more, on_check)


def compare_devices(
    device: Device,
    golden: Device,
    more: Iterable[Case] = (),
    on_check: Callable[[Check], None] = lambda check: None,
) -> list[Check]:
    """Run every case on both devices and compare bits; NaNs compare as NaNs."""
    checks = []
    for each in (*cases(device.config, device.dataflows), *more):
        checks.append(compare(each, device, golden))
        on_check(checks[-1])
    return checks


def compare(case: Case, device: Device, golden: Device) -> Check:
    """One case on both devices."""
    done: list[Work] = []
    with _traced(device, done):
        got = case.run(device)
    want = case.run(golden)
    for result, right in zip(got, want, strict=True):
        fault = first_difference(result.values, right.values)
        if fault is not None:
            where = _tile(device, done, result, first_place(result.values, right.values))
            return Check(case.name, f"{result.name}: {fault}{where}", False)
    values = sum(result.values.size for result in want)
    return Check(case.name, f"{values} values", True)


@contextmanager
def _traced(device: Device, done: list[Work]) -> Iterator[None]:
    """Note in `done` the products that run meanwhile, on a device that can tell."""
    if not isinstance(device, EngineDevice):
        yield
        return
    device.trace = done
    try:
        yield
    finally:
        device.trace = None


def first_difference(got: Array, want: Array) -> str | None:
    """Where and how two arrays differ in their bits, or None. Any NaN equals any NaN."""
    if got.shape != want.shape or got.dtype != want.dtype:
        return f"{got.dtype} {got.shape}, golden model {want.dtype} {want.shape}"
    left, right, differs = _compared(got, want)
    if not differs.any():
        return None
    where = tuple(int(i) for i in np.argwhere(differs)[0])
    width = 2 * left.dtype.itemsize
    return (
        f"{int(differs.sum())} of {differs.size} values differ, first at {list(where)}: "
        f"0x{int(left[where]):0{width}x}, golden model 0x{int(right[where]):0{width}x}"
    )


def first_place(got: Array, want: Array) -> tuple[int, ...] | None:
    """Index of the first element that differs, as `first_difference` tells it."""
    if got.shape != want.shape or got.dtype != want.dtype:
        return None
    places = np.argwhere(_compared(got, want)[2])
    return tuple(int(i) for i in places[0]) if len(places) else None


def _compared(got: Array, want: Array) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Both as bits, and where they differ."""
    bits = _BITS.get(got.dtype)
    if bits is None:
        return got, want, got != want
    left, right = got.view(bits), want.view(bits)
    return left, right, (left != right) & ~(np.isnan(got) & np.isnan(want))


def _tile(device: Device, done: list[Work], result: Result, place: tuple[int, ...] | None) -> str:
    """The tile that made an element of a matrix, for the end of a check's detail."""
    matrix = result.matrix
    if place is None or matrix is None or not isinstance(matrix.handle, Region):
        return ""
    row, column = place
    blocks = device.config.blocks(matrix.columns)
    pitch = blocks * (2 if matrix.dtype == np.float32 else 1)
    tile = locate(device.config, done, matrix.handle.address + row * pitch, column)
    return f" ({tile})" if tile else ""
