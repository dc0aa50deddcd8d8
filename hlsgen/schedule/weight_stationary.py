# SPDX-License-Identifier: Apache-2.0
"""Cycles of weight stationary lists, in closed form and for many tilings at once. Pure functions.

Row r of the array holds packet rows r * chunk and on of the reduction; batches of T output rows
stream by, and their sums enter row 0 and leave the last row. A reduction too long for the array's
memories goes in segments, a list each: all but the first begin with stored binary32 sums, all but
the last store them.
"""

from __future__ import annotations

import numpy as np
from sat_host.config import BATCH_TOKENS, ArrayConfig
from sat_host.descriptor import STCE

from . import strip_columns
from .drains import Drains
from .latencies import ACTIVATIONS, BETWEEN, FETCH, STORED, packets, planned
from .memory import RUN_WORDS, Counts, Traffic
from .options import ALL, Options
from .pieces import Candidates, Timing, added
from .stationary_segments import segment_strips, segments
from .terms import Terms, divided
from .terms import terms as terms_of_one
from .traffic import (
    Reduction,
    Ways,
    late_fills,
    listed,
    loading,
    port_cycles,
    share,
    sums,
    weights,
)  # fmt: skip
from .work import ProductWork


def stationary_timing(terms: Terms, tilings: Candidates) -> Timing:
    """The pieces of a product but for the memory, for each candidate."""
    cut = segments(terms, tilings.interleave, tilings.blocks)
    lists = [
        (cut.wholes, _List(terms, tilings, cut.whole, cut.tap_rows[0])),
        (cut.lasts, _List(terms, tilings, cut.last, cut.tap_rows[1])),
    ]

    def total(name: str) -> Counts:
        return added([times * getattr(one, name) for times, one in lists])

    def moved(name: str) -> Traffic:
        parts: list[tuple[Counts, Traffic]] = [(times, getattr(one, name)) for times, one in lists]
        return Traffic(
            added([times * part.bytes for times, part in parts]),
            added([times * part.runs for times, part in parts]),
        )

    ways = _ways(terms, cut.count)
    compute, distribution = total("compute"), total("distribution")
    y = sums(terms, tilings.interleave, np.ones_like(tilings.blocks), ways)
    return Timing(
        compute,
        distribution,
        total("b_delivery"),
        np.zeros_like(cut.wholes),
        _drains(terms, tilings, cut.count, lists[1][1], compute + distribution),
        total("start"),
        moved("load"),
        moved("load_b"),
        total("load_cycles"),
        {"a": moved("a"), "b": moved("b"), "y": y, "commands": moved("commands")},
        {"a": total("port_a"), "b": total("port_b"), "commands": total("fetched")},
        {
            "a": total("quiet_a"),
            "b": total("quiet_b"),
            # Stored sums are read while the first row computes, others are stored a wave later.
            "y": -ways.read * lists[1][1].wave,
            "commands": total("quiet_b"),
        },
    )


def _ways(terms: Terms, count: Counts) -> Ways:
    """Y's sums, in so many segments: between two of them they are stored and read in binary32."""
    between = count - 1
    read = between + np.where(terms.accumulate, 1, 0)
    wide = terms.binary32
    return Ways(np.where(wide, 0, 1), between + np.where(wide, 1, 0), read)


def _drains(
    terms: Terms, tilings: Candidates, count: Counts, last: _List, periods: Counts
) -> Drains:
    after_a = last.bursts // last.strips
    return drains(terms, tilings.interleave, last.bursts, count, periods, after_a)


def drains(
    terms: Terms, interleave: Counts, bursts: Counts, count: Counts, periods: Counts,
    after_a: Counts,
) -> Drains:  # fmt: skip
    """Batch by batch, and segment by segment; with more than one, each reads or stores binary32.

    While sums enter the first row, others leave the last one, so only the longer of both counts.
    bursts: of each of `count` segments. periods: cycles of all batches. after_a: as in Drains.
    """
    one = np.ones_like(count)
    wide = (count > 1) | terms.binary32 | terms.accumulate
    rows = terms.copies * divided(terms.rows, interleave) * interleave
    stored, sums = np.where(wide, 2, 1), rows * terms.column_blocks * count
    behind = np.maximum(sums * stored - periods, 0)
    return Drains(
        sums, bursts * count, one, stored, 0 * one, terms.sum_places, terms.entering, behind,
        after_a,
    )  # fmt: skip


