# SPDX-License-Identifier: Apache-2.0
"""Convolutions and batched products on the accelerator beside the golden model, bit for bit.

Examples are derandomized: the same ones in every run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pytest
from accelerators import ARRAYS, EVERY_ARRAY, DeviceFor
from hypothesis import given, settings
from hypothesis import strategies as st
from operands import MIXES, check_padding, halves, starts
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution
from sat_host.device import Device, Matrix
from sat_host.engine import EngineDevice
from sat_host.golden_device import GoldenDevice
from sat_host.selftest import first_difference

Array = npt.NDArray[np.floating]
NARROW = {name: config for name, config in ARRAYS.items() if config.lanes < 64}


@dataclass(frozen=True)
class Case:
    """One convolution in all three stages; keeps of both packed forms, None of dy_keep: dense."""

    shape: Convolution
    ff_keep: int
    bp_keep: int
    dy_keep: int | None = None
    accumulate: bool = False
    mix: str = "normal"
    seed: int = 0


def channels_of(config: ArrayConfig) -> st.SearchStrategy[int]:
    lanes = config.lanes
    edges = st.sampled_from([1, 2, config.group - 1, config.group + 1, lanes, lanes + 1, 2 * lanes])
    return edges | st.integers(1, 2 * lanes + 3)


@st.composite
def shapes(draw: st.DrawFn, config: ArrayConfig) -> Convolution:
    kernel = draw(st.sampled_from([1, 3])), draw(st.integers(1, 7))
    if draw(st.booleans()):
        kernel = kernel[1], kernel[1]
    stride = draw(st.sampled_from([(1, 1), (2, 2), (1, 2), (3, 2), (4, 5)]))
    padding = draw(st.integers(0, kernel[0])), draw(st.integers(0, kernel[1] + 1))
    size = [draw(st.integers(max(1, kernel[a] - 2 * padding[a]), 9)) for a in (0, 1)]
    return Convolution(
        draw(st.integers(1, 3)),
        *size,
        draw(channels_of(config)),
        draw(channels_of(config)),
        kernel,
        stride,
        padding,
    )


@st.composite
def cases(draw: st.DrawFn, config: ArrayConfig) -> Case:
    keeps = st.integers(1, config.group)
    return Case(
        shape=draw(shapes(config)),
        ff_keep=draw(keeps),
        bp_keep=draw(keeps),
        dy_keep=draw(st.none() | keeps),
        accumulate=draw(st.booleans()),
        mix=draw(st.sampled_from(sorted(MIXES))),
        seed=draw(st.integers(0, 1 << 20)),
    )


def tap_matrix(weights: Array, shape: Convolution, lanes: int) -> Array:
    """Weights [taps, channels, filters] as the matrix of taps."""
    matrix = np.zeros((shape.taps, shape.tap_rows(lanes), shape.filters), weights.dtype)
    matrix[:, : shape.channels] = weights
    return matrix.reshape(-1, shape.filters)[: shape.weight_rows(lanes)]


def upload(device: Device, values: Array) -> Matrix:
    target = device.matrix(*values.shape, values.dtype)
    device.write(target, values)
    return target


def run(device: Device, case: Case) -> list[Array]:
    """Y, dX and dW, and the three counts of infinite or NaN results."""
    shape, lanes = case.shape, device.config.lanes
    x = upload(device, halves(case.seed, (shape.in_pixels, shape.channels), case.mix))
    dy = upload(device, halves(case.seed + 1, (shape.out_pixels, shape.filters), case.mix))
    taps = halves(case.seed + 2, (shape.taps * shape.channels, shape.filters), case.mix)
    taps = taps.reshape(shape.taps, shape.channels, shape.filters)
    weights = upload(device, tap_matrix(taps, shape, lanes))
    rows = weights.rows
    ff = device.packed(rows, shape.filters, case.ff_keep)
    bp = device.packed(shape.filters, rows, case.bp_keep)
    device.pack(weights, ff, bp)
    start = starts(case.seed + 3, (rows, shape.filters), case.mix)
    # Garbage where the results go: every element must be written.
    y = upload(device, np.full((shape.out_pixels, shape.filters), np.nan, np.float16))
    dx = upload(device, np.full((shape.in_pixels, shape.channels), np.nan, np.float16))
    dw = upload(device, start)
    counts = [
        device.convolve(y, x, ff, shape),
        device.convolve_backward(dx, dy, bp, shape, dy_keep=case.dy_keep),
        device.convolve_gradient(dw, x, dy, shape, accumulate=case.accumulate),
    ]
    results = [device.read(item) for item in (y, dx, dw)]
    if isinstance(device, EngineDevice):
        for item in (y, dx, dw):
            region = item.handle
            check_padding(device._backend.read(region.address, region.words), item)
    device.free(x, dy, weights, ff, bp, y, dx, dw)
    return [*results, *(np.array(count) for count in counts)]


def check(device: EngineDevice, case: Case) -> None:
    results = zip(run(device, case), run(GoldenDevice(device.config), case), strict=True)
    for stage, (got, want) in zip(("FF", "BP", "WU", "FF", "BP", "WU"), results, strict=True):
        assert first_difference(got, want) is None, (stage, case, first_difference(got, want))


@pytest.mark.parametrize("name", EVERY_ARRAY)
def test_any_convolution_equals_the_golden_model(name: str, device_for: DeviceFor) -> None:
    device = device_for(name)

    @settings(max_examples=40)
    @given(case=cases(device.config))
    def agree(case: Case) -> None:
        check(device, case)

    agree()


STEM = Convolution(2, 20, 18, 3, 64, (7, 7), (2, 2), (3, 3))
DOWN = Convolution(2, 8, 8, 64, 40, (1, 1), (2, 2))
BODY = Convolution(2, 14, 14, 64, 70, (3, 3), (2, 2), (1, 1))
WIDE = Convolution(1, 3, 700, 5, 9, (3, 3), (1, 1), (1, 1))
FOLDED = Convolution(2, 20, 9, 21, 64, (7, 1), (2, 1), (3, 0))

FIRST = "4x8_g8"  # whose results those of the others with its group are compared with


@pytest.mark.slow
@pytest.mark.parametrize("shape", [STEM, DOWN, BODY, WIDE, FOLDED], ids=lambda s: f"{s.kernel}")
def test_shapes_of_real_networks(shape: Convolution, device_for: DeviceFor) -> None:
    for name in ("32x32_g8", "8x16_g4", "3x64_g8"):
        check(device_for(name), Case(shape, 2, 2, dy_keep=2, mix="few special", seed=5))
        check(device_for(name), Case(shape, 1, 3, accumulate=True, mix="ties", seed=6))


@pytest.mark.parametrize(
    "other",
    [each for each in EVERY_ARRAY if ARRAYS[each.values[0]].group == 8 and each.values[0] != FIRST],
)
def test_results_do_not_depend_on_the_array(other: str, device_for: DeviceFor) -> None:
    case = Case(replace(BODY, channels=37), 2, 3, dy_keep=2, mix="ties", seed=7)
    outcomes = []
    for name in (FIRST, other):
        y, dx, dw, *counts = run(device_for(name), case)
        rows = case.shape.tap_rows(ARRAYS[name].lanes)
        padded = np.zeros((case.shape.taps * rows, dw.shape[1]), dw.dtype)
        padded[: len(dw)] = dw
        real = padded.reshape(case.shape.taps, rows, -1)[:, : case.shape.channels]
        outcomes.append([y, dx, np.ascontiguousarray(real), *counts[:2]])
    for got, want in zip(*outcomes, strict=True):
        assert first_difference(got, want) is None


@st.composite
def batches(draw: st.DrawFn, config: ArrayConfig) -> tuple[int, int, int, int, bool, bool, bool]:
    extents = [draw(channels_of(config)) for _ in range(3)]
    flags = [draw(st.booleans()) for _ in range(3)]
    return (draw(st.integers(1, 4)), *extents, *flags)


@pytest.mark.parametrize("name", EVERY_ARRAY)
def test_any_batch_of_products_equals_the_golden_model(name: str, device_for: DeviceFor) -> None:
    engine = device_for(name)

    @settings(max_examples=40)
    @given(case=batches(engine.config), seed=st.integers(0, 1 << 20))
    def agree(case: tuple[int, int, int, int, bool, bool, bool], seed: int) -> None:
        batch, rows, reduction, columns, transpose_a, transpose_b, half = case
        a_shape = (reduction, rows) if transpose_a else (rows, reduction)
        b_shape = (columns, reduction) if transpose_b else (reduction, columns)
        results = []
        for device in (engine, GoldenDevice(engine.config)):
            a = upload(device, halves(seed, (batch * a_shape[0], a_shape[1]), "few special"))
            b = upload(device, halves(seed + 1, (batch * b_shape[0], b_shape[1]), "few special"))
            y = device.matrix(batch * rows, columns, np.float16 if half else np.float32)
            count = device.product_batch(
                y, a, b, batch, transpose_a=transpose_a, transpose_b=transpose_b
            )
            results.append((device.read(y), np.array(count)))
            device.free(a, b, y)
        for got, want in zip(*results, strict=True):
            assert first_difference(got, want) is None, (case, first_difference(got, want))

    agree()
