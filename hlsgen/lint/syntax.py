# SPDX-License-Identifier: Apache-2.0
"""The C++ parser, and what every rule asks of a node of its tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..errors import ToolMissingError

if TYPE_CHECKING:
    from tree_sitter import Node

LOOPS = ("for_statement", "while_statement", "do_statement", "for_range_loop")


def parse(text: bytes) -> Node:
    """The root of the tree of a C++ text. Raises ToolMissingError without the parser."""
    try:
        import tree_sitter
        import tree_sitter_cpp
    except ImportError:
        raise ToolMissingError(
            "hlsgen lint: the C++ parser is missing: pip install 'hlsgen[lint]'"
        ) from None
    language = tree_sitter.Language(tree_sitter_cpp.language())
    return tree_sitter.Parser(language).parse(text).root_node


def text_of(node: Node | None) -> str:
    """The source of a node on one line, "" for None."""
    if node is None or node.text is None:
        return ""
    return " ".join(node.text.decode("utf-8", "replace").split())


def walk(node: Node) -> Iterator[Node]:
    """The node and all below it, in the order of the source."""
    stack = [node]
    while stack:
        top = stack.pop()
        yield top
        stack.extend(reversed(top.children))


def below(node: Node, *types: str) -> Iterator[Node]:
    """Nodes of these types among `node` and all below it, in the order of the source."""
    return (each for each in walk(node) if each.type in types)


def ancestors(node: Node) -> Iterator[Node]:
    """The node's parent, its parent, and so on up to the root."""
    parent = node.parent
    while parent is not None:
        yield parent
        parent = parent.parent


def part(node: Node | None, name: str) -> Node | None:
    """A child by the name of its field, None when there is none."""
    return None if node is None else node.child_by_field_name(name)


def statements(body: Node) -> list[Node]:
    """What stands in a compound statement, without braces and comments."""
    return [child for child in body.named_children if child.type != "comment"]


def loop_body(loop: Node) -> Node | None:
    """The body of a loop when it has braces."""
    body = part(loop, "body")
    return body if body is not None and body.type == "compound_statement" else None


def last_name(node: Node | None) -> str:
    """The name that a (qualified, templated) type, function or variable ends with."""
    while node is not None:
        if node.type in ("qualified_identifier", "template_type", "template_function",
                         "template_method"):  # fmt: skip
            node = part(node, "name")
        elif node.type in ("dependent_name", "dependent_type"):
            node = next(iter(node.named_children), None)
        else:
            return text_of(node)
    return ""


def scope_names(node: Node) -> tuple[str, ...]:
    """What a qualified name has before its last name: ("a", "B") for a::B<C>::d."""
    names: list[str] = []
    current: Node | None = node
    while current is not None and current.type == "qualified_identifier":
        scope = part(current, "scope")
        if scope is not None:
            names.append(last_name(scope))
        current = part(current, "name")
    return tuple(names)


def arguments_of(node: Node | None) -> tuple[Node, ...]:
    """The expressions of an argument list."""
    if node is None:
        return ()
    return tuple(child for child in node.named_children if child.type != "comment")


def only_child(node: Node) -> Node | None:
    """What parentheses or braces hold, None unless it is one thing."""
    return node.named_children[0] if node.named_child_count == 1 else None


def template_names(node: Node | None) -> tuple[str, ...]:
    """Names of the parameters of the template that a function or class is, in their order."""
    outer = None if node is None else node.parent
    if outer is not None and outer.type in ("declaration", "field_declaration"):
        outer = outer.parent
    if outer is None or outer.type != "template_declaration":
        return ()
    listed = part(outer, "parameters")
    names = []
    for child in [] if listed is None else listed.named_children:
        default = part(child, "default_value") or part(child, "default_type")
        end = child.end_byte if default is None else default.start_byte
        found = [x for x in below(child, "identifier", "type_identifier") if x.start_byte < end]
        names.append(text_of(found[-1]) if found else "")
    return tuple(names)
