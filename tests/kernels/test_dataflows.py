# SPDX-License-Identifier: Apache-2.0
"""Output and weight stationary, in tiles of every shape that the array holds: the same bits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import islice

import numpy as np
import numpy.typing as npt
import pytest
from accelerators import ARRAYS, EVERY_ARRAY, library_of, project_of, spec_of
from hypothesis import given, settings
from hypothesis import strategies as st
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution
from sat_host.csim import CsimBackend
from sat_host.device import Device, Matrix
from sat_host.engine import EngineDevice
from sat_host.errors import ArgumentError
from sat_host.golden_device import GoldenDevice
from sat_host.product import Product
from sat_host.program import product_commands
from sat_host.segments import scratch_words, segments
from sat_host.selftest import first_difference
from sat_host.stored_program import StoredProgram
from sat_host.strips import strip_fits
from sat_host.tiling import Tiling

from hlsgen.render import render

NAMES = ("1x4_g4", "4x8_g8", "8x16_g4", "16x32_g32", "32x32_g8", "3x64_g8")


@dataclass
class AnyTiling(Mapping[Product, Tiling]):
    """Gives every product the next of `wanted` tilings that the array can hold."""

    config: ArrayConfig
    wanted: Iterator[Tiling] = field(default_factory=lambda: iter(()))
    used: list[tuple[Tiling, int]] = field(default_factory=list)  # with the number of segments

    def __getitem__(self, product: Product) -> Tiling:
        for tiling in islice(self.wanted, 1000):
            if fits(self.config, product, tiling):
                scratch = 0 if scratch_words(self.config, product, tiling) else None
                self.used.append((tiling, len(segments(self.config, product, tiling, scratch))))
                return tiling
        raise KeyError(product)

    def __iter__(self) -> Iterator[Product]:
        return iter(())

    def __len__(self) -> int:
        return 0


def fits(config: ArrayConfig, product: Product, tiling: Tiling) -> bool:
    if tiling.buffered != strip_fits(config, product, tiling) and (
        tiling.buffered or product.transpose_a
    ):
        return False
    try:
        for part in segments(config, product, tiling, scratch=0):
            product_commands(config, part, tiling)
    except ArgumentError:
        return False
    return True


def tilings(config: ArrayConfig, dataflow: str, seed: int) -> Iterator[Tiling]:
    rng = np.random.default_rng(seed)
    while True:
        yield Tiling(
            dataflow,
            int(rng.integers(1, config.interleave + 1)),
            int(rng.integers(1, config.memory_tile + 1)),
            bool(rng.integers(2)),
        )


@dataclass(frozen=True)
class Pair:
    """An accelerator that takes the tilings it is given, and the golden model."""

    backend: CsimBackend
    tilings: AnyTiling
    golden: GoldenDevice

    def engine(self) -> EngineDevice:
        """A new one: it keeps the commands of equal calls, and so their tilings."""
        program = StoredProgram(self.tilings)
        return EngineDevice(self.tilings.config, self.backend, ("os", "ws"), program)


@cache
def pair_of(name: str) -> Pair:
    config = ARRAYS[name]
    chosen = AnyTiling(config)
    backend = CsimBackend(library_of(project_of(name)), config)
    return Pair(backend, chosen, GoldenDevice(config))


Results = list[npt.NDArray[np.floating]]


def matrix(device: Device, rng: np.random.Generator, rows: int, columns: int) -> Matrix:
    found = device.matrix(rows, columns, np.float16)
    device.write(found, rng.standard_normal((rows, columns)).astype(np.float16))
    return found


def products(device: Device, seed: int) -> Results:
    """Products of a random size: packed and plain B, transposed A, binary16 and accumulated Y."""
    rng = np.random.default_rng(seed)
    config = device.config
    rows = int(rng.integers(1, 3 * config.rows * config.interleave))
    reduction = int(rng.integers(1, 5 * config.lanes))
    columns = int(rng.integers(1, 2 * config.lanes * config.memory_tile))
    a, b = matrix(device, rng, rows, reduction), matrix(device, rng, reduction, columns)
    a_t = matrix(device, rng, reduction, rows)
    packed = device.packed(reduction, columns, int(rng.integers(1, config.group + 1)))
    device.pack(b, ff=packed)
    half = device.matrix(rows, columns, np.float16)
    full = device.matrix(rows, columns, np.float32)
    device.write(full, rng.standard_normal((rows, columns)).astype(np.float32))
    device.product(half, a, packed)
    device.product(full, a_t, b, transpose_a=True, accumulate=True)
    results = [device.read(half), device.read(full)]
    device.free(a, b, a_t, packed, half, full)
    return results


def convolutions(device: Device, seed: int) -> Results:
    """Y, dX and dW of a random convolution."""
    rng = np.random.default_rng(seed)
    lanes = device.config.lanes

    def pair(low: int, high: int) -> tuple[int, int]:
        return int(rng.integers(low, high)), int(rng.integers(low, high))

    images, size, channels = int(rng.integers(1, 4)), pair(3, 9), pair(1, 2 * lanes)
    shape = Convolution(images, *size, *channels, pair(1, 4), pair(1, 3), pair(0, 2))
    keep = int(rng.integers(1, device.config.group + 1))
    rows = shape.weight_rows(lanes)
    x = matrix(device, rng, shape.in_pixels, shape.channels)
    dy = matrix(device, rng, shape.out_pixels, shape.filters)
    weights = matrix(device, rng, rows, shape.filters)
    y = device.matrix(dy.rows, dy.columns, np.float16)
    dx = device.matrix(x.rows, x.columns, np.float16)
    dw = device.matrix(rows, shape.filters, np.float32)
    ff, bp = device.packed(rows, shape.filters, keep), device.packed(shape.filters, rows, keep)
    device.pack(weights, ff, bp)
    device.convolve(y, x, ff, shape)
    device.convolve_backward(dx, dy, bp, shape)
    device.convolve_gradient(dw, x, dy, shape)
    results = [device.read(item) for item in (y, dx, dw)]
    device.free(x, dy, weights, y, dx, dw, ff, bp)
    return results


def batches(device: Device, seed: int) -> Results:
    """A batch of products as attention has them, both ways of B."""
    rng = np.random.default_rng(seed)
    lanes, count = device.config.lanes, int(rng.integers(1, 5))
    rows, reduction, columns = (int(rng.integers(1, 2 * lanes + 2)) for _ in range(3))
    a = matrix(device, rng, count * rows, reduction)
    results = []
    for transposed in (False, True):
        sides = (columns, reduction) if transposed else (reduction, columns)
        b = matrix(device, rng, count * sides[0], sides[1])
        y = device.matrix(count * rows, columns, np.float16)
        device.product_batch(y, a, b, count, transpose_b=transposed)
        results.append(device.read(y))
        device.free(b, y)
    device.free(a)
    return results


@pytest.mark.parametrize("name", [name for name in EVERY_ARRAY if name.values[0] in NAMES])
@pytest.mark.parametrize("dataflow", ["os", "ws"])
@pytest.mark.parametrize("work", [products, convolutions, batches])
def test_every_tiling_gives_the_golden_bits(name: str, dataflow: str, work: object) -> None:
    pair = pair_of(name)
    assert callable(work)

    @settings(max_examples=12)
    @given(seed=st.integers(0, 1 << 20))
    def check(seed: int) -> None:
        pair.tilings.wanted = tilings(pair.tilings.config, dataflow, seed)
        for got, want in zip(work(pair.engine(), seed), work(pair.golden, seed), strict=True):
            assert first_difference(got, want) is None, pair.tilings.used[-3:]

    pair.tilings.used.clear()
    check()
    assert {tiling.dataflow for tiling, _ in pair.tilings.used} == {dataflow}
    if dataflow == "ws" and work is products:
        assert max(parts for _, parts in pair.tilings.used) > 1, "no reduction took segments"


@pytest.mark.slow
def test_an_array_without_weight_stationary_hardware() -> None:
    """The same bits output stationary, and no memory for packets."""
    config = ARRAYS["4x8_g8"]
    spec = spec_of("os_only", config).model_copy(update={"dataflows": ("os",)})
    engine = EngineDevice(config, CsimBackend(library_of(render(spec)), config), ("os",))
    for seed in range(4):
        want = products(GoldenDevice(config), seed)
        for got, wanted in zip(products(engine, seed), want, strict=True):
            assert first_difference(got, wanted) is None
    a = np.ones((3, 4), np.float16)
    with pytest.raises(ArgumentError, match="dataflow: this device offers os, got 'ws'"):
        engine.matmul(a, a.T, dataflow="ws")
