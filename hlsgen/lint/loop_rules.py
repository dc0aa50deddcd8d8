# SPDX-License-Identifier: Apache-2.0
"""Loops: a label and an initiation interval each, and lengths that synthesis can work with."""

from __future__ import annotations

from collections.abc import Iterator

from .context import Context
from .declarations import Function
from .findings import Finding
from .loops import Loop


def check(context: Context) -> Iterator[Finding]:
    """Findings of all loops of a unit."""
    labels: dict[tuple[Function, str], Loop] = {}
    for loop in context.loops.all:
        if not loop.label:
            what = f"a loop of {loop.function.full_name} has no label"
            mend = "put a name before it, which reports will print"
            yield context.finding(loop.node, "loop-label", what, mend)
        elif labels.setdefault((loop.function, loop.label), loop) is not loop:
            what = f"a second loop of {loop.function.full_name} is called {loop.label}"
            yield context.finding(loop.node, "loop-name", what, "give each its own name")
        yield from _check_bound(context, loop)
        if loop.node.id not in context.loops.unrolled:
            yield from _check_rolled(context, loop)


def _check_bound(context: Context, loop: Loop) -> Iterator[Finding]:
    """A loop that is unrolled makes a constant number of turns."""
    if loop.node.id not in context.loops.unrolled:
        return
    if context.constants.is_counted(loop.function, loop.node):
        return
    why = "is unrolled" if loop.unrolled else "is part of a pipeline, which unrolls it"
    what = f"{loop.name} {why}, but its bounds are no constants"
    mend = "give it constant bounds" + (", or a factor" if loop.unrolled else "")
    yield context.finding(loop.node, "loop-bound", what, mend)


def _check_rolled(context: Context, loop: Loop) -> Iterator[Finding]:
    """A loop that stays one says its interval, or has one inside that does; and how long it is."""
    stated = loop.pragma("PIPELINE") or loop.pragma("UNROLL") or loop.pragma("DATAFLOW")
    if stated is None and not context.loops.stays_around(loop):
        what = f"{loop.name} has no initiation interval, and no loop inside that has one"
        mend = "add #pragma HLS PIPELINE II=<cycles>, or PIPELINE off"
        yield context.finding(loop.node, "loop-ii", what, mend)
    counted = context.constants.is_counted(loop.function, loop.node)
    if not counted and loop.pragma("LOOP_TRIPCOUNT") is None:
        what = f"{loop.name} has a variable length and no trip count"
        mend = "add #pragma HLS LOOP_TRIPCOUNT min=<turns> max=<turns>"
        yield context.finding(loop.node, "loop-tripcount", what, mend)
