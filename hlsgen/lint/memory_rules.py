# SPDX-License-Identifier: Apache-2.0
"""Pragmas of memories and structs that contradict what the code does with them.

Source: UG1399 (BIND_STORAGE; AGGREGATE, and set_directive_aggregate), UG1702.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .context import Context
from .declarations import Class, Function, Variable
from .findings import Finding
from .pragmas import Placed
from .syntax import arguments_of, last_name, part, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

_STRUCTS = ("vector", "array", "pair", "tuple", "complex")  # of the libraries
_PATH = re.compile(r"\.|->")


def check(context: Context) -> Iterator[Finding]:
    """Findings of read-only memories that are written, and of structs in packed structs."""
    for placed in context.pragmas.all:
        variable = _named(context, placed)
        if variable is None or placed.function is None:
            continue
        if placed.pragma.name == "AGGREGATE":
            yield from _check_packed(context, placed, variable)
        kind = (placed.pragma.value("type") or "").lower()
        if placed.pragma.name == "BIND_STORAGE" and kind.startswith("rom_"):
            yield from _check_rom(context, placed, placed.function, variable)


def _steps(placed: Placed) -> list[str]:
    """A variable and the members that lead from it: ["bank", "lane"] for bank.lane."""
    name = placed.pragma.value("variable") or ""
    path = [re.sub(r"\[.*\]", "", each).strip() for each in _PATH.split(name)]
    return path[1:] if path[0] == "this" else path


def _named(context: Context, placed: Placed) -> Variable | None:
    """What a pragma names, a member of what stands first."""
    if placed.function is None:
        return None
    first, *members = _steps(placed) or [""]
    found = context.unit.lookup(placed.function, first, placed.node)
    for member in members:
        owner = None if found is None else context.unit.class_of(found.type)
        found = None if owner is None else owner.members.get(member)
    return found


def _check_packed(context: Context, placed: Placed, variable: Variable) -> Iterator[Finding]:
    owner = _struct_of(context, variable)
    for member in [] if owner is None else owner.members.values():
        inner = _settled(context, member.type)
        described = context.unit.class_of(member.type)
        if member.static or (described is None and inner not in _STRUCTS):
            continue
        kind = inner if described is None else described.name
        owner_name = "" if owner is None else owner.name
        what = f"AGGREGATE of {variable.name}: {owner_name} contains {member.name} of type {kind}"
        mend = "take it out: it packs plain values and arrays of them, and no struct in a struct"
        yield context.finding(placed.node, "aggregate-nested", what, mend)
        return


def _struct_of(context: Context, variable: Variable) -> Class | None:
    """The class of a variable, or of a stream's tokens."""
    if not variable.is_stream:
        return context.unit.class_of(variable.type)
    node = variable.type_node
    while node is not None and node.type == "qualified_identifier":
        node = part(node, "name")
    given = arguments_of(part(node, "arguments"))
    token = part(given[0], "type") if given else None
    return context.unit.class_of(last_name(token))


def _settled(context: Context, name: str) -> str:
    """The name of a type behind its aliases."""
    for _ in range(8):
        alias = context.unit.aliases.get(name)
        if alias is None:
            break
        name = last_name(part(alias, "type"))
    return name


def _check_rom(
    context: Context, placed: Placed, function: Function, variable: Variable
) -> Iterator[Finding]:
    """A ROM has what its declaration gives it, or what one function of its own fills in."""
    steps = _steps(placed)
    if variable.is_stream:
        return
    for node in context.unit.uses(function, steps[0]):
        known = context.unit.lookup(function, steps[0], node)
        same = known is context.unit.lookup(function, steps[0], placed.node)
        if not same or not _leads_to(node, steps[1:]) or known is None:
            continue
        if node == known.node or _fills(context, node):
            continue
        if "write" in context.effects.of_use(node, known):
            kind = placed.pragma.value("type")
            what = f"BIND_STORAGE type={kind}, but {'.'.join(steps)} is written"
            mend = "write type=ram_2p, or fill it where it is declared"
            yield context.finding(placed.node, "pragma-value", what, mend)
            return


def _leads_to(node: Node, members: list[str]) -> bool:
    """Whether a use of a variable goes on with these members."""
    for member in members:
        parent = node.parent
        while parent is not None and parent.type == "subscript_expression":
            parent = parent.parent
        if parent is None or text_of(part(parent, "field")) != member:
            return False
        node = parent
    return True


def _fills(context: Context, node: Node) -> bool:
    """Whether a use gives a memory alone to a function, which computes what it holds."""
    call_node = None if node.parent is None else node.parent.parent
    call = None if call_node is None else context.calls.at(call_node)
    return call is not None and len(call.arguments) == 1 and node == call.arguments[0]
