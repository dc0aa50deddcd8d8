# SPDX-License-Identifier: Apache-2.0
"""Declarations as values: variables, functions, classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .syntax import arguments_of, below, last_name, part, scope_names, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

_WRAPPERS = ("init_declarator", "pointer_declarator", "reference_declarator", "array_declarator",
             "parenthesized_declarator", "function_declarator")  # fmt: skip
_NAMES = ("identifier", "field_identifier", "type_identifier")


@dataclass(frozen=True, eq=False)
class Variable:
    """A variable, parameter or member. type: the last name of its type, "stream" for
    `hls::stream<T>&`; sizes: of the array's dimensions, from the outermost one; init: the value
    after `=`; arguments: of its constructor."""

    name: str
    node: Node
    type: str
    type_node: Node | None
    sizes: tuple[Node, ...] = ()
    reference: bool = False
    pointer: bool = False
    const: bool = False
    static: bool = False
    init: Node | None = None
    arguments: tuple[Node, ...] = ()

    @property
    def is_stream(self) -> bool:
        """Whether it is an hls::stream or an hls::stream_of_blocks, or an array of them."""
        return self.type in ("stream", "stream_of_blocks")

    @property
    def is_scalar(self) -> bool:
        """Whether it is passed by value: neither a stream nor an array, pointer or reference."""
        return not (self.is_stream or self.sizes or self.pointer or self.reference)


@dataclass(frozen=True, eq=False)
class Function:
    """A function with a body. space: the namespaces and classes around it; owner: its class;
    least: arguments that it can't be called without; values: template parameters that are values;
    kernel: whether it is declared extern "C"."""

    name: str
    space: tuple[str, ...]
    owner: str | None
    parameters: tuple[Variable, ...]
    least: int
    returns: str
    node: Node
    body: Node
    constexpr: bool
    values: frozenset[str]
    types: frozenset[str]
    kernel: bool

    @property
    def full_name(self) -> str:
        """Its name with the class that it belongs to."""
        return f"{self.owner}::{self.name}" if self.owner else self.name

    def parameter(self, name: str) -> Variable | None:
        """A parameter by its name."""
        return next((each for each in self.parameters if each.name == name), None)


@dataclass(frozen=True, eq=False)
class Class:
    """A struct, class or union with a body. bases: whether it inherits; parameters: names of its
    template's parameters, in their order."""

    name: str
    members: Mapping[str, Variable]
    bases: bool
    parameters: tuple[str, ...] = ()


def variables(declaration: Node) -> Iterator[Variable]:
    """What a declaration, a member's, or a parameter's declares; no functions."""
    in_class = declaration.type == "field_declaration"
    declarators = declaration.children_by_field_name("declarator")
    if not declarators and declaration.type == "condition_clause":
        return
    default = part(declaration, "default_value") or part(declaration, "value")
    for declarator in declarators:
        found = _variable(declaration, declarator, default, in_class)
        if found is not None:
            yield found


def parameters_of(declarator: Node) -> tuple[Variable, ...]:
    """The parameters of a function's declarator; one without a name has the name ""."""
    found: list[Variable] = []
    listed = part(declarator, "parameters")
    for child in [] if listed is None else listed.named_children:
        if child.type not in ("parameter_declaration", "optional_parameter_declaration"):
            continue
        named = next(variables(child), None)
        found.append(named or _unnamed(child))
    return tuple(found)


def words_of(node: Node) -> frozenset[str]:
    """Qualifiers and specifiers of a declaration: const, constexpr, static, virtual, ..."""
    return frozenset(
        text_of(child)
        for child in node.children
        if child.type in ("type_qualifier", "storage_class_specifier", "virtual",
                          "virtual_function_specifier", "constexpr")
    )  # fmt: skip


def template_parameters(template: Node) -> tuple[frozenset[str], frozenset[str]]:
    """Names of a template's parameters: those that are values, and those that are types."""
    values: set[str] = set()
    types: set[str] = set()
    listed = part(template, "parameters")
    for child in [] if listed is None else listed.named_children:
        if child.type in ("parameter_declaration", "optional_parameter_declaration"):
            values.update(text_of(name) for name in below(child, "identifier"))
        else:
            types.update(text_of(name) for name in below(child, "type_identifier"))
    return frozenset(values), frozenset(types)


def _unnamed(parameter: Node) -> Variable:
    declarator = part(parameter, "declarator")
    kind = "" if declarator is None else declarator.type
    type_node = part(parameter, "type")
    return Variable(
        "",
        parameter,
        last_name(type_node),
        type_node,
        reference="reference" in kind,
        pointer="pointer" in kind or "array" in kind,
    )


def _variable(
    declaration: Node, declarator: Node, default: Node | None, in_class: bool
) -> Variable | None:
    words = words_of(declaration)
    sizes: list[Node] = []
    init = default
    arguments: tuple[Node, ...] = ()
    reference = pointer = False
    node: Node | None = declarator
    while node is not None and node.type in _WRAPPERS:
        if node.type == "init_declarator":
            value = part(node, "value")
            listed = value is not None and value.type == "argument_list"
            init, arguments = (None, arguments_of(value)) if listed else (value, ())
        elif node.type == "array_declarator":
            size = part(node, "size")
            sizes.append(size if size is not None else node)
        elif node.type == "function_declarator":
            if in_class or _points(node):
                return None
            arguments = _constructor_arguments(node)
        reference |= node.type == "reference_declarator"
        pointer |= node.type == "pointer_declarator"
        node = _inner(node)
    if node is None or node.type not in _NAMES:
        return None
    type_node = part(declaration, "type")
    return Variable(
        name=text_of(node),
        node=node,
        type=last_name(type_node),
        type_node=type_node,
        sizes=tuple(reversed(sizes)),
        reference=reference,
        pointer=pointer,
        const=bool(words & {"const", "constexpr"}),
        static="static" in words,
        init=init,
        arguments=arguments,
    )


def _inner(node: Node) -> Node | None:
    """What a declarator wraps."""
    inner = part(node, "declarator")
    if inner is not None:
        return inner
    return next((c for c in node.named_children if c.type in (*_WRAPPERS, *_NAMES)), None)


def _points(function_declarator: Node) -> bool:
    inner = part(function_declarator, "declarator")
    return inner is not None and inner.type == "parenthesized_declarator"


def _constructor_arguments(declarator: Node) -> tuple[Node, ...]:
    """Of `Type name(a, b);`, which in a function's body is a variable and no declaration."""
    listed = part(declarator, "parameters")
    found: list[Node] = []
    for child in [] if listed is None else listed.named_children:
        inner = part(child, "type")
        found.append(inner if inner is not None else child)
    return tuple(found)


def function_declarator(definition: Node) -> Node | None:
    """The declarator with the parameters, inside those of a returned pointer or reference."""
    node = part(definition, "declarator")
    while node is not None and node.type != "function_declarator":
        node = _inner(node)
    return node


def name_and_scope(declarator: Node) -> tuple[str, tuple[str, ...]]:
    """A function's name, and the classes that its definition outside of them names."""
    node = part(declarator, "declarator")
    return ("", ()) if node is None else (last_name(node), scope_names(node))
