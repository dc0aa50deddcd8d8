# SPDX-License-Identifier: Apache-2.0
"""The kernels with streams no deeper than their pragmas and a whole command list in flight.

csim runs one command at a time with endless streams, so it can't see a list that hangs on the card,
nor tiles of different shapes meeting in a row unit. Here each process is a thread, one turn of a
loop is one cycle, and a process that waits for long has deadlocked.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from accelerators import ARRAYS, changed, project_of
from sat_host import GoldenDevice
from sat_host.config import BATCH_TOKENS, ArrayConfig
from sat_host.convolution import Convolution
from sat_host.descriptor import STCE
from sat_host.device import Device, Matrix, UpdateScalars
from sat_host.engine import EngineDevice
from sat_host.errors import DeviceError
from sat_host.heap import OneBank
from sat_host.product import Product
from sat_host.program import Commands
from sat_host.selftest import first_difference
from sat_host.stored_program import StoredProgram
from sat_host.strips import stationary_tiling
from sat_host.tiling import Tiling

from hlsgen.cache import content_key, open_cache
from hlsgen.project import Project, digest_of, write
from hlsgen.toolchain.compiler import find_compiler
from hlsgen.toolchain.includes import sources_of

TOP = "sat_stce.cpp"
BOUNDED = Path(__file__).parent / "bounded"
FLAGS = (
    *("-std=c++14", "-O1", "-ffp-contract=off", "-pthread", "-Wall", "-Wextra"),
    *("-I.", "-Ikernels", "-Ibounded", "-Ikernels/csim"),
)
MEMORY_WORDS = 1 << 15
NAMES = ("1x4_g4", "4x8_g8", "3x64_g8")

Words = npt.NDArray[np.uint16]


class ListBackend(OneBank):
    """Runs each command list as one call of the bounded build, on a copy of the memory."""

    def __init__(self, program: Path, config: ArrayConfig) -> None:
        super().__init__(MEMORY_WORDS, config.word_bytes)
        self._program = program
        self._memory = np.zeros((MEMORY_WORDS, config.lanes), np.uint16)
        self._lanes = config.lanes
        self.lists: list[int] = []  # tiles of each
        self.least = 1 << 30  # cycles between a running sum's write and its next read

    def write(self, address: int, values: Words) -> None:
        self._memory[address : address + len(values)] = values

    def read(self, address: int, words: int) -> Words:
        return self._memory[address : address + words].copy()

    def stce(self, commands: Commands, cycles: int = 0) -> int:
        width = commands["blocks"].astype(np.int64) * self._lanes
        self.lists.append(int((-(-commands["columns"].astype(np.int64) // width)).sum()))
        self._run(0, commands)
        return 0

    def wuve(self, commands: Commands, cycles: int = 0) -> None:
        self._run(1, commands)

    def _run(self, kind: int, commands: Commands) -> None:
        job = self._program.with_name("job")
        head = np.array([kind, len(commands), self._memory.nbytes], np.uint64)
        job.write_bytes(head.tobytes() + commands.tobytes() + self._memory.tobytes())
        done = subprocess.run([self._program, job], capture_output=True, timeout=120)
        if done.returncode != 0:
            raise DeviceError(done.stderr.decode())
        if kind == 0:
            self.least = min(self.least, int(done.stderr))
        self._memory = np.frombuffer(done.stdout, np.uint16).reshape(self._memory.shape).copy()


def compiled(project: Project, folder: Path) -> Path:
    """The bounded build of a project; its objects are kept in the cache of all tests."""
    texts = {f"bounded/{path.name}": path.read_text("utf-8") for path in BOUNDED.iterdir()}
    project = Project({**project.files, **texts})
    write(project, folder)
    compiler = find_compiler(os.environ)

    def compile_into(path: Path, source: str) -> None:
        command = [*compiler.command, *FLAGS, "-c", source, "-o", str(path)]
        subprocess.run(command, cwd=folder, check=True)

    objects = []
    with open_cache(os.environ) as cache:
        for source in (TOP, "sat_wuve.cpp", "bounded/lists.cpp"):
            digest = digest_of(sources_of(source, project.files))
            key = content_key(bounded=digest, flags=FLAGS, compiler=compiler.banner)
            made = cache.get_or_make(key, ".o", partial(compile_into, source=source))
            objects.append(str(made.path))
    link = [*compiler.command, "-pthread", *objects, "-o", "lists"]
    subprocess.run(link, cwd=folder, check=True)
    return folder / "lists"


def product(
    device: Device, a: Words, b: Words, initial: Words, keep: int | None, transpose: bool
) -> Words:
    """a · b + initial, through device memory; a is given transposed when `transpose`."""
    rows, columns = initial.shape
    left = device.matrix(*a.shape, np.float16)
    right = device.matrix(*b.shape, np.float16)
    total = device.matrix(rows, columns, np.float32)
    device.write(left, a)
    device.write(right, b)
    device.write(total, initial)
    operand = right
    if keep is not None:
        operand = device.packed(*b.shape, keep)
        device.pack(right, ff=operand)
    device.product(total, left, operand, transpose_a=transpose, accumulate=bool(initial.any()))
    result = device.read(total)
    device.free(left, right, total, *([operand] if keep is not None else []))
    return result


def systolic(project: Project) -> Project:
    """`project` with one place in each data stream of the chain: all that its order needs."""
    chain = r"(SAT_FIFO\(\w+, (?:activations|packets|sums)_\d+), \d+, (\w+)\)"
    text, streams = re.subn(chain, r"\1, 1, \2)", project.files[TOP])
    assert streams > 0
    return Project({**project.files, TOP: text})


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_lists_end_with_the_golden_bits(name: str, tmp_path: Path) -> None:
    config = ARRAYS[name]
    backend = ListBackend(compiled(systolic(project_of(name)), tmp_path), config)
    engine = EngineDevice(config, backend, ("os",))
    golden = GoldenDevice(config)
    rng = np.random.default_rng(5)
    strip = config.rows * config.interleave
    tile = config.lanes * config.memory_tile
    # More than one strip and more than one tile, all ragged; many tiles a command; one
    # small tile, short of a pass.
    for rows, reduction, columns in (
        (2 * strip + 1, config.lanes + 1, tile + 1),
        (strip + 3, 3 * config.lanes, 2 * tile),
        (2 * strip + 1, config.lanes, 16 * tile),
        (1, 1, 1),
    ):
        for keep, accumulate, transpose in (
            (None, False, True),
            (1, True, False),
            (config.group - 1, False, False),
            (config.group, True, True),
        ):
            a = rng.standard_normal((rows, reduction)).astype(np.float16)
            b = rng.standard_normal((reduction, columns)).astype(np.float16)
            start = np.zeros((rows, columns), np.float32)
            if accumulate:
                start = rng.standard_normal((rows, columns)).astype(np.float32)
            left = np.ascontiguousarray(a.T) if transpose else a
            got = product(engine, left, b, start, keep, transpose)
            want = product(golden, left, b, start, keep, transpose)
            assert first_difference(got, want) is None, (
                rows,
                reduction,
                columns,
                keep,
                accumulate,
                transpose,
            )
    assert max(backend.lists) >= 4, "no list was longer than the tiles in flight"
    # What the row unit promises the scheduler of its pipeline; a small tile comes to it exactly.
    assert backend.least == config.adder_latency


CONVOLUTIONS = (
    Convolution(2, 5, 7, 21, 18, (3, 3), (2, 2), (1, 1)),
    Convolution(3, 4, 4, 3, 9, (2, 3), (1, 3), (0, 1)),
)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["4x8_g8", "8x16_g4"])
def test_lists_of_convolutions_and_batches_end_with_the_golden_bits(
    name: str, tmp_path: Path
) -> None:
    config = ARRAYS[name]
    backend = ListBackend(compiled(systolic(project_of(name)), tmp_path), config)
    devices = EngineDevice(config, backend, ("os",)), GoldenDevice(config)
    for number, shape in enumerate(CONVOLUTIONS):
        results = [convolution(device, shape, keep=2 + number) for device in devices]
        for got, want in zip(*results, strict=True):
            assert first_difference(got, want) is None, shape
    assert max(backend.lists) >= 4, "no list was longer than the tiles in flight"
    assert backend.least == config.adder_latency


def convolution(device: Device, shape: Convolution, keep: int) -> list[npt.NDArray[np.floating]]:
    """Y, dX and dW of random operands, and a batch of products with both sides transposed."""
    rng = np.random.default_rng(8)
    rows = shape.weight_rows(device.config.lanes)

    def matrix(height: int, width: int) -> Matrix:
        target = device.matrix(height, width, np.float16)
        device.write(target, rng.standard_normal((height, width)).astype(np.float16))
        return target

    x, dy = matrix(shape.in_pixels, shape.channels), matrix(shape.out_pixels, shape.filters)
    y, dx = matrix(dy.rows, dy.columns), matrix(x.rows, x.columns)
    weights = matrix(rows, shape.filters)
    ff, bp = device.packed(rows, shape.filters, keep), device.packed(shape.filters, rows, keep)
    device.pack(weights, ff, bp)
    dw = device.matrix(rows, shape.filters, np.float32)
    device.convolve(y, x, ff, shape)
    device.convolve_backward(dx, dy, bp, shape, dy_keep=keep)
    device.convolve_gradient(dw, x, dy, shape)
    left, right, products = matrix(5 * 9, 11), matrix(5 * 10, 9), matrix(5 * 11, 10)
    device.product_batch(products, left, right, 5, transpose_a=True, transpose_b=True)
    results = [device.read(item) for item in (y, dx, dw, products)]
    device.free(x, dy, y, dx, weights, ff, bp, dw, left, right, products)
    return results


class Alternating(Mapping[Product, Tiling]):
    """Weight stationary in two of three products; in tiles of all sizes."""

    def __init__(self, config: ArrayConfig) -> None:
        self._config = config
        self._count = 0

    def __getitem__(self, product: Product) -> Tiling:
        self._count += 1
        if self._count % 3 == 0:
            raise KeyError(product)
        tiling = stationary_tiling(self._config, product)
        interleave = 1 + self._count % tiling.interleave
        return replace(tiling, interleave=interleave, blocks=1 + self._count % tiling.blocks)

    def __iter__(self) -> Iterator[Product]:
        return iter(())

    def __len__(self) -> int:
        return 0


class JoinedBackend(ListBackend):
    """Also joins the lists of independent products into one, run when a result is asked for."""

    def __init__(self, program: Path, config: ArrayConfig) -> None:
        super().__init__(program, config)
        self._waiting: list[Commands] = []

    def stce(self, commands: Commands, cycles: int = 0) -> int:
        self._waiting.append(commands)
        return 0

    def join(self) -> None:
        """Run all that waits as one list."""
        joined = np.concatenate(self._waiting, dtype=STCE.dtype)
        self._waiting = []
        super().stce(joined)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["4x8_g8", "3x64_g8"])
def test_dataflows_follow_each_other_in_one_list(name: str, tmp_path: Path) -> None:
    """Row units that are a period behind each other neither hang nor mix their tiles."""
    config = ARRAYS[name]
    backend = JoinedBackend(compiled(project_of(name), tmp_path), config)
    engine = EngineDevice(config, backend, ("os", "ws"), StoredProgram(Alternating(config)))
    golden = GoldenDevice(config)
    rng = np.random.default_rng(9)
    held = config.lanes * BATCH_TOKENS
    joined = []
    for device in (engine, golden):
        rng = np.random.default_rng(9)
        results = []
        for number in range(12):
            most = (3, 3, 3, 24)[number % 4] * config.lanes
            rows, columns = int(rng.integers(1, 70)), int(rng.integers(1, most))
            reduction = int(rng.integers(1, min(held, config.lanes) + 1))
            a, b = (device.matrix(*shape, np.float16) for shape in
                    ((rows, reduction), (reduction, columns)))  # fmt: skip
            for matrix in (a, b):
                values = rng.standard_normal((matrix.rows, matrix.columns)).astype(np.float16)
                device.write(matrix, values)
            y = device.matrix(rows, columns, np.float16)
            device.product(y, a, b)
            results.append(y)
        if device is engine:
            backend.join()
        joined.append([device.read(y) for y in results])
    for got, want in zip(*joined, strict=True):
        assert first_difference(got, want) is None
    assert backend.least >= config.adder_latency


@pytest.mark.slow
@pytest.mark.parametrize("name", ["1x4_g4", "16x32_g32"])
def test_updates_end_with_the_golden_bits(name: str, tmp_path: Path) -> None:
    """Also with SR-STE's marks, which hold the weights back for a group."""
    config = ARRAYS[name]
    program = compiled(systolic(project_of(name)), tmp_path)
    engine = EngineDevice(config, ListBackend(program, config), ("os",))
    rng = np.random.default_rng(6)
    k, j = 3 * config.lanes + 1, 2 * config.lanes - 1
    values = [rng.standard_normal((k, j)).astype(np.float32) for _ in range(3)]
    results = []
    for device in (engine, GoldenDevice(config)):
        matrices = [device.matrix(k, j, np.float32) for _ in values]
        for matrix, value in zip(matrices, values, strict=True):
            device.write(matrix, value)
        ff, bp = device.packed(k, j, 1), device.packed(j, k, config.group)
        found = []
        for sr_decay in (0.0, 2e-4):
            scalars = UpdateScalars(0.1, 0.9, 5e-4, 0.5, sr_decay)
            device.update_weights(*matrices, scalars, ff, bp, masked_bp=sr_decay != 0)
            found += [device.read_packed(ff), device.read_packed(bp), device.read(matrices[0])]
        results.append(found)
    for got, want in zip(*results, strict=True):
        assert first_difference(got, want) is None


