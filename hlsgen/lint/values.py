# SPDX-License-Identifier: Apache-2.0
"""Integers that constant expressions stand for, with the templates as the kernels use them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .calls import Calls
from .declarations import Function
from .syntax import (
    arguments_of,
    below,
    last_name,
    only_child,
    parse,
    part,
    template_names,
    text_of,
)

if TYPE_CHECKING:
    from tree_sitter import Node

_DEEPEST = 64  # calls and names within each other: a constant that needs more is left alone
_MOST_BITS = 64
_CASTS = ("static_cast", "const_cast")


@dataclass(frozen=True)
class Instance:
    """A class, with what its template's parameters stand for."""

    name: str
    bound: tuple[tuple[str, Binding], ...] = ()


Binding = int | Instance
Bindings = tuple[tuple[str, Binding], ...]


@dataclass(frozen=True, eq=False)
class _Scope:
    """Where an expression stands. names: parameters by their values; function and at: whose locals
    are known; owner: the class whose members are."""

    names: Mapping[str, Binding] = field(default_factory=dict)
    function: Function | None = None
    at: Node | None = None
    owner: Instance | None = None
    depth: int = 0

    def inner(self, names: Mapping[str, Binding], owner: Instance | None) -> _Scope:
        """A scope that this one calls or names."""
        return _Scope(names, None, None, owner, self.depth + 1)


class Values:
    """Evaluates constant expressions of one unit."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._unit = calls.unit
        self._known: dict[Function, frozenset[Bindings]] = {}

    def of_text(self, function: Function | None, text: str, at: Node) -> tuple[int, ...]:
        """What an expression in a pragma's text stands for, once for each way in which its
        function's template is used; () where that can't be told."""
        tree = parse(f"int value = {text};".encode())
        node = next((part(each, "value") for each in below(tree, "init_declarator")), None)
        if tree.has_error or node is None:
            return ()
        ways: frozenset[Bindings] = frozenset({()})
        if function is not None:
            ways = self._ways(function)
        found = [self._value(node, _Scope(dict(way), function, at)) for way in ways]
        values = sorted({each for each in found if each is not None})
        return tuple(values) if None not in found else ()

    def _ways(self, function: Function) -> frozenset[Bindings]:
        """The template arguments with which a function is called, by its parameters' names."""
        if function not in self._known:
            self._known[function] = frozenset()  # while a recursive call is looked at
            names = template_names(function.node)
            found: set[Bindings] = set()
            for caller, call in self._calls.sites.get(function, []):
                given = _template_arguments(part(call.node, "function"))
                for way in self._ways(caller):
                    found.add(self._bound(names, given, _Scope(dict(way), caller, call.node)))
            self._known[function] = frozenset(found) or frozenset({()})
        return self._known[function]

    def _bound(self, names: tuple[str, ...], given: tuple[Node, ...], scope: _Scope) -> Bindings:
        values = [self._binding(node, scope) for node in given]
        pairs = zip(names, values, strict=False)
        return tuple((name, value) for name, value in pairs if value is not None)

    def _binding(self, argument: Node, scope: _Scope) -> Binding | None:
        """A template's argument; a value's plain name is parsed as a type."""
        if argument.type != "type_descriptor":
            return self._value(argument, scope)
        node = part(argument, "type")
        instance = None if node is None else self._instance(node, scope)
        return instance if instance is not None or node is None else self._name(node, scope)

    def _instance(self, node: Node, scope: _Scope) -> Instance | None:
        """The class that a type, or the scope of a name, means."""
        while node.type == "qualified_identifier":
            inner = part(node, "name")
            if inner is None:
                return None
            node = inner
        name = last_name(node)
        known = scope.names.get(name)
        if known is not None:
            return known if isinstance(known, Instance) else None
        described = self._unit.class_of(name)
        if described is None:
            return None
        given = _template_arguments(node)
        return Instance(described.name, self._bound(described.parameters, given, scope))

    def _value(self, node: Node | None, scope: _Scope) -> int | None:
        if node is None or scope.depth > _DEEPEST:
            return None
        if node.type == "number_literal":
            return _number(text_of(node))
        if node.type in ("true", "false"):
            return int(node.type == "true")
        if node.type in ("parenthesized_expression", "initializer_list"):
            return self._value(only_child(node), scope)
        if node.type in ("unary_expression", "binary_expression"):
            return self._operation(node, scope)
        if node.type == "conditional_expression":
            chosen = self._value(part(node, "condition"), scope)
            side = "consequence" if chosen else "alternative"
            return None if chosen is None else self._value(part(node, side), scope)
        if node.type == "cast_expression":
            return self._value(part(node, "value"), scope)
        if node.type == "call_expression":
            return self._call(node, scope)
        return self._name(node, scope)

    def _operation(self, node: Node, scope: _Scope) -> int | None:
        symbol = text_of(part(node, "operator"))
        if node.type == "unary_expression":
            value = self._value(part(node, "argument"), scope)
            apply = _UNARY.get(symbol)
            return None if value is None or apply is None else apply(value)
        left = self._value(part(node, "left"), scope)
        right = self._value(part(node, "right"), scope)
        both = _BINARY.get(symbol)
        return None if left is None or right is None or both is None else both(left, right)

    def _name(self, node: Node, scope: _Scope) -> int | None:
        name = last_name(node)
        outer = part(node, "scope") if node.type == "qualified_identifier" else None
        if outer is not None:
            inner = part(node, "name")
            owner = self._instance(outer, scope)
            if owner is not None:
                return self._member(owner, name, scope)
            return None if inner is None else self._name(inner, replace(scope, names={}))
        if node.type not in ("identifier", "type_identifier"):
            return None
        if name in scope.names:
            known = scope.names[name]
            return known if isinstance(known, int) else None
        if scope.function is not None and scope.at is not None:
            local = self._unit.local(scope.function, name, scope.at)
            if local is not None:
                deeper = replace(scope, depth=scope.depth + 1)
                return self._value(local.variable.init, deeper) if local.variable.const else None
            if scope.function.parameter(name) is not None:
                return None
        if scope.owner is not None and self._has(scope.owner, name):
            return self._member(scope.owner, name, scope)
        return self._global(name, scope)

    def _has(self, owner: Instance, name: str) -> bool:
        described = self._unit.class_of(owner.name)
        return described is not None and name in described.members

    def _member(self, owner: Instance, name: str, scope: _Scope) -> int | None:
        described = self._unit.class_of(owner.name)
        member = None if described is None else described.members.get(name)
        if member is None or not member.const:
            return None
        return self._value(member.init, scope.inner(dict(owner.bound), owner))

    def _global(self, name: str, scope: _Scope) -> int | None:
        found = self._unit.globals.get(name)
        if found is not None:
            return self._value(found.init, scope.inner({}, None)) if found.const else None
        macro = self._unit.source.macros.get(name)
        if macro is None:
            return None
        tree = parse(f"int value = {macro};".encode())
        node = next((part(each, "value") for each in below(tree, "init_declarator")), None)
        return None if tree.has_error else self._value(node, replace(scope, depth=scope.depth + 1))

    def _call(self, node: Node, scope: _Scope) -> int | None:
        """Of a cast, or of a constexpr function that is one return statement."""
        called, given = part(node, "function"), arguments_of(part(node, "arguments"))
        if called is None:
            return None
        name = last_name(called)
        if len(given) == 1 and (called.type == "primitive_type" or name in _CASTS):
            return self._value(given[0], scope)
        named = [each for each in self._unit.functions if each.name == name and each.constexpr]
        if len(named) != 1 or len(named[0].parameters) != len(given):
            return None
        body = [each for each in named[0].body.named_children if each.type != "comment"]
        if len(body) != 1 or body[0].type != "return_statement" or not body[0].named_children:
            return None
        names: dict[str, Binding] = {}
        for parameter, argument in zip(named[0].parameters, given, strict=True):
            value = self._value(argument, scope)
            if value is None:
                return None
            names[parameter.name] = value
        return self._value(body[0].named_children[0], scope.inner(names, None))


