# SPDX-License-Identifier: Apache-2.0
"""Which of a card's memories a tensor goes to, and the word addresses that commands use.

A program numbers its banks 0, 1, ...; each is one memory of the card or, where the card has many
small ones (HBM), several. Commands count words of `lanes` binary16 values from one base, the
lowest buffer of all, with 32 bits; a memory beyond that reach takes no tensors, and its bank's
tensors go to one within.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..errors import BundleError, DeviceError
from ..heap import ALIGN_BYTES
from ..program import MAX_ADDRESS

_BANK = re.compile(r"bank(\d+)")


@dataclass(frozen=True)
class CardMemory:
    """A memory of the card. tag: as the xclbin names it. index: that a buffer is allocated by.
    base, bytes: where it lies in the card's address space."""

    tag: str
    index: int
    base: int
    bytes: int


def match_banks(
    banks: Sequence[Sequence[str]], memories: Sequence[CardMemory], file: str
) -> tuple[tuple[CardMemory, ...], ...]:
    """The memories of each bank. Older platforms call DDR[n] bank n. Raises BundleError."""
    known = {_canonical(memory.tag): memory for memory in memories}
    for tag in (tag for tags in banks for tag in tags):
        if tag not in known:
            there = ", ".join(known) or "none"
            raise BundleError(
                f"{file}: its kernels are not linked to {tag} (but to {there}), where the program "
                "puts tensors: build the bundle again"
            )
    return tuple(tuple(known[tag] for tag in tags) for tags in banks)


def _canonical(tag: str) -> str:
    old = _BANK.fullmatch(tag)
    return f"DDR[{old[1]}]" if old else tag


class Banks:
    """The room of each memory, in bytes. base: the address of word 0."""

    def __init__(self, banks: Sequence[Sequence[CardMemory]], base: int, word_bytes: int) -> None:
        self.base, self.word_bytes = base, word_bytes
        self._end = base + MAX_ADDRESS * word_bytes
        within = [[memory for memory in bank if memory.base < self._end] for bank in banks]
        whole = [bank for bank in within if bank]
        if not whole:
            raise DeviceError(f"device memory: none lies above the base address {base:#x}")
        self.folded = tuple(n for n, bank in enumerate(within) if not bank)
        self._banks = [bank or whole[n % len(whole)] for n, bank in enumerate(within)]
        # Banks may share a memory, when one is folded onto another.
        self._room = {
            memory: min(memory.base + memory.bytes, self._end) - memory.base
            for bank in whole
            for memory in bank
        }

    def candidates(self, size: int, bank: int | None) -> Iterator[CardMemory]:
        """Memories with room for `size` bytes, the best first: those of the bank, then the others,
        the one with most room first; without a bank, those of the bank with most room."""
        if bank is None:
            first = max(self._banks, key=lambda bank: sum(self._room[memory] for memory in bank))
        else:
            first = self._banks[bank % len(self._banks)]
        others = sorted(self._room, key=lambda memory: -self._room[memory])
        ordered = [*first, *(memory for memory in others if memory not in first)]
        yield from (memory for memory in ordered if self._room[memory] >= rounded(size))

    def take(self, address: int, size: int) -> None:
        """Count a buffer as there."""
        self._count(address, -rounded(size))

    def give(self, address: int, size: int) -> None:
        """Count a buffer as gone."""
        self._count(address, rounded(size))

    def word(self, address: int, size: int) -> int | None:
        """The word address of a buffer; None when commands can't reach all of it."""
        offset = address - self.base
        if offset < 0 or offset % ALIGN_BYTES or address + size > self._end:
            return None
        return offset // self.word_bytes

    @property
    def free(self) -> int:
        """Bytes that are left."""
        return sum(self._room.values())

    def _count(self, address: int, change: int) -> None:
        for memory in self._room:
            start = max(address, memory.base)
            end = min(address + abs(change), memory.base + memory.bytes)
            if end > start:
                self._room[memory] += (end - start) if change > 0 else start - end


def rounded(size: int) -> int:
    """Bytes of a buffer of `size` bytes, in pieces of 4 KiB, to which XRT aligns buffers."""
    return -(-size // ALIGN_BYTES) * ALIGN_BYTES
