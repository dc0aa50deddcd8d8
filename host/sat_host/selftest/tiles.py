# SPDX-License-Identifier: Apache-2.0
"""Which tile of the array made an element of a result: strip, column tile, row unit and lane.

Pure functions; where rows and columns go is docs/architecture.md's, The array.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..command_lists import Work
from ..config import ArrayConfig
from ..product import Product
from ..strips import strip_rows


def locate(config: ArrayConfig, done: Sequence[Work], word: int, column: int) -> str | None:
    """The tile that made the element of `column` in the row of Y that begins at address `word`.

    done: the work in its order; the last that wrote there counts. None when none did.
    """
    for work in reversed(done):
        for copy in range(work.copies.count):
            first = work.product.y.address + copy * work.copies.steps[2]
            row = output_row(work.product, word - first)
            if row is not None and column < work.product.columns:
                which = f"product {copy} of {work.copies.count}, " if work.copies.count > 1 else ""
                return which + describe_tile(config, work, row, column)
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


def describe_tile(config: ArrayConfig, work: Work, row: int, column: int) -> str:
    """An output row's and column's place on the array, in words. Numbers count from 0."""
    product, tiling = work.product, work.tiling
    rows = strip_rows(config, product, tiling)
    strip, within = divmod(row, rows)
    columns = config.lanes * tiling.blocks
    tile = column // columns
    if tiling.dataflow == "os":
        # The row unit at the head of the chain holds the last rows (kernels/row_unit.h).
        unit = f"row unit {config.rows - 1 - within // tiling.interleave}, "
    else:
        unit = f"batch {within // tiling.interleave}, "
    last_row = min((strip + 1) * rows, product.rows) - 1
    last_column = min((tile + 1) * columns, product.columns) - 1
    return (
        f"{tiling.dataflow} strip {strip} (output rows {strip * rows} to {last_row}), "
        f"column tile {tile} (columns {tile * columns} to {last_column}), "
        f"{unit}lane {column % config.lanes}"
    )