class _List:
    """The list of one segment: its cycles and its traffic.

    Strips of `strip` rows, each of `tiles` - 1 tiles of Q column blocks and a last one of
    `last_blocks`; a tile's batches of T rows go by while the next tile's packets come in.
    """

    def __init__(
        self, terms: Terms, tilings: Candidates, part: Reduction, tap_rows: Counts
    ) -> None:
        self._terms, self._tilings, self._part = terms, tilings, part
        self._packets = part.over(terms.full.packets, terms.tail.packets)
        self._chunk = divided(self._packets, terms.units)
        interleave, blocks = tilings.interleave, tilings.blocks
        columns = terms.column_blocks
        self._tiles = divided(columns, blocks)
        self._last = columns - (self._tiles - 1) * blocks
        self._strip = np.maximum(segment_strips(terms, tilings, tap_rows), interleave)
        self._strips = divided(terms.rows, self._strip)
        self._batches = self._strip // interleave  # of a strip but the last
        rows = divided(terms.rows, interleave)  # batches of all strips
        self._last_batches = rows - (self._strips - 1) * self._batches
        self._held = np.zeros_like(interleave)  # words of a strip, on average
        self._pass_whole, self._pass_last = self._pass(blocks), self._pass(self._last)
        self._tokens = part.panels * divided(interleave, terms.feed)
        self._read_activations(tap_rows)
        self.b = weights(terms, part, blocks, terms.copies * self._strips)
        commands = np.where(tilings.buffered, 1, self._tiles) * self._strips
        self._commands = terms.copies * commands
        self.commands = listed(self._commands, STCE.bytes)
        self._count = terms.copies * rows
        self.bursts = self._count * self._tiles
        self._count_cycles()
        self._count_start()

    def _pass(self, blocks: Counts) -> Counts:
        return self._terms.pass_cycles(self._tilings.interleave * blocks)

    def _read_activations(self, tap_rows: Counts) -> None:
        """A's traffic, the first strip's, and the least cycles of a batch's words."""
        terms, tilings = self._terms, self._tilings
        words = self._part.panels
        times = terms.copies * self._tiles
        if terms.transposed:
            self._read_transposed(times)
            return
        direct = times * terms.rows * words
        runs = divided(direct, self._direct_run())
        # A batch's last word and the next one's first follow each other.
        follow = times * (divided(terms.rows, tilings.interleave) - 1)
        runs = runs - np.where((terms.near == 0) & (terms.a_pitch > 1), follow, 0)
        total, _, first = strip_columns.held(terms, self._strip, tap_rows)
        held = terms.copies * total
        held_runs = terms.copies * (divided(total, RUN_WORDS) + self._strips)
        buffered = tilings.buffered
        self._held = np.where(buffered, divided(held, terms.copies * self._strips), 0)
        read = np.where(buffered, held, direct) * terms.word_bytes
        self.a = Traffic(read, np.where(buffered, held_runs, runs))
        load = np.where(buffered, first, 0)
        self.load = share(self.a, load * terms.word_bytes)
        self._intake = np.where(buffered, self._tokens, words * tilings.interleave)

    def _direct_run(self) -> Counts:
        """Consecutive words of those that are read as needed: of a batch's rows at one tap."""
        terms = self._terms
        near = np.minimum(np.where(terms.near == 0, RUN_WORDS, terms.near), RUN_WORDS)
        rows = np.where(self._part.panels == 1, RUN_WORDS, self._tilings.interleave)
        return np.where(terms.a_pitch > 1, 1, np.minimum(rows, near))

    def _read_transposed(self, times: Counts) -> None:
        terms, part = self._terms, self._part
        words, runs, whole, most, transposer = strip_columns.transposed(
            terms, self._tilings.interleave
        )
        pixels = part.over(terms.lanes, terms.tail.elements)
        self.a = Traffic(times * pixels * words * terms.word_bytes, times * pixels * (runs + whole))
        first = np.minimum(pixels, terms.lanes) * most
        self.load = share(self.a, first * terms.word_bytes)
        # A panel of pixels is read while the one before is transposed, which takes no less.
        self._intake = np.asarray(np.maximum(self._tokens, part.panels * transposer), np.int64)

    def _count_cycles(self) -> None:
        """compute, distribution and b_delivery, summed over the list's tiles."""
        terms, tiles, batches = self._terms, self._tiles, self._count
        whole, last = self._chunk * self._pass_whole, self._chunk * self._pass_last
        self._batch_whole = np.maximum(whole, self._tokens)
        self._batch_last = np.maximum(last, self._tokens)
        self.compute = batches * ((tiles - 1) * whole + last)
        late = (tiles - 1) * (self._batch_whole - whole) + self._batch_last - last
        self.b_delivery, late_words = self._over_tiles()
        end = np.maximum(self._last_batches * (self._intake - self._batch_last), 0)
        self.distribution = batches * late + self._late_strips() + late_words + end
        strips = self.strips = terms.copies * self._strips
        self.quiet_a = np.where(self._tilings.buffered, self.compute // strips, last)
        self.quiet_b = self.compute // (strips * tiles)
        commands, word = self._commands, terms.word_bytes
        self.fetched = (commands - 1) * FETCH
        self.port_a = port_cycles(self.a, self.load, word, commands)
        self.load_b = share(self.b, self.b.bytes // (strips * tiles))
        self.port_b = port_cycles(self.b, self.load_b, word, commands)

    def _over_tiles(self) -> tuple[Counts, Counts]:
        """Cycles for which tiles wait for packets, and beyond these for words, but for the list's
        last tile, which nothing follows."""
        whole, last, tiles, copies = (
            self._tilings.blocks,
            self._last,
            self._tiles,
            self._terms.copies,
        )
        one = tiles == 1
        of_whole = whole, self._pass_whole, self._batch_whole
        of_last = last, self._pass_last, self._batch_last
        steps = [
            (of_whole, whole, np.maximum(tiles - 2, 0), 0),
            (of_whole, last, np.where(one, 0, 1), 0),
            (of_last, np.where(one, last, whole), np.ones_like(tiles), 1),
        ]
        packets = words = np.zeros_like(tiles)
        for (_, passes, batch), following, often, ends in steps:
            loader = self._loader_turns(following)
            for batches, times in (
                (self._batches, often * copies * (self._strips - 1)),
                (self._last_batches, often * (copies - ends)),
            ):
                late = self._late(passes, batch, following, loader, batches)
                packets = packets + times * late
                rest = batches * (self._intake - batch) - late
                words = words + times * np.maximum(rest, 0)
        return packets, words

    def _late_strips(self) -> Counts:
        """Cycles for which strips wait for their words."""
        terms = self._terms
        # Waiting before the chain.
        waiting = terms.units * divided(terms.interleave, terms.feed) // self._tokens
        cover = waiting * self._chunk * self._pass_last
        tokens = self._tiles * self._batches * self._tokens
        return late_fills(self._held, tokens, cover, terms.copies * self._strips)

    def _loader_turns(self, following: Counts) -> Counts:
        """Cycles of the B loader for the packets of the next tile, of so many blocks."""
        terms = self._terms
        words = self._part.over(terms.full.fill, terms.tail.fill) * following
        # A command of its own, if the activations are read anew for each tile.
        words = words + np.where(self._tilings.buffered, 0, BETWEEN)
        return np.asarray(np.maximum(loading(terms, self._part, following), words), np.int64)

    def _late(
        self, passes: Counts, batch: Counts, following: Counts, loader: Counts, batches: Counts
    ) -> Counts:
        """Cycles beyond a tile's batches until the next tile's packets are there. passes: of a
        packet of each of its blocks. following, loader: the next tile's blocks and cycles of the B
        loader."""
        late, rest = self._packets_late(following, batches, batch)
        slower = divided(rest * loader, self._packets * following)
        late = late + self._crowded(passes, following, rest)
        found: Counts = np.maximum(late + slower, loader - batches * batch)
        return found

    def _crowded(self, passes: Counts, following: Counts, rest: Counts) -> Counts:
        """Cycles for which the first row waits in a period of packets alone. Each row is behind the
        one above by its products, and the stream between holds but some packets, so one row after
        the other waits until the one below begins; and the first one waits for those that do so
        while it still has packets to hand on."""
        terms = self._terms
        lag, room = (self._chunk - 1) * passes + terms.row_lag, terms.packet_places
        waiting = self._packets * following // (self._chunk * following + room)
        waiting = np.minimum(waiting, terms.units - 1)
        late: Counts = np.where(rest > 0, waiting * np.maximum(lag - room, 0), 0)
        return late

    def _packets_late(
        self, following: Counts, batches: Counts, batch: Counts
    ) -> tuple[Counts, Counts]:
        """Cycles by which packets of the next tile make a tile's batches longer, 16 beside each,
        and those of the rest, in a period of its own."""
        packets = self._packets * following
        full = np.minimum(batches, packets // BATCH_TOKENS)
        rest = packets - full * BATCH_TOKENS
        fits = full < batches
        late = full * np.maximum(BATCH_TOKENS - batch, 0)
        late = late + np.where(fits, np.maximum(rest - batch, 0), 0)
        return late, np.where(fits, 0, rest)

    def units(self) -> Counts:
        """The sum of PeriodPlan::cycles (kernels/period.h) over the list, if no stream waits."""
        whole, last, tiles = self._tilings.blocks, self._last, self._tiles
        copies, one = self._terms.copies, self._tiles == 1
        first = np.maximum(self._packets * np.where(one, last, whole), self._tokens)
        products = self._count * ((tiles - 1) * self._batch_whole + self._batch_last)
        # Beside the last batch no other comes.
        end = self._batch_last - self._chunk * self._pass_last
        total: Counts = first + products - end
        for batch, following, often, ends in (
            (self._batch_whole, whole, np.maximum(tiles - 2, 0), 0),
            (self._batch_whole, last, np.where(one, 0, 1), 0),
            (self._batch_last, np.where(one, last, whole), np.ones_like(tiles), 1),
        ):
            for batches, times in (
                (self._batches, copies * (self._strips - 1)),
                (self._last_batches, copies - ends),
            ):
                late = added(self._packets_late(following, batches, batch))
                total = total + often * times * late
        return total

    def _count_start(self) -> None:
        """The first tile's packets and batch, the wave through the rows, the latencies."""
        terms, commands = self._terms, self._commands
        blocks = np.where(self._tiles == 1, self._last, self._tilings.blocks)
        first = np.maximum(self._packets * blocks, self._intake)
        used = divided(self._packets, self._chunk)
        passes = self._packets - used - (self._chunk - 1)
        self.wave = passes * self._pass_last + terms.through_rows
        self.start = ACTIVATIONS + first + self.wave + STORED
        fill = np.where(self._part.words > 1, terms.full.fill, terms.tail.fill) * blocks
        leaving = terms.tail.packets * blocks
        # Behind the last panel, none counts.
        turns = loading(terms, self._part, blocks) - np.maximum(fill - leaving, 0)
        last = packets(commands) + fill + turns
        plan = planned(commands, np.where(self._tilings.buffered, self._tiles, 1))
        others = np.maximum(plan, last - first) - ACTIVATIONS
        self.load_cycles = np.maximum(self.load.bytes // terms.word_bytes, others)
        # What is read as needed comes meanwhile.
        ahead = np.where(self._tilings.buffered, 0, first + self.load_cycles)
        self.quiet_a = self.quiet_a - ahead


def stationary_unit_cycles(
    config: ArrayConfig, work: ProductWork, tilings: Candidates, options: Options = ALL
) -> Counts:
    """What the row units count for a product in segments, by kernels/period.h, if no stream makes
    them wait: the sum of PeriodPlan::cycles over their lists."""
    terms = terms_of_one(config, work, options, tilings.size)
    cut = segments(terms, tilings.interleave, tilings.blocks)
    whole = _List(terms, tilings, cut.whole, cut.tap_rows[0])
    last = _List(terms, tilings, cut.last, cut.tap_rows[1])
    return added([cut.wholes * whole.units(), cut.lasts * last.units()])
