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

MAX_ADDRESS = 1 << 32  # addresses are 32-bit word counts
MAX_COUNT = (1 << 31) - 1  # the kernels count in signed 32 bits


@dataclass(frozen=True)
class Product:
    """One product in device memory: addresses and pitches in words, extents in elements.

    y [rows, columns] = op(a) · b, summed over `reduction`. b is packed records when `packed`.
    """

    rows: int
    columns: int
    reduction: int
    a_address: int
    a_pitch: int
    transpose_a: bool
    b_address: int
    b_pitch: int
    packed: bool
    keep: int
    y_address: int
    y_pitch: int
    binary32: bool
    accumulate: bool


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
    block = column // config.lanes

    commands = np.zeros(row.size, STCE.dtype)
    if product.transpose_a:
        commands["a_address"] = product.a_address + row // config.lanes
        commands["a_skip"] = row % config.lanes
    else:
        commands["a_address"] = product.a_address + row * product.a_pitch
    commands["a_pitch"] = product.a_pitch
    if product.packed:
        column_block = config.blocks(product.reduction) * config.record_words(product.keep)
        commands["b_address"] = product.b_address + block * column_block
    else:
        commands["b_address"] = product.b_address + block
    commands["b_pitch"] = product.b_pitch
    words = 2 if product.binary32 else 1
    commands["y_address"] = product.y_address + row * product.y_pitch + block * words
    commands["y_pitch"] = product.y_pitch
    commands["rows"] = np.minimum(strip, product.rows - row)
    commands["columns"] = np.minimum(tile, product.columns - column)
    commands["reduction"] = product.reduction
    commands["keep"] = product.keep
    commands["interleave"] = interleave
    commands["flags"] = _flags(
        STCE,
        transpose_a=product.transpose_a,
        packed_b=product.packed,
        accumulate=product.accumulate,
        binary32=product.binary32,
    )
    return commands


def _tile_blocks(config: ArrayConfig, product: Product, interleave: int) -> int:
    """Column blocks Q of a tile: the most whose counts fit, evened out."""
    total = config.blocks(product.columns)
    for most in range(config.memory_tile, 0, -1):
        blocks = even_size(total, most)
        if _largest_count(config, product, interleave, blocks) <= MAX_COUNT:
            return blocks
    raise ArgumentError(
        f"product: a reduction of {product.reduction} elements is too long for the array: "
        "split it and accumulate"
    )


def _largest_count(config: ArrayConfig, product: Product, interleave: int, blocks: int) -> int:
    """A bound of what the kernels count for a tile: cycles of its period (kernels/period.h), words
    and elements of its operands."""
    strip, sums = config.rows * interleave, interleave * blocks
    a_columns = config.blocks(config.lanes - 1 + strip) if product.transpose_a else 1
    panel = max(
        config.value_words(product.keep) * max(sums, config.adder_latency),
        strip,
        config.lanes * a_columns,
        config.record_words(product.keep),
    )
    traffic = 2 * config.rows * sums + config.adder_latency
    return config.blocks(product.reduction) * panel + traffic


@dataclass(frozen=True)
class Update:
    """One pass of WUVE and SORE: addresses and pitch in words; keep 0 leaves a form out."""

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


def update_command(update: Update) -> Commands:
    """The command of an update, as a list of one."""
    command = np.zeros(1, WUVE.dtype)
    for field in WUVE.fields:
        if field.name != "flags":
            command[field.name] = getattr(update, field.name)
    command["flags"] = _flags(WUVE, update=update.update, binary16_weights=update.binary16_weights)
    return command


def _flags(descriptor: Descriptor, **given: bool) -> int:
    return sum(descriptor.flag(name) for name, on in given.items() if on)