@pytest.mark.slow
def test_marks_need_room_for_a_group(tmp_path: Path) -> None:
    """Weights wait for the marks of their group: a shallower stream stops SR-STE's updates only."""
    name = "8x16_g16"
    config = ARRAYS[name]
    before, after = (f"SAT_FIFO(BitsT, weight_rows, {depth}," for depth in (32 + 16, 16 - 2))
    project = changed(project_of(name), "sat_wuve.cpp", before, after)
    engine = EngineDevice(config, ListBackend(compiled(project, tmp_path), config), ("os",))
    matrices = [engine.matrix(19, 3, np.float32) for _ in range(3)]
    ff = engine.packed(19, 3, 2)
    engine.update_weights(*matrices, UpdateScalars(0.1, 0.9, 0.0, 1.0), ff)
    with pytest.raises(DeviceError, match=r"deadlock: .* of depth"):
        engine.update_weights(*matrices, UpdateScalars(0.1, 0.9, 0.0, 1.0, 2e-4), ff)


@pytest.mark.slow
def test_a_stream_too_shallow_is_named(tmp_path: Path) -> None:
    """The test can fail: without room in one stream the list stops, and the stream is named."""
    before, after = "SAT_FIFO(PacketT, packets_1, 32,", "SAT_FIFO(PacketT, packets_1, 0,"
    project = changed(project_of("4x8_g8"), TOP, before, after)
    config = ARRAYS["4x8_g8"]
    engine = EngineDevice(config, ListBackend(compiled(project, tmp_path), config), ("os",))
    with pytest.raises(DeviceError, match=r"deadlock: .* of depth"):
        engine.matmul(np.ones((3, 9), np.float16), np.ones((9, 5), np.float16))
