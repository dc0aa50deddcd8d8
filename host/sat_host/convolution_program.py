# SPDX-License-Identifier: Apache-2.0
"""The three products of a convolution as the products that the array executes. Pure functions.

FF reads X through the kernel. BP reads dY through the kernel turned around; with a stride, each
phase of the pixels (row and column modulo the stride) is reached by some of the taps alone, so each
is a dense convolution of its own with those. WU reads X through the kernel, transposed.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product as pairs

from .config import ArrayConfig
from .convolution import Convolution
from .product import Operand, Product, Source, Target


def forward(
    config: ArrayConfig, shape: Convolution, x: int, weights: tuple[int, int], y: int
) -> Product:
    """FF. x, y: addresses; weights: address and keep of the form packed along the channels."""
    address, keep = weights
    tap = config.blocks(shape.channels) * config.record_words(keep)
    operand = Operand(
        address,
        packed=True,
        keep=keep,
        block_step=shape.taps * tap,
        tap_step=tap,
        tap_row_step=shape.kernel[1] * tap,
    )
    return Product(
        rows=shape.out_pixels,
        columns=shape.filters,
        reduction=shape.channels,
        a=_source_x(config, shape, x),
        b=operand,
        y=_target(config, shape, y),
    )


def backward(
    config: ArrayConfig,
    shape: Convolution,
    dy: int,
    weights: tuple[int, int],
    dx: int,
    dy_keep: int = 0,
) -> list[Product]:
    """BP, a product a phase that taps reach. weights: address and keep of the form packed along the
    filters; dy_keep: prune dY along them as it is loaded, 0: not."""
    phases = pairs(_phases(shape, 0), _phases(shape, 1))
    return [_phase(config, shape, (dy, dx, dy_keep), weights, axes) for axes in phases]


@lru_cache(maxsize=1 << 12)
def covers(shape: Convolution) -> bool:
    """Whether BP's phases reach every pixel."""
    pixels = [sum(phase.pixels for phase in _phases(shape, axis)) for axis in (0, 1)]
    return pixels == [shape.height, shape.width]


def gradient(
    config: ArrayConfig, shape: Convolution, x: int, dy: int, dw: int, accumulate: bool
) -> Product:
    """WU, the channels of one tap after the other."""
    pitch = 2 * config.blocks(shape.filters)
    tap = shape.tap_rows(config.lanes) * pitch
    return Product(
        rows=shape.taps * shape.channels,
        columns=shape.filters,
        reduction=shape.out_pixels,
        a=_source_x(config, shape, x),
        b=Operand(dy, packed=False, keep=config.group, pitch=config.blocks(shape.filters)),
        y=Target(dw, pitch, tap, shape.taps * tap, binary32=True),
        transpose_a=True,
        accumulate=accumulate,
    )


class _Phase:
    """Of one axis: the pixels first, first + stride, ... and the taps that reach them."""

    def __init__(self, shape: Convolution, axis: int, first: int) -> None:
        stride, padding = shape.stride[axis], shape.padding[axis]
        extent = (shape.height, shape.width)[axis]
        self.first = first
        self.pixels = -(-(extent - first) // stride)
        self.tap = (first + padding) % stride
        self.taps = max(0, -(-(shape.kernel[axis] - self.tap) // stride))
        self.origin = (first + padding) // stride


def _phases(shape: Convolution, axis: int) -> list[_Phase]:
    """The phases of an axis that have pixels and taps."""
    extent = (shape.height, shape.width)[axis]
    found = [_Phase(shape, axis, first) for first in range(min(shape.stride[axis], extent))]
    return [phase for phase in found if phase.taps > 0]


def _phase(
    config: ArrayConfig,
    shape: Convolution,
    places: tuple[int, int, int],
    weights: tuple[int, int],
    axes: tuple[_Phase, _Phase],
) -> Product:
    """BP of the pixels of one phase."""
    dy, dx, dy_keep = places
    address, keep = weights
    rows, columns = axes
    pitch = config.blocks(shape.channels)
    column_block = config.blocks(shape.filters) * config.record_words(keep)
    tap = pitch * column_block  # a tap has a column block for each word of channels
    source = Source(
        dy,
        config.blocks(shape.filters),
        shape.filters,
        size=(shape.out_height, shape.out_width),
        out_size=(rows.pixels, columns.pixels),
        taps=(rows.taps, columns.taps),
        origin=(rows.origin, columns.origin),
        backward=True,
    )
    return Product(
        rows=shape.images * rows.pixels * columns.pixels,
        columns=shape.channels,
        reduction=shape.filters,
        a=source,
        b=Operand(
            address + (rows.tap * shape.kernel[1] + columns.tap) * tap,
            packed=True,
            keep=keep,
            block_step=column_block,
            tap_step=shape.stride[1] * tap,
            tap_row_step=shape.stride[0] * shape.kernel[1] * tap,
        ),
        y=Target(
            dx + (rows.first * shape.width + columns.first) * pitch,
            pitch=shape.stride[1] * pitch,
            row_pitch=shape.stride[0] * shape.width * pitch,
            image_pitch=shape.height * shape.width * pitch,
            binary32=False,
        ),
        a_keep=dy_keep,
    )


def _source_x(config: ArrayConfig, shape: Convolution, x: int) -> Source:
    return Source(
        x,
        config.blocks(shape.channels),
        shape.channels,
        size=(shape.height, shape.width),
        out_size=(shape.out_height, shape.out_width),
        taps=shape.kernel,
        stride=shape.stride,
        origin=(-shape.padding[0], -shape.padding[1]),
    )


def _target(config: ArrayConfig, shape: Convolution, y: int) -> Target:
    pitch = config.blocks(shape.filters)
    row = shape.out_width * pitch
    return Target(y, pitch, row, shape.out_height * row, binary32=False)
