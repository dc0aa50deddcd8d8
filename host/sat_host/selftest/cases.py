# SPDX-License-Identifier: Apache-2.0
"""The cases of the self-test: work for a device, with fixed inputs, whose results are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..config import ArrayConfig
from ..convolution import Convolution
from ..device import Device, Matrix, PackedMatrix, UpdateScalars
from ..tiling import DATAFLOWS

Array = npt.NDArray[Any]

_SEED = 20230913


@dataclass(frozen=True)
class Result:
    """An array that a case returns. name: what it is. matrix: where the device had it, if it was a
    matrix; it is freed already."""

    name: str
    values: Array
    matrix: Matrix | None = None


@dataclass(frozen=True)
class Case:
    """Work for a device, given with fixed inputs; `run` returns what to compare."""

    name: str
    run: Callable[[Device], list[Result]]


def cases(config: ArrayConfig, dataflows: tuple[str, ...] = DATAFLOWS) -> Iterator[Case]:
    """The cases for an array of this configuration and its dataflows, smallest first."""
    rng = np.random.default_rng(_SEED)
    rows, lanes, group = config.rows, config.lanes, config.group
    a = halves(rng, (rows + 1, 2 * lanes + 3))
    b = halves(rng, (2 * lanes + 3, lanes + 1))
    yield _product("dense", a, b)
    for dataflow in dataflows:
        yield _product(f"dense, {dataflow}", a[: rows // 2 + 1], b, dataflow=dataflow)
    few, narrow = a[:3], b[:, : lanes // 2 + 1]
    for keep in range(1, group + 1):
        yield _sparse_product(f"keep {keep}:{group}", few, narrow, keep)
    yield _product("one element", a[:1, :1], b[:1, :1])
    tall = halves(rng, (rows * config.interleave + 1, 3))
    wide = halves(rng, (3, lanes * config.memory_tile + 1))
    yield _product("one more than a tile", tall, wide)
    yield _product("binary16 output", a, b, out=np.float16)
    yield _product("transposed", halves(rng, (lanes + 5, rows + 1)), b[: lanes + 5], transpose=True)
    start = rng.standard_normal((a.shape[0], b.shape[1])).astype(np.float32)
    yield _product("accumulate", a, b, start=start)
    special = any_halves(rng, (5, lanes + 1)), any_halves(rng, (lanes + 1, 9))
    yield _product("infinities and NaNs", *special)
    w = tied_halves(rng, (2 * group + 3, lanes + group + 1))
    keep = max(1, group // 4)
    yield _pruned("prune along rows", w, keep, 0)
    yield _pruned("prune along columns", w, keep, 1)
    yield _packed("packed bytes", w, keep)
    yield _update("update", rng, w.shape, keep)
    yield _update("update, SR-STE", rng, w.shape, keep, sr_decay=2e-4)
    yield from _convolutions(rng, lanes, group, keep)
    right = halves(rng, (3 * 7, 5))
    left = halves(rng, (3 * 5, rows + 2))
    yield _product_batch("batch, both transposed", left, right, 3, transpose_a=True)
    left = halves(rng, (3 * (rows + 2), 5))
    yield _product_batch("batch, right transposed", left, right, 3, transpose_a=False)


def _convolutions(rng: np.random.Generator, lanes: int, group: int, keep: int) -> Iterator[Case]:
    """Strides of 1 and 2, taps that miss pixels, channels and filters below and above `lanes`."""
    square = Convolution(2, 5, 4, lanes + 3, group + 2, (3, 3), (1, 1), (1, 1))
    yield _convolution("convolution", rng, square, group)
    strided = Convolution(2, 6, 5, 3, lanes + group + 1, (3, 2), (2, 1), (1, 0))
    yield _convolution("strided convolution", rng, strided, keep)
    sparse = Convolution(3, 5, 5, group + 1, 2 * lanes, (1, 1), (2, 2), (0, 0))
    yield _convolution("pruned output gradient", rng, sparse, group, dy_keep=keep)


def halves(rng: np.random.Generator, shape: tuple[int, int]) -> npt.NDArray[np.float16]:
    """Finite binary16 values: normal ones, some subnormals, some zeros of either sign."""
    values = rng.standard_normal(shape).astype(np.float16)
    kind = rng.integers(0, 10, shape)
    tiny = rng.integers(1, 0x400, shape).astype(np.uint16)
    sign = rng.integers(0, 2, shape).astype(np.uint16) << np.uint16(15)
    values = np.where(kind == 0, (tiny | sign).view(np.float16), values)
    return np.where(kind == 1, sign.view(np.float16), values)


def tied_halves(rng: np.random.Generator, shape: tuple[int, int]) -> npt.NDArray[np.float16]:
    """As `halves`, with many values of equal magnitude, so that ties must be decided."""
    few = rng.choice([-1.5, -1.0, 1.0, 1.5], shape).astype(np.float16)
    return np.where(rng.integers(0, 2, shape) == 0, few, halves(rng, shape))


def any_halves(rng: np.random.Generator, shape: tuple[int, int]) -> npt.NDArray[np.float16]:
    """Finite values with an infinity or a NaN in about one row or column of three."""
    values = halves(rng, shape)
    for number in rng.permutation(max(shape))[: max(shape) // 3]:
        row, column = number % shape[0], rng.integers(shape[1])
        values[row, column] = rng.choice([np.inf, -np.inf, np.nan])
    values[rng.integers(shape[0]), :] = np.float16(6e4)  # overflows binary16, not binary32
    return values


def _product(
    name: str,
    a: Array,
    b: Array,
    *,
    out: type[np.floating[Any]] = np.float32,
    transpose: bool = False,
    start: Array | None = None,
    dataflow: str | None = None,
) -> Case:
    def run(device: Device) -> list[Result]:
        left, right = _upload(device, a), _upload(device, b)
        y = device.matrix(a.shape[1 if transpose else 0], b.shape[1], out)
        if start is not None:
            device.write(y, start)
        adds = start is not None
        bad = device.product(
            y, left, right, transpose_a=transpose, accumulate=adds, dataflow=dataflow
        )
        return _finished(device, bad, y, left, right)

    return Case(name, run)


def _sparse_product(name: str, a: Array, b: Array, keep: int) -> Case:
    def run(device: Device) -> list[Result]:
        left, dense = _upload(device, a), _upload(device, b)
        right = device.packed(b.shape[0], b.shape[1], keep)
        device.pack(dense, ff=right)
        y = device.matrix(a.shape[0], b.shape[1], np.float32)
        bad = device.product(y, left, right)
        return _finished(device, bad, y, left, dense, right)

    return Case(name, run)


def _packed(name: str, w: Array, keep: int) -> Case:
    def run(device: Device) -> list[Result]:
        weights = _upload(device, w)
        rows, columns = w.shape
        ff, bp = device.packed(rows, columns, keep), device.packed(columns, rows, keep)
        device.pack(weights, ff, bp)
        result = _read_packed(device, ff, bp)
        device.free(weights, ff, bp)
        return result

    return Case(name, run)


def _product_batch(name: str, a: Array, b: Array, batch: int, *, transpose_a: bool) -> Case:
    """The b of each product is stored transposed, and so may be its a."""
    rows = a.shape[1] * batch if transpose_a else a.shape[0]

    def run(device: Device) -> list[Result]:
        left, right = _upload(device, a), _upload(device, b)
        y = device.matrix(rows, b.shape[0] // batch, np.float16)
        bad = device.product_batch(y, left, right, batch, transpose_a=transpose_a, transpose_b=True)
        return _finished(device, bad, y, left, right)

    return Case(name, run)


def _convolution(
    name: str,
    rng: np.random.Generator,
    shape: Convolution,
    keep: int,
    dy_keep: int | None = None,
) -> Case:
    """All three products of a layer; WU starts from stored sums."""
    x = tied_halves(rng, (shape.in_pixels, shape.channels))
    dy = tied_halves(rng, (shape.out_pixels, shape.filters))

    def run(device: Device) -> list[Result]:
        rows, filters = shape.weight_rows(device.config.lanes), shape.filters
        again = np.random.default_rng(_SEED)
        weights = _upload(device, halves(again, (rows, filters)))
        dw = _upload(device, again.standard_normal((rows, filters)).astype(np.float32))
        pixels, gradient = _upload(device, x), _upload(device, dy)
        ff, bp = device.packed(rows, filters, keep), device.packed(filters, rows, keep)
        y = device.matrix(dy.shape[0], dy.shape[1], np.float16)
        dx = device.matrix(x.shape[0], x.shape[1], np.float16)
        device.pack(weights, ff, bp)
        bad = [
            device.convolve(y, pixels, ff, shape),
            device.convolve_backward(dx, gradient, bp, shape, dy_keep=dy_keep),
            device.convolve_gradient(dw, pixels, gradient, shape, accumulate=True),
        ]
        named = (("Y", y), ("dX", dx), ("dW", dw))
        result = [*(_read(device, *item) for item in named), _count(*bad)]
        device.free(weights, dw, pixels, gradient, ff, bp, y, dx)
        return result

    return Case(name, run)


def _update(
    name: str,
    rng: np.random.Generator,
    shape: tuple[int, int],
    keep: int,
    sr_decay: float = 0.0,
) -> Case:
    scale = 1024.0
    w, v, dw = (rng.standard_normal(shape).astype(np.float32) for _ in range(3))
    # A third of the elements lie where inputs and results are flushed, each of them now and then.
    tiny = rng.integers(0, 3, shape) == 0
    for values, factor in ((w, 1.0), (v, 1.0), (dw, scale)):
        small = factor * 2.0**-126 * rng.uniform(-4.0, 4.0, shape)
        values[tiny] = small.astype(np.float32)[tiny]
    dw.flat[::11] = np.float32(3e-39)

    def run(device: Device) -> list[Result]:
        scalars = UpdateScalars(0.05, 0.9, 5e-4, 1 / scale, sr_decay)
        weights, velocity, gradient = (_upload(device, x) for x in (w, v, dw))
        rows, columns = shape
        ff, bp = device.packed(rows, columns, keep), device.packed(columns, rows, keep)
        masked = sr_decay != 0
        device.update_weights(weights, velocity, gradient, scalars, ff, bp, masked_bp=masked)
        result = [Result("W", device.read(weights)), Result("v", device.read(velocity))]
        result += _read_packed(device, ff, bp)
        device.free(weights, velocity, gradient, ff, bp)
        return result

    return Case(name, run)


def _finished(
    device: Device, bad: int, y: Matrix, *operands: Matrix | PackedMatrix
) -> list[Result]:
    """What a product made; its matrices are freed."""
    result = [_read(device, "Y", y), _count(bad)]
    device.free(*operands, y)
    return result


def _upload(device: Device, values: Array) -> Matrix:
    target = device.matrix(values.shape[0], values.shape[1], values.dtype)
    device.write(target, values)
    return target


def _pruned(name: str, w: Array, keep: int, axis: int) -> Case:
    return Case(name, lambda device: [Result("pruned", device.prune(w, keep, axis=axis))])


def _read(device: Device, name: str, source: Matrix) -> Result:
    return Result(name, device.read(source), source)


def _read_packed(device: Device, ff: PackedMatrix, bp: PackedMatrix) -> list[Result]:
    return [
        Result("packed FF", device.read_packed(ff)),
        Result("packed BP", device.read_packed(bp)),
    ]


def _count(*bad: int) -> Result:
    return Result("counts of infinities and NaNs", np.array(bad))
