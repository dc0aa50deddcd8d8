# SPDX-License-Identifier: Apache-2.0
"""Conditions across calls as facts that can be compared: under which of them a place is reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .declarations import Function
from .program import Unit
from .syntax import ancestors, below, only_child, part, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

Fact = tuple[str, str]
"""What is asked, and the answer: ("cycle<last", "true"). Two answers exclude each other."""
Facts = frozenset[Fact]

_MIRRORED = {">": "<", "<=": ">="}  # the other way round
_NEGATED = {"!=": "==", ">=": "<"}
_DEEPEST = 24


@dataclass(frozen=True, eq=False)
class Frame:
    """A call of a function. given: the caller's expressions by the parameters' names, with the
    frames that they stand in; number: 0 for the function that is not called itself; depth: calls
    that lead here from that one."""

    function: Function
    given: Mapping[str, tuple[Node, Frame]]
    number: int
    depth: int


class Conditions:
    """Reads the conditions of one turn, in the order of the source: what is asked before a variable
    changes is not what is asked behind it."""

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._changes: dict[str, int] = {}

    def change(self, node: Node | None, frame: Frame) -> None:
        """A variable, or a part of it, gets another value here."""
        root = next(below(node, "identifier"), None) if node is not None else None
        if root is not None:
            name = _numbered(*self.origin(root, frame))
            self._changes[name] = self._changes.get(name, 0) + 1

    def facts(self, node: Node, frame: Frame, answer: bool, depth: int = 0) -> Facts:
        """What is known where a condition holds, or does not."""
        if node.type in ("parenthesized_expression", "condition_clause"):
            held = part(node, "value") or only_child(node)
            return frozenset() if held is None else self.facts(held, frame, answer, depth)
        if node.type == "unary_expression" and text_of(part(node, "operator")) == "!":
            inner = part(node, "argument")
            return frozenset() if inner is None else self.facts(inner, frame, not answer, depth)
        own = frozenset({self._fact(node, frame, answer)})
        meaning = self._meaning(node, frame) if depth < _DEEPEST else None
        if meaning is not None:
            return own | self.facts(*meaning, answer, depth + 1)
        if node.type == "binary_expression":
            symbol = text_of(part(node, "operator"))
            left, right = part(node, "left"), part(node, "right")
            if symbol == ("&&" if answer else "||") and left is not None and right is not None:
                more = self.facts(left, frame, answer, depth)
                return own | more | self.facts(right, frame, answer, depth)
            if symbol == "==" and answer:
                return own | {(f"value of {self.text(left, frame)}", self.text(right, frame))}
        return own

    def text(self, node: Node | None, frame: Frame, depth: int = 0) -> str:
        """An expression in the names of the outermost function."""
        if node is None:
            return ""
        if node.type == "identifier":
            name = text_of(node)
            own = self._unit.local(frame.function, name, node) is not None
            if not own and name in frame.given and depth < _DEEPEST:
                inner, outer = frame.given[name]
                text = self.text(inner, outer, depth + 1)
                return f"({text})" if inner.type == "binary_expression" else text
            plain = _numbered(node, frame) if own else name
            changes = self._changes.get(plain)
            return f"{plain}#{changes}" if changes else plain
        if not node.named_children:
            return text_of(node)
        return "".join(self.text(child, frame, depth) for child in node.children)

    def origin(self, node: Node, frame: Frame) -> tuple[Node, Frame]:
        """A variable's name where it is declared: through parameters to what a caller gives."""
        for _ in range(_DEEPEST):
            name = text_of(node)
            local = self._unit.local(frame.function, name, node)
            if node.type != "identifier" or local is not None or name not in frame.given:
                break
            node, frame = frame.given[name]
        return node, frame

    def _fact(self, node: Node, frame: Frame, answer: bool) -> Fact:
        """One comparison and its opposite ask the same."""
        if node.type != "binary_expression":
            return self.text(node, frame), str(answer)
        symbol = text_of(part(node, "operator"))
        left, right = self.text(part(node, "left"), frame), self.text(part(node, "right"), frame)
        if symbol in _MIRRORED:
            symbol, left, right = _MIRRORED[symbol], right, left
        if symbol in _NEGATED:
            symbol, answer = _NEGATED[symbol], not answer
        return f"{left} {symbol} {right}", str(answer)

    def _meaning(self, node: Node, frame: Frame) -> tuple[Node, Frame] | None:
        """What a name stands for: a parameter's argument, a constant's value, or the one value
        that a member of a local object is given."""
        if node.type == "identifier":
            name = text_of(node)
            local = self._unit.local(frame.function, name, node)
            if local is not None:
                init = local.variable.init
                return (init, frame) if local.variable.const and init is not None else None
            return frame.given.get(name)
        if node.type != "field_expression":
            return None
        argument = part(node, "argument")
        if argument is None or argument.type != "identifier":
            return None
        root, outer = self.origin(argument, frame)
        if self._unit.local(outer.function, text_of(root), root) is None:
            return None
        name = f"{text_of(root)}.{text_of(part(node, 'field'))}"
        values = [
            each
            for each in below(outer.function.body, "assignment_expression")
            if text_of(part(each, "left")) == name
        ]
        if len(values) != 1 or not _is_before(values[0], root):
            return None
        right = part(values[0], "right")
        return None if right is None else (right, outer)


def _is_before(value: Node, use: Node) -> bool:
    """Whether an assignment is a statement of braces that a later use stands in, too."""
    block = next((each for each in ancestors(value) if each.type != "expression_statement"), None)
    if block is None or block.type != "compound_statement":
        return False
    return value.end_byte <= use.start_byte < block.end_byte


def _numbered(node: Node, frame: Frame) -> str:
    """A local's name, apart from those of other calls."""
    name = text_of(node)
    return f"{name}@{frame.number}" if frame.number else name


def exclude(first: Facts, second: Facts) -> bool:
    """Whether two sets of facts can't hold at once."""
    answers = dict(first)
    return any(answers.get(asked, answer) != answer for asked, answer in second)
