# SPDX-License-Identifier: Apache-2.0
"""A small simulation of loaders, row units and store, cycle by cycle, for the closed forms' tests.

The chain is systolic, so one row unit stands for all: it takes all activations and sends all sums.
Every process is a generator that yields once a cycle; streams are counts of tokens.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sat_host.config import BATCH_TOKENS, ArrayConfig
from sat_host.strips import longest_strip

from hlsgen.fifos import default_depth
from hlsgen.schedule.work import ProductWork

HALVES = 2  # of every buffer that is filled while it is emptied

Process = Iterator[None]


@dataclass
class Stream:
    """A FIFO of `places` tokens, of which `count` are in it."""

    places: int
    count: int = 0

    def put(self) -> Process:
        """A token, in the cycle in which there is room."""
        while self.count == self.places:
            yield
        self.count += 1
        yield


@dataclass
class Buffer:
    """Halves that are free, and halves that are full."""

    free: int = HALVES
    full: int = 0

    def fill(self, cycles: int) -> Process:
        """Takes so many cycles once a half is free."""
        while not self.free:
            yield
        self.free -= 1
        yield from [None] * cycles
        self.full += 1

    def take(self) -> Process:
        """Waits for a full half."""
        while not self.full:
            yield
        self.full -= 1

    def release(self) -> None:
        """The half that was taken is free."""
        self.free += 1


@dataclass(frozen=True)
class Tile:
    """Rows from `first` on, and column blocks; strip: its number."""

    strip: int
    first: int
    rows: int
    blocks: int


@dataclass
class Engine:
    """One product in tiles of interleave T x blocks Q, on an endlessly fast memory."""

    config: ArrayConfig
    work: ProductWork
    interleave: int
    blocks: int
    buffered: bool
    activations: Stream = field(init=False)
    packets: Stream = field(init=False)
    sums: Stream = field(init=False)

    def __post_init__(self) -> None:
        config, work = self.config, self.work
        pairs = -(-config.interleave // config.feed)
        self.activations = Stream(config.rows * pairs)
        self.packets = Stream(default_depth("packets", config))
        self.sums = Stream(default_depth("sums", config))
        tap = [
            min(config.lanes, work.reduction - e) for e in range(0, work.reduction, config.lanes)
        ]
        self.panels = tap * work.taps
        self.tokens = -(-self.interleave // config.feed)  # of a row unit and panel
        self.transposed = Buffer()
        self.read = Buffer()
        self.weights = Buffer()

    @property
    def strip(self) -> int:
        return self.config.rows * self.interleave

    @property
    def tiles(self) -> list[Tile]:
        columns = self.config.blocks(self.work.columns)
        rows = self.work.rows
        return [
            Tile(number, first, min(self.strip, rows - first), min(self.blocks, columns - block))
            for number, first in enumerate(range(0, rows, self.strip))
            for block in range(0, columns, self.blocks)
        ]

    def packet_rows(self, elements: int) -> int:
        group, keep = self.config.group, self.work.keep
        return elements if keep == group else -(-elements // group) * keep

    # The A side.

    def arrange(self) -> Process:
        """Tokens of `feed` words for the chain."""
        if self.work.transposed_a:
            for tile in self.tiles:
                for _ in range(self.sets(tile) * len(self.panels)):
                    yield from self._emit_blocks(tile)
        elif self.buffered:
            yield from self._turn_buffer()
        else:
            for tile in self.tiles:
                for _ in range(self.sets(tile) * len(self.panels)):
                    yield from self._emit_rows()

    def _turn_buffer(self) -> Process:
        """While one strip's tokens leave, a cycle each, the next strip's words come in, no faster
        and spread over them."""
        served = 0
        for number, first in enumerate([*range(0, self.work.rows, self.strip), -1]):
            rows = min(self.strip, self.work.rows - first) if first >= 0 else 0
            fills, filled, wait = rows * self.work.product.a.pitch, 0, 0
            pace = max(1, served // fills) if fills else 1
            while served or filled < fills:
                if served:
                    served -= 1
                    yield from self.activations.put()
                else:
                    yield
                wait += 1
                if wait >= pace:
                    wait = 0
                    filled += 1
            tiles = [tile for tile in self.tiles if tile.strip == number]
            served = self.units * self.tokens * len(self.panels) * sum(map(self.sets, tiles))

    def sets(self, tile: Tile) -> int:
        """Sets of rows that go through the whole reduction together."""
        return 1

    @property
    def units(self) -> int:
        """Units of `interleave` rows of a set."""
        return self.config.rows

    def _emit_rows(self) -> Process:
        """Words that go through, a cycle each."""
        for _ in range(self.units):
            for token in range(self.tokens):
                words = min(self.config.feed, self.interleave - token * self.config.feed)
                yield from [None] * (words - 1)
                yield from self.activations.put()

    def _blocks_of(self, tile: Tile) -> list[int]:
        """Rows that each channel word of a tile gives."""
        channels, lanes = self.work.a_channels, self.config.lanes
        found, row = [], tile.first
        while row < tile.first + tile.rows:
            place = row % channels
            left = tile.first + tile.rows - row
            found.append(min(lanes - place % lanes, channels - place, left))
            row += found[-1]
        return found

    def read_panels(self) -> Process:
        """Panels of a transposed product: all words of all pixels."""
        if self.work.transposed_a:
            for tile in self.tiles:
                for elements in self.panels:
                    yield from self.read.fill(elements * len(self._blocks_of(tile)))

    def fill_blocks(self) -> Process:
        """Blocks of the transposer, from panels that are read."""
        if self.work.transposed_a:
            for tile in self.tiles:
                for _ in self.panels:
                    yield from self.read.take()
                    for _ in self._blocks_of(tile):
                        yield from self.transposed.fill(self.config.lanes)
                    self.read.release()

    def _emit_blocks(self, tile: Tile) -> Process:
        """A row a cycle; a token of a row unit's rows is whole after `feed` of them or its last."""
        row = 0
        counts = self._blocks_of(tile)
        counts[-1] += self.strip - tile.rows
        for count in counts:
            yield from self.transposed.take()
            for _ in range(count):
                place = row % self.interleave + 1
                row += 1
                if place % self.config.feed == 0 or place == self.interleave:
                    yield from self.activations.put()
                else:
                    yield
            self.transposed.release()

    # The B side.

    def load_weights(self) -> Process:
        for tile in self.tiles:
            for elements in self.panels:
                words = elements
                if self.work.packed_b:
                    words = self.config.record_words(self.work.keep)
                elif self.work.transposed_b:
                    words += self.config.lanes
                yield from self.weights.fill(words * tile.blocks)

    def form_packets(self) -> Process:
        for tile in self.tiles:
            for elements in self.panels:
                yield from self.weights.take()
                for _ in range(self.packet_rows(elements) * tile.blocks):
                    yield from self.packets.put()
                self.weights.release()

    # The chain and the store.

    def row_unit(self) -> Process:
        tokens = self.config.rows * self.tokens
        blocks = [0, *(tile.blocks for tile in self.tiles), 0]
        pace = 2 if self.work.binary32 else 1  # finished sums leave as fast as they are stored
        for number, computed in enumerate(blocks):
            drained = pace * self.strip * blocks[number - 1] if number else 0
            follows = number + 1 < len(blocks) and blocks[number + 1] > 0
            yield from self._period(drained, computed, tokens, tokens if follows else 0, pace)

    def _period(self, drained: int, blocks: int, tokens: int, following: int, pace: int) -> Process:
        sums = self.interleave * blocks
        length = max(sums, self.config.adder_latency) if blocks else 0
        work = [self.packet_rows(e) * length for e in self.panels] if blocks else [0]
        intake = [tokens] * (len(work) - 1) + [following]
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
            token, packet = takes[place] if 0 <= place < len(takes) else (0, 0)
            yield from self._move(token, packet, int(cycle < drained and cycle % pace == 0))

    def _move(self, token: int, packet: int, leaves: int) -> Process:
        """One cycle of the row units, once no stream halts it."""
        while (
            self.activations.count < token
            or self.packets.count < packet
            or self.sums.count + leaves > self.sums.places
        ):
            yield
        self.activations.count -= token
        self.packets.count -= packet
        self.sums.count += leaves
        yield

    def store(self) -> Process:
        for _ in range(sum(self.strip * tile.blocks for tile in self.tiles)):
            while not self.sums.count:
                yield
            self.sums.count -= 1
            yield from [None] * (2 if self.work.binary32 else 1)

    def cycles(self) -> int:
        """From the first cycle to the last sum's."""
        store = self.store()
        # Those that free a place before those that fill it, so that no hand-over costs a cycle.
        others = [
            self.row_unit(), self.form_packets(), self.load_weights(),
            self.arrange(), self.fill_blocks(), self.read_panels(),
        ]  # fmt: skip
        cycles = 0
        for _ in store:
            cycles += 1
            for process in others:
                next(process, None)
        return cycles


