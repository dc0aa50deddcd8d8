# SPDX-License-Identifier: Apache-2.0
"""Where an element of a recorded result was made: the tile of the array, or the packed record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import packing
from ..config import ArrayConfig
from ..selftest.tiles import Tile, describe_tile, find_work, tile_of
from .calls import Call, Result


@dataclass(frozen=True)
class Spot:
    """What is known of an element's place. tile: that made it, and product: which of several equal
    ones it belongs to; None where the device can't tell. lane: of the array, or of the packed word.
    word: of packed records, "value" or "index". text: all of that in words."""

    lane: int
    text: str
    tile: Tile | None = None
    product: int | None = None
    word: str | None = None

    def fields(self) -> dict[str, Any]:
        """As JSON."""
        tile = None if self.tile is None else vars(self.tile)
        return {"lane": self.lane, "text": self.text, "tile": tile, "product": self.product}


def spot_of(call: Call, result: Result, index: tuple[int, ...], config: ArrayConfig) -> Spot:
    """Of an element of a call's result."""
    if result.keep:
        return _packed(result, index, config)
    row, column = index
    lane = column % config.lanes
    if call.operation == "update_weights":
        return Spot(lane, f"update engine, column block {column // config.lanes}, lane {lane}")
    if call.operation == "write":
        return Spot(lane, "written by the host")
    if result.address is None:
        return Spot(lane, "")
    pitch = config.blocks(result.shape[1]) * (2 if result.dtype == "float32" else 1)
    found = find_work(call.works, result.address + row * pitch, column)
    if found is None:
        return Spot(lane, "written by no product: left as it was, or cleared")
    work, copy, output_row = found
    tile = tile_of(config, work, output_row, column)
    which = copy if work.copies.count > 1 else None
    text = "" if which is None else f"product {copy} of {work.copies.count}, "
    text += describe_tile(config, work, output_row, column)
    return Spot(lane, f"{text}; T {tile.interleave}, Q {tile.blocks}", tile, which)


def _packed(result: Result, index: tuple[int, ...], config: ArrayConfig) -> Spot:
    """The packing of a word of packed records."""
    block, panel, word, lane = index
    column = block * config.lanes + lane
    head = f"column {column} (block {block}, lane {lane}), panel {panel}"
    if word >= config.value_words(result.keep):
        number = word - config.value_words(result.keep)
        return Spot(lane, f"{head}, index word {number}", word="index")
    group, kept = divmod(word, result.keep)
    assert result.values is not None
    record = np.asarray(result.values[block : block + 1, panel : panel + 1], np.uint16)
    indices = packing.decode(record, result.keep, config)[1]
    element = group * config.group + int(indices[0, 0, group, kept, lane])
    reduction = panel * config.lanes + element
    text = f"{head}, kept value {kept} of group {group}: reduction element {reduction}"
    return Spot(lane, text, word="value")
