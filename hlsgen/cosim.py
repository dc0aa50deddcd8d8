# SPDX-License-Identifier: Apache-2.0
"""What C/RTL co-simulation of a kernel is given: commands, and memory before and after them.

The golden model computes the memory after; kernels/vitis/testbench.h reads the file and says how it
lies. Small products, since RTL simulation takes minutes for thousands of cycles.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sat_host.config import ArrayConfig
from sat_host.descriptor import BEAT_BYTES
from sat_host.device import Device, Matrix, PackedMatrix, UpdateScalars
from sat_host.engine import EngineDevice
from sat_host.golden_device import GoldenDevice
from sat_host.heap import OneBank
from sat_host.kernels import STCE, WUVE
from sat_host.program import Commands, command_bytes

from .spec import Spec

ELEMENTS = 4096
"""SAT_COSIM_DEPTH of kernels/vitis/hls_macros.h: elements behind each pointer."""

_SEED = 20230913

Words = npt.NDArray[np.uint16]


class _Recorder(OneBank):
    """A memory that keeps the command lists instead of running them."""

    def __init__(self, config: ArrayConfig) -> None:
        super().__init__(ELEMENTS, config.word_bytes)
        self.memory: Words = np.zeros((ELEMENTS, config.lanes), np.uint16)
        self.lists: list[Commands] = []

    def write(self, address: int, values: Words) -> None:
        self.memory[address : address + len(values)] = values

    def read(self, address: int, words: int) -> Words:
        return self.memory[address : address + words].copy()

    def stce(self, commands: Commands, cycles: int = 0) -> int:
        self.lists.append(commands)
        return 0

    def wuve(self, commands: Commands, cycles: int = 0) -> None:
        self.lists.append(commands)

    def profile(self) -> dict[str, Any] | None:
        return None


class _Bench:
    """A recording engine and the golden model side by side."""

    def __init__(self, spec: Spec) -> None:
        self.config = spec.array_config()
        self.recorder = _Recorder(self.config)
        self.engine = EngineDevice(self.config, self.recorder, spec.dataflows)
        self.golden = GoldenDevice(self.config)

    def matrix(self, values: npt.NDArray[Any]) -> tuple[Matrix, Matrix]:
        """The same matrix on both."""
        pair = []
        for device in (self.engine, self.golden):
            item = device.matrix(values.shape[0], values.shape[1], values.dtype)
            device.write(item, values)
            pair.append(item)
        return pair[0], pair[1]

    def packed(self, reduction: int, columns: int, keep: int) -> tuple[PackedMatrix, PackedMatrix]:
        """The same packed weights, zeros, on both."""
        shape = reduction, columns, keep
        return self.engine.packed(*shape), self.golden.packed(*shape)

    def copy_packed(self, target: PackedMatrix, source: PackedMatrix) -> None:
        """The golden model's records into the recorder's memory."""
        records = self.golden.read_packed(source)
        self.recorder.write(target.handle.address, records.reshape(-1, self.config.lanes))


def cosim_files(spec: Spec, kernel: str) -> Mapping[str, bytes]:
    """{"<kernel>.dat": content} for a kernel of sat_host.kernels. Raises KeyError for another."""
    make = {STCE.name: _stce, WUVE.name: _wuve}[kernel]
    return {f"{kernel}.dat": make(_Bench(spec))}


def _stce(bench: _Bench) -> bytes:
    """A dense product, one at a quarter of the weights, and one of each other dataflow."""
    config, rng = bench.config, np.random.default_rng(_SEED)
    a = rng.standard_normal((config.rows + 1, config.lanes + 3)).astype(np.float16)
    b = rng.standard_normal((config.lanes + 3, config.lanes + 1)).astype(np.float16)
    left, golden_left = bench.matrix(a)
    right, golden_right = bench.matrix(b)
    packed, golden_packed = bench.packed(b.shape[0], b.shape[1], max(1, config.group // 4))
    bench.golden.pack(golden_right, ff=golden_packed)
    bench.copy_packed(packed, golden_packed)
    results: list[tuple[Matrix, Matrix]] = []
    nonfinite = 0
    for dataflow in bench.engine.dataflows:
        for operand, golden_operand in ((right, golden_right), (packed, golden_packed)):
            y, golden_y = bench.matrix(np.zeros((a.shape[0], b.shape[1]), np.float32))
            bench.engine.product(y, left, operand, dataflow=dataflow)
            if len(bench.recorder.lists) > len(results) + 1:
                # In segments, each list needs the sums of the one before: they can't be one run.
                del bench.recorder.lists[len(results) :]
                continue
            nonfinite += bench.golden.product(golden_y, golden_left, golden_operand)
            results.append((y, golden_y))
    before = bench.recorder.memory.copy()
    for y, golden_y in results:
        bench.engine.write(y, bench.golden.read(golden_y))
    return _content(bench.recorder, before, nonfinite)


def _wuve(bench: _Bench) -> bytes:
    """An update of more than a block in each direction, with both packed forms."""
    lanes, group = bench.config.lanes, bench.config.group
    rng = np.random.default_rng(_SEED)
    shape = lanes + 1, lanes + group
    values = [rng.standard_normal(shape).astype(np.float32) for _ in range(3)]
    pairs = [bench.matrix(value) for value in values]
    keep = max(1, group // 4)
    packed = [bench.packed(*shape, keep), bench.packed(*shape[::-1], keep)]
    scalars = UpdateScalars(0.05, 0.9, 5e-4, 1 / 1024)
    before = bench.recorder.memory.copy()
    devices: tuple[Device, Device] = bench.engine, bench.golden
    for place, device in enumerate(devices):
        weights, velocity, gradient = (pair[place] for pair in pairs)
        ff, bp = (pair[place] for pair in packed)
        device.update_weights(weights, velocity, gradient, scalars, ff, bp)
    for item, golden_item in pairs[:2]:
        bench.engine.write(item, bench.golden.read(golden_item))
    for form, golden_form in packed:
        bench.copy_packed(form, golden_form)
    return _content(bench.recorder, before, 0)


def _content(recorder: _Recorder, before: Words, nonfinite: int) -> bytes:
    """The file, for one run of all lists: none of the products here depends on another."""
    commands = b"".join(command_bytes(commands).tobytes() for commands in recorder.lists)
    count = sum(map(len, recorder.lists))
    beats = len(commands) // BEAT_BYTES
    words, lanes = before.shape
    head = np.array([count, beats, words, lanes, nonfinite], "<u4").tobytes()
    return head + commands + before.tobytes() + recorder.memory.tobytes()
