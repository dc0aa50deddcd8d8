# SPDX-License-Identifier: Apache-2.0
"""Dataflow regions: their processes, and what goes from which to which."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .calls import STREAM_READS, Call
from .context import Context
from .declarations import Function, Variable
from .effects import READ, WRITE
from .syntax import below, part, statements, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

QUIET = ("preproc_call", "using_declaration", "alias_declaration", "type_definition",
         "static_assert_declaration", "declaration")  # fmt: skip
_CHAIN = ("subscript_expression", "field_expression", "pointer_expression")


@dataclass(frozen=True, eq=False)
class Region:
    """The body of a function or loop with a DATAFLOW pragma."""

    function: Function
    body: Node
    loop: Node | None


@dataclass(frozen=True, eq=False)
class Process:
    """A call in a region. number: its place among them; uses: each channel and what is done."""

    number: int
    call: Call
    uses: Mapping[str, frozenset[str]]

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.call.name


@dataclass(frozen=True, eq=False)
class Channel:
    """What joins processes: a variable of the region, a parameter of its function, or an element
    of one. unsure: a process does with it what can't be told."""

    name: str
    variable: Variable
    local: bool
    writers: tuple[Process, ...]
    readers: tuple[Process, ...]
    unsure: bool


def regions(context: Context) -> list[Region]:
    """All regions of a unit."""
    return [
        Region(placed.function, placed.scope, placed.loop)
        for placed in context.pragmas.all
        if placed.pragma.name == "DATAFLOW"
        and placed.function is not None
        and placed.scope is not None
    ]


def called(statement: Node) -> Node | None:
    """The call that a statement is, None when it is another one."""
    if statement.type != "expression_statement" or not statement.named_children:
        return None
    inner = statement.named_children[0]
    return inner if inner.type == "call_expression" else None


def processes(context: Context, region: Region) -> list[Process]:
    """The calls of a region, in the order of the source; also those on a condition or in a loop,
    which are faults of their own."""
    found: list[Process] = []
    for statement in statements(region.body):
        node = called(statement)
        nodes = [node] if node is not None else list(below(statement, "call_expression"))
        for each in nodes:
            call = context.calls.at(each)
            if call is not None and (node is not None or call.targets):
                own = moved(context, region, call)
                uses = _uses(context, call) if own is None else dict([own])
                found.append(Process(len(found), call, uses))
    return found


def _uses(context: Context, call: Call) -> dict[str, frozenset[str]]:
    uses: dict[str, frozenset[str]] = {}
    for place, argument in enumerate(call.arguments):
        name = channel_name(argument)
        if name:
            done = context.effects.of_argument(call, place)
            uses[name] = uses.get(name, frozenset()) | done
    return uses


def moved(context: Context, region: Region, call: Call) -> tuple[str, frozenset[str]] | None:
    """The stream that the region itself reads or writes by this call, and which; None for a
    process."""
    name = "" if call.receiver is None else channel_name(call.receiver)
    variable, _ = _variable(context, region, name.partition("[")[0])
    if variable is None or not variable.is_stream:
        return None
    return name, READ if call.name in STREAM_READS else WRITE


def channel_name(argument: Node) -> str:
    """The variable that an argument names, with its index when that is a number: `s[2]`.

    "" for an expression that names none, "s[]" where the index is no number.
    """
    node: Node | None = argument
    index = ""
    while node is not None and node.type in _CHAIN:
        if node.type == "subscript_expression":
            indices = part(node, "indices")
            given = [] if indices is None else indices.named_children
            number = len(given) == 1 and given[0].type == "number_literal"
            index = f"[{text_of(given[0])}]{index}" if number else "[]"
        node = part(node, "argument")
    if node is None or node.type != "identifier":
        return ""
    return text_of(node) + ("[]" if "[]" in index else index)


def channels(context: Context, region: Region, found: list[Process]) -> list[Channel]:
    """What the processes of a region share."""
    names: dict[str, None] = {}
    for process in found:
        names.update(dict.fromkeys(process.uses))
    result: list[Channel] = []
    for name in names:
        variable, local = _variable(context, region, name.partition("[")[0])
        if variable is None or name.endswith("[]"):
            continue
        writers = tuple(p for p in found if _does(p, name, "write"))
        readers = tuple(p for p in found if _does(p, name, "read"))
        unsure = any(_does(p, name, "unknown") for p in found)
        result.append(Channel(name, variable, local, writers, readers, unsure))
    return result


def streams_of(context: Context, region: Region) -> Iterator[Variable]:
    """The streams that a region declares."""
    for local in context.unit.locals[region.function]:
        if local.variable.is_stream and _inside(local.variable.node, region.body):
            yield local.variable


def returns_value(call: Call) -> bool:
    """Whether a function that a call may mean returns something."""
    return any(target.returns not in ("void", "") for target in call.targets)


def _does(process: Process, name: str, effect: str) -> bool:
    return effect in process.uses.get(name, ())


def _variable(context: Context, region: Region, name: str) -> tuple[Variable | None, bool]:
    for local in context.unit.locals[region.function]:
        if local.variable.name == name and _inside(local.variable.node, region.body):
            return local.variable, True
    return region.function.parameter(name), False


def _inside(node: Node, body: Node) -> bool:
    return body.start_byte <= node.start_byte < body.end_byte
