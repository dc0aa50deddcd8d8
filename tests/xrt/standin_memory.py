# SPDX-License-Identifier: Apache-2.0
"""The memories of the stand-in for a card, in one address space that costs nothing until used."""

from __future__ import annotations

import mmap
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

GIB = 1 << 30
SPACE = 0x40_0000_0000  # where the first memory begins
DDR_STRIDE = 64 * GIB
PAGE = 4096


class CardMemory:
    """One memory of a card: pages by first fit."""

    def __init__(self, tag: str, index: int, base: int, size: int, first_page: int) -> None:
        self.tag, self.index, self.base, self.bytes = tag, index, base, size
        self._free = [(base + first_page * PAGE, base + size)]

    def take(self, size: int) -> int | None:
        for place, (start, end) in enumerate(self._free):
            if end - start >= size:
                self._free[place : place + 1] = [(start + size, end)] if end - start > size else []
                return start
        return None

    def give(self, start: int, size: int) -> None:
        self._free = sorted([*self._free, (start, start + size)])
        joined = [self._free[0]]
        for piece in self._free[1:]:
            if piece[0] == joined[-1][1]:
                joined[-1] = (joined[-1][0], piece[1])
            else:
                joined.append(piece)
        self._free = joined

    # As pyxrt's memories:

    def get_tag(self) -> str:
        return self.tag

    def get_index(self) -> int:
        return self.index

    def get_base_address(self) -> int:
        return self.base

    def get_size_kb(self) -> int:
        return self.bytes >> 10

    def get_used(self) -> bool:
        return True


class AddressSpace:
    """The address space of a card with an xclbin: its memories, and groups of neighbours."""

    def __init__(self, memories: list[CardMemory]) -> None:
        self.memories = memories
        end = max(memory.base + memory.bytes for memory in memories)
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x4000  # MAP_NORESERVE
        self.bytes = np.frombuffer(mmap.mmap(-1, end - SPACE, flags=flags), np.uint8)
        self.groups: list[tuple[int, ...]] = [(memory.index,) for memory in memories]

    def group(self, tags: set[str]) -> int:
        """The index of the memories together, as `group_id` gives it."""
        wanted = tuple(memory.index for memory in self.memories if memory.tag in tags)
        if wanted not in self.groups:
            self.groups.append(wanted)
        return self.groups.index(wanted)

    def at(self, address: int, size: int) -> Any:
        return self.bytes[address - SPACE : address - SPACE + size]


def memories_of(
    tags: list[str], sizes: Mapping[str, int], first_page: int, old_tags: bool
) -> list[CardMemory]:
    """DDR of 16 GiB, 64 GiB apart, and HBM of 256 MiB, one after the other; sizes: other ones.

    first_page: of the first memory, that is free. old_tags: DDR[n] is called bank n.
    """
    found, base = [], SPACE
    for index, tag in enumerate(tags):
        kind, number = re.fullmatch(r"(\w+)\[(\d+)\]", tag).groups()  # type: ignore[union-attr]
        size = sizes.get(tag, 16 * GIB if kind == "DDR" else GIB >> 2)
        name = f"bank{number}" if old_tags and kind == "DDR" else tag
        found.append(CardMemory(name, index, base, size, first_page if not index else 0))
        base += DDR_STRIDE if kind == "DDR" else size
    return found
