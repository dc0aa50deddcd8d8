# SPDX-License-Identifier: Apache-2.0
"""The closed forms beside a small simulation of loaders, row units and store, cycle by cycle.

The chain is systolic, so one row unit stands for all: it takes all activations and sends all sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sat_host.config import ArrayConfig

from hlsgen.schedule.cycles import ASSUMED_ROW_STAGES, product_cycles
from hlsgen.schedule.memory import ASSUMED_LATENCY_CYCLES, Memory
from hlsgen.schedule.work import ProductWork

ENDLESS = Memory(4, 1e12, 0.0)
PLACES = 8  # of each stream

Process = Iterator[None]


@dataclass
class Engine:
    """The processes of one product; each yields once a cycle. Streams are counts of tokens."""

    config: ArrayConfig
    work: ProductWork
    interleave: int
    blocks: int
    activations: int = 0
    packets: int = 0
    sums: int = 0
    tiles: list[tuple[int, int, int]] = field(default_factory=list)  # first row, rows, blocks
    panels: list[int] = field(default_factory=list)  # elements

    def __post_init__(self) -> None:
        work, lanes = self.work, self.config.lanes
        self.strip = self.config.rows * self.interleave
        columns = self.config.blocks(work.columns)
        self.tiles = [
            (first, min(self.strip, work.rows - first), min(self.blocks, columns - block))
            for first in range(0, work.rows, self.strip)
            for block in range(0, columns, self.blocks)
        ]
        tap = [min(lanes, work.reduction - e) for e in range(0, work.reduction, lanes)]
        self.panels = tap * work.taps

    def packet_rows(self, elements: int) -> int:
        group = self.config.group
        return elements if self.work.keep == group else -(-elements // group) * self.work.keep

    def arrange(self) -> Process:
        lanes, channels = self.config.lanes, self.work.a_channels
        for first, rows, _ in self.tiles:
            for _ in self.panels:
                row = first
                while self.work.transposed_a and row < first + rows:
                    place = row % channels
                    count = min(lanes - place % lanes, channels - place, first + rows - row)
                    yield from [None] * lanes
                    yield from self._send_activations(count)
                    row += count
                yield from self._send_activations(first + self.strip - row)

    def _send_activations(self, count: int) -> Process:
        for _ in range(count):
            while self.activations == PLACES:
                yield
            self.activations += 1
            yield

    def form_packets(self) -> Process:
        for _, _, blocks in self.tiles:
            for elements in self.panels:
                words = elements
                if self.work.packed_b:
                    words = self.config.record_words(self.work.keep)
                elif self.work.transposed_b:
                    words += self.config.lanes
                yield from [None] * (words * blocks)
                for _ in range(self.packet_rows(elements) * blocks):
                    while self.packets == PLACES:
                        yield
                    self.packets += 1
                    yield

    def row_unit(self) -> Process:
        blocks = [0, *(tile[2] for tile in self.tiles), 0]
        for number, computed in enumerate(blocks):
            drained = self.strip * blocks[number - 1] if number else 0
            follows = number + 1 < len(blocks) and blocks[number + 1] > 0
            yield from self._period(drained, computed, self.strip if follows else 0)

    def _period(self, drained: int, blocks: int, following: int) -> Process:
        sums = self.interleave * blocks
        length = max(sums, self.config.adder_latency) if blocks else 0
        work = [self.packet_rows(e) * length for e in self.panels] if blocks else [0]
        intake = [self.strip] * (len(work) - 1) + [following]
        # Of each cycle of the products: whether it takes an activation, whether a packet.
        takes: list[tuple[int, int]] = []
        for products, words in zip(work, intake, strict=True):
            for cycle in range(max(products, words)):
                slot = cycle % length if length else 0
                uses = cycle < products and slot < sums and slot % self.interleave == 0
                takes.append((int(cycle < words), int(uses)))
        last_pass = sum(map(max, work[:-1], intake[:-1])) + work[-1] - length
        start = max(0, drained - last_pass)
        for cycle in range(max(start + len(takes), drained)):
            place = cycle - start
            word, packet = takes[place] if 0 <= place < len(takes) else (0, 0)
            leaves = int(cycle < drained)
            while self.activations < word or self.packets < packet or self.sums + leaves > PLACES:
                yield
            self.activations -= word
            self.packets -= packet
            self.sums += leaves
            yield

    def store(self) -> Process:
        for _ in range(sum(self.strip * blocks for _, _, blocks in self.tiles)):
            while not self.sums:
                yield
            self.sums -= 1
            yield
            yield

    def cycles(self) -> int:
        """From the first cycle to the last sum's."""
        store = self.store()
        others = [self.arrange(), self.form_packets(), self.row_unit()]
        cycles = 0
        for _ in store:
            cycles += 1
            for process in others:
                next(process, None)
        return cycles


