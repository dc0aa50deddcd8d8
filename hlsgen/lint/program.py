# SPDX-License-Identifier: Apache-2.0
"""What a translation unit declares, and where names lead: the model that the rules ask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from .declarations import (
    Class,
    Function,
    Variable,
    function_declarator,
    name_and_scope,
    parameters_of,
    template_parameters,
    variables,
    words_of,
)
from .preprocess import Source
from .syntax import ancestors, below, last_name, parse, part, template_names, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

_CLASSES = ("struct_specifier", "class_specifier", "union_specifier")
_SCOPES = ("compound_statement", "for_statement", "for_range_loop", "while_statement",
           "if_statement", "lambda_expression", "catch_clause")  # fmt: skip


@dataclass(frozen=True, eq=False)
class Local:
    """A variable of a function's body. begin and end: bytes from which on and up to which its name
    is known; loop: the for-loop whose head declares it."""

    variable: Variable
    begin: int
    end: int
    loop: Node | None


@dataclass(frozen=True, eq=False)
class Unit:
    """A parsed translation unit. constants: names of constants outside of functions; kernels: of
    functions that are declared extern "C"."""

    source: Source
    root: Node
    functions: list[Function] = field(default_factory=list)
    classes: dict[str, Class] = field(default_factory=dict)
    aliases: dict[str, Node] = field(default_factory=dict)
    constants: set[str] = field(default_factory=set)
    globals: dict[str, Variable] = field(default_factory=dict)
    kernels: set[str] = field(default_factory=set)

    def place(self, node: Node) -> tuple[str, int]:
        """File and line of a node."""
        return self.source.place(node.start_point.row)

    def class_of(self, type_name: str) -> Class | None:
        """The class of this name, or the one that this alias stands for."""
        for _ in range(8):
            if type_name in self.classes:
                return self.classes[type_name]
            alias = self.aliases.get(type_name)
            if alias is None:
                return None
            type_name = last_name(part(alias, "type"))
        return None

    def settled(self, variable: Variable) -> Variable:
        """The variable with its true type where that is another name for a stream."""
        alias = variable.type_node
        name = variable.type
        for _ in range(8):
            following = self.aliases.get(name)
            if following is None:
                break
            alias = part(following, "type")
            name = last_name(alias)
        settled = replace(variable, type=name, type_node=alias)
        return settled if settled.is_stream else variable

    @cached_property
    def locals(self) -> dict[Function, tuple[Local, ...]]:
        """The variables of each function's body, in the order of the source."""
        return {each: tuple(_locals(self, each)) for each in self.functions}

    def local(self, function: Function, name: str, at: Node) -> Local | None:
        """The innermost variable of this name that is known at a node of the function's body."""
        known = [
            each
            for each in self.locals[function]
            if each.variable.name == name and each.begin <= at.start_byte < each.end
        ]
        return known[-1] if known else None

    def lookup(self, function: Function, name: str, at: Node) -> Variable | None:
        """The variable, parameter, member or global of this name, as a node in a body sees it."""
        local = self.local(function, name, at)
        if local is not None:
            return local.variable
        parameter = function.parameter(name)
        if parameter is not None:
            return parameter
        owner = self.classes.get(function.owner or "")
        if owner is not None and name in owner.members:
            return owner.members[name]
        return self.globals.get(name)

    def uses(self, function: Function, name: str) -> list[Node]:
        """Where a name stands in a function, in the order of the source."""
        return self._names[function].get(name, [])

    @cached_property
    def _names(self) -> dict[Function, dict[str, list[Node]]]:
        found: dict[Function, dict[str, list[Node]]] = {}
        for function in self.functions:
            names = found.setdefault(function, {})
            for node in below(function.node, "identifier", "type_identifier"):
                names.setdefault(text_of(node), []).append(node)
        return found

    def function_around(self, node: Node) -> Function | None:
        """The function in whose body a node stands."""
        for parent in ancestors(node):
            found = self._by_body.get(parent.id)
            if found is not None:
                return found
        return None

    @cached_property
    def _by_body(self) -> dict[int, Function]:
        return {each.body.id: each for each in self.functions}


def read_unit(source: Source) -> Unit:
    """Parse a preprocessed unit and collect what it declares."""
    unit = Unit(source, parse(source.text))
    _collect(unit, unit.root, (), None, None)
    return unit


