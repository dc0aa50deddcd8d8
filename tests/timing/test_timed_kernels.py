# SPDX-License-Identifier: Apache-2.0
"""The timed simulator's kernels: the plain ones' bits, and a recording of their cycles."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from accelerators import ARRAYS, changed, library_of, project_of
from sat_host.config import ArrayConfig
from sat_host.device import UpdateScalars
from sat_host.engine import EngineDevice
from sat_host.golden_device import GoldenDevice
from sat_host.heap import OneBank
from sat_host.program import Commands

from hlsgen.errors import WorkError
from hlsgen.project import Project
from hlsgen.timing.library import TimedLibrary, device_memory
from hlsgen.timing.run import INCLUDE_DIRS, TIMED_UNITS
from hlsgen.timing.trace import COUNT, END, Trace, missing

WORDS = 1 << 14
# Not of arrays that differ from one of these in their size alone: `make quick` compiles one.
TIMED = [
    pytest.param(name, marks=() if name == "4x8_g8" else pytest.mark.slow)
    for name in ARRAYS
    if name not in ("8x16_g4", "4x8_g4")
]


class TimedBackend(OneBank):
    """A memory whose command lists run in the timed simulator; `traces` keeps their recordings."""

    def __init__(self, library: TimedLibrary, config: ArrayConfig) -> None:
        super().__init__(WORDS, config.word_bytes)
        self._library = library
        self._memory = device_memory(WORDS, config.lanes)
        self.traces: list[Trace] = []

    def write(self, address: int, values: npt.NDArray[np.uint16]) -> None:
        self._memory[address : address + len(values)] = values

    def read(self, address: int, words: int) -> npt.NDArray[np.uint16]:
        return self._memory[address : address + words].copy()

    def stce(self, commands: Commands, cycles: int = 0) -> int:
        trace, nonfinite = self._library.stce(commands, self._memory)
        self.traces.append(trace)
        return nonfinite

    def wuve(self, commands: Commands, cycles: int = 0) -> None:
        self.traces.append(self._library.wuve(commands, self._memory))

    def profile(self) -> dict[str, Any] | None:
        return None


def library(project: Project) -> TimedLibrary:
    return TimedLibrary(library_of(project, TIMED_UNITS, INCLUDE_DIRS))


def timed_device(name: str, project: Project | None = None) -> tuple[EngineDevice, TimedBackend]:
    backend = TimedBackend(library(project or project_of(name)), ARRAYS[name])
    return EngineDevice(ARRAYS[name], backend, ("os", "ws")), backend


def operands(name: str, seed: int) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float16]]:
    """Ragged in every axis, of more than a tile and a panel."""
    config, rng = ARRAYS[name], np.random.default_rng(seed)
    rows, reduction = config.rows * config.interleave + 3, 2 * config.lanes + 3
    columns = config.lanes * config.memory_tile + 5
    a = rng.standard_normal((rows, reduction)).astype(np.float16)
    return a, rng.standard_normal((reduction, columns)).astype(np.float16)


@pytest.mark.parametrize("name", TIMED)
@pytest.mark.parametrize("dataflow", ["os", "ws"])
def test_products_have_the_golden_models_bits(name: str, dataflow: str) -> None:
    device, backend = timed_device(name)
    a, b = operands(name, 1)
    for keep in (1, ARRAYS[name].group):
        found = device.matmul(a, b, keep=keep, dataflow=dataflow)
        wanted = GoldenDevice(ARRAYS[name]).matmul(a, b, keep=keep)
        assert np.array_equal(found.view(np.uint32), wanted.view(np.uint32))
    assert backend.traces
    assert not [found for trace in backend.traces for found in missing(trace)]


@pytest.mark.parametrize("name", TIMED)
def test_updates_have_the_golden_models_bits(name: str) -> None:
    lanes, rng = ARRAYS[name].lanes, np.random.default_rng(2)
    shape = lanes + 1, 2 * lanes - 1
    values = [rng.standard_normal(shape).astype(np.float32) for _ in range(3)]
    results = []
    for device in (timed_device(name)[0], GoldenDevice(ARRAYS[name])):
        matrices = []
        for value in values:
            matrices.append(device.matrix(*shape, "f4"))
            device.write(matrices[-1], value)
        ff, bp = device.packed(*shape, 1), device.packed(*shape[::-1], 1)
        device.update_weights(*matrices, UpdateScalars(0.1, 0.9, 5e-4, 0.5), ff, bp)
        results.append([device.read(each).view(np.uint32) for each in matrices[:2]])
        results[-1] += [device.read_packed(each) for each in (ff, bp)]
    for found, wanted in zip(*results, strict=True):
        assert np.array_equal(found, wanted)


def test_cycles_depend_on_no_data() -> None:
    recordings = []
    for seed in (3, 4, 4):
        device, backend = timed_device("4x8_g8")
        device.matmul(*operands("4x8_g8", seed), keep=2)
        recordings.append(backend.traces)
    for first, *others in zip(*recordings, strict=True):
        for other in others:
            assert first.ticks == other.ticks
            assert np.array_equal(first.runs, other.runs)


def test_recordings_stay_small() -> None:
    device, backend = timed_device("4x8_g8")
    rng = np.random.default_rng(5)
    a = rng.standard_normal((8, 2048)).astype(np.float16)
    device.matmul(a, rng.standard_normal((2048, 16)).astype(np.float16))
    trace = backend.traces[-1]
    assert trace.runs[:, COUNT].sum() > 20 * len(trace.runs)


def test_streams_name_their_processes() -> None:
    device, backend = timed_device("4x8_g8")
    device.matmul(*operands("4x8_g8", 6))
    trace = backend.traces[-1]
    streams = {stream.name: stream for stream in trace.streams}
    assert trace.processes[streams["packets_1"].writer] == "row_0"
    assert trace.processes[streams["packets_1"].reader] == "row_1"
    assert streams["packets_1"].depth == 32
    assert {port.name for port in trace.ports} == {
        "commands",
        "a",
        "b",
        "y_in",
        "y_out",
        "nonfinite",
    }
    used = set(trace.runs[:, END].tolist())
    stored = next(i for i, port in enumerate(trace.ports) if port.name == "y_out")
    assert 2 * len(trace.streams) + stored in used


@pytest.mark.slow
def test_an_interval_that_its_operations_do_not_fit_is_an_error() -> None:
    """The reader of rows takes two words of memory a turn: it can't begin one every cycle."""
    project = project_of("4x8_g8")
    text = project.files["kernels/update.h"]
    assert text.count("SAT_PIPELINE_READING(2, memory)") == 1
    plant = changed(
        project, "kernels/update.h", "SAT_PIPELINE_READING(2, memory)",
        "SAT_PIPELINE_READING(1, memory)",
    )  # fmt: skip
    device, _ = timed_device("4x8_g8", plant)
    weights, velocity, gradient = (device.matrix(8, 8, "f4") for _ in range(3))
    scalars = UpdateScalars(0.1, 0.9, 0.0, 1.0)
    expected = "process 'read_weight_rows' uses 'weights_in' more often than its interval of 1"
    with pytest.raises(WorkError, match=expected):
        device.update_weights(weights, velocity, gradient, scalars)


@pytest.mark.slow
def test_a_missing_token_is_an_error_with_names() -> None:
    project = changed(
        project_of("4x8_g8"),
        "kernels/row_unit.h",
        "    packet = packets_in.read();\n    packets_out.write(packet);\n",
        "    packet = packets_in.read();\n    if (place.n != 0) packets_out.write(packet);\n",
    )  # fmt: skip
    device, _ = timed_device("4x8_g8", project)
    with pytest.raises(WorkError, match="stream 'packets_1' read while empty by process 'row_1'"):
        device.matmul(*operands("4x8_g8", 7))


def test_a_file_that_is_no_library_is_refused(tmp_path: Any) -> None:
    path = tmp_path / "libsat.so"
    path.write_bytes(b"no library")
    with pytest.raises(WorkError, match="can't be loaded"):
        TimedLibrary(path)