class StationaryEngine(Engine):
    """The same, weight stationary and in one segment: every row computes batch after batch."""

    @property
    def strip(self) -> int:
        if self.work.transposed_a:
            return self.interleave
        rows = self.work.rows
        if not self.buffered:
            return -(-rows // self.interleave) * self.interleave
        words = self.config.strip_words
        return longest_strip(self.work.product.a, rows, self.interleave, words)

    def sets(self, tile: Tile) -> int:
        return -(-tile.rows // self.interleave)

    @property
    def units(self) -> int:
        return 1

    def row_unit(self) -> Process:
        packets = sum(self.packet_rows(elements) for elements in self.panels)
        chunk = -(-packets // self.config.rows)
        tokens = len(self.panels) * self.tokens
        tiles = self.tiles
        first = packets * tiles[0].blocks
        for cycle in range(max(first, tokens)):
            yield from self._move(int(cycle < tokens), int(cycle < first), 0)
        for number, tile in enumerate(tiles):
            following = tiles[number + 1].blocks * packets if number + 1 < len(tiles) else 0
            for batch in range(self.sets(tile)):
                more = number + 1 < len(tiles) or batch + 1 < self.sets(tile)
                here = min(following, BATCH_TOKENS)
                yield from self._batch(chunk, tile.blocks, tokens if more else 0, here)
                following -= here
            for _ in range(following):
                yield from self._move(0, 1, 0)

    def _batch(self, chunk: int, blocks: int, tokens: int, packets: int) -> Process:
        sums = self.interleave * blocks
        length = max(sums, self.config.adder_latency)
        products = chunk * length
        for cycle in range(max(products, tokens, packets)):
            place = cycle - (products - length)
            leaves = int(0 <= place < sums)
            yield from self._move(int(cycle < tokens), int(cycle < packets), leaves)

    def store(self) -> Process:
        batches = sum(self.sets(tile) * tile.blocks for tile in self.tiles)
        for _ in range(self.interleave * batches):
            while not self.sums.count:
                yield
            self.sums.count -= 1
            yield from [None] * (2 if self.work.binary32 else 1)
