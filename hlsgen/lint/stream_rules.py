# SPDX-License-Identifier: Apache-2.0
"""Streams: declared with a depth, used, written and read, and never copied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .context import Context
from .dataflow import channels, processes, regions, streams_of
from .declarations import Function, Variable
from .findings import Finding
from .syntax import arguments_of, below, last_name, part, text_of

if TYPE_CHECKING:
    from tree_sitter import Node


def check(context: Context) -> Iterator[Finding]:
    """Findings of all streams of a unit."""
    for function in context.unit.functions:
        for parameter in function.parameters:
            passed = parameter.reference or parameter.pointer or parameter.sizes
            if parameter.is_stream and not passed:
                what = f"{function.name} takes the stream {parameter.name} by value"
                yield context.finding(parameter.node, "stream-copied", what, "take it by reference")
        yield from _check_copies(context, function)
        named = [text_of(node) for node in below(function.body, "identifier", "type_identifier")]
        for local in context.unit.locals[function]:
            variable = local.variable
            if variable.is_stream and named.count(variable.name) < 2:
                what = f"the stream {variable.name} is never used"
                yield context.finding(variable.node, "stream-unused", what, "take it out")
    for region in regions(context):
        joined = {each.name: each for each in channels(context, region, processes(context, region))}
        indexed = {name.partition("[")[0] for name in joined if "[" in name}
        for variable in streams_of(context, region):
            yield from _check_depth(context, region.body, variable)
            channel = joined.get(variable.name)
            if channel is None or channel.unsure or variable.name in indexed:
                continue
            for rule, users, verb in (
                ("stream-producers", channel.writers, "written"),
                ("stream-consumers", channel.readers, "read"),
            ):
                if not users:
                    what = f"no process {'writes' if verb == 'written' else 'reads'} the stream "
                    mend = f"let one process {'write' if verb == 'written' else 'read'} it"
                    yield context.finding(variable.node, rule, what + variable.name, mend)


def _check_copies(context: Context, function: Function) -> Iterator[Finding]:
    """Streams made of another, assigned, or returned."""
    if _plain_stream(function):
        what = f"{function.full_name} returns a stream by value"
        mend = "take a reference to the stream to write"
        yield context.finding(function.node, "stream-copied", what, mend)
    for local in context.unit.locals[function]:
        variable = local.variable
        if variable.reference or variable.pointer:
            continue
        given = [each for each in (variable.init, *variable.arguments) if each is not None]
        if variable.init is not None and variable.init.type == "initializer_list":
            given = list(arguments_of(variable.init))
        if variable.is_stream or variable.type == "auto":
            for node in given:
                if _is_stream(context, function, node):
                    yield _copied(context, variable.node, variable.name, node)
    for node in below(function.body, "assignment_expression"):
        left, right = part(node, "left"), part(node, "right")
        if left is not None and right is not None and _is_stream(context, function, left):
            yield _copied(context, node, text_of(left), right)


def _copied(context: Context, node: Node, name: str, source: Node) -> Finding:
    what = f"{name} is a copy of the stream {text_of(source)[:40]}"
    mend = "write hls::stream<...>& for another name of it, or let a process pass its values on"
    return context.finding(node, "stream-copied", what, mend)


def _is_stream(context: Context, function: Function, node: Node) -> bool:
    """Whether an expression is a stream, or an element of an array of streams."""
    while node.type in ("subscript_expression", "parenthesized_expression"):
        inner = part(node, "argument") or next(iter(node.named_children), None)
        if inner is None:
            return False
        node = inner
    if node.type not in ("identifier", "type_identifier"):  # as in `Type name(argument);`
        return False
    found = context.unit.lookup(function, text_of(node), node)
    return found is not None and found.is_stream and not found.pointer


def _plain_stream(function: Function) -> bool:
    return function.returns != "pointer" and last_name(part(function.node, "type")) == "stream"


def _check_depth(context: Context, body: Node, variable: Variable) -> Iterator[Finding]:
    """A stream's depth: in its type, or in a pragma of the region."""
    if _has_depth(variable):
        return
    for placed in context.pragmas.of_scope(body, "STREAM"):
        if placed.pragma.value("variable") == variable.name and "depth" in placed.pragma.options:
            return
    what = f"the stream {variable.name} has no depth, so it has two places"
    mend = f"add #pragma HLS STREAM variable={variable.name} depth=<places>"
    yield context.finding(variable.node, "stream-depth", what, mend)


def _has_depth(variable: Variable) -> bool:
    """Whether the type of a stream has a second argument, its depth."""
    kind = variable.type_node
    for arguments in [] if kind is None else below(kind, "template_argument_list"):
        owner = arguments.parent
        if owner is not None and last_name(owner) == variable.type:
            return len(arguments.named_children) > 1
    return False
