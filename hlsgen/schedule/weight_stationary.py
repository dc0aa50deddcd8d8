# SPDX-License-Identifier: Apache-2.0
"""Cycles of weight stationary lists, in closed form and for many tilings at once. Pure functions.

Row r of the array holds packet rows r * chunk and on of the reduction; batches of T output rows
stream by, and their sums enter row 0 and leave the last row. A reduction too long for the array's
memories goes in segments, a list each: all but the first begin with stored binary32 sums, all but
the last store them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from sat_host.config import BATCH_TOKENS, ArrayConfig
from sat_host.descriptor import STCE
from sat_host.strips import strip_words

from .activations import channel_strips, pixel_run
from .drains import Drains, sum_places
from .latencies import ACTIVATIONS, BETWEEN, FETCH, STORED, packets, planned, row_lag, through_rows
from .memory import RUN_WORDS, Counts, Traffic
from .options import ALL, Options
from .pieces import Candidates, Timing, added
from .stationary_segments import pairs_of, segment_source, segment_strips, segments
from .traffic import Reduction, Ways, Weights, divided, late_fills, listed, port_cycles, share, sums
from .work import ProductWork


def stationary_timing(
    config: ArrayConfig, work: ProductWork, tilings: Candidates, options: Options
) -> Timing:
    """The pieces of a product but for the memory, for each candidate."""
    cut = segments(config, work, tilings.interleave, tilings.blocks)
    lists = [
        (cut.wholes, _List(config, work, tilings, options, cut.whole, cut.tap_rows[0])),
        (cut.lasts, _List(config, work, tilings, options, cut.last, cut.tap_rows[1])),
    ]

    def total(name: str) -> Counts:
        return added([times * getattr(one, name) for times, one in lists])

    def moved(name: str) -> Traffic:
        parts: list[tuple[Counts, Traffic]] = [(times, getattr(one, name)) for times, one in lists]
        return Traffic(
            added([times * part.bytes for times, part in parts]),
            added([times * part.runs for times, part in parts]),
        )

    ways = _ways(work, cut.count)
    a, load = moved("a"), moved("load")
    compute, distribution = total("compute"), total("distribution")
    y = sums(config, work, tilings.interleave, np.ones_like(tilings.blocks), ways)
    return Timing(
        compute,
        distribution,
        total("b_delivery"),
        np.zeros_like(cut.wholes),
        _drains(config, work, cut.count, lists[1][1], compute + distribution),
        total("start"),
        load,
        moved("load_b"),
        total("load_cycles"),
        {"a": a, "b": moved("b"), "y": y, "commands": moved("commands")},
        {"a": total("port_a"), "b": total("port_b"), "commands": total("fetched")},
        {
            "a": total("quiet_a"),
            "b": total("quiet_b"),
            # Stored sums are read while the first row computes, others are stored a wave later.
            "y": -ways.read * lists[1][1].wave,
            "commands": total("quiet_b"),
        },
    )


def _ways(work: ProductWork, count: Counts) -> Ways:
    """Y's sums, in so many segments: between two of them they are stored and read in binary32."""
    between = count - 1
    read = between + (1 if work.product.accumulate else 0)
    if work.binary32:
        return Ways(np.zeros_like(count), between + 1, read)
    return Ways(np.ones_like(count), between, read)


def _drains(
    config: ArrayConfig, work: ProductWork, count: Counts, last: _List, periods: Counts
) -> Drains:
    """Batch by batch, and segment by segment; with more than one, each reads or stores binary32.

    While sums enter the first row, others leave the last one, so only the longer of both counts.
    periods: cycles of all batches.
    """
    one = np.ones_like(count)
    wide = (count > 1) | work.binary32 | work.product.accumulate
    stored, sums = np.where(wide, 2, 1), last.sums * count
    behind = np.maximum(sums * stored - periods, 0)
    return Drains(
        sums, last.bursts * count, one, stored, 0 * one, *sum_places(config), behind,
        last.bursts // last.strips,
    )  # fmt: skip


