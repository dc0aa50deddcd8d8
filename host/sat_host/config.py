# SPDX-License-Identifier: Apache-2.0
"""What the host must know of the array that a bundle was built for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ArrayConfig:
    """The build-time constants of one accelerator (design: rows x lanes USPEs).

    rows, lanes: R row units of C lanes. group: M of N:M. interleave: most activation rows T that
    a row unit holds. memory_tile: most column blocks Q of one tile. adder_latency: cycles that a
    running sum is in flight.
    """

    rows: int
    lanes: int
    group: int
    interleave: int
    memory_tile: int
    adder_latency: int

    @property
    def word_bytes(self) -> int:
        """Bytes of one memory word: `lanes` binary16 values."""
        return 2 * self.lanes

    @property
    def index_bits(self) -> int:
        """Bits of one index into a group: log2(group)."""
        return self.group.bit_length() - 1

    @property
    def index_slots(self) -> int:
        """Indices of one lane that share its 16 bits of an index word."""
        return 16 // self.index_bits

    @property
    def groups_per_panel(self) -> int:
        """Groups in a panel, the `lanes` reduction elements that one word of A holds."""
        return self.lanes // self.group

    def blocks(self, extent: int) -> int:
        """Blocks of `lanes` elements that cover an axis of `extent` elements."""
        return -(-extent // self.lanes)

    def record_words(self, keep: int) -> int:
        """Words of one packed record: a panel of the reduction times one column block."""
        values = self.groups_per_panel * keep
        return values if keep == self.group else values + -(-values // self.index_slots)
