# SPDX-License-Identifier: Apache-2.0
"""The rules of dataflow regions: canonical form, and one writer and one reader of everything.

Source: UG1399 (canonical forms, limitations of control-driven task-level parallelism).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .context import Context
from .dataflow import (
    QUIET,
    Channel,
    Process,
    Region,
    called,
    channels,
    moved,
    processes,
    regions,
    returns_value,
)
from .effects import READ
from .findings import Finding
from .syntax import LOOPS, below, part, statements, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

_BRANCHES = ("if_statement", "switch_statement", "conditional_expression")


def check(context: Context) -> Iterator[Finding]:
    """Findings of all regions of a unit."""
    for region in regions(context):
        yield from _check_form(context, region)
        found = processes(context, region)
        joined = channels(context, region, found)
        for channel in joined:
            yield from _check_channel(context, channel)
        yield from _check_bypasses(context, joined, found)


def _check_form(context: Context, region: Region) -> Iterator[Finding]:
    function = region.function
    if region.loop is not None:
        yield from _check_loop(context, region, region.loop)
    elif function.returns not in ("void", ""):
        what = f"the dataflow region {function.name} returns a value"
        mend = "make it void, and give the value a parameter"
        yield context.finding(function.node, "dataflow-returns", what, mend)
    for statement in statements(region.body):
        if statement.type in QUIET:
            yield from _check_declaration(context, region, statement)
        elif called(statement) is not None:
            yield from _check_process(context, region, statement)
        elif text_of(statement) != ";":
            yield from _check_other(context, statement)


def _check_process(context: Context, region: Region, statement: Node) -> Iterator[Finding]:
    node = called(statement)
    call = None if node is None else context.calls.at(node)
    own = None if call is None else moved(context, region, call)
    if own is not None:
        what = f"the region itself {'reads' if own[1] == READ else 'writes'} the stream {own[0]}"
        yield context.finding(statement, "dataflow-statement", what, "let a process do it")
    elif call is not None and returns_value(call):
        what = f"the process {call.name} returns a value"
        mend = "make it void, and give the value a stream"
        yield context.finding(statement, "dataflow-returns", what, mend)


def _check_declaration(context: Context, region: Region, statement: Node) -> Iterator[Finding]:
    if statement.type != "declaration":
        return
    for node in below(statement, "call_expression"):
        call = context.calls.at(node)
        if call is None or not returns_value(call):
            continue
        if not context.constants.is_constant(region.function, node):
            what = f"{call.name} returns a value into the region"
            mend = "make it a void process, and give the value a stream"
            yield context.finding(node, "dataflow-returns", what, mend)
            return
    for local in context.unit.locals[region.function]:
        variable = local.variable
        inside = statement.start_byte <= variable.node.start_byte < statement.end_byte
        if not inside or variable.init is None or variable.is_stream:
            continue
        if not _is_fixed(context, region, variable.init):
            what = f"{variable.name} is computed between the processes"
            mend = "compute it in the process that needs it"
            yield context.finding(variable.node, "dataflow-statement", what, mend)


def _is_fixed(context: Context, region: Region, value: Node) -> bool:
    """Whether a value is a constant as the region stands: its arguments are none."""
    names = (text_of(node) for node in below(value, "identifier"))
    given = any(region.function.parameter(name) is not None for name in names)
    return not given and context.constants.is_constant(region.function, value)


def _check_other(context: Context, statement: Node) -> Iterator[Finding]:
    """A statement that is no declaration and no call."""
    calls = [call for n in below(statement, "call_expression") if (call := context.calls.at(n))]
    name = next((call.name for call in calls if call.targets), "")
    inner = statement
    while inner.type == "labeled_statement" and inner.named_children:
        inner = inner.named_children[-1]
    branch = any(True for _ in below(inner, *_BRANCHES))
    if name and (branch or inner.type in LOOPS):
        where = "on a condition" if branch else "in a loop of the region"
        what = f"the process {name} is called {where}"
        mend = "call it always, and let it decide inside"
        yield context.finding(statement, "dataflow-condition", what, mend)
        return
    if name and inner.type == "expression_statement":
        what = f"the process {name} returns a value"
        mend = "make it void, and give the value a stream"
        yield context.finding(statement, "dataflow-returns", what, mend)
        return
    what = f"`{text_of(statement)[:40]}` is no declaration and no call of a process"
    mend = "move it into a process"
    yield context.finding(statement, "dataflow-statement", what, mend)


def _check_loop(context: Context, region: Region, loop: Node) -> Iterator[Finding]:
    """The canonical loop: from 0, step 1, up to a constant or an argument."""
    local = next((x for x in context.unit.locals[region.function] if x.loop == loop), None)
    condition, update = part(loop, "condition"), part(loop, "update")
    fault = ""
    if loop.type != "for_statement" or local is None:
        fault = "it is no for-loop with a counter of its own"
    elif text_of(local.variable.init) != "0":
        fault = "its counter does not start at 0"
    elif update is None or text_of(update).replace(" ", "") not in _steps(local.variable.name):
        fault = "its counter does not step by 1"
    else:
        bound = None if condition is None else part(condition, "right")
        argument = region.function.parameter(text_of(bound)) is not None
        if not argument and not context.constants.is_constant(region.function, bound):
            fault = "its bound is neither a constant nor an argument"
    if fault:
        mend = "write for (int i = 0; i < count; ++i)"
        what = f"the loop of a dataflow region is not canonical: {fault}"
        yield context.finding(loop, "dataflow-loop", what, mend)


def _steps(name: str) -> tuple[str, ...]:
    return (f"++{name}", f"{name}++", f"{name}+=1")


def _check_channel(context: Context, channel: Channel) -> Iterator[Finding]:
    stream = channel.variable.is_stream
    if not stream and channel.variable.is_scalar and not channel.writers:
        return  # a scalar goes to all who take it
    kind = "stream " if stream else ""
    for rule, users, verb in (
        ("stream-producers" if stream else "dataflow-shared", channel.writers, "written"),
        ("stream-consumers" if stream else "dataflow-shared", channel.readers, "read"),
    ):
        several = len(users) > 1
        if several and not (verb == "read" and channel.variable.is_scalar):
            names = " and ".join(each.name for each in users[:3])
            what = f"the {kind}{channel.name} is {verb} by {len(users)} processes: {names}"
            mend = "give each of them one of its own"
            yield context.finding(users[1].call.node, rule, what, mend)
    yield from _check_order(context, channel)


def _check_order(context: Context, channel: Channel) -> Iterator[Finding]:
    """Locals are written before they are read, in the order of the calls; arguments the other way
    round. A process may use an array of its own as it likes, but no stream."""
    for writer in channel.writers[:1]:
        for reader in channel.readers:
            own = reader is writer
            if own and not channel.variable.is_stream:
                continue
            if channel.local and reader.number <= writer.number:
                what = f"{channel.name} flows back from {writer.name} to {reader.name}"
                mend = "let data flow forward only, in the order of the calls"
                yield context.finding(reader.call.node, "dataflow-feedback", what, mend)
                return
            if not channel.local and reader.number > writer.number:
                what = f"{writer.name} writes the argument {channel.name} before {reader.name}"
                mend = "pass it on as a local stream"
                what += " reads it"
                yield context.finding(reader.call.node, "dataflow-shared", what, mend)
                return


def _check_bypasses(
    context: Context, joined: list[Channel], found: list[Process]
) -> Iterator[Finding]:
    """Values, not streams, from a process to one that is not the next stage."""
    follows: dict[int, set[int]] = {process.number: set() for process in found}
    for channel in joined:
        for writer in channel.writers:
            later = {each.number for each in channel.readers if each.number > writer.number}
            follows[writer.number] |= later if channel.local else set()
    for channel in joined:
        if channel.variable.is_stream or not channel.local:
            continue
        for writer in channel.writers:
            for reader in channel.readers:
                between = _reached(follows, writer.number) & {
                    number for number in follows if reader.number in _reached(follows, number)
                }
                if between:
                    stage = found[min(between)].name
                    what = f"{channel.name} goes from {writer.name} past {stage} to {reader.name}"
                    mend = "pass it through the stage between, as a stream"
                    yield context.finding(reader.call.node, "dataflow-bypass", what, mend)


def _reached(follows: dict[int, set[int]], start: int) -> set[int]:
    found: set[int] = set()
    left = [start]
    while left:
        for each in follows[left.pop()] - found:
            found.add(each)
            left.append(each)
    return found
