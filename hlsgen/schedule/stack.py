# SPDX-License-Identifier: Apache-2.0
"""All candidates of many products on many arrays in one set of columns, and the fastest of each.

A few candidates of each product that are fast by bounds.py are counted first; of the others those
alone whose bound is no more than the best of these takes. What is left out takes longer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from sat_host.config import ArrayConfig
from sat_host.tiling import DATAFLOWS, Tiling

from .bounds import NEVER, Grid, bounded_by, least_unbuffered
from .candidates import legal
from .cycles import timing_of
from .memory import Counts
from .options import Options
from .pieces import Candidates, Timing, joined
from .stationary_bound import least_stationary
from .terms import Flags, Shapes, Terms, terms_of
from .work import ProductWork

SEEDS = 4
"""Candidates of each product that are counted first."""

_BOUNDED = 128
"""Products whose bounds are counted at once: those of more would not stay in a core's cache."""

_LIKELY = 12
"""Of each product, whose bounds are looked at more closely for that."""


@dataclass(frozen=True)
class Found:
    """Candidates with their timing, those of a product beside each other, in the order of
    hlsgen.schedule.candidates. owner: the product. row: the place in what follows. flow: the place
    in DATAFLOWS."""

    owner: Counts
    row: Counts
    flow: Counts
    tilings: Candidates
    timing: Timing

    def tiling(self, place: int) -> Tiling:
        """That of a candidate."""
        row = int(self.row[place])
        return replace(self.tilings.at(row), dataflow=DATAFLOWS[int(self.flow[row])])


