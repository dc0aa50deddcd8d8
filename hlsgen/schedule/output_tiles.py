# SPDX-License-Identifier: Apache-2.0
"""How output stationary products are cut into tiles, for many tilings at once."""

from __future__ import annotations

from sat_host.config import ArrayConfig

from .memory import Counts
from .options import Options
from .traffic import Weights, divided
from .work import ProductWork


class OutputTiles:
    """The tiles of a product: `strips` of rows, each of `tiles` - 1 tiles of `blocks` column blocks
    and one, the last, of `last_blocks`."""

    def __init__(
        self,
        config: ArrayConfig,
        work: ProductWork,
        interleave: Counts,
        blocks: Counts,
        options: Options,
    ) -> None:
        self.config, self.work, self.options = config, work, options
        self.interleave, self.blocks = interleave, blocks
        self.weights = Weights(config, work, options)
        self.column_blocks = config.blocks(work.columns)
        self.strip = config.rows * interleave
        self.intake = config.rows * divided(interleave, config.feed)
        self.strips = work.copies * -(-work.rows // self.strip)
        self.tiles = divided(self.column_blocks, blocks)
        self.last_blocks = self.column_blocks - (self.tiles - 1) * blocks
        self.tap_panels = config.blocks(work.reduction)
        self.sent = 2 if work.binary32 else 1  # cycles in which a finished sum leaves
        self.tail = work.reduction - (self.tap_panels - 1) * config.lanes
        self.first_panel = config.lanes if self.tap_panels > 1 else self.tail  # elements

    def pass_cycles(self, blocks: Counts) -> Counts:
        """A pass over the sums of a tile of `blocks`, with its idle cycles."""
        return self.weights.pass_cycles(self.interleave * blocks)

    def steps(self, blocks: Counts, behind: Counts | None) -> list[tuple[int, int, int, Counts]]:
        """The panels of a tile of `blocks`, with a tile of other blocks behind it or none: elements
        of a panel and of the next one, how often they follow each other, the next one's blocks."""
        lanes, tail, taps = self.config.lanes, self.tail, self.work.taps
        if self.tap_panels == 1:
            found = [(tail, tail, taps - 1, blocks)]
        else:
            found = [
                (lanes, lanes, taps * (self.tap_panels - 2), blocks),
                (lanes, tail, taps, blocks),
                (tail, lanes, taps - 1, blocks),
            ]
        return found if behind is None else [*found, (tail, self.first_panel, 1, behind)]

    def products(self, elements: int, blocks: Counts) -> Counts:
        """Cycles of a panel's products."""
        return self.weights.packet_rows(elements) * self.pass_cycles(blocks)
