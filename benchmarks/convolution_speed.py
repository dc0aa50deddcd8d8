# SPDX-License-Identifier: Apache-2.0
"""csim's convolutions beside its matmuls of equal extents, product by product of a training step.

The three products of a convolution (FF, BP, WU) and matmuls of the same I, K, J, N:M and result
type, of which a strided BP takes one for each phase of its pixels, run in one process, in turns, on
one core, timed by what it gave this process; operands are in memory before the clock starts.
`python -m benchmarks.convolution_speed BUNDLE` prints every product.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
from sat_host import convolution_program
from sat_host.convolution import Convolution
from sat_host.device import Device, Matrix, PackedMatrix

from .clock import alternate
from .csim_speed import KEEP, device_of
from .report import MEASURED, Figure, Target

ROUNDS = 5
MOST = 1.3
"""Of a step, the time that its matmuls take."""
STAGES = ("FF", "BP", "WU")
SAME = (1, 1)
# A network's layers: 3x3 of each size of image, with a stride, and 1x1.
SHAPES = (
    Convolution(4, 56, 56, 64, 64, (3, 3), padding=SAME),
    Convolution(4, 28, 28, 128, 128, (3, 3), padding=SAME),
    Convolution(8, 14, 14, 128, 128, (3, 3), padding=SAME),
    Convolution(2, 56, 56, 64, 128, (3, 3), (2, 2), SAME),
    Convolution(4, 28, 28, 128, 256),
)

Work = Callable[[], object]


@dataclass(frozen=True)
class Loss:
    """A convolution's product beside its matmuls: median seconds of both, and of their ratio."""

    stage: str
    shape: Convolution
    keep: int
    convolution: float
    matmul: float
    ratio: float

    @property
    def name(self) -> str:
        """The product in a line of a table."""
        return f"{describe(self.shape)}, {self.stage}, keep {self.keep}"


def measure(
    bundle: Path, shapes: tuple[Convolution, ...] = SHAPES, rounds: int = ROUNDS
) -> list[Figure]:
    """Of each shape, dense and KEEP:group: the step beside its matmuls, and the worst of all."""
    device = device_of(bundle, 1)
    group = device.config.group
    figures: list[Figure] = []
    steps: list[tuple[float, str]] = []
    products: list[Loss] = []
    for shape in shapes:
        for keep, pruning in ((group, "dense"), (KEEP, f"{KEEP}:{group}")):
            losses = step_losses(device, shape, keep, rounds)
            ratio = sum(one.convolution for one in losses) / sum(one.matmul for one in losses)
            name = f"{describe(shape)}, {pruning}"
            parts = ", ".join(f"{one.stage} {one.ratio:.2f}" for one in losses)
            what = f"csim FF + BP + WU of {name}, beside equal matmuls"
            figures.append(Figure(what, f"{ratio:.2f} x the time ({parts})"))
            steps.append((ratio, name))
            products += losses
    worst, where = max(steps)
    value = f"{worst:.2f} x the time ({where})"
    target = Target(worst, MOST, least=False)
    figures.append(Figure("... the worst step of them", value, MEASURED, target))
    slowest = max(products, key=lambda one: one.ratio)
    value = f"{slowest.ratio:.2f} x the time ({slowest.name})"
    return [*figures, Figure("... the worst product of them", value)]


def describe(shape: Convolution) -> str:
    """kernel, channels, images and stride of a convolution."""
    taps = f"{shape.kernel[0]}x{shape.kernel[1]}"
    stride = "" if shape.stride == (1, 1) else f" stride {shape.stride[0]}"
    size = f"{shape.images} x {shape.height}x{shape.width}"
    return f"{taps}{stride} {shape.channels}->{shape.filters} of {size}"


def step_losses(device: Device, shape: Convolution, keep: int, rounds: int) -> list[Loss]:
    """The three products, each in turns with its matmuls."""
    with ExitStack() as stack:
        works = _works(device, shape, keep, stack)
        seconds = alternate(works, rounds, time.process_time)
    found = []
    for stage in STAGES:
        spent, equal = seconds[stage], seconds[f"{stage} matmul"]
        ratio = median(one / other for one, other in zip(spent, equal, strict=True))
        found.append(Loss(stage, shape, keep, median(spent), median(equal), ratio))
    return found


def _works(device: Device, shape: Convolution, keep: int, stack: ExitStack) -> dict[str, Work]:
    operands = _Operands(device, np.random.default_rng(0), stack)
    config, lanes = device.config, device.config.lanes
    rows, filters = shape.weight_rows(lanes), shape.filters
    x = operands.filled(shape.in_pixels, shape.channels)
    y, dx = operands.empty(shape.out_pixels, filters), operands.empty(*_extents(x))
    dy = operands.filled(shape.out_pixels, filters)
    dw = operands.empty(rows, filters, "f4")
    weights = operands.filled(rows, filters)
    ff, bp = operands.packed(rows, filters, keep), operands.packed(filters, rows, keep)
    device.pack(weights, ff, bp)
    phases = convolution_program.backward(config, shape, 0, (0, keep), 0)
    sizes = [(one.rows, one.sum_taps * one.reduction, one.columns) for one in phases]
    ff_size = shape.out_pixels, shape.taps * shape.channels, filters
    return {
        "FF": lambda: device.convolve(y, x, ff, shape),
        "FF matmul": _all([operands.matmul(*ff_size, keep)]),
        "BP": lambda: device.convolve_backward(dx, dy, bp, shape),
        "BP matmul": _all([operands.matmul(*size, keep) for size in sizes]),
        "WU": lambda: device.convolve_gradient(dw, x, dy, shape),
        "WU matmul": operands.transposed(shape.taps * shape.channels, shape.out_pixels, filters),
    }


def _all(works: list[Work]) -> Work:
    def run() -> None:
        for work in works:
            work()

    return run


def _extents(matrix: Matrix) -> tuple[int, int]:
    return matrix.rows, matrix.columns


class _Operands:
    """Matrices that the stack frees."""

    def __init__(self, device: Device, rng: np.random.Generator, stack: ExitStack) -> None:
        self._device, self._rng, self._stack = device, rng, stack

    def empty(self, rows: int, columns: int, dtype: str = "f2") -> Matrix:
        matrix = self._device.matrix(rows, columns, dtype)
        self._stack.callback(self._device.free, matrix)
        return matrix

    def filled(self, rows: int, columns: int) -> Matrix:
        matrix = self.empty(rows, columns)
        values = self._rng.standard_normal((rows, columns), np.float32).astype(np.float16)
        self._device.write(matrix, values)
        return matrix

    def packed(self, reduction: int, columns: int, keep: int) -> PackedMatrix:
        packed = self._device.packed(reduction, columns, keep)
        self._stack.callback(self._device.free, packed)
        return packed

    def matmul(self, rows: int, reduction: int, columns: int, keep: int) -> Work:
        """[rows, reduction] . packed [reduction, columns] -> binary16."""
        y, a = self.empty(rows, columns), self.filled(rows, reduction)
        b = self.packed(reduction, columns, keep)
        self._device.pack(self.filled(reduction, columns), b)
        return partial(self._device.product, y, a, b)

    def transposed(self, rows: int, reduction: int, columns: int) -> Work:
        """[reduction, rows] transposed . [reduction, columns] -> binary32."""
        y, a = self.empty(rows, columns, "f4"), self.filled(reduction, rows)
        b = self.filled(reduction, columns)
        return partial(self._device.product, y, a, b, transpose_a=True)


if __name__ == "__main__":
    for figure in measure(Path(sys.argv[1])):
        print(f"{figure.what}: {figure.value}")