def modelled(engine: Engine) -> tuple[int, int]:
    """The model's cycles without the latencies that the simulation hasn't, and these."""
    pieces = product_cycles(engine.config, ENDLESS, engine.work, engine.interleave, engine.blocks)
    latency = ASSUMED_LATENCY_CYCLES + engine.config.rows * ASSUMED_ROW_STAGES
    return int(pieces.total[0]) - latency, latency


@st.composite
def engines(draw: st.DrawFn) -> Engine:
    rows, lanes, group, latency = (
        draw(st.sampled_from(sizes)) for sizes in ((1, 2, 4, 8), (8, 16), (4, 8), (1, 4, 8))
    )
    config = ArrayConfig(rows, lanes, group, 8, 4, latency)
    interleave, blocks = draw(st.integers(1, 8)), draw(st.integers(1, 4))
    transposed, form = draw(st.booleans()), draw(st.sampled_from(["packed", "matrix", "columns"]))
    taps, channels = draw(st.integers(1, 3)), draw(st.integers(1, 2 * lanes))
    reduction = draw(st.integers(1, 6 * lanes))
    packed = form == "packed"
    work = ProductWork(
        "layer",
        "FF",
        1,
        taps * channels if transposed else draw(st.integers(1, 3 * rows * interleave)),
        draw(st.integers(1, 3 * lanes * blocks)),
        reduction,
        taps if packed and not transposed else 1,
        draw(st.integers(1, group)) if packed else group,
        transposed,
        form == "columns",
        packed,
        a_channels=channels if transposed else reduction,
    )
    return Engine(config, work, interleave, blocks)


@settings(max_examples=120)
@given(engine=engines())
def test_no_product_takes_longer_than_modelled(engine: Engine) -> None:
    """Beyond the latencies: the loaders' first turns are within those."""
    cycles, latency = modelled(engine)
    assert engine.cycles() <= cycles + latency


WORKS = {
    "FF 2:8": ProductWork("layer", "FF", 1, 512, 256, 64, 9, 2),
    "FF dense": ProductWork("layer", "FF", 1, 512, 256, 64, 4, 8),
    "WU": ProductWork(
        "layer", "WU", 1, 512, 256, 512, 1, 8,
        transposed_a=True, packed_b=False, binary32=True, a_channels=128,
    ),
    "Q . K^T": ProductWork(
        "layer", "FF", 1, 512, 512, 64, 1, 8,
        transposed_b=True, packed_b=False, a_channels=64,
    ),
}  # fmt: skip


@pytest.mark.parametrize("tile", [(16, 8), (16, 4), (8, 8), (16, 2), (4, 4)], ids=str)
@pytest.mark.parametrize("name", WORKS)
def test_large_products_take_what_is_modelled(name: str, tile: tuple[int, int]) -> None:
    """Where two processes wait at once, each is counted: up to 3 % more."""
    engine = Engine(ArrayConfig(32, 32, 8, 16, 8, 8), WORKS[name], *tile)
    cycles, _ = modelled(engine)
    assert 0.995 <= cycles / engine.cycles() <= 1.03
