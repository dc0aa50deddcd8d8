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

from .bounds import NEVER, Grid, least_unbuffered
from .candidates import legal
from .cycles import timing_of
from .memory import Counts
from .options import Options
from .pieces import Candidates, Timing, joined
from .terms import Flags, Shapes, Terms, taken_at, terms_of
from .work import ProductWork

SEEDS = 8
"""Candidates of each product that are counted first."""


@dataclass(frozen=True)
class Found:
    """Candidates with their timing, those of a product beside each other, in the order of
    hlsgen.schedule.candidates. owner: the product. flow: the place in DATAFLOWS."""

    owner: Counts
    flow: Counts
    tilings: Candidates
    timing: Timing

    def at(self, places: Counts | Flags) -> Found:
        """Some of them."""
        return Found(
            self.owner[places],
            self.flow[places],
            self.tilings.some(places),
            taken_at(self.timing, places),
        )

    def tiling(self, place: int) -> Tiling:
        """That of a candidate."""
        flow = DATAFLOWS[int(self.flow[place])]
        return replace(self.tilings.at(place), dataflow=flow)


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
        """The bounds of all candidates: [products, dataflow, T, Q], T and Q falling."""
        grid = Grid(self.terms)
        return np.stack([grid.least(flow) for flow in self.flows], axis=1)

    def seeds(self) -> Found | None:
        """The candidates of the least bounds, those that are legal; None where none is."""
        flat = self.least.reshape(self.terms.size, -1)
        first = min(SEEDS, flat.shape[1])
        places = np.argpartition(flat, first - 1, axis=1)[:, :first]
        chosen = np.zeros(flat.shape, np.bool_)
        np.put_along_axis(chosen, places, True, axis=1)
        return self.counted(chosen.reshape(self.least.shape) & (self.least < NEVER))

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
        return Found(owner, np.concatenate(flows), tilings, timing).at(order)

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
        most_t, most_q = self.least.shape[2:]
        for number, flow in enumerate(self.flows):
            owner, t, q = np.nonzero(chosen[:, number])
            transposed = self.terms.transposed_a[owner]
            for ways, which in ((1, transposed), (2, ~transposed)):
                # Transposed ones are always buffered; of the others the buffered first.
                of = np.repeat(np.flatnonzero(which), ways)
                if of.size == 0:
                    continue
                buffered = np.resize(np.arange(ways) == 0, of.size)
                tilings = Candidates(flow, most_t - t[of], most_q - q[of], buffered)
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