def _template_arguments(node: Node | None) -> tuple[Node, ...]:
    """The arguments in angle brackets of the last name of a function or type."""
    while node is not None and node.type in ("qualified_identifier", "dependent_name"):
        node = part(node, "name") or next(iter(node.named_children), None)
    return arguments_of(part(node, "arguments")) if node is not None else ()


def _number(text: str) -> int | None:
    plain = text.replace("'", "").lower().rstrip("ulz")
    octal = len(plain) > 1 and plain[0] == "0" and plain.isdigit()
    try:
        return int(plain, 8) if octal else int(plain, 0)
    except ValueError:
        return None


def _divided(a: int, b: int) -> int | None:
    """C++ rounds towards zero."""
    return None if b == 0 else abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


def _rest(a: int, b: int) -> int | None:
    quotient = _divided(a, b)
    return None if quotient is None else a - quotient * b


def _shifted(a: int, b: int) -> int | None:
    return a << b if 0 <= b < _MOST_BITS else None


_UNARY: dict[str, Callable[[int], int]] = {
    "-": operator.neg,
    "+": operator.pos,
    "~": operator.invert,
    "!": lambda a: int(not a),
}
_BINARY: dict[str, Callable[[int, int], int | None]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divided,
    "%": _rest,
    "<<": _shifted,
    ">>": lambda a, b: a >> b if b >= 0 else None,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "&&": lambda a, b: int(bool(a and b)),
    "||": lambda a, b: int(bool(a or b)),
    "<": lambda a, b: int(a < b),
    "<=": lambda a, b: int(a <= b),
    ">": lambda a, b: int(a > b),
    ">=": lambda a, b: int(a >= b),
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
}
