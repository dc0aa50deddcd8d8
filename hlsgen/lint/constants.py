# SPDX-License-Identifier: Apache-2.0
"""Whether an expression is a constant once functions are inlined and loops unrolled.

Synthesis unrolls a loop only when its bounds are such. A parameter is one when every call of its
function in the unit passes one; a variable when all that it is ever assigned is one and the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .calls import Calls
from .declarations import Function, Variable
from .program import Local
from .syntax import last_name, part, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

_LITERALS = ("number_literal", "char_literal", "string_literal", "true", "false", "null",
             "sizeof_expression", "qualified_identifier", "concatenated_string")  # fmt: skip
_PARTS = ("unary_expression", "binary_expression", "conditional_expression",
          "parenthesized_expression", "initializer_list", "argument_list")  # fmt: skip
_CASTS = ("static_cast", "const_cast", "reinterpret_cast")


class Constants:
    """Asks about expressions of one unit. unrolled: loops whose variable is a constant in each of
    their copies, by the nodes' ids."""

    def __init__(self, calls: Calls, unrolled: frozenset[int] = frozenset()) -> None:
        self._calls = calls
        self._unit = calls.unit
        self._unrolled = unrolled
        self._parameters: dict[tuple[Function, str], bool] = {}

    def is_constant(self, function: Function, node: Node | None) -> bool:
        """Whether the value of an expression in a function's body is known at compile time."""
        if node is None:
            return False
        if node.type in _LITERALS:
            return True
        if node.type in ("identifier", "type_identifier"):  # as in `Type name(argument);`
            return self.is_constant_name(function, text_of(node), node)
        if node.type in _PARTS:
            return all(self.is_constant(function, child) for child in node.named_children)
        if node.type == "cast_expression":
            return self.is_constant(function, part(node, "value"))
        if node.type == "call_expression":
            return self._is_constant_call(function, node)
        return False

    def is_constant_name(self, function: Function, name: str, at: Node) -> bool:
        """Whether a plain name stands for a constant at a node of a function's body."""
        local = self._unit.local(function, name, at)
        if local is not None:
            return self._is_constant_local(function, local)
        parameter = function.parameter(name)
        if parameter is not None:
            return self._is_constant_parameter(function, parameter)
        return name in function.values or name in self._unit.constants

    def is_constant_text(self, function: Function, text: str, at: Node) -> bool:
        """The same for an expression in a pragma's text: all of its plain names are constants."""
        bare = re.sub(r"<[^<>]*>|sizeof *\([^()]*\)", "", text)
        bare = re.sub(r"[\w:]*::\w+|\b\d\w*", " ", bare)
        names = re.findall(r"[A-Za-z_]\w*", bare)
        return all(self.is_constant_name(function, name, at) for name in names)

    def is_counted(self, function: Function, loop: Node) -> bool:
        """Whether a loop makes a constant number of turns."""
        if loop.type != "for_statement":
            return False
        counter = self._counter(function, loop)
        condition = part(loop, "condition")
        update = part(loop, "update")
        if counter is None or condition is None or update is None:
            return False
        if not self.is_constant(function, counter.variable.init):
            return False
        sides = [part(condition, "left"), part(condition, "right")]
        others = [each for each in sides if text_of(each) != counter.variable.name]
        if condition.type != "binary_expression" or len(others) != 1:
            return False
        if not self.is_constant(function, others[0]):
            return False
        return self._steps(function, counter, update) and not self._skips(function, counter, loop)

    def _steps(self, function: Function, counter: Local, update: Node) -> bool:
        """Whether a loop's head moves its counter by a constant."""
        moved = part(update, "argument") or part(update, "left")
        if text_of(moved) != counter.variable.name:
            return False
        step = part(update, "right")
        return update.type == "update_expression" or self.is_constant(function, step)

    def _skips(self, function: Function, counter: Local, loop: Node) -> bool:
        """Whether a loop's body changes its counter, too."""
        body = part(loop, "body")
        uses = self._unit.uses(function, counter.variable.name)
        return any(
            body is not None
            and body.start_byte <= node.start_byte < body.end_byte
            and self._unit.local(function, counter.variable.name, node) is counter
            and (_may_change(node, None) or self._is_out_argument(node))
            for node in uses
        )

    def _counter(self, function: Function, loop: Node) -> Local | None:
        """The variable that a for-loop's head declares."""
        found = [each for each in self._unit.locals[function] if each.loop == loop]
        return found[0] if len(found) == 1 else None

    def _is_constant_local(self, function: Function, local: Local) -> bool:
        variable = local.variable
        if local.loop is not None:
            unrolled = local.loop.id in self._unrolled
            return unrolled and self.is_counted(function, local.loop)
        if variable.const:
            return self.is_constant(function, variable.init)
        if variable.sizes or variable.pointer or variable.reference or variable.is_stream:
            return False
        if variable.init is None or not self.is_constant(function, variable.init):
            return False
        return self._keeps_its_value(function, local)

    def _keeps_its_value(self, function: Function, local: Local) -> bool:
        """Whether a variable is assigned nothing but what it begins with."""
        variable = local.variable
        for node in self._unit.uses(function, variable.name):
            if not variable.node.start_byte < node.start_byte < local.end:
                continue
            if _may_change(node, text_of(variable.init)) or self._is_out_argument(node):
                return False
        return True

    def _is_out_argument(self, node: Node) -> bool:
        """Whether a call takes the variable by reference, so that it may change it."""
        call_node = None if node.parent is None else node.parent.parent
        if call_node is None or node.parent is None or node.parent.type != "argument_list":
            return False
        call = self._calls.at(call_node)
        if call is None or not call.targets:
            return call is None or not _is_value(call.node)
        place = [argument.id for argument in call.arguments].index(node.id)
        taken = [target.parameters[place] for target in call.targets]
        return any(each.reference and not each.const for each in taken)

    def _is_constant_parameter(self, function: Function, parameter: Variable) -> bool:
        key = (function, parameter.name)
        if key not in self._parameters:
            self._parameters[key] = True  # while a recursive call is looked at
            place = function.parameters.index(parameter)
            sites = self._calls.sites.get(function, [])
            given = all(
                len(call.arguments) <= place or self.is_constant(caller, call.arguments[place])
                for caller, call in sites
            )
            fixed = not function.kernel and not self._is_assigned(function, parameter.name)
            self._parameters[key] = given and fixed
        return self._parameters[key]

    def _is_assigned(self, function: Function, name: str) -> bool:
        return any(_may_change(node, None) for node in self._unit.uses(function, name))

    def _is_constant_call(self, function: Function, node: Node) -> bool:
        arguments = part(node, "arguments")
        given = [] if arguments is None else arguments.named_children
        called = part(node, "function")
        if called is None or not all(self.is_constant(function, each) for each in given):
            return False
        if called.type == "primitive_type" or last_name(called) in _CASTS:
            return True
        call = self._calls.at(node)
        return call is not None and bool(call.targets) and all(t.constexpr for t in call.targets)


def _may_change(node: Node, value: str | None) -> bool:
    """Whether a name stands where it is changed to something other than `value`."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "update_expression":
        return True
    if parent.type == "assignment_expression" and part(parent, "left") == node:
        plain = text_of(part(parent, "operator")) == "="
        return not (plain and text_of(part(parent, "right")) == value)
    return parent.type == "pointer_expression" and text_of(parent).startswith("&")


def _is_value(call: Node) -> bool:
    """Whether a call only makes a value of what it is given: a cast, or a type's constructor."""
    called = part(call, "function")
    return last_name(called) in _CASTS or last_name(called)[:1].isupper()
