# SPDX-License-Identifier: Apache-2.0
"""A deadlock in words: who waits for whom, and which tokens never come."""

from __future__ import annotations

from .trace import Trace, operations
from .waits import Blocked, Deadlock


def describe(trace: Trace, deadlock: Deadlock) -> list[str]:
    """The ring in which processes wait for each other, in one line, if there is one; then a line
    for each process that waits for one that has ended.

    Such as "row_3 waits to write packets_4 (full: 2 of 2), which row_4 reads; row_4 waits to read
    sums_4 (empty), which row_3 writes".
    """
    lines = ["; ".join(_waits(trace, each) for each in deadlock.cycle)] if deadlock.cycle else []
    stopped = {each.process for each in deadlock.blocked}
    for each in deadlock.blocked:
        stream = trace.streams[each.stream]
        if (stream.writer if each.reads else stream.reader) not in stopped:
            lines.append(_never(trace, each))
    return lines


def _waits(trace: Trace, each: Blocked) -> str:
    stream, process = trace.streams[each.stream], trace.processes[each.process]
    if each.reads:
        writer = trace.processes[stream.writer]
        return f"{process} waits to read {stream.name} (empty), which {writer} writes"
    reader = trace.processes[stream.reader]
    full = f"full: {each.fill} of {each.depth}"
    return f"{process} waits to write {stream.name} ({full}), which {reader} reads"


def _never(trace: Trace, each: Blocked) -> str:
    """Of a wait for a process that has ended."""
    stream, process = trace.streams[each.stream], trace.processes[each.process]
    written, read = operations(trace)[2 * each.stream : 2 * each.stream + 2]
    if each.reads:
        return (
            f"missing token: stream {stream.name}: process {trace.processes[stream.writer]} has "
            f"written {_tokens(written)} and ended, {process} waits to read token {written + 1}"
        )
    return (
        f"leftover tokens: stream {stream.name}: process {trace.processes[stream.reader]} has read "
        f"{_tokens(read)} and ended, {process} waits to write token {read + each.fill + 1} "
        f"(full: {each.fill} of {each.depth})"
    )


def _tokens(count: int) -> str:
    return "1 token" if count == 1 else f"{count} tokens"
