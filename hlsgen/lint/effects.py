# SPDX-License-Identifier: Apache-2.0
"""What a function does with its arguments: read them, write them, or one can't tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .calls import STREAM_ASKS, STREAM_READS, STREAM_WRITES, Call, Calls
from .declarations import Function, Variable
from .syntax import ancestors, last_name, part, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

Effect = frozenset[str]
READ: Effect = frozenset({"read"})
WRITE: Effect = frozenset({"write"})
UNKNOWN: Effect = frozenset({"unknown"})
NONE: Effect = frozenset()

_CHAIN = ("subscript_expression", "field_expression", "pointer_expression",
          "parenthesized_expression")  # fmt: skip


class Effects:
    """Effects of the functions of a unit on their parameters, through the calls they make."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._known: dict[tuple[Function, int], Effect] = {}

    def of(self, function: Function, place: int) -> Effect:
        """What a function does with its parameter number `place`."""
        key = (function, place)
        if key not in self._known:
            self._known[key] = NONE  # while a recursive call is looked at
            self._known[key] = self._of_parameter(function, function.parameters[place])
        return self._known[key]

    def of_argument(self, call: Call, place: int) -> Effect:
        """What a call does with its argument number `place`."""
        if not call.targets:
            return UNKNOWN
        found: Effect = NONE
        for target in call.targets:
            found |= self.of(target, place)
        return found

    def _of_parameter(self, function: Function, parameter: Variable) -> Effect:
        found: Effect = NONE
        for node in self._calls.unit.uses(function, parameter.name):
            if node.start_byte <= parameter.node.start_byte:
                continue
            if self._calls.unit.local(function, parameter.name, node) is not None:
                continue
            if node.type == "identifier":
                found |= self.of_use(node, parameter)
            else:
                found |= self._of_constructed(node)
        return found

    def of_use(self, node: Node, parameter: Variable) -> Effect:
        """What happens to a parameter, or a local variable, where its name stands, or to what is
        in it."""
        parent = node.parent
        while parent is not None and parent.type in _CHAIN:
            if parent.type == "field_expression":
                method = self._of_method(parent, parameter)
                if method is not None:
                    return method
            elif parent.type == "subscript_expression" and part(parent, "argument") != node:
                return READ  # it is the index
            node, parent = parent, parent.parent
        if parent is None:
            return UNKNOWN
        if parent.type == "assignment_expression" and part(parent, "left") == node:
            return WRITE if text_of(part(parent, "operator")) == "=" else READ | WRITE
        if parent.type == "update_expression":
            return READ | WRITE
        if parent.type == "binary_expression" and parameter.is_stream:
            return self._of_shift(parent)
        if parent.type == "binary_expression" and parameter.pointer:
            return self._of_offset(parent)
        if parent.type == "argument_list":
            return self._of_passed(node, parent)
        if parent.type == "init_declarator":
            declared = part(parent, "declarator")
            named = declared is not None and declared.type != "identifier"
            return UNKNOWN if named else READ  # a reference or pointer is another name for it
        return READ

    def _of_method(self, member: Node, parameter: Variable) -> Effect | None:
        """Of a call of one of a stream's methods; None when it is something else."""
        call = member.parent
        if call is None or call.type != "call_expression" or part(call, "function") != member:
            return None
        name = last_name(part(member, "field"))
        described = self._calls.unit.class_of(parameter.type)
        if described is not None and not parameter.is_stream:
            return READ | WRITE  # a method of the project's may do either
        if name in STREAM_READS:
            return READ
        if name in STREAM_WRITES:
            return WRITE
        return NONE if name in STREAM_ASKS else READ

    def _of_shift(self, expression: Node) -> Effect:
        operator = text_of(part(expression, "operator"))
        return {"<<": WRITE, ">>": READ}.get(operator, READ)

    def _of_offset(self, expression: Node) -> Effect:
        """Of a pointer and an offset: what is done with the sum."""
        parent = expression.parent
        if parent is not None and parent.type == "argument_list":
            return self._of_passed(expression, parent)
        return UNKNOWN

    def _of_passed(self, node: Node, arguments: Node) -> Effect:
        owner = arguments.parent
        if owner is None:
            return UNKNOWN
        call = self._calls.at(owner)
        if call is None and owner.type == "init_declarator":
            declared = part(owner, "declarator")
            call = None if declared is None else self._calls.at(declared)
            if call is None:
                return _of_lock(owner)
        if call is None:
            return UNKNOWN
        if not call.targets:
            # Written to a stream, or given to a class of the library's: by value.
            return READ if call.receiver is not None or call.name[:1].isupper() else UNKNOWN
        return self.of_argument(call, [each.id for each in call.arguments].index(node.id))

    def _of_constructed(self, node: Node) -> Effect:
        """Of an argument in `Type name(argument);`, which is parsed as a type."""
        owner = next((x for x in ancestors(node) if x.type == "function_declarator"), None)
        declared = part(owner, "declarator")
        call = None if declared is None else self._calls.at(declared)
        if call is not None:
            places = [each.id for each in call.arguments]
            return self.of_argument(call, places.index(node.id)) if node.id in places else NONE
        return NONE if owner is None else _of_lock(owner)


def _of_lock(declarator: Node) -> Effect:
    """Of a stream of blocks that a lock is made of; any other class may do what it likes."""
    declaration = next((x for x in ancestors(declarator) if x.type == "declaration"), None)
    return {"read_lock": READ, "write_lock": WRITE}.get(
        last_name(part(declaration, "type")), UNKNOWN if declaration is not None else NONE
    )