class _List:
    """The list of one segment: its cycles and its traffic.

    Strips of `strip` rows, each of `tiles` - 1 tiles of Q column blocks and a last one of
    `last_blocks`; a tile's batches of T rows go by while the next tile's packets come in.
    """

    def __init__(
        self,
        config: ArrayConfig,
        work: ProductWork,
        tilings: Candidates,
        options: Options,
        part: Reduction,
        tap_rows: Counts,
    ) -> None:
        self._config, self._work, self._tilings = config, work, tilings
        self._part = part
        self._weights = weights = Weights(config, work, options)
        self._packets = part.over(weights.packet_rows(config.lanes), weights.packet_rows(part.tail))
        self._chunk = divided(self._packets, config.rows)
        interleave, blocks = tilings.interleave, tilings.blocks
        columns = config.blocks(work.columns)
        self._tiles = divided(columns, blocks)
        self._last = columns - (self._tiles - 1) * blocks
        self._strip = np.maximum(segment_strips(config, work, tilings, tap_rows), interleave)
        self._strips = divided(work.rows, self._strip)
        self._batches = self._strip // interleave  # of a strip but the last
        self._last_batches = divided(work.rows, interleave) - (self._strips - 1) * self._batches
        self._held = np.zeros_like(interleave)  # words of a strip, on average
        self._read_activations(tap_rows)
        self.b = weights.traffic(part, blocks, work.copies * self._strips)
        commands = np.where(tilings.buffered, 1, self._tiles) * self._strips
        self._commands = work.copies * commands
        self.commands = listed(self._commands, STCE.bytes)
        batches = work.copies * divided(work.rows, interleave)
        self.sums = batches * interleave * columns
        self.bursts = batches * self._tiles
        self._copies, self._count = work.copies, batches
        self._count_cycles(batches)
        self._count_start()

    def _pass(self, blocks: Counts) -> Counts:
        return self._weights.pass_cycles(self._tilings.interleave * blocks)

    def _read_activations(self, tap_rows: Counts) -> None:
        """A's traffic, the first strip's, and the least cycles of a batch's words."""
        work, config, tilings = self._work, self._config, self._tilings
        words = self._part.panels
        intake = self._tokens = words * divided(tilings.interleave, config.feed)
        zero = np.zeros_like(intake)
        times = work.copies * self._tiles
        if work.transposed_a:
            self._read_transposed(intake, times)
            return
        direct = times * work.rows * words
        runs = divided(direct, self._direct_run())
        if pixel_run(work.product.a) == 0 and work.product.a.pitch > 1:
            # A batch's last word and the next one's first follow each other.
            runs = runs - times * (divided(work.rows, tilings.interleave) - 1)
        held, held_runs, first = zero.copy(), zero.copy(), zero.copy()
        for strip, taps in pairs_of(self._strip, tap_rows):
            chosen = (self._strip == strip) & (tap_rows == taps)
            found = strip_words(segment_source(work.product.a, taps), work.rows, strip)
            held[chosen], first[chosen] = work.copies * found.total, found.first
            held_runs[chosen] = work.copies * (-(-found.total // RUN_WORDS) - (-work.rows // strip))
        buffered = tilings.buffered
        self._held = np.where(buffered, divided(held, work.copies * self._strips), 0)
        read = np.where(buffered, held, direct) * config.word_bytes
        self.a = Traffic(read, np.where(buffered, held_runs, runs))
        load = np.where(buffered, first, 0)
        self.load = share(self.a, load * config.word_bytes)
        self._intake = np.where(buffered, intake, words * tilings.interleave)

    def _direct_run(self) -> Counts:
        """Consecutive words of those that are read as needed: of a batch's rows at one tap."""
        source, rows = self._work.product.a, self._tilings.interleave
        if source.pitch > 1:
            return np.ones_like(rows)
        near = pixel_run(source) or RUN_WORDS
        rows = np.where(self._part.panels == 1, RUN_WORDS, rows)
        return np.asarray(np.minimum(rows, min(near, RUN_WORDS)), np.int64)

    def _read_transposed(self, intake: Counts, times: Counts) -> None:
        work, config, part = self._work, self._config, self._part
        interleave = self._tilings.interleave
        words, runs, most, transposer = (np.zeros_like(intake) for _ in range(4))
        for (t,) in pairs_of(interleave):
            chosen = interleave == t
            found = channel_strips(work.rows, work.a_channels, t, config.lanes)
            words[chosen], most[chosen] = found.words, found.most
            runs[chosen] = found.runs + found.whole
            transposer[chosen] = found.transposer
        pixels = part.over(config.lanes, part.tail)
        self.a = Traffic(times * pixels * words * config.word_bytes, times * pixels * runs)
        first = np.minimum(pixels, config.lanes) * most
        self.load = share(self.a, first * config.word_bytes)
        # A panel of pixels is read while the one before is transposed, which takes no less.
        self._intake = np.asarray(np.maximum(intake, part.panels * transposer), np.int64)

    def _count_cycles(self, batches: Counts) -> None:
        """compute, distribution and b_delivery, summed over the list's tiles."""
        whole, last, tiles = self._tilings.blocks, self._last, self._tiles
        self.compute = self.distribution = np.zeros_like(tiles)
        for blocks, often in ((whole, tiles - 1), (last, 1)):
            compute = self._chunk * self._pass(blocks)
            self.compute = self.compute + often * batches * compute
            late = self._batch(blocks) - compute
            self.distribution = self.distribution + often * batches * late
        self.b_delivery = self._over_tiles(self._late)
        end = np.maximum(self._last_batches * (self._intake - self._batch(last)), 0)
        self.distribution = (
            self.distribution + self._late_strips() + self._over_tiles(self._late_words) + end
        )
        strips = self.strips = self._copies * self._strips
        rest = self._chunk * self._pass(last)
        self.quiet_a = np.where(self._tilings.buffered, self.compute // strips, rest)
        self.quiet_b = self.compute // (strips * tiles)
        commands, word = self._commands, self._config.word_bytes
        self.fetched = (commands - 1) * FETCH
        self.port_a = port_cycles(self.a, self.load, word, commands)
        self.load_b = share(self.b, self.b.bytes // (strips * tiles))
        self.port_b = port_cycles(self.b, self.load_b, word, commands)

    def _batch(self, blocks: Counts) -> Counts:
        """Cycles of a batch, with the next one's activations that the chain takes beside it."""
        batch: Counts = np.maximum(self._chunk * self._pass(blocks), self._tokens)
        return batch

    def _late_words(self, now: Counts, following: Counts, batches: Counts) -> Counts:
        """Cycles for which a tile's batches wait for words, beyond those for packets."""
        late = batches * (self._intake - self._batch(now)) - self._late(now, following, batches)
        return np.asarray(np.maximum(late, 0), np.int64)

    def _over_tiles(self, count: Callable[[Counts, Counts, Counts], Counts]) -> Counts:
        """A count of a tile's blocks, the next one's and its batches, summed over all tiles but the
        list's last, which nothing follows."""
        whole, last, tiles, copies = self._tilings.blocks, self._last, self._tiles, self._copies
        one = tiles == 1
        steps = [
            (whole, whole, np.maximum(tiles - 2, 0), 0),
            (whole, last, np.where(one, 0, 1), 0),
            (last, np.where(one, last, whole), np.ones_like(tiles), 1),
        ]
        total: Counts = np.zeros_like(tiles)
        for now, following, often, ends in steps:
            found = copies * (self._strips - 1) * count(now, following, self._batches)
            found = found + (copies - ends) * count(now, following, self._last_batches)
            total = total + often * found
        return total

    def _late_strips(self) -> Counts:
        """Cycles for which strips wait for their words."""
        config, interleave = self._config, self._tilings.interleave
        batch = self._part.panels * divided(interleave, config.feed)  # tokens
        waiting = config.rows * divided(config.interleave, config.feed) // batch  # before the chain
        cover = waiting * self._chunk * self._pass(self._last)
        tokens = self._tiles * self._batches * batch
        return late_fills(self._held, tokens, cover, self._work.copies * self._strips)

    def _late(self, now: Counts, following: Counts, batches: Counts) -> Counts:
        """Cycles beyond a tile's batches until the next tile's packets are there."""
        batch = self._batch(now)
        late, rest = self._packets_late(following, batches, batch)
        full, tail = (
            self._weights.fill(elements, following)
            for elements in (self._config.lanes, self._part.tail)
        )
        # A command of its own, if the activations are read anew for each tile.
        words = self._part.over(full, tail) + np.where(self._tilings.buffered, 0, BETWEEN)
        loader = np.maximum(self._loader(following), words)
        slower = divided(rest * loader, self._packets * following)
        late = late + self._crowded(now, following, rest)
        found: Counts = np.maximum(late + slower, loader - batches * batch)
        return found

    def _crowded(self, now: Counts, following: Counts, rest: Counts) -> Counts:
        """Cycles for which the first row waits in a period of packets alone. Each row is behind the
        one above by its products, and the stream between holds but some packets, so one row after
        the other waits until the one below begins; and the first one waits for those that do so
        while it still has packets to hand on."""
        lag = (self._chunk - 1) * self._pass(now) + row_lag(self._config)
        room = self._weights.packet_places
        waiting = self._packets * following // (self._chunk * following + room)
        waiting = np.minimum(waiting, self._config.rows - 1)
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
        tokens = self._part.panels * divided(self._tilings.interleave, self._config.feed)

        def batch(blocks: Counts) -> Counts:
            cycles: Counts = np.maximum(self._chunk * self._pass(blocks), tokens)
            return cycles

        def late(now: Counts, following: Counts, batches: Counts) -> Counts:
            return added(self._packets_late(following, batches, batch(now)))

        whole, last = self._tilings.blocks, self._last
        first = np.maximum(self._packets * np.where(self._tiles == 1, last, whole), tokens)
        products = self._count * ((self._tiles - 1) * batch(whole) + batch(last))
        # Beside the last batch no other comes.
        end = batch(last) - self._chunk * self._pass(last)
        return added([first + products - end, self._over_tiles(late)])

    def _loader(self, blocks: Counts) -> Counts:
        """Cycles of the B loader for a tile."""
        return self._weights.loading(self._part, blocks)

    def _count_start(self) -> None:
        """The first tile's packets and batch, the wave through the rows, the latencies."""
        config, commands = self._config, self._commands
        blocks = np.where(self._tiles == 1, self._last, self._tilings.blocks)
        first = np.maximum(self._packets * blocks, self._intake)
        used = divided(self._packets, self._chunk)
        passes = self._packets - used - (self._chunk - 1)
        self.wave = passes * self._pass(self._last) + through_rows(config)
        self.start = ACTIVATIONS + first + self.wave + STORED
        weights = self._weights
        fill = weights.fill(self._part.tail, blocks)
        fill = np.where(self._part.words > 1, weights.fill(config.lanes, blocks), fill)
        leaving = weights.packet_rows(self._part.tail) * blocks
        turns = self._loader(blocks) - np.maximum(fill - leaving, 0)  # behind the last, none counts
        last = packets(commands) + fill + turns
        plan = planned(commands, np.where(self._tilings.buffered, self._tiles, 1))
        others = np.maximum(plan, last - first) - ACTIVATIONS
        self.load_cycles = np.maximum(self.load.bytes // config.word_bytes, others)
        # What is read as needed comes meanwhile.
        ahead = np.where(self._tilings.buffered, 0, first + self.load_cycles)
        self.quiet_a = self.quiet_a - ahead


def stationary_unit_cycles(
    config: ArrayConfig, work: ProductWork, tilings: Candidates, options: Options = ALL
) -> Counts:
    """What the row units count for a product in segments, by kernels/period.h, if no stream makes
    them wait: the sum of PeriodPlan::cycles over their lists."""
    cut = segments(config, work, tilings.interleave, tilings.blocks)
    whole = _List(config, work, tilings, options, cut.whole, cut.tap_rows[0])
    last = _List(config, work, tilings, options, cut.last, cut.tap_rows[1])
    return added([cut.wholes * whole.units(), cut.lasts * last.units()])
