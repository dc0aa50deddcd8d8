# SPDX-License-Identifier: Apache-2.0
"""Which tile of the array made an element of a result: strip, column tile, row unit and lane.

Pure functions; where rows and columns go is docs/architecture.md's, The array.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..command_lists import Work
from ..config import ArrayConfig
from ..product import Product
from ..strips import strip_rows


def locate(config: ArrayConfig, done: Sequence[Work], word: int, column: int) -> str | None:
    """The tile that made the element of `column` in the row of Y that begins at address `word`.

    done: the work in its order; the last that wrote there counts. None when none did.
    """
    found = find_work(done, word, column)
    if found is None:
        return None
    work, copy, row = found
    which = f"product {copy} of {work.copies.count}, " if work.copies.count > 1 else ""
    return which + describe_tile(config, work, row, column)


def find_work(done: Sequence[Work], word: int, column: int) -> tuple[Work, int, int] | None:
    """The work that made the element, which of its copies, and the output row there."""
    for work in reversed(done):
        for copy in range(work.copies.count):
            first = work.product.y.address + copy * work.copies.steps[2]
            row = output_row(work.product, word - first)
            if row is not None and column < work.product.columns:
                return work, copy, row
    return None


def output_row(product: Product, offset: int) -> int | None:
    """The output row whose result begins `offset` words from Y's address, if one does."""
    y, (height, width) = product.y, product.y_size
    image, rest = divmod(offset, y.image_pitch)
    line, rest = divmod(rest, y.row_pitch)
    place, rest = divmod(rest, y.pitch)
    if offset < 0 or rest or line >= height or place >= width:
        return None
    row = (image * height + line) * width + place
    return row if row < product.rows else None


@dataclass(frozen=True)
class Tile:
    """An output element's place on the array; numbers count from 0.

    interleave, blocks: T and Q of the tiling. output_rows, output_columns: first and last of the
    strip and of the column tile. row_unit: output stationary; batch: of rows, weight stationary,
    where every row unit has a part of each sum.
    """

    dataflow: str
    interleave: int
    blocks: int
    strip: int
    output_rows: tuple[int, int]
    column_tile: int
    output_columns: tuple[int, int]
    row_unit: int | None
    batch: int | None
    lane: int


def tile_of(config: ArrayConfig, work: Work, row: int, column: int) -> Tile:
    """Of an output row and column of a work's product."""
    product, tiling = work.product, work.tiling
    rows = strip_rows(config, product, tiling)
    strip, within = divmod(row, rows)
    columns = config.lanes * tiling.blocks
    tile = column // columns
    stationary = tiling.dataflow == "os"
    batch = within // tiling.interleave
    return Tile(
        dataflow=tiling.dataflow,
        interleave=tiling.interleave,
        blocks=tiling.blocks,
        strip=strip,
        output_rows=(strip * rows, min((strip + 1) * rows, product.rows) - 1),
        column_tile=tile,
        output_columns=(tile * columns, min((tile + 1) * columns, product.columns) - 1),
        # The row unit at the head of the chain holds the last rows (kernels/row_unit.h).
        row_unit=config.rows - 1 - batch if stationary else None,
        batch=None if stationary else batch,
        lane=column % config.lanes,
    )


def describe_tile(config: ArrayConfig, work: Work, row: int, column: int) -> str:
    """An output row's and column's place on the array, in words. Numbers count from 0."""
    tile = tile_of(config, work, row, column)
    unit = f"batch {tile.batch}" if tile.row_unit is None else f"row unit {tile.row_unit}"
    (first, last), (left, right) = tile.output_rows, tile.output_columns
    return (
        f"{tile.dataflow} strip {tile.strip} (output rows {first} to {last}), "
        f"column tile {tile.column_tile} (columns {left} to {right}), {unit}, lane {tile.lane}"
    )
