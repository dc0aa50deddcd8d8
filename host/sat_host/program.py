# SPDX-License-Identifier: Apache-2.0
"""Command lists: how products and updates are cut into what the engines execute. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .config import ArrayConfig
from .descriptor import STCE, WUVE, Descriptor
from .errors import ArgumentError

Commands = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]

MAX_ADDRESS = 1 << 32  # addresses are 32-bit word counts
MAX_COUNT = (1 << 31) - 1  # the kernels count in signed 32 bits


@dataclass(frozen=True)
class Source:
    """Operand A: a matrix of pixels, one row of `pitch` words a pixel, seen through a kernel.

    Output pixel (row, column) reads, at tap (0, 0), the source pixel `origin` + `stride` x (row,
    column), and one pixel on for each further tap, or one back when `backward`. Each pair is
    (rows, columns). What lies outside of the image is zero. channels: of a pixel. The defaults are
    a plain matrix: each row an image of one pixel.
    """

    address: int
    pitch: int
    channels: int
    size: tuple[int, int] = (1, 1)
    out_size: tuple[int, int] = (1, 1)
    taps: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    origin: tuple[int, int] = (0, 0)
    backward: bool = False

    @property
    def direction(self) -> int:
        """Source pixels from tap to tap."""
        return -1 if self.backward else 1


@dataclass(frozen=True)
class Operand:
    """Operand B: packed records of keep:group, or a row-major matrix of `pitch` words a row, stored
    [reduction, columns] or, `transposed`, [columns, reduction].

    Packed: words from column block to column block, from tap to tap in a row of taps, and from row
    of taps to row of taps.
    """

    address: int
    packed: bool
    keep: int
    pitch: int = 0
    transposed: bool = False
    block_step: int = 0
    tap_step: int = 0
    tap_row_step: int = 0


@dataclass(frozen=True)
class Target:
    """Y: words from an output pixel to the next in its row, from row to row, image to image."""

    address: int
    pitch: int
    row_pitch: int
    image_pitch: int
    binary32: bool

    @classmethod
    def rows(cls, address: int, pitch: int, binary32: bool) -> Target:
        """A plain matrix, each row an image of one pixel."""
        return cls(address, pitch, pitch, pitch, binary32)


@dataclass(frozen=True)
class Product:
    """One product in device memory: addresses and pitches in words, extents in elements.

    y [rows, columns] = a . b. The rows are the source's output pixels, and each sum runs over its
    taps and over `reduction` channels. Or, transposed, the rows are the taps' channels, and each
    sum runs over `reduction` output pixels; a tap is then a row of Y's image, a channel a pixel.
    a_keep: prune A a_keep:group along the channels as it is loaded; 0: not.
    """

    rows: int
    columns: int
    reduction: int
    a: Source
    b: Operand
    y: Target
    transpose_a: bool = False
    accumulate: bool = False
    a_keep: int = 0

    @property
    def sum_taps(self) -> int:
        """Taps that a sum runs over."""
        return 1 if self.transpose_a else self.a.taps[0] * self.a.taps[1]

    @property
    def y_size(self) -> tuple[int, int]:
        """Rows and columns of an image of Y."""
        if self.transpose_a:
            return self.a.taps[0] * self.a.taps[1], self.a.channels
        return self.a.out_size


def even_size(extent: int, most: int) -> int:
    """The size that evens out the fewest parts of at most `most` that cover `extent`."""
    parts = -(-extent // most)
    return -(-extent // parts)


def product_commands(config: ArrayConfig, product: Product) -> Commands:
    """Output-stationary tiles of a product, strip of rows by strip of rows.

    The interleave and the memory tile are the largest that the array holds, evened out so that
    the last strip and the last tile are not nearly empty; a reduction so long that the kernels'
    counters would overflow gets narrower tiles. Raises ArgumentError when even the narrowest has
    too many counts.
    """
    interleave = even_size(-(-product.rows // config.rows), config.interleave)
    blocks = _tile_blocks(config, product, interleave)
    strip, tile = config.rows * interleave, config.lanes * blocks
    first_row, first_column = np.meshgrid(
        np.arange(0, product.rows, strip), np.arange(0, product.columns, tile), indexing="ij"
    )
    row, column = first_row.ravel(), first_column.ravel()
    commands = np.zeros(row.size, STCE.dtype)
    commands["rows"] = np.minimum(strip, product.rows - row)
    commands["columns"] = np.minimum(tile, product.columns - column)
    commands["reduction"] = product.reduction
    commands["keep"] = product.b.keep
    commands["interleave"] = interleave
    commands["a_keep"] = product.a_keep
    block = column // config.lanes
    height, width = product.y_size
    image, place = np.divmod(row, height * width)
    y_row, y_column = np.divmod(place, width)
    _set_source(commands, config, product, (image, y_row, y_column))
    _set_operand(commands, config, product, block)
    _set_target(commands, product)
    y, word = product.y, block * (2 if product.y.binary32 else 1)
    start = image * y.image_pitch + y_row * y.row_pitch + y_column * y.pitch + word
    commands["y_address"] = _wrapped(y.address + start)
    commands["flags"] = _flags(
        STCE,
        transpose_a=product.transpose_a,
        packed_b=product.b.packed,
        accumulate=product.accumulate,
        binary32=product.y.binary32,
        transpose_b=product.b.transposed,
        backward_taps=product.a.backward,
    )
    return commands


def batch_commands(
    config: ArrayConfig, product: Product, batch: int, steps: tuple[int, int, int]
) -> Commands:
    """The commands of `batch` equal products whose A, B and Y lie `steps` words apart."""
    one = product_commands(config, product)
    commands = np.tile(one, batch)
    number = np.repeat(np.arange(batch), len(one))
    for name, step in zip(("a_address", "b_address", "y_address"), steps, strict=True):
        commands[name] = _wrapped(commands[name].astype(np.int64) + number * step)
    return commands


def _set_source(
    commands: Commands,
    config: ArrayConfig,
    product: Product,
    first: tuple[Indices, Indices, Indices],
) -> None:
    """A's fields. first: image, row and column of each tile's first pixel of Y."""
    a, blocks = product.a, config.blocks(product.a.channels)
    image, out_y, out_x = first
    tap_y = tap_x = np.zeros_like(image)
    commands["a_blocks"], commands["a_channels"] = blocks, a.channels
    if product.transpose_a:
        tap, channel = out_y, out_x
        tap_y, tap_x = np.divmod(tap, a.taps[1])
        out_y = out_x = np.zeros_like(image)  # every tile begins with the reduction's first pixel
        block, commands["a_skip"] = np.divmod(channel, config.lanes)
        commands["a_block"] = block
        last_tap, last = np.divmod(tap * a.channels + channel + commands["rows"] - 1, a.channels)
        words = (last_tap - tap) * blocks + last // config.lanes - block + 1
        commands["a_words"] = words
    y = a.origin[0] + out_y * a.stride[0] + a.direction * tap_y
    x = a.origin[1] + out_x * a.stride[1] + a.direction * tap_x
    row_words, step = a.size[1] * a.pitch, a.stride[1] * a.pitch
    to_row = a.stride[0] * row_words
    across, down = (a.out_size[1] - 1) * step, (a.out_size[0] - 1) * to_row
    tap_step = a.direction * a.pitch
    values = {
        "a_address": a.address + image * a.size[0] * row_words + y * row_words + x * a.pitch,
        "a_step": step,
        "a_row_jump": to_row - across,
        "a_image_jump": a.size[0] * row_words - down - across,
        "a_tap_step": tap_step,
        "a_tap_jump": a.direction * row_words - (a.taps[1] - 1) * tap_step,
    }
    for name, value in values.items():
        commands[name] = _wrapped(value)
    commands["a_y"], commands["a_x"] = y, x
    commands["a_height"], commands["a_width"] = a.size
    commands["a_stride_y"], commands["a_stride_x"] = a.stride
    commands["out_y"], commands["out_x"] = out_y, out_x
    commands["out_height"], commands["out_width"] = a.out_size
    commands["taps_y"], commands["taps_x"] = a.taps
    commands["tap_x"] = tap_x


def _set_operand(commands: Commands, config: ArrayConfig, product: Product, block: Indices) -> None:
    """B's fields, for tiles that start at column block `block`."""
    b = product.b
    if b.packed:
        start = block * b.block_step
    else:
        start = block * (config.lanes * b.pitch if b.transposed else 1)
    commands["b_address"] = _wrapped(b.address + start)
    commands["b_pitch"] = b.pitch
    commands["b_block_step"] = b.block_step
    commands["b_tap_step"] = b.tap_step
    commands["b_tap_jump"] = _wrapped(b.tap_row_step - (product.a.taps[1] - 1) * b.tap_step)


