# SPDX-License-Identifier: Apache-2.0
"""What the host must know of the array that a bundle was built for."""

from __future__ import annotations

from dataclasses import dataclass, fields

from .errors import SettingsError

# Smallest and largest value of each constant, as in hlsgen's spec.
LIMITS = {
    "rows": (1, 64),
    "lanes": (4, 64),
    "group": (4, 32),
    "interleave": (1, 64),
    "memory_tile": (1, 64),
    "adder_latency": (1, 16),
    "feed": (1, 2),
    "strip_words": (16, 8192),
}

BATCH_TOKENS = 16
"""A weight-stationary batch lets no more tokens into a row unit, of activations and of packets
each. The row below takes them a period later, so a stream of twice as many places never fills."""


def least_strip_words(rows: int, lanes: int) -> int:
    """Words of a transposed panel of the fewest output rows, which the loader must hold."""
    return lanes * (rows + 1)


@dataclass(frozen=True)
class ArrayConfig:
    """The build-time constants of one accelerator of rows x lanes USPEs.

    rows, lanes: R row units of C lanes. group: M of N:M. interleave: most activation rows T that
    a row unit holds. memory_tile: most column blocks Q of one tile. adder_latency: cycles that a
    running sum is in flight. feed: activation words that enter the chain in a cycle. strip_words:
    of activations that the loader holds, twice. Raises SettingsError for a value that no array has.
    """

    rows: int
    lanes: int
    group: int
    interleave: int
    memory_tile: int
    adder_latency: int
    feed: int = 2
    strip_words: int = 8192

    def __post_init__(self) -> None:
        for field in fields(self):
            value, (low, high) = getattr(self, field.name), LIMITS[field.name]
            whole = isinstance(value, int) and not isinstance(value, bool)
            if not whole or not low <= value <= high:
                raise SettingsError(
                    f"{field.name}: expected an integer from {low} to {high}, got {value!r}"
                )
        for name in ("lanes", "group"):
            value = getattr(self, name)
            if value & (value - 1):
                raise SettingsError(f"{name}: expected a power of two, got {value}")
        if self.group > self.lanes:
            raise SettingsError(f"group: expected at most lanes {self.lanes}, got {self.group}")
        if self.strip_words < (needed := least_strip_words(self.rows, self.lanes)):
            raise SettingsError(
                f"strip_words: expected lanes x (rows + 1) = {needed} or more, "
                f"got {self.strip_words}"
            )

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

    @property
    def held_packets(self) -> int:
        """Packets that a row unit holds, weight stationary (kHeldPackets in kernels/types.h)."""
        return max(self.interleave * self.memory_tile, -(-self.lanes // self.rows))

    def blocks(self, extent: int) -> int:
        """Blocks of `lanes` elements that cover an axis of `extent` elements."""
        return -(-extent // self.lanes)

    def value_words(self, keep: int) -> int:
        """Words of kept values in one packed record."""
        return self.groups_per_panel * keep

    def index_words(self, keep: int) -> int:
        """Words of indices in one packed record; none when all values are kept."""
        return 0 if keep == self.group else -(-self.value_words(keep) // self.index_slots)

    def record_words(self, keep: int) -> int:
        """Words of one packed record: a panel of the reduction times one column block."""
        return self.value_words(keep) + self.index_words(keep)
