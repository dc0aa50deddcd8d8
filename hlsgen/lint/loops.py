# SPDX-License-Identifier: Apache-2.0
"""The loops of a unit, and which of them synthesis unrolls."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from .calls import Calls
from .declarations import Function
from .pragmas import Placed, Pragmas
from .syntax import LOOPS, ancestors, below, loop_body, part, text_of

if TYPE_CHECKING:
    from tree_sitter import Node


@dataclass(frozen=True, eq=False)
class Loop:
    """A loop. label: "" without one; around: the loops that it is in, innermost first."""

    node: Node
    function: Function
    label: str
    pragmas: tuple[Placed, ...]
    around: tuple[Node, ...]

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.label or "the loop"

    def pragma(self, name: str) -> Placed | None:
        """Its first pragma of this name."""
        return next((each for each in self.pragmas if each.pragma.name == name), None)

    @property
    def pipelined(self) -> bool:
        """Whether a pragma pipelines it."""
        found = self.pragma("PIPELINE")
        return found is not None and not found.pragma.on("off")

    @property
    def unrolled(self) -> bool:
        """Whether a pragma unrolls it in full."""
        found = self.pragma("UNROLL")
        if found is None or found.pragma.on("off"):
            return False
        return "factor" not in found.pragma.options


class Loops:
    """The loops of a unit's functions."""

    def __init__(self, calls: Calls, pragmas: Pragmas) -> None:
        self._calls = calls
        self._pragmas = pragmas

    @cached_property
    def all(self) -> tuple[Loop, ...]:
        """Every loop but those of constexpr functions, in the order of the source."""
        functions = [each for each in self._calls.unit.functions if not each.constexpr]
        return tuple(
            self._loop(each, node) for each in functions for node in below(each.body, *LOOPS)
        )

    @cached_property
    def by_node(self) -> dict[int, Loop]:
        """The loops by the ids of their nodes."""
        return {each.node.id: each for each in self.all}

    @cached_property
    def in_pipelines(self) -> frozenset[int]:
        """Nodes of the loops that are part of a pipelined loop or function, which unrolls them."""
        return frozenset(each.node.id for each in self.all if self._in_pipeline(each))

    @cached_property
    def unrolled(self) -> frozenset[int]:
        """Nodes of the loops that synthesis unrolls in full."""
        asked = {each.node.id for each in self.all if each.unrolled}
        return self.in_pipelines | asked

    @cached_property
    def with_loops(self) -> frozenset[Function]:
        """Functions with a loop that stays one, their own or of a function they call."""
        own = {each.function for each in self.all if each.node.id not in self.unrolled}
        return _closure(own, self._callers)

    def stays_around(self, loop: Loop) -> bool:
        """Whether a loop has another one inside, in its body or a function called there, which
        is not unrolled."""
        inner = (each for each in below(loop.node, *LOOPS) if each != loop.node)
        if any(each.id not in self.unrolled for each in inner):
            return True
        return any(
            target in self.with_loops
            for call in self._calls.of[loop.function]
            if _within(call.node, loop.node)
            for target in call.targets
        )

    @cached_property
    def _pipelined_functions(self) -> frozenset[Function]:
        """Functions that are called inside of a pipeline, or are one."""
        direct = {f for f in self._calls.unit.functions if self._is_pipelined(f)}
        for loop in self.all:
            if loop.pipelined:
                for call in self._calls.of[loop.function]:
                    if _within(call.node, loop.node):
                        direct.update(call.targets)
        return _closure(direct, self._callees)

    def _is_pipelined(self, function: Function) -> bool:
        found = self._pragmas.of_scope(function.body, "PIPELINE")
        return any(not each.pragma.on("off") for each in found)

    def _in_pipeline(self, loop: Loop) -> bool:
        if loop.function in self._pipelined_functions:
            return True
        return any(self.by_node[each.id].pipelined for each in loop.around)

    @cached_property
    def _callees(self) -> dict[Function, set[Function]]:
        return {
            caller: {target for call in calls for target in call.targets}
            for caller, calls in self._calls.of.items()
        }

    @cached_property
    def _callers(self) -> dict[Function, set[Function]]:
        return {
            target: {caller for caller, _ in sites} for target, sites in self._calls.sites.items()
        }

    def _loop(self, function: Function, node: Node) -> Loop:
        parent = node.parent
        label = ""
        if parent is not None and parent.type == "labeled_statement":
            label = text_of(part(parent, "label"))
        around = []
        for each in ancestors(node):
            if each == function.body:
                break
            if each.type in LOOPS:
                around.append(each)
        pragmas = tuple(self._pragmas.of_scope(loop_body(node)))
        return Loop(node, function, label, pragmas, tuple(around))


def _within(node: Node, outer: Node) -> bool:
    return outer.start_byte <= node.start_byte and node.end_byte <= outer.end_byte


def _closure(start: set[Function], edges: dict[Function, set[Function]]) -> frozenset[Function]:
    """All that can be reached from `start`."""
    found = set(start)
    left = list(start)
    while left:
        for each in edges.get(left.pop(), ()):
            if each not in found:
                found.add(each)
                left.append(each)
    return frozenset(found)