def _collect(
    unit: Unit, node: Node, space: tuple[str, ...], owner: str | None, template: Node | None
) -> None:
    """Add what `node` declares outside of functions' bodies; template: the one that it is of."""
    for child in node.named_children:
        if child.type == "namespace_definition":
            inner = (*space, text_of(part(child, "name")))
            _collect(unit, child, inner, owner, None)
        elif child.type == "template_declaration":
            _collect(unit, child, space, owner, child)
        elif child.type == "linkage_specification":
            declared = below(child, "function_declarator")
            unit.kernels.update(name_and_scope(each)[0] for each in declared)
            _collect(unit, child, space, owner, None)
        elif child.type in ("declaration_list", "field_declaration_list"):
            _collect(unit, child, space, owner, None)
        elif child.type == "function_definition":
            _add_function(unit, child, space, owner, template)
        elif child.type in _CLASSES:
            _add_class(unit, child, space)
        elif child.type in ("declaration", "field_declaration"):
            _add_declaration(unit, child, space)
        elif child.type == "alias_declaration":
            unit.aliases.setdefault(text_of(part(child, "name")), _described(child))
        elif child.type == "type_definition":
            name = last_name(part(child, "declarator"))
            unit.aliases.setdefault(name, child)
        elif child.type == "enum_specifier":
            _add_enumerators(unit, child)


def _described(alias: Node) -> Node:
    described = part(alias, "type")
    return alias if described is None else described


def _add_declaration(unit: Unit, node: Node, space: tuple[str, ...]) -> None:
    """A class, an enumeration or variables, outside of functions."""
    kind = part(node, "type")
    if kind is not None and kind.type in _CLASSES:
        _add_class(unit, kind, space)
    if kind is not None and kind.type == "enum_specifier":
        _add_enumerators(unit, kind)
    for variable in variables(node):
        if variable.const:
            unit.constants.add(variable.name)
        if node.type == "declaration":
            unit.globals[variable.name] = unit.settled(variable)


def _add_enumerators(unit: Unit, node: Node) -> None:
    for each in below(node, "enumerator"):
        unit.constants.add(text_of(part(each, "name")))


def _add_class(unit: Unit, node: Node, space: tuple[str, ...]) -> None:
    name = last_name(part(node, "name"))
    body = part(node, "body")
    if body is None:
        return
    members = {
        variable.name: unit.settled(variable)
        for child in body.named_children
        if child.type == "field_declaration"
        for variable in variables(child)
    }
    bases = any(child.type == "base_class_clause" for child in node.children)
    unit.classes[name] = Class(name, members, bases, template_names(node))
    _collect(unit, body, (*space, name), name, None)


def _add_function(
    unit: Unit, node: Node, space: tuple[str, ...], owner: str | None, template: Node | None
) -> None:
    declarator, body = function_declarator(node), part(node, "body")
    if declarator is None or body is None:
        return
    name, named = name_and_scope(declarator)
    if named:
        space, owner = (*space, *named), named[-1] if named[-1] in unit.classes else owner
    parameters = tuple(unit.settled(each) for each in parameters_of(declarator))
    values, types = _around(node, template)
    words = words_of(node)
    unit.functions.append(
        Function(
            name=name,
            space=space,
            owner=owner,
            parameters=parameters,
            least=sum(1 for each in parameters if each.init is None),
            returns=text_of(part(node, "type")) if _plain(node) else "pointer",
            node=node,
            body=body,
            constexpr="constexpr" in words,
            values=values,
            types=types,
            kernel=owner is None and name in unit.kernels,
        )
    )


def _plain(definition: Node) -> bool:
    """Whether a function's declarator adds no pointer or reference to the type it returns."""
    declarator = part(definition, "declarator")
    return declarator is not None and declarator.type == "function_declarator"


def _around(node: Node, template: Node | None) -> tuple[frozenset[str], frozenset[str]]:
    """Template parameters of a function and of the classes around it."""
    values: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    templates = [] if template is None else [template]
    templates += [each for each in ancestors(node) if each.type == "template_declaration"]
    for each in templates:
        more_values, more_types = template_parameters(each)
        values |= more_values
        types |= more_types
    return values, types


def _locals(unit: Unit, function: Function) -> Iterator[Local]:
    for node in below(function.body, "declaration", "for_range_loop"):
        scope = next(each for each in ancestors(node) if each.type in _SCOPES)
        head = scope if scope.type == "for_statement" and node.parent == scope else None
        for variable in variables(node):
            yield Local(unit.settled(variable), variable.node.start_byte, scope.end_byte, head)
