# SPDX-License-Identifier: Apache-2.0
"""Which words of device memory are in use: first fit, neighbours joined when freed."""

from __future__ import annotations

from bisect import insort

from .errors import DeviceError

ALIGN_BYTES = 4096  # XRT aligns buffers to 4 KiB


class Heap:
    """Addresses of one memory of `words` words; every region starts at a multiple of `align`."""

    def __init__(self, words: int, align: int) -> None:
        self._free: list[tuple[int, int]] = [(0, words)]  # (start, words), sorted by start
        self.words = words
        self._align = align

    @property
    def free_words(self) -> int:
        """Words not in use."""
        return sum(words for _, words in self._free)

    def take(self, words: int) -> int:
        """The address of a new region. Raises DeviceError when none is large enough."""
        words = self._rounded(words)
        for place, (start, room) in enumerate(self._free):
            if room >= words:
                rest = [(start + words, room - words)] if room > words else []
                self._free[place : place + 1] = rest
                return start
        raise DeviceError(
            f"device memory: {words} words do not fit, {self.free_words} of {self.words} are free"
        )

    def give(self, start: int, words: int) -> None:
        """Take back the region that `take(words)` placed at `start`."""
        insort(self._free, (start, self._rounded(words)))
        joined: list[tuple[int, int]] = []
        for region in self._free:
            if joined and sum(joined[-1]) == region[0]:
                joined[-1] = (joined[-1][0], joined[-1][1] + region[1])
            else:
                joined.append(region)
        self._free = joined

    def _rounded(self, words: int) -> int:
        return -(-words // self._align) * self._align


class OneBank:
    """A memory of `words` words without banks, for back ends to derive from: a region lies where
    the heap has room, whatever bank is asked for."""

    banked = False

    def __init__(self, words: int, word_bytes: int) -> None:
        self.heap = Heap(words, max(1, ALIGN_BYTES // word_bytes))

    def allocate(self, words: int, bank: int | None) -> int:
        """The address of a new region. Raises DeviceError when there is no room."""
        return self.heap.take(words)

    def release(self, address: int, words: int) -> None:
        """Take back what `allocate(words, ...)` placed at `address`."""
        self.heap.give(address, words)
