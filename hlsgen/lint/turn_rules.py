# SPDX-License-Identifier: Apache-2.0
"""One access to a stream in a turn of a loop at II=1: a FIFO has one port to read and one to write.

Two accesses are fine where the conditions on their ways exclude each other: branches of one
condition, or a condition and its opposite. Ways lead through the functions that are called.

Concluded from a FIFO's ports: no document says when the tool itself sees that two conditions
exclude each other, so what this rule accepts may still get a larger interval.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .calls import STREAM_READS, STREAM_WRITES, Call
from .conditions import Conditions, Facts, Frame, exclude
from .context import Context
from .declarations import Function, function_declarator, words_of
from .findings import Finding
from .loops import Loop
from .syntax import part, statements, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

_LEAVES = ("return_statement", "break_statement", "continue_statement", "goto_statement")
_DEEPEST, _MOST = 12, 1000  # calls within each other and in all: what goes beyond is left alone


@dataclass(frozen=True, eq=False)
class _Access:
    node: Node
    stream: str
    verb: str
    facts: Facts


@dataclass
class _Turn:
    """One turn of a loop, with the functions that it calls."""

    context: Context
    conditions: Conditions
    found: list[_Access] = field(default_factory=list)
    frames: int = 0

    def statement(self, node: Node, frame: Frame, facts: Facts) -> Facts | None:
        """Collect the accesses of a statement; what is known behind it, None where none is."""
        if node.type == "compound_statement":
            for each in statements(node):
                behind = self.statement(each, frame, facts)
                if behind is None:
                    return None
                facts = behind
            return facts
        if node.type == "if_statement":
            return self._branches(node, frame, facts)
        if node.type == "switch_statement":
            return self._cases(node, frame, facts)
        if node.type == "labeled_statement":
            return self.statement(node.named_children[-1], frame, facts)
        inner = part(node, "body")
        if inner is not None:  # a loop, which is unrolled here
            self.statement(inner, frame, facts)
            return facts
        self.expression(node, frame, facts)
        return None if node.type in _LEAVES else facts

    def _branches(self, node: Node, frame: Frame, facts: Facts) -> Facts | None:
        condition, other = part(node, "condition"), part(node, "alternative")
        then = part(node, "consequence")
        if condition is None or then is None:
            return facts
        self.expression(condition, frame, facts)
        yes = facts | self.conditions.facts(condition, frame, True)
        no = facts | self.conditions.facts(condition, frame, False)
        behind_yes = self.statement(then, frame, yes)
        behind_no: Facts | None = no
        if other is not None and other.named_children:
            behind_no = self.statement(other.named_children[-1], frame, no)
        if behind_yes is None:
            return behind_no
        return behind_yes if behind_no is None else facts

    def _cases(self, node: Node, frame: Frame, facts: Facts) -> Facts:
        condition, body = part(node, "condition"), part(node, "body")
        asked = f"value of {self.conditions.text(condition, frame)}"
        for case in [] if body is None else statements(body):
            known = facts | {(asked, text_of(part(case, "value")))}
            for each in case.named_children:
                if each != part(case, "value") and self.statement(each, frame, known) is None:
                    break
        return facts

    def expression(self, node: Node, frame: Frame, facts: Facts) -> None:
        """Collect the accesses of an expression."""
        if node.type == "lambda_expression":
            return
        if node.type == "conditional_expression":
            condition = part(node, "condition")
            for name, answer in (("consequence", True), ("alternative", False)):
                side = part(node, name)
                if condition is not None and side is not None:
                    more = self.conditions.facts(condition, frame, answer)
                    self.expression(side, frame, facts | more)
            return
        left, right = part(node, "left"), part(node, "right")
        symbol = text_of(part(node, "operator"))
        if symbol in ("&&", "||") and left is not None and right is not None:
            self.expression(left, frame, facts)
            more = self.conditions.facts(left, frame, symbol == "&&")
            self.expression(right, frame, facts | more)
            return
        for child in node.named_children:
            self.expression(child, frame, facts)
        if symbol in ("<<", ">>") and left is not None and node.type == "binary_expression":
            self._access(node, left, "written" if symbol == "<<" else "read", frame, facts)
        if node.type in ("assignment_expression", "update_expression"):
            self.conditions.change(left or part(node, "argument"), frame)
        call = self.context.calls.at(node)
        if call is not None:
            self._call(call, frame, facts)

    def _call(self, call: Call, frame: Frame, facts: Facts) -> None:
        if call.receiver is not None and call.name in (*STREAM_READS, *STREAM_WRITES):
            verb = "read" if call.name in STREAM_READS else "written"
            self._access(call.node, call.receiver, verb, frame, facts)
        elif len(call.targets) == 1 and self.frames < _MOST and frame.depth < _DEEPEST:
            target = call.targets[0]
            self.frames += 1
            names = [each.name for each in target.parameters]
            given = {name: (node, frame) for name, node in zip(names, call.arguments, strict=False)}
            inner = Frame(target, given, self.frames, frame.depth + 1)
            self.statement(target.body, inner, facts)
            if call.receiver is not None and not _is_const(target):
                self.conditions.change(call.receiver, frame)

    def _access(self, node: Node, receiver: Node, verb: str, frame: Frame, facts: Facts) -> None:
        """Of a variable that is a stream, or of a type that a template leaves open."""
        if receiver.type != "identifier":
            return
        found = self.context.unit.lookup(frame.function, text_of(receiver), receiver)
        if found is None or not (found.is_stream or found.type in frame.function.types):
            return
        root, outer = self.conditions.origin(receiver, frame)
        if root.type == "identifier":
            name = self.conditions.text(root, outer)
            self.found.append(_Access(node, name, verb, facts))


def check(context: Context) -> Iterator[Finding]:
    """Findings of all loops of a unit that start a turn every cycle."""
    for loop in context.loops.all:
        body = part(loop.node, "body")
        if body is None or not _every_cycle(context, loop):
            continue
        turn = _Turn(context, Conditions(context.unit))
        turn.statement(body, Frame(loop.function, {}, 0, 0), frozenset())
        yield from _clashes(context, loop, turn.found)


def _every_cycle(context: Context, loop: Loop) -> bool:
    placed = loop.pragma("PIPELINE")
    if placed is None or not loop.pipelined:
        return False
    interval = placed.pragma.value("ii") or ""
    return context.values.of_text(loop.function, interval, loop.node) == (1,)


def _clashes(context: Context, loop: Loop, found: list[_Access]) -> Iterator[Finding]:
    for place, access in enumerate(found):
        for other in found[:place]:
            same = (access.stream, access.verb) == (other.stream, other.verb)
            if same and not exclude(access.facts, other.facts):
                file, line = context.unit.place(other.node)
                what = f"{access.stream} is {access.verb} here and at {file}:{line} in one turn of "
                mend = "use it once, or put both into branches of one condition"
                yield context.finding(access.node, "stream-twice", f"{what}{loop.name}", mend)
                break


def _is_const(method: Function) -> bool:
    declarator = function_declarator(method.node)
    return declarator is not None and "const" in words_of(declarator)
