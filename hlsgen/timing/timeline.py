# SPDX-License-Identifier: Apache-2.0
"""What each process did, cycle after cycle: slices that follow each other without a gap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .resolve import MEMORY, READ, WRITE, Resolved
from .trace import Ints

BUSY = 3
"""Beside the causes READ, WRITE and MEMORY of a stall."""
CAUSES = {BUSY: "busy", READ: "read", WRITE: "write", MEMORY: "memory"}
"""By number, what each is called."""


@dataclass(frozen=True, eq=False)
class Slices:
    """Of one process, in order of time; arrays of one length. cause: of CAUSES, the longest where
    a slice joins several. object: the number of the stream or port that is waited for, -1 when
    busy. shares: cycles [slice, 4] by cause. joins: how many slices each one stands for."""

    begin: Ints
    cycles: Ints
    cause: Ints
    object: Ints
    shares: Ints
    joins: Ints

    def __len__(self) -> int:
        return len(self.begin)


def slices_of(resolved: Resolved, process: int) -> Slices:
    """Every stall of a process, and what lies between; from cycle 0 to its end, or to where it is
    blocked for good. resolved: with detail."""
    stalls = _stalls(resolved, process)
    end = resolved.ends[process]
    starts, lengths = stalls[:, 1], stalls[:, 2]
    # Alternately the time before a stall and the stall, then the time behind the last.
    begin = np.zeros(2 * len(stalls) + 1, np.int64)
    begin[1::2], begin[2::2] = starts, starts + lengths
    cycles = np.diff(begin, append=max(end, int(begin[-1])))
    cause = np.full(len(begin), BUSY, np.int64)
    cause[1::2] = stalls[:, 3]
    what = np.full(len(begin), -1, np.int64)
    what[1::2] = stalls[:, 4]
    some = cycles > 0
    begin, cycles, cause, what = begin[some], cycles[some], cause[some], what[some]
    shares = np.zeros((len(begin), len(CAUSES)), np.int64)
    shares[np.arange(len(begin)), cause] = cycles
    return Slices(begin, cycles, cause, what, shares, np.ones(len(begin), np.int64))


def joined(slices: Slices, shortest: int) -> Slices:
    """With neighbours that are shorter than `shortest` cycles joined, until they are as long, or
    nearly: at most four slices in that time. A slice that is as long stays as it is."""
    if shortest <= 1 or not len(slices):
        return slices
    short = slices.cycles < shortest
    # A new slice starts at a long one, behind a long one, and once in `shortest` cycles.
    window = slices.begin // shortest
    fresh = np.ones(len(slices), bool)
    fresh[1:] = ~short[1:] | ~short[:-1] | (window[1:] != window[:-1])
    first = np.flatnonzero(fresh)
    group = np.cumsum(fresh) - 1
    cause, what = _longest(slices, group, len(first))
    cycles = np.add.reduceat(slices.cycles, first)
    shares = np.add.reduceat(slices.shares, first, axis=0)
    joins = np.add.reduceat(slices.joins, first)
    return Slices(slices.begin[first], cycles, cause, what, shares, joins)


def _stalls(resolved: Resolved, process: int) -> Ints:
    """The rows of one process in order of time."""
    assert resolved.stalls is not None, "resolve with detail"
    found: Ints = resolved.stalls[resolved.stalls[:, 0] == process]
    return found


def _longest(slices: Slices, group: Ints, groups: int) -> tuple[Ints, Ints]:
    """Of each group, the cause and object that has the most of its cycles."""
    order = np.lexsort((slices.object, slices.cause, group))
    keys = np.stack([group[order], slices.cause[order], slices.object[order]])
    first = np.flatnonzero(np.append(True, (np.diff(keys, axis=1) != 0).any(axis=0)))
    totals = np.add.reduceat(slices.cycles[order], first)
    keys = keys[:, first]
    # The last of a group is its longest; of equals the one with the lowest numbers.
    rank = np.lexsort((-keys[2], -keys[1], totals, keys[0]))
    last = rank[np.append(np.diff(keys[0][rank]) != 0, True)]
    assert len(last) == groups
    return keys[1][last], keys[2][last]
