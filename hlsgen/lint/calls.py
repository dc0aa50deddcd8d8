# SPDX-License-Identifier: Apache-2.0
"""Which function a call means, as far as the text tells."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .declarations import Function, Variable
from .program import Unit
from .syntax import arguments_of, below, last_name, part, scope_names, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

STREAM_READS = ("read", "read_nb")
STREAM_WRITES = ("write", "write_nb")
STREAM_ASKS = ("empty", "full", "size", "capacity")
_STREAM_METHODS = (*STREAM_READS, *STREAM_WRITES, *STREAM_ASKS)


@dataclass(frozen=True, eq=False)
class Call:
    """A call, or a constructor's. targets: functions of the project that it may mean; certain:
    whether nothing else comes into question; receiver: the object of a method."""

    node: Node
    name: str
    arguments: tuple[Node, ...]
    receiver: Node | None
    targets: tuple[Function, ...]
    certain: bool


class Calls:
    """The calls of a unit."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit

    @cached_property
    def of(self) -> dict[Function, tuple[Call, ...]]:
        """The calls in each function's body, in the order of the source."""
        return {each: tuple(self._in(each)) for each in self.unit.functions}

    @cached_property
    def sites(self) -> dict[Function, list[tuple[Function, Call]]]:
        """Where each function may be called: the caller and the call."""
        found: dict[Function, list[tuple[Function, Call]]] = {}
        for caller, calls in self.of.items():
            for call in calls:
                for target in call.targets:
                    found.setdefault(target, []).append((caller, call))
        return found

    @cached_property
    def _by_node(self) -> dict[int, Call]:
        return {call.node.id: call for calls in self.of.values() for call in calls}

    def at(self, node: Node) -> Call | None:
        """The call that a node is."""
        return self._by_node.get(node.id)

    def _in(self, function: Function) -> Iterator[Call]:
        for initializer in below(function.node, "field_initializer"):
            yield from self._member_constructor(function, initializer)
        for node in below(function.node, "call_expression"):
            yield self._call(function, node)
        for local in self.unit.locals[function]:
            yield from self._constructor(local.variable)

    def _call(self, function: Function, node: Node) -> Call:
        called = part(node, "function")
        arguments = arguments_of(part(node, "arguments"))
        count = len(arguments)
        if called is not None and called.type == "field_expression":
            receiver = part(called, "argument")
            name = last_name(part(called, "field"))
            targets, certain = self._method(function, receiver, name, count)
            return Call(node, name, arguments, receiver, targets, certain)
        name = last_name(called)
        scope = () if called is None else scope_names(called)
        found = self._plain(function, name, scope, count)
        return Call(node, name, arguments, None, found, len(found) == 1)

    def _constructor(self, variable: Variable) -> Iterator[Call]:
        arguments = variable.arguments
        if variable.init is not None and variable.init.type == "initializer_list":
            arguments = arguments_of(variable.init)
        owner = self.unit.class_of(variable.type)
        if owner is None or not arguments:
            return
        found = _fitting(self._constructors(owner.name), len(arguments))
        yield Call(variable.node, owner.name, arguments, None, found, len(found) == 1)

    def _member_constructor(self, function: Function, initializer: Node) -> Iterator[Call]:
        first, *rest = initializer.named_children or [initializer]
        member = self.unit.lookup(function, text_of(first), initializer)
        owner = None if member is None else self.unit.class_of(member.type)
        if owner is None or not rest:
            return
        arguments = arguments_of(rest[0])
        found = _fitting(self._constructors(owner.name), len(arguments))
        yield Call(initializer, owner.name, arguments, None, found, len(found) == 1)

    def _constructors(self, owner: str) -> list[Function]:
        return [each for each in self._named(owner) if each.owner == owner]

    def _method(
        self, function: Function, receiver: Node | None, name: str, count: int
    ) -> tuple[tuple[Function, ...], bool]:
        type_name = self.type_of(function, receiver)
        owner = None if type_name is None else self.unit.class_of(type_name)
        methods = [each for each in self._named(name) if each.owner is not None]
        if owner is not None:
            own = _fitting([each for each in methods if each.owner == owner.name], count)
            return own, len(own) == 1
        if name in _STREAM_METHODS and count <= 1:
            return (), False
        if type_name is not None and type_name not in function.types:
            return (), False  # a class of the library's
        return _fitting(methods, count), False

    def _plain(
        self, function: Function, name: str, scope: tuple[str, ...], count: int
    ) -> tuple[Function, ...]:
        named = self._named(name) or self._constructed(name)
        if scope:
            described = self.unit.class_of(scope[-1])
            last = scope[-1] if described is None else described.name
            full = (*scope[:-1], last)
            found = [each for each in named if each.space[-len(full) :] == full]
            if not found and last in function.types:
                found = [each for each in named if each.owner is not None]
            return _fitting(found, count)
        own = [each for each in named if each.owner is not None and each.owner == function.owner]
        if own:
            return _fitting(own, count)
        free = [each for each in named if each.owner in (None, each.name)]
        visible = [each for each in free if function.space[: len(_home(each))] == _home(each)]
        nearest = max((len(_home(each)) for each in visible), default=0)
        return _fitting([each for each in visible if len(_home(each)) == nearest] or free, count)

    def _constructed(self, name: str) -> list[Function]:
        owner = self.unit.class_of(name)
        return [] if owner is None else self._constructors(owner.name)

    def _named(self, name: str) -> list[Function]:
        return self._by_name.get(name, [])

    @cached_property
    def _by_name(self) -> dict[str, list[Function]]:
        found: dict[str, list[Function]] = {}
        for each in self.unit.functions:
            found.setdefault(each.name, []).append(each)
        return found

    def type_of(self, function: Function, node: Node | None) -> str | None:
        """The last name of an expression's type, where the text tells it."""
        if node is None:
            return None
        if node.type == "this":
            return function.owner
        if node.type == "identifier":
            found = self.unit.lookup(function, text_of(node), node)
            return None if found is None or found.type == "auto" else found.type
        if node.type in ("subscript_expression", "pointer_expression"):
            return self.type_of(function, part(node, "argument"))
        if node.type == "parenthesized_expression":
            return self.type_of(function, node.named_children[0] if node.named_children else None)
        if node.type == "field_expression":
            return self._member_type(function, node)
        if node.type == "call_expression":
            called = part(node, "function")
            built = None if called is None else self.unit.class_of(last_name(called))
            return None if built is None else built.name
        return None

    def _member_type(self, function: Function, node: Node) -> str | None:
        outer = self.type_of(function, part(node, "argument"))
        owner = None if outer is None else self.unit.class_of(outer)
        member = None if owner is None else owner.members.get(last_name(part(node, "field")))
        return None if member is None else member.type


def _home(function: Function) -> tuple[str, ...]:
    """Namespaces around a function; a constructor's is its class's."""
    return function.space[:-1] if function.owner is not None else function.space


def _fitting(functions: list[Function], count: int) -> tuple[Function, ...]:
    """Those that take so many arguments."""
    return tuple(each for each in functions if each.least <= count <= len(each.parameters))
