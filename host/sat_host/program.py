# SPDX-License-Identifier: Apache-2.0
"""Command lists: how products and updates are cut into what the engines execute. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .config import ArrayConfig
from .descriptor import STCE, WUVE, Descriptor
from .product import Product
from .strips import check_tiling, default_tiling, held_words, strip_rows
from .tiling import Tiling

Commands = npt.NDArray[Any]
Indices = npt.NDArray[np.int64]

MAX_ADDRESS = 1 << 32  # addresses are 32-bit word counts


def product_commands(
    config: ArrayConfig, product: Product, tiling: Tiling | None = None
) -> Commands:
    """The commands of a product, strip of output rows by strip.

    A command has all columns when its strip is buffered, else one tile of them. tiling: by default
    that of default_tiling. Raises ArgumentError for a tiling that the array can't hold.
    """
    tiling = tiling or default_tiling(config, product)
    check_tiling(config, product, tiling)
    strip = strip_rows(config, product, tiling)
    columns = config.lanes * tiling.blocks
    if tiling.buffered:
        columns *= -(-product.columns // columns)
    first_row, first_column = np.meshgrid(
        np.arange(0, product.rows, strip), np.arange(0, product.columns, columns), indexing="ij"
    )
    row, column = first_row.ravel(), first_column.ravel()
    commands = np.zeros(row.size, STCE.dtype)
    commands["rows"] = np.minimum(strip, product.rows - row)
    commands["columns"] = np.minimum(columns, product.columns - column)
    commands["reduction"] = product.reduction
    commands["keep"] = product.b.keep
    commands["interleave"] = tiling.interleave
    commands["blocks"] = tiling.blocks
    commands["a_keep"] = product.a_keep
    block = column // config.lanes
    height, width = product.y_size
    image, place = np.divmod(row, height * width)
    y_row, y_column = np.divmod(place, width)
    _set_source(commands, config, product, (image, y_row, y_column))
    if tiling.buffered and not product.transpose_a:
        held = held_words(product.a, row, commands["rows"].astype(np.int64))
        commands["strip_address"] = _wrapped(product.a.address + held[0])
        # A part of the channels, as segments take, begins within the first pixel.
        commands["strip_words"] = held[1] - (product.a.pitch - config.blocks(product.a.channels))
    _set_operand(commands, config, product, block)
    _set_target(commands, product, (image, y_row, y_column), block)
    commands["flags"] = _flags(
        STCE,
        transpose_a=product.transpose_a,
        packed_b=product.b.packed,
        accumulate=product.accumulate,
        binary32=product.y.binary32,
        transpose_b=product.b.transposed,
        backward_taps=product.a.backward,
        weight_stationary=tiling.dataflow == "ws",
    )
    return commands


def batch_commands(
    config: ArrayConfig,
    product: Product,
    batch: int,
    steps: tuple[int, int, int],
    tiling: Tiling | None = None,
) -> Commands:
    """The commands of `batch` equal products whose A, B and Y lie `steps` words apart."""
    one = product_commands(config, product, tiling)
    commands = np.tile(one, batch)
    number = np.repeat(np.arange(batch), len(one))
    a, b, y = steps
    sums = y if product.y.binary32 else 2 * y
    for name, step in (
        ("a_address", a), ("strip_address", a), ("b_address", b), ("y_address", y),
        ("sums_address", sums),
    ):  # fmt: skip
        commands[name] = _wrapped(commands[name].astype(np.int64) + number * step)
    return commands


def command_bytes(commands: Commands) -> npt.NDArray[np.uint8]:
    """Commands as they lie in memory, padding zero: NumPy's copies of records need not keep it."""
    packed = np.zeros(len(commands), commands.dtype)
    for name in commands.dtype.names or ():
        packed[name] = commands[name]
    return packed.view(np.uint8)


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
        # Every strip begins with the reduction's first pixel.
        height, width = a.out_size
        image = image + product.first_pixel // (height * width)
        out_y = np.zeros_like(image) + product.first_pixel // width % height
        out_x = np.zeros_like(image) + product.first_pixel % width
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


def _set_target(
    commands: Commands, product: Product, first: tuple[Indices, Indices, Indices], block: Indices
) -> None:
    """Y's fields, and where stored sums lie. first: as _set_source; block: first column block."""
    y, (height, width) = product.y, product.y_size
    image, row, column = first
    word = block * (2 if y.binary32 else 1)
    start = image * y.image_pitch + row * y.row_pitch + column * y.pitch + word
    commands["y_address"] = _wrapped(y.address + start)
    sums = y.address if product.sums is None else product.sums
    commands["sums_address"] = _wrapped(sums + start * (1 if y.binary32 else 2))
    across = (width - 1) * y.pitch
    commands["y_pitch"] = y.pitch
    commands["y_row_jump"] = _wrapped(y.row_pitch - across)
    commands["y_image_jump"] = _wrapped(y.image_pitch - (height - 1) * y.row_pitch - across)


def _wrapped(words: Any) -> Any:
    """An address or a step as the commands hold it."""
    return words % MAX_ADDRESS


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
    flags = _flags(
        WUVE,
        update=update.update,
        binary16_weights=update.binary16_weights,
        decay_pruned=update.decay_pruned,
        masked_bp=update.masked_bp,
    )
    values = [
        flags if name == "flags" else getattr(update, name) for name in WUVE.dtype.names or ()
    ]
    return np.array([tuple(values)], WUVE.dtype)


def _flags(descriptor: Descriptor, **given: bool) -> int:
    return sum(descriptor.flag(name) for name, on in given.items() if on)
