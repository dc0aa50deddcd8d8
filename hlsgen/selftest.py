# SPDX-License-Identifier: Apache-2.0
"""Self-test of a bundle: the built library beside the golden model, bit by bit.

Runs as `python -m hlsgen.selftest BUNDLE`, in a process of its own, so that a library that
crashes is a failed check and the bundle's own copy of `sat_host` is what is tested.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from sat_host.convolution import Convolution
    from sat_host.device import Device, Matrix

Array = npt.NDArray[Any]

_SEED = 20230913
_BITS = {np.dtype(np.float16): np.uint16, np.dtype(np.float32): np.uint32}


@dataclass(frozen=True)
class Check:
    """One compared case. detail: how much was compared, or the first difference."""

    name: str
    detail: str
    passed: bool


@dataclass(frozen=True)
class Case:
    """Work for a device, given with fixed inputs; `run` returns the arrays to compare."""

    name: str
    run: Callable[[Device], list[Array]]


def run_selftest(bundle: Path) -> list[Check]:
    """Compare the bundle's device with the golden model. Raises sat_host's DeviceError."""
    from sat_host import GoldenDevice, open_device

    device = open_device(bundle)
    return compare_devices(device, GoldenDevice(device.config))


def compare_devices(device: Device, golden: Device) -> list[Check]:
    """Run every case on both devices and compare bits; NaNs compare as NaNs."""
    checks = []
    for case in cases(golden):
        pairs = list(zip(case.run(device), case.run(golden), strict=True))
        faults = [fault for got, want in pairs if (fault := first_difference(got, want))]
        values = sum(want.size for _, want in pairs)
        checks.append(Check(case.name, faults[0] if faults else f"{values} values", not faults))
    return checks


def first_difference(got: Array, want: Array) -> str | None:
    """Where and how two arrays differ in their bits, or None. Any NaN equals any NaN."""
    if got.shape != want.shape or got.dtype != want.dtype:
        return f"{got.dtype} {got.shape}, golden model {want.dtype} {want.shape}"
    bits = _BITS.get(got.dtype)
    left, right = (got, want) if bits is None else (got.view(bits), want.view(bits))
    differs = left != right
    if bits is not None:
        differs &= ~(np.isnan(got) & np.isnan(want))
    if not differs.any():
        return None
    where = tuple(int(i) for i in np.argwhere(differs)[0])
    width = 2 * left.dtype.itemsize
    return (
        f"{int(differs.sum())} of {differs.size} values differ, first at {list(where)}: "
        f"0x{int(left[where]):0{width}x}, golden model 0x{int(right[where]):0{width}x}"
    )


def cases(golden: Device) -> Iterator[Case]:
    """The cases for an array of the golden device's configuration, smallest first."""
    config = golden.config
    rng = np.random.default_rng(_SEED)
    rows, lanes, group = config.rows, config.lanes, config.group
    a = halves(rng, (rows + 1, 2 * lanes + 3))
    b = halves(rng, (2 * lanes + 3, lanes + 1))
    yield _product("dense", a, b)
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
    yield Case("prune along rows", lambda dev: [dev.prune(w, keep, axis=0)])
    yield Case("prune along columns", lambda dev: [dev.prune(w, keep, axis=1)])
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
    from sat_host.convolution import Convolution

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
) -> Case:
    def run(device: Device) -> list[Array]:
        left, right = _upload(device, a), _upload(device, b)
        y = device.matrix(a.shape[1 if transpose else 0], b.shape[1], out)
        if start is not None:
            device.write(y, start)
        bad = device.product(y, left, right, transpose_a=transpose, accumulate=start is not None)
        result = [device.read(y), np.array(bad)]
        device.free(left, right, y)
        return result

    return Case(name, run)


def _sparse_product(name: str, a: Array, b: Array, keep: int) -> Case:
    def run(device: Device) -> list[Array]:
        left, dense = _upload(device, a), _upload(device, b)
        right = device.packed(b.shape[0], b.shape[1], keep)
        device.pack(dense, ff=right)
        y = device.matrix(a.shape[0], b.shape[1], np.float32)
        bad = device.product(y, left, right)
        result = [device.read(y), np.array(bad)]
        device.free(left, dense, right, y)
        return result

    return Case(name, run)


def _packed(name: str, w: Array, keep: int) -> Case:
    def run(device: Device) -> list[Array]:
        weights = _upload(device, w)
        rows, columns = w.shape
        ff, bp = device.packed(rows, columns, keep), device.packed(columns, rows, keep)
        device.pack(weights, ff, bp)
        result: list[Array] = [device.read_packed(ff), device.read_packed(bp)]
        device.free(weights, ff, bp)
        return result

    return Case(name, run)


def _product_batch(name: str, a: Array, b: Array, batch: int, *, transpose_a: bool) -> Case:
    """The b of each product is stored transposed, and so may be its a."""
    rows = a.shape[1] * batch if transpose_a else a.shape[0]

    def run(device: Device) -> list[Array]:
        left, right = _upload(device, a), _upload(device, b)
        y = device.matrix(rows, b.shape[0] // batch, np.float16)
        bad = device.product_batch(y, left, right, batch, transpose_a=transpose_a, transpose_b=True)
        result = [device.read(y), np.array(bad)]
        device.free(left, right, y)
        return result

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

    def run(device: Device) -> list[Array]:
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
        result: list[Array] = [*(device.read(item) for item in (y, dx, dw)), np.array(bad)]
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

    def run(device: Device) -> list[Array]:
        from sat_host.device import UpdateScalars

        scalars = UpdateScalars(0.05, 0.9, 5e-4, 1 / scale, sr_decay)
        weights, velocity, gradient = (_upload(device, x) for x in (w, v, dw))
        rows, columns = shape
        ff, bp = device.packed(rows, columns, keep), device.packed(columns, rows, keep)
        masked = sr_decay != 0
        device.update_weights(weights, velocity, gradient, scalars, ff, bp, masked_bp=masked)
        result = [device.read(weights), device.read(velocity)]
        result += [device.read_packed(ff), device.read_packed(bp)]
        device.free(weights, velocity, gradient, ff, bp)
        return result

    return Case(name, run)


def _upload(device: Device, values: Array) -> Matrix:
    target = device.matrix(values.shape[0], values.shape[1], values.dtype)
    device.write(target, values)
    return target


def main(arguments: Sequence[str]) -> int:
    """Print the checks of one bundle as JSON, or one error line; 0 when every check passed."""
    try:
        checks = run_selftest(Path(arguments[0]))
    except (OSError, RuntimeError) as error:  # the last line is what the parent reports
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    print(json.dumps([asdict(check) for check in checks]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
