# SPDX-License-Identifier: Apache-2.0
"""The pragmas of a unit, each with the scope that it stands in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .declarations import Function
from .pragma_table import Place, named
from .pragma_text import Pragma, parse_pragma
from .program import Unit
from .syntax import LOOPS, below, part, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

# Statements that declare nothing that runs: a scope's pragmas may come after them.
_SILENT = ("preproc_call", "comment", "using_declaration", "alias_declaration", "type_definition",
           "static_assert_declaration")  # fmt: skip


@dataclass(frozen=True, eq=False)
class Placed:
    """A pragma of HLS. where: its scope, None outside of functions; scope: the braces around it;
    loop: the one that these are the body of; late: it stands after a statement of its scope."""

    pragma: Pragma
    node: Node
    function: Function | None
    where: Place | None
    scope: Node | None
    loop: Node | None
    late: bool


class Pragmas:
    """All pragmas of a unit, in the order of the source."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit

    @cached_property
    def all(self) -> tuple[Placed, ...]:
        """Those of HLS."""
        found = []
        for node in below(self._unit.root, "preproc_call"):
            pragma = parse_pragma(text_of(part(node, "argument")))
            if text_of(part(node, "directive")) == "#pragma" and pragma is not None:
                found.append(self._placed(named(pragma), node))
        return tuple(found)

    def foreign(self) -> Iterator[Node]:
        """Other pragmas."""
        for node in below(self._unit.root, "preproc_call"):
            other = parse_pragma(text_of(part(node, "argument"))) is None
            if text_of(part(node, "directive")) == "#pragma" and other:
                yield node

    def of_scope(self, scope: Node | None, *names: str) -> list[Placed]:
        """Those that stand directly between these braces, of these names."""
        found = [] if scope is None else self._by_scope.get(scope.id, [])
        return [each for each in found if not names or each.pragma.name in names]

    def of_function(self, function: Function, *names: str) -> list[Placed]:
        """Those anywhere in a function's body, of these names."""
        found = self._by_function.get(function, [])
        return [each for each in found if not names or each.pragma.name in names]

    @cached_property
    def _by_scope(self) -> dict[int, list[Placed]]:
        found: dict[int, list[Placed]] = {}
        for each in self.all:
            if each.scope is not None:
                found.setdefault(each.scope.id, []).append(each)
        return found

    @cached_property
    def _by_function(self) -> dict[Function, list[Placed]]:
        found: dict[Function, list[Placed]] = {}
        for each in self.all:
            if each.function is not None:
                found.setdefault(each.function, []).append(each)
        return found

    def _placed(self, pragma: Pragma, node: Node) -> Placed:
        scope = node.parent
        function = self._unit.function_around(node)
        if scope is None or function is None or scope.type != "compound_statement":
            return Placed(pragma, node, function, None, None, None, False)
        owner = scope.parent
        loop = owner if owner is not None and owner.type in LOOPS else None
        where: Place = "loop" if loop is not None else "region"
        if scope == function.body:
            where = "top" if function.kernel else "function"
        before = [
            child
            for child in scope.named_children
            if child.start_byte < node.start_byte and child.type not in _SILENT
        ]
        return Placed(pragma, node, function, where, scope, loop, bool(before))
