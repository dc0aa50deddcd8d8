# SPDX-License-Identifier: Apache-2.0
"""The heap of device memory: regions never overlap, and freed neighbours join."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sat_host.errors import DeviceError
from sat_host.heap import Heap, OneBank

WORDS, ALIGN = 1000, 8


class HeapMachine(RuleBasedStateMachine):
    """Takes and gives in any order, beside a plain set of the regions in use."""

    def __init__(self) -> None:
        super().__init__()
        self.heap = Heap(WORDS, ALIGN)
        self.used: list[tuple[int, int]] = []

    @rule(words=st.integers(1, 300))
    def take(self, words: int) -> None:
        try:
            start = self.heap.take(words)
        except DeviceError as error:
            assert "\n" not in str(error)
            assert self.largest_gap() < rounded(words)
            return
        assert start % ALIGN == 0
        assert start >= 0
        assert start + words <= WORDS
        # First fit: no gap before it would have done.
        assert all(end - low < rounded(words) for low, end in self.gaps() if end <= start)
        self.used.append((start, words))

    @precondition(lambda self: bool(self.used))
    @rule(data=st.data())
    def give(self, data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(self.used) - 1))
        self.heap.give(*self.used.pop(place))

    @invariant()
    def nothing_overlaps(self) -> None:
        regions = sorted(self.used)
        for (start, words), (following, _) in pairwise(regions):
            assert start + words <= following

    @invariant()
    def all_words_are_accounted_for(self) -> None:
        taken = sum(rounded(words) for _, words in self.used)
        assert self.heap.free_words == WORDS - taken

    def gaps(self) -> list[tuple[int, int]]:
        edges, low = [], 0
        for start, words in sorted(self.used):
            edges.append((low, start))
            low = start + rounded(words)
        return [*edges, (low, WORDS)]

    def largest_gap(self) -> int:
        return max(end - low for low, end in self.gaps())


def rounded(words: int) -> int:
    return -(-words // ALIGN) * ALIGN


TestHeap = HeapMachine.TestCase
TestHeap.settings = settings(max_examples=60, stateful_step_count=40)


@settings(max_examples=60)
@given(sizes=st.lists(st.integers(1, 120), min_size=1, max_size=8), data=st.data())
def test_freed_neighbours_join(sizes: list[int], data: st.DataObject) -> None:
    heap = Heap(1024, ALIGN)
    regions = [(heap.take(words), words) for words in sizes]
    for region in data.draw(st.permutations(regions)):
        heap.give(*region)
    assert heap.free_words == 1024
    assert heap.take(1024) == 0


def test_a_full_heap_says_what_is_free() -> None:
    heap = Heap(64, 8)
    heap.take(33)
    with pytest.raises(DeviceError, match="device memory: 32 words do not fit, 24 of 64 are free"):
        heap.take(25)
    assert heap.take(24) == 40
    assert heap.free_words == 0


def test_the_first_gap_that_is_large_enough_is_used() -> None:
    heap = Heap(100, 1)
    places = [heap.take(10) for _ in range(10)]
    for place in (1, 4, 5, 8):
        heap.give(places[place], 10)
    assert heap.take(20) == 40
    assert heap.take(5) == 10
    assert heap.take(5) == 15
    assert heap.take(6) == 80


def test_a_memory_of_one_bank_takes_no_notice_of_banks() -> None:
    memory = OneBank(1 << 12, 16)
    places = [memory.allocate(1, bank) for bank in (None, 0, 7)]
    assert places == [0, 256, 512] and not memory.banked
    for place in places:
        memory.release(place, 1)
    assert memory.heap.free_words == memory.heap.words == 1 << 12
