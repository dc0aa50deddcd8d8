# SPDX-License-Identifier: Apache-2.0
"""Which SLR each part goes to, what is over, and what is tight.

The ports of HBM lie in the SLR beside it, the ends of the chain in the first SLR; row units follow
in the order of the chain, into the same SLR as long as they fit, then the next one. The second
kernel goes to the first SLR in which it leaves room for all. Row units stay within the planned
share of every SLR where that is enough for all of them, else they fill what the platform leaves.

This is only our order of filling. The link keeps a kernel that lies whole in one SLR there, and
pins no part of one that spans several. An estimate is not exact either. So a design is refused only
for needing more than all SLRs have; that it is tight, or that row units found no room whole, is
remarked.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache

from ..cards import Card
from ..resources import TITLES, Resources, plain, total
from .modules import NEITHER, ROW_PARTS, STCE, WUVE
from .result import Module, SlrUse

PLANNING_PERCENT = Resources(lut=70, ff=50, dsp=80, bram36=80, uram=80)
"""Of what a platform leaves: beyond, timing is hard to close (DEFAULT_RES_LIMITS in Xilinx/finn,
src/finn/util/platforms.py)."""


@dataclass(frozen=True)
class Parts:
    """row: one row unit with its lanes, plans and streams; first: the first one, whose streams are
    among the ends. rows: how many. ends: of the chain. second: the other kernel. ports: of HBM."""

    row: Resources
    first: Resources
    rows: int
    ends: Resources
    second: Resources
    ports: Resources


@dataclass(frozen=True)
class Placement:
    """left: row units that found no place. second: the SLR of the other kernel."""

    slrs: tuple[SlrUse, ...]
    left: int
    second: str

    @property
    def over(self) -> bool:
        """Whether an SLR has less than lies there."""
        return not all(slr.use.within(slr.limit) for slr in self.slrs)

    @property
    def tight(self) -> bool:
        """Whether an SLR is filled beyond the planned share."""
        return not all(slr.use.within(slr.planned) for slr in self.slrs)

    @property
    def faults(self) -> tuple[bool, int, bool]:
        """Less is better."""
        return self.over, self.left, self.tight


def parts_of(modules: tuple[Module, ...], rows: int) -> Parts:
    """The row units apart from all else."""
    in_rows = [module for module in modules if module.name in ROW_PARTS and module.kernel == STCE]
    first = total(module.each * (module.count // rows) for module in in_rows)
    row = total(module.each * -(-module.count // rows) for module in in_rows)
    stce, second, ports = (
        total(module.total for module in modules if module.kernel == kernel)
        for kernel in (STCE, WUVE, NEITHER)
    )
    ends = stce + total(module.total for module in in_rows) * -1
    return Parts(row, first, rows, ends, second, ports)


def place(parts: Parts, card: Card) -> Placement:
    """Every SLR with what lies there: of the ways to place the parts, the first of the best."""
    tried: list[Placement] = []
    for within_plan, second in itertools.product((True, False), card.slrs):
        tried.append(_placed(parts, card, second.name, within_plan))
        if tried[-1].faults == (False, 0, False):  # no other is better
            return tried[-1]
    return min(tried, key=lambda each: each.faults)


def _placed(parts: Parts, card: Card, second: str, within_plan: bool) -> Placement:
    done = 0
    slrs = []
    for number, slr in enumerate(card.slrs):
        planned = _planned(slr.kernels)
        limit = planned if within_plan else slr.kernels
        use = Resources() if number else parts.ends
        if slr.name == second:
            use += parts.second
        if slr.name == card.memory.slrs[0]:
            use += parts.ports
        first = done
        while done < parts.rows:
            more = use + (parts.row if done else parts.first)
            if not more.within(limit):
                break
            use = more
            done += 1
        slrs.append(SlrUse(slr.name, tuple(range(first, done)), use, slr.kernels, planned))
    return Placement(tuple(slrs), parts.rows - done, second)


@cache
def _planned(kernels: Resources) -> Resources:
    return kernels.share(PLANNING_PERCENT)


def faults_of(needed: Resources, card: Card) -> tuple[str, ...]:
    """What is beyond the whole card, a line each; none when it may fit."""
    return tuple(
        f"needs {plain(need)} {TITLES[name]} of {plain(most)}, {plain(need - most)} too many"
        for (name, need), (_, most) in zip(needed, card.kernels, strict=True)
        if need > most
    )


def remarks_of(placed: Placement, parts: Parts) -> tuple[str, ...]:
    """Row units without a place, and SLRs filled beyond the planned share, a line each."""
    remarks = [remark for slr in placed.slrs if (remark := _tight(slr))]
    if placed.left:
        short = dict.fromkeys(
            TITLES[name]
            for slr in placed.slrs
            for (name, need), (_, most) in zip(slr.use + parts.row, slr.limit, strict=True)
            if need > most
        )
        finds = "finds" if placed.left == 1 else "find"
        remarks.insert(
            0,
            f"{placed.left} of {parts.rows} row units {finds} no SLR with room for a whole one: "
            f"{', '.join(short)} run out",
        )
    return tuple(remarks)


def _tight(slr: SlrUse) -> str:
    planned, shares = dict(slr.planned), []
    for (name, use), (_, most), (_, percent) in zip(
        slr.use, slr.limit, PLANNING_PERCENT, strict=True
    ):
        if use > planned[name]:
            shares.append(f"{TITLES[name]} {_percent(use, most, percent)} (planned {percent} %)")
    word = "tight" if slr.use.within(slr.limit) else "over"
    return f"{slr.name} is {word}: {', '.join(shares)}" if shares else ""


def _percent(use: float, most: float, planned: float) -> str:
    """With as many decimals as it takes to look above what is planned, and above all there is."""
    if not most:
        return f"{plain(use)} of 0"
    share, least = 100 * use / most, 100 if use > most else planned
    decimals = 0
    while decimals < 3 and round(share, decimals) <= least:
        decimals += 1
    return f"{share:.{decimals}f} %"
