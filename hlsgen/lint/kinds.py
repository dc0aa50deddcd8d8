# SPDX-License-Identifier: Apache-2.0
"""Whether an expression's arithmetic is that of integers, half, float or double."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .calls import Calls
from .declarations import Function, Variable
from .syntax import arguments_of, last_name, only_child, part, template_names, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

_RANK = ("integer", "half", "float", "double")
_INTEGERS = re.compile(
    r"bool|char|short|int|long|signed|unsigned|(std::)?u?int(_fast|_least)?\d+_t|(std::)?size_t|"
    r"ptrdiff_t|ap_u?int|ap_u?fixed|wchar_t"
)
_HOLDERS = ("vector", "array")  # arithmetic of these is that of their elements
_CASTS = ("static_cast", "const_cast")
_COMPARISONS = ("<", ">", "<=", ">=", "==", "!=", "&&", "||")
_SHIFTS = ("<<", ">>")
_DEEPEST = 16
_NOTHING: Mapping[str, str | None] = {}


class Kinds:
    """Asks about the expressions and variables of one unit; None where the text does not tell."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._unit = calls.unit

    def of(self, function: Function, node: Node | None) -> str | None:
        """The kind of an expression in a function's body."""
        if node is None:
            return None
        if node.type == "number_literal":
            return _literal(text_of(node))
        if node.type in ("true", "false", "char_literal", "sizeof_expression"):
            return "integer"
        if node.type in ("parenthesized_expression", "initializer_list"):
            return self.of(function, only_child(node))
        if node.type in ("unary_expression", "pointer_expression", "subscript_expression"):
            return self.of(function, part(node, "argument"))
        if node.type == "binary_expression":
            return self._binary(function, node)
        if node.type == "conditional_expression":
            sides = (part(node, "consequence"), part(node, "alternative"))
            return joined(*(self.of(function, side) for side in sides))
        if node.type == "cast_expression":
            return self.of_type(part(part(node, "type"), "type"))
        if node.type == "call_expression":
            return self._call(function, node)
        return self._named(function, node)

    def of_variable(self, function: Function, variable: Variable, depth: int = 0) -> str | None:
        """The kind of a variable, or of the elements of an array."""
        if variable.type == "auto" and depth < _DEEPEST:
            return self.of(function, variable.init)
        return self.of_type(variable.type_node)

    def of_type(
        self, node: Node | None, given: Mapping[str, str | None] = _NOTHING, depth: int = 0
    ) -> str | None:
        """The kind of a type. given: kinds of a template's arguments, by its parameters."""
        if node is None or depth > _DEEPEST:
            return None
        while node is not None and node.type == "qualified_identifier":
            node = part(node, "name")
        name = last_name(node)
        if name in given:
            return given[name]
        if name in _RANK[1:]:
            return name
        if all(_INTEGERS.fullmatch(word) for word in name.split()):
            return "integer" if name else None
        if name in _HOLDERS and node is not None:
            inner = arguments_of(part(node, "arguments"))
            return self.of_type(part(inner[0], "type"), given, depth + 1) if inner else None
        alias = self._unit.aliases.get(name)
        if alias is None:
            return None
        arguments = arguments_of(part(node, "arguments"))
        kinds = [self.of_type(part(each, "type"), given, depth + 1) for each in arguments]
        names = template_names(alias.parent)
        bound = dict(zip(names, kinds, strict=False))
        return self.of_type(part(alias, "type"), bound, depth + 1)

    def _binary(self, function: Function, node: Node) -> str | None:
        symbol = text_of(part(node, "operator"))
        if symbol in _COMPARISONS:
            return "integer"
        left = self.of(function, part(node, "left"))
        return left if symbol in _SHIFTS else joined(left, self.of(function, part(node, "right")))

    def _call(self, function: Function, node: Node) -> str | None:
        called = part(node, "function")
        if called is None:
            return None
        if last_name(called) in _CASTS:
            given = arguments_of(part(called, "arguments"))
            return self.of_type(part(given[0], "type")) if given else None
        call = self._calls.at(node)
        if call is not None and call.targets:
            return joined(*(self.of_type(part(each.node, "type")) for each in call.targets))
        return self.of_type(called)

    def _named(self, function: Function, node: Node) -> str | None:
        if node.type == "field_expression":
            outer = self._calls.type_of(function, part(node, "argument"))
            owner = None if outer is None else self._unit.class_of(outer)
            member = None if owner is None else owner.members.get(last_name(part(node, "field")))
            return None if member is None else self.of_type(member.type_node)
        if node.type != "identifier":
            return None
        name = text_of(node)
        found = self._unit.lookup(function, name, node)
        if found is not None:
            inside = found.init is not None and found.init.start_byte <= node.start_byte
            depth = _DEEPEST if inside and node.end_byte <= _end(found) else 0
            return self.of_variable(function, found, depth)
        return "integer" if name in function.values or name in self._unit.constants else None


def joined(*kinds: str | None) -> str | None:
    """The kind of an operation on operands of these."""
    known = [_RANK.index(each) for each in kinds if each is not None]
    return _RANK[max(known)] if known and len(known) == len(kinds) else None


def _end(variable: Variable) -> int:
    return 0 if variable.init is None else variable.init.end_byte


def _literal(text: str) -> str:
    plain = text.lower()
    if plain.startswith(("0x", "0b")) or not re.search(r"[.e]", plain):
        return "integer"
    return "float" if plain.endswith("f") else "double"