@dataclass(frozen=True)
class Stack:
    """Products on arrays, one after the other. parts: each array with its products."""

    parts: Sequence[tuple[ArrayConfig, Shapes]]
    options: Options

    @cached_property
    def terms(self) -> Terms:
        """A row for each product."""
        return terms_of(self.parts, self.options)

    @cached_property
    def _products(self) -> list[tuple[ArrayConfig, ProductWork]]:
        return [(config, work) for config, shapes in self.parts for work in shapes.works]

    @cached_property
    def flows(self) -> list[str]:
        """That may be chosen, in order."""
        return [flow for flow in DATAFLOWS if flow in self.options.dataflows]

    @cached_property
    def least(self) -> Counts:
        """The bounds of all candidates: [products, dataflow, T, Q], T and Q falling. Arrays that
        differ in what no bound depends on share theirs."""
        known: dict[tuple[ArrayConfig, int], Counts] = {}
        shared: list[Counts] = []  # for the products of each array, those with the same bounds
        begin = 0
        for config, shapes in self.parts:
            rows = np.arange(begin, begin + len(shapes.works))
            begin += rows.size
            shared.append(known.setdefault((bounded_by(config), id(shapes)), rows))
        # Arrays with equally many tiles beside each other.
        alike = sorted(known, key=lambda key: (key[0].interleave, key[0].memory_tile))
        counted = np.concatenate([known[key] for key in alike])
        place = np.zeros(begin, np.int64)
        place[counted] = np.arange(counted.size)
        return self._least_of(self.terms.at(counted))[place[np.concatenate(shared)]]

    def _least_of(self, terms: Terms) -> Counts:
        """The bounds of some products."""
        sizes = int(terms.interleave.max()), int(terms.memory_tile.max())
        found = np.full((terms.size, len(self.flows), *sizes), NEVER)
        for begin in range(0, terms.size, _BOUNDED):
            some = np.arange(begin, min(begin + _BOUNDED, terms.size))
            grid = Grid(terms.at(some))
            t, q = grid.sizes
            for number, flow in enumerate(self.flows):
                found[begin : begin + some.size, number, -t:, -q:] = grid.least(flow)
        return found

    def seeds(self) -> Found | None:
        """The candidates of the least bounds, those that are legal; None where none is."""
        flat = self.least.reshape(self.terms.size, -1)
        likely = _lowest(flat, _LIKELY)
        bounds = np.take_along_axis(flat, likely, axis=1)
        flow, t, q = np.unravel_index(likely, self.least.shape[1:])
        if "ws" in self.flows:
            at = np.nonzero((flow == self.flows.index("ws")) & (bounds < NEVER))
            bounds[at] = least_stationary(self.terms.at(at[0]), self._tilings("ws", t[at], q[at]))
        first = np.take_along_axis(likely, _lowest(bounds, SEEDS), axis=1)
        chosen = np.zeros(flat.shape, np.bool_)
        np.put_along_axis(chosen, first, True, axis=1)
        return self.counted(chosen.reshape(self.least.shape) & (self.least < NEVER))

    def _tilings(
        self, flow: str, t: Counts, q: Counts, buffered: Flags | None = None
    ) -> Candidates:
        """Of places in `least`. buffered: all by default."""
        most_t, most_q = self.least.shape[2:]
        every = np.ones(t.shape, np.bool_) if buffered is None else buffered
        return Candidates(flow, most_t - t, most_q - q, every)

    def within(self, most: Counts) -> Found | None:
        """The legal candidates whose bound is at most so many cycles, by product."""
        chosen = self.least <= np.minimum(most, NEVER - 1)[:, None, None, None]
        return self.counted(chosen, most)

    def counted(self, chosen: Flags, most: Counts | None = None) -> Found | None:
        """Of those of `least` that are chosen, the legal ones; None where none is. most: cycles,
        by product; those that take longer since they are not buffered may be left out."""
        found = list(self._legal(chosen, most))
        if not found:
            return None
        timing = joined([timing_of(terms, tilings) for terms, _, tilings in found])
        owner = np.concatenate([owner for _, owner, _ in found])
        order = np.argsort(owner, kind="stable")
        flows = [np.full(owner.size, DATAFLOWS.index(each.dataflow)) for _, owner, each in found]
        sizes = (
            np.concatenate([getattr(tilings, name) for *_, tilings in found])
            for name in ("interleave", "blocks", "buffered")
        )
        tilings = Candidates("", *sizes)
        return Found(owner[order], order, np.concatenate(flows), tilings, timing)

    def tried(self) -> Counts:
        """How many legal candidates each product has."""
        count = np.zeros(self.terms.size, np.int64)
        for _, owner, _ in self._legal(self.least < NEVER):
            count += np.bincount(owner, minlength=count.size)
        return count

    def _legal(
        self, chosen: Flags, most: Counts | None = None
    ) -> Iterator[tuple[Terms, Counts, Candidates]]:
        """The legal ones of those chosen, by dataflow and by whether A is transposed, if any."""
        for number, flow in enumerate(self.flows):
            owner, t, q = np.nonzero(chosen[:, number])
            if most is not None and flow == "ws":
                bound = least_stationary(self.terms.at(owner), self._tilings(flow, t, q))
                kept = np.flatnonzero(bound <= most[owner])
                owner, t, q = owner[kept], t[kept], q[kept]
            transposed = self.terms.transposed_a[owner]
            for ways, which in ((1, transposed), (2, ~transposed)):
                # Transposed ones are always buffered; of the others the buffered first.
                of = np.repeat(np.flatnonzero(which), ways)
                if of.size == 0:
                    continue
                buffered = np.zeros(of.size, np.bool_)
                buffered[::ways] = True
                tilings = self._tilings(flow, t[of], q[of], buffered)
                owners = owner[of]
                terms = self.terms.at(owners)
                if most is not None and ways > 1:
                    bound = np.where(buffered, 0, least_unbuffered(terms, tilings))
                    kept = np.flatnonzero(bound <= most[owners])
                    owners, terms, tilings = owners[kept], terms.at(kept), tilings.some(kept)
                fits = np.flatnonzero(legal(terms, tilings, (self._products, owners)))
                if fits.size == owners.size:
                    yield terms, owners, tilings
                elif fits.size:
                    yield terms.at(fits), owners[fits], tilings.some(fits)


def _lowest(bounds: Counts, count: int) -> Counts:
    """The places of so many of the least of each row."""
    most = min(count, bounds.shape[1])
    return np.argpartition(bounds, most - 1, axis=1)[:, :most]
