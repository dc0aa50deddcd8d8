# SPDX-License-Identifier: Apache-2.0
"""BIND_OP against the code: the variable must receive an operation of that name.

Source: UG1399 (pragma HLS bind_op): the variable is the one that is assigned the operation's
result. An operation that is part of a larger expression counts; one inside of a function that is
called there does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .binding_table import OPERATORS
from .context import Context
from .declarations import Function, Variable
from .findings import Finding
from .kinds import joined
from .pragmas import Placed
from .syntax import arguments_of, below, last_name, part, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

_SYMBOLS = {"+": "add", "-": "sub", "*": "mul", "/": "div"}
_PREFIXES = {"half": "h", "float": "f", "double": "d", "integer": ""}
_LIBRARY = re.compile(r"(?:hls_|half_)?(rsqrt|recip|sqrt|exp|log)[fd]?")
_ALSO = {"recip": ("div",), "rsqrt": ("div", "sqrt")}  # what these are made of in plain C++
_CASTS = ("static_cast", "const_cast")


@dataclass(frozen=True)
class _Operation:
    """What a variable receives. name: add, sub, mul, ...; kind: as Kinds tells it."""

    name: str
    kind: str | None

    @property
    def op(self) -> str:
        """What BIND_OP calls it, "" where that can't be told."""
        name = "" if self.kind is None else _PREFIXES[self.kind] + self.name
        return name if name in OPERATORS else ""


def check(context: Context) -> Iterator[Finding]:
    """Findings of all BIND_OPs of a unit."""
    for placed in context.pragmas.all:
        op = (placed.pragma.value("op") or "").lower()
        name = placed.pragma.value("variable") or ""
        function = placed.function
        if placed.pragma.name != "BIND_OP" or op not in OPERATORS or function is None:
            continue
        root = re.split(r"\.|->|\[", name)[0].strip()
        variable = context.unit.lookup(function, root, placed.node)
        if variable is None or variable.is_stream:
            continue
        values = list(_values(context, function, variable, _path(name), placed))
        received = [each for value in values for each in value]
        if not any(_is(context, function, variable, each, op) for each in received):
            if not received and _may_be_set_elsewhere(context, function, variable, placed):
                continue
            yield _finding(context, placed, name, op, received)


def _finding(
    context: Context, placed: Placed, name: str, op: str, received: list[_Operation]
) -> Finding:
    others = sorted({each.op for each in received if each.op})
    but = f" but {', '.join(others)}" if others else ""
    what = f"BIND_OP op={op}: {name} receives no such operation{but}"
    mend = f"write op={others[0]}" if len(others) == 1 else "name the variable that receives it"
    return context.finding(placed.node, "pragma-operator", what, mend)


def _is(
    context: Context, function: Function, variable: Variable, operation: _Operation, op: str
) -> bool:
    """Whether an operation is the one that a pragma binds. Where its operands don't tell whether
    it is of integers, the variable's type does."""
    wanted, name = ("integer", op) if op in _SYMBOLS.values() else (_kind(op), op[1:])
    if operation.name != name and operation.name not in _ALSO.get(name, ()):
        return False
    kind = operation.kind or context.kinds.of_variable(function, variable)
    return kind in (None, wanted)


def _kind(op: str) -> str:
    return next(kind for kind, prefix in _PREFIXES.items() if prefix == op[0])


def _path(name: str) -> str:
    """A variable or member without indices and spaces."""
    return re.sub(r"\[[^\]]*\]|\s", "", name).replace("->", ".").removeprefix("this.")


def _values(
    context: Context, function: Function, variable: Variable, path: str, placed: Placed
) -> Iterator[list[_Operation]]:
    """What is assigned to a variable, where it is declared and below."""
    if variable.init is not None and path == variable.name:
        yield list(_operations(context, function, variable.init))
    for node in below(function.body, "assignment_expression", "update_expression"):
        target = part(node, "left") or part(node, "argument")
        root = next(iter(below(target, "identifier", "this")), None) if target is not None else None
        if root is None or _path(text_of(target).strip("()")) != path:
            continue
        if root.type == "identifier" and context.unit.lookup(
            function, text_of(root), node
        ) is not context.unit.lookup(function, text_of(root), placed.node):
            continue
        symbol = text_of(part(node, "operator"))
        right = part(node, "right")
        found = [] if right is None else list(_operations(context, function, right))
        if symbol[0] in _SYMBOLS:
            kinds = [context.kinds.of(function, each) for each in (target, right) if each]
            found.append(_Operation(_SYMBOLS[symbol[0]], joined(*kinds)))
        yield found


def _operations(context: Context, function: Function, node: Node) -> Iterator[_Operation]:
    """The operations of an expression, not of indices, conditions and calls' arguments."""
    inner: tuple[Node | None, ...] = ()
    if node.type == "binary_expression":
        name = _SYMBOLS.get(text_of(part(node, "operator")))
        if name is not None:
            yield _Operation(name, context.kinds.of(function, node))
        inner = (part(node, "left"), part(node, "right"))
    elif node.type == "unary_expression":
        if text_of(part(node, "operator")) == "-":
            yield _Operation("sub", context.kinds.of(function, node))
        inner = (part(node, "argument"),)
    elif node.type == "conditional_expression":
        inner = (part(node, "consequence"), part(node, "alternative"))
    elif node.type == "cast_expression":
        inner = (part(node, "value"),)
    elif node.type in ("parenthesized_expression", "initializer_list"):
        inner = tuple(node.named_children)
    elif node.type == "assignment_expression":
        inner = (part(node, "right"),)
    elif node.type == "call_expression":
        called = part(node, "function")
        given = arguments_of(part(node, "arguments"))
        library = _LIBRARY.fullmatch(last_name(called))
        if library is not None:
            kinds = [context.kinds.of(function, each) for each in given]
            yield _Operation(library[1], joined(*kinds))
        cast = last_name(called) in _CASTS or context.kinds.of_type(called) is not None
        inner = given if cast else ()
    for each in inner:
        if each is not None:
            yield from _operations(context, function, each)


def _may_be_set_elsewhere(
    context: Context, function: Function, variable: Variable, placed: Placed
) -> bool:
    """Whether a variable is made by a constructor, or passed on to be changed."""
    if variable.arguments:
        return True
    for node in context.unit.uses(function, variable.name):
        if context.unit.lookup(function, variable.name, node) is not variable:
            continue
        call_node = None if node.parent is None else node.parent.parent
        call = None if call_node is None else context.calls.at(call_node)
        if call is None or node.id not in [each.id for each in call.arguments]:
            continue
        place = [each.id for each in call.arguments].index(node.id)
        taken = [target.parameters[place] for target in call.targets]
        if any((each.reference or each.pointer) and not each.const for each in taken):
            return True
    return False
