# SPDX-License-Identifier: Apache-2.0
"""Widths in bits of what the kernels move and keep (kernels/types.h), from an array's constants."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sat_host.config import BATCH_TOKENS, ArrayConfig
from sat_host.descriptor import STCE, WUVE

OPERAND_BITS = 17  # kernels/exact_product.h
PLAN_NUMBERS = 40  # integers of PeriodPlan (kernels/period.h); the batched ones among them:
PLAN_BATCH_NUMBERS = 10
PLAN_FLAGS = 7
TILE_NUMBERS = 17  # of Tile
OUTPUT_TILE_NUMBERS = 17  # of OutputTile (kernels/output_rows.h)
ROW_WALK_NUMBERS = 3


@dataclass(frozen=True)
class Widths:
    """Of one array. stationary: with hardware for weight-stationary products."""

    config: ArrayConfig
    stationary: bool

    @property
    def of_update(self) -> Widths:
        """Of an array whose update engine, which lanes and groups alone make, is the same."""
        config = replace(self.config, rows=1, interleave=1, memory_tile=1, adder_latency=1, feed=1)
        return Widths(config, False)

    @property
    def word(self) -> int:
        """A memory word: `lanes` binary16."""
        return 16 * self.config.lanes

    @property
    def operands(self) -> int:
        """A word of unpacked operands."""
        return OPERAND_BITS * self.config.lanes

    @property
    def sums(self) -> int:
        """A word of binary32."""
        return 32 * self.config.lanes

    @property
    def indices(self) -> int:
        """The indices of a packet."""
        return self.config.index_bits * self.config.lanes

    @property
    def packet(self) -> int:
        """Values, indices, and the place that they meet (PacketPlace: 16 + 8 + 8)."""
        return self.operands + self.indices + 32

    @property
    def plan(self) -> int:
        """PeriodPlan; what only weight-stationary periods have goes without them."""
        spared = 0 if self.stationary else PLAN_BATCH_NUMBERS
        return 32 * (PLAN_NUMBERS - spared) + PLAN_FLAGS

    @property
    def command(self) -> int:
        """A command of STCE."""
        return 8 * STCE.bytes

    def tokens(self) -> dict[str, int]:
        """By the type names of the streams in templates/sat_stce.cpp.j2 and sat_wuve.cpp.j2."""
        config = self.config
        return {
            "StceCommand": self.command,
            "WuveCommand": 8 * WUVE.bytes,
            "Tile": 32 * TILE_NUMBERS,
            "OutputTile": 32 * OUTPUT_TILE_NUMBERS,
            "RowWalk": 32 * ROW_WALK_NUMBERS,
            "PlanT": self.plan,
            "WordT": self.word,
            "HeldT": config.feed * self.word,
            "ActivationsT": config.feed * self.operands,
            "PacketT": self.packet,
            "SumT": self.sums,
            "BitsT": self.sums,
            "MaskT": config.lanes,
            "SelectionT": self.word + self.indices,
        }

    @property
    def tile_sums(self) -> int:
        """Sums that a row unit keeps, in words (Geometry::kTileSums)."""
        return self.config.interleave * self.config.memory_tile

    @property
    def held_packets(self) -> int:
        """Packets that a row unit keeps, twice (Geometry::kHeldPackets)."""
        if not self.stationary:
            return 1
        return max(self.tile_sums, -(-self.config.lanes // self.config.rows))

    @property
    def held_tokens(self) -> int:
        """Activation tokens that a row unit keeps, twice (Geometry::kHeldTokens)."""
        own = -(-self.config.interleave // self.config.feed)
        return max(own, BATCH_TOKENS if self.stationary else 0)

    @property
    def index_words(self) -> int:
        """Index words of a panel's record, at most (Geometry::kMaxIndexWords)."""
        config = self.config
        slots = 16 // config.index_bits
        return -(-(config.lanes // config.group * (config.group - 1)) // slots)