def _set_target(commands: Commands, product: Product) -> None:
    """The steps through Y."""
    y, (height, width) = product.y, product.y_size
    across = (width - 1) * y.pitch
    commands["y_pitch"] = y.pitch
    commands["y_row_jump"] = _wrapped(y.row_pitch - across)
    commands["y_image_jump"] = _wrapped(y.image_pitch - (height - 1) * y.row_pitch - across)


def _wrapped(words: Any) -> Any:
    """An address or a step as the commands hold it."""
    return words % MAX_ADDRESS


def _tile_blocks(config: ArrayConfig, product: Product, interleave: int) -> int:
    """Column blocks Q of a tile: the most whose counts fit, evened out."""
    total = config.blocks(product.columns)
    for most in range(config.memory_tile, 0, -1):
        blocks = even_size(total, most)
        if largest_count(config, product, interleave, blocks) <= MAX_COUNT:
            return blocks
    raise ArgumentError(
        f"product: a reduction of {product.sum_taps * product.reduction} elements is too long for "
        "the array: split it and accumulate"
    )


def largest_count(config: ArrayConfig, product: Product, interleave: int, blocks: int) -> int:
    """A bound of what the kernels count for a tile: cycles of its period (kernels/period.h), words
    and elements of its operands."""
    strip, sums = config.rows * interleave, interleave * blocks
    channels = product.a.channels
    taps = strip // channels + 2  # that a strip of their channels touches
    a_words = min(strip, taps * config.blocks(channels)) if product.transpose_a else 1
    panel = max(
        config.value_words(product.b.keep) * max(sums, config.adder_latency),
        strip,
        config.lanes * a_words,
        config.lanes * blocks,
        config.record_words(product.b.keep),
    )
    traffic = 2 * config.rows * sums + config.adder_latency
    return product.sum_taps * config.blocks(product.reduction) * panel + traffic


@dataclass(frozen=True)
class Update:
    """One pass of WUVE and SORE: addresses and pitch in words; keep 0 leaves a form out.

    decay_pruned (only with update) and masked_bp need ff_keep.
    """

    rows: int
    columns: int
    weights_address: int
    velocity_address: int
    gradient_address: int
    pitch: int
    ff_address: int
    ff_keep: int
    bp_address: int
    bp_keep: int
    update: bool
    binary16_weights: bool
    lr: float = 0.0
    momentum: float = 0.0
    weight_decay: float = 0.0
    inv_scale: float = 1.0
    sr_decay: float = 0.0
    decay_pruned: bool = False
    masked_bp: bool = False


def update_command(update: Update) -> Commands:
    """The command of an update, as a list of one."""
    command = np.zeros(1, WUVE.dtype)
    for field in WUVE.fields:
        if field.name != "flags":
            command[field.name] = getattr(update, field.name)
    command["flags"] = _flags(
        WUVE,
        update=update.update,
        binary16_weights=update.binary16_weights,
        decay_pruned=update.decay_pruned,
        masked_bp=update.masked_bp,
    )
    return command


def _flags(descriptor: Descriptor, **given: bool) -> int:
    return sum(descriptor.flag(name) for name, on in given.items() if on)
