# SPDX-License-Identifier: Apache-2.0
"""YAML text to plain Python values, and the line and column of every value and key.

The values are those of the YAML 1.2 core schema: `1e-4` is a number, only `true` and `false` are
booleans, `1:30` and `1_000` are text. Duplicate keys, merge keys and tags are faults. Anchors and
aliases work, as far as what they expand to stays small.

It reads the parser's events, not composed nodes: PyYAML composes by recursion, which deep nesting
breaks, in the C version with no exception at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from .faults import Fault, SpecError, shown

MAX_VALUES = 10_000
MAX_DEPTH = 32
MAX_NUMBER_LENGTH = 100

FieldPath = tuple[str | int, ...]
Scalar = None | bool | int | float | str

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_INTEGER = re.compile(r"[-+]?[0-9]+")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_REAL = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **{sign + inf: float("inf") for sign in ("", "+") for inf in (".inf", ".Inf", ".INF")},
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}


class Mark(NamedTuple):
    """A place in a file; both count from 1."""

    line: int
    column: int


@dataclass
class Document:
    """The value of a YAML document. `values` and `keys` say where each path's value and key are.

    `faults` are those that did not stop the reading; `spoilt` are the paths whose value they make
    meaningless.
    """

    value: Any = None
    values: dict[FieldPath, Mark] = field(default_factory=dict)
    keys: dict[FieldPath, Mark] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    spoilt: set[FieldPath] = field(default_factory=set)


@dataclass
class _Node:
    """A value; `size` counts it and all in it, `height` the levels below it."""

    mark: Mark
    content: Scalar | list[_Node] | dict[str, tuple[Mark, _Node]]
    text: str | None = None
    size: int = 1
    height: int = 0


@dataclass
class _Open:
    """A list or mapping whose end is still to come, and the mapping key that waits for a value."""

    node: _Node
    anchor: str | None
    waiting: bool = False
    key: str | None = None
    key_mark: Mark | None = None

    @property
    def step(self) -> str | int | None:
        """The path's next step, for the item that is being read."""
        return len(self.node.content) if isinstance(self.node.content, list) else self.key


def path_text(path: FieldPath) -> str:
    """A path as the user writes it: `model.hidden[0]`."""
    text = "".join(f"[{p}]" if isinstance(p, int) else f".{shown(p, 40)}" for p in path)
    return text.removeprefix(".")


def parse_document(text: str, file: str) -> Document:
    """Read one YAML document; `file` names it in faults.

    Raises SpecError when it can't be read to its end: bad syntax, control characters, a second
    document, too deep, too large, or an alias that is unknown or within itself.
    """
    bad = _NOT_TEXT.search(text)
    if bad:
        before = text[: bad.start()]
        mark = Mark(before.count("\n") + 1, bad.start() - before.rfind("\n"))
        raise SpecError(
            [
                Fault(
                    file, *mark, "", f"the character U+{ord(bad[0]):04X} is not text",
                    "give a YAML text file",
                )
            ]
        )  # fmt: skip
    composer = _Composer(file)
    root = composer.compose(text)
    document = composer.document
    if root is not None:
        document.value = _construct(root, (), document)
    return document


def _construct(node: _Node, path: FieldPath, document: Document) -> Any:
    document.values[path] = node.mark
    content = node.content
    if isinstance(content, list):
        return [_construct(item, (*path, i), document) for i, item in enumerate(content)]
    if isinstance(content, dict):
        document.keys.update({(*path, key): mark for key, (mark, _) in content.items()})
        return {key: _construct(item, (*path, key), document) for key, (_, item) in content.items()}
    return content


class _Composer:
    """Builds nodes from the parser's events, without recursion and within the limits."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.document = Document()
        self.root: _Node | None = None
        self.stack: list[_Open] = []
        self.anchors: dict[str, _Node | None] = {}  # None: not yet at its end
        self.values = 0

    def compose(self, text: str) -> _Node | None:
        mark = Mark(1, 1)
        documents = 0
        try:
            for event in yaml.parse(text, Loader=_LOADER):
                mark = _mark(event.start_mark)
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        self._stop(mark, "a second YAML document starts here", "keep one document")
                self._take(event, mark)
        except yaml.MarkedYAMLError as error:
            place = error.problem_mark or error.context_mark
            mark = _mark(place) if place else mark
            what = ", ".join(part for part in (error.context, error.problem) if part)
            self._stop(mark, f"not YAML, {what}", _syntax_mend(error, text, mark))
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            self._stop(mark, f"not YAML, {error}", "mend this line")
        return self.root

    def _take(self, event: Any, mark: Mark) -> None:
        if isinstance(event, yaml.AliasEvent) and event.anchor:
            self._attach(self._aliased(event.anchor, mark), mark)
        elif isinstance(event, yaml.ScalarEvent):
            self._count(1, mark)
            plain = event.implicit[0] and not event.style
            node = _Node(mark, event.value, event.value)
            if plain and not self._at_key:
                node.content = self._resolve(event.value, mark)
            self._refuse_tag(event.tag, mark)
            if event.anchor:
                self.anchors[event.anchor] = node
            self._attach(node, mark, merge=plain and event.value == "<<")
        elif isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
            self._count(1, mark)
            self._refuse_depth(1, mark)
            self._refuse_tag(event.tag, mark)
            if event.anchor:
                self.anchors[event.anchor] = None
            empty: Any = [] if isinstance(event, yaml.SequenceStartEvent) else {}
            self.stack.append(_Open(_Node(mark, empty), event.anchor))
        elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            done = self.stack.pop()
            if done.anchor:
                self.anchors[done.anchor] = done.node
            self._attach(done.node, done.node.mark)

    @property
    def _at_key(self) -> bool:
        top = self.stack[-1] if self.stack else None
        return top is not None and isinstance(top.node.content, dict) and not top.waiting

    @property
    def _path(self) -> FieldPath:
        steps = (level.step for level in self.stack)
        return tuple(step for step in steps if step is not None)

    def _attach(self, node: _Node, mark: Mark, *, merge: bool = False) -> None:
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        if self._at_key:
            self._take_key(top, node, mark, merge)
            return
        if isinstance(top.node.content, list):
            top.node.content.append(node)
        elif isinstance(top.node.content, dict):
            if top.key is not None and top.key_mark is not None:
                top.node.content[top.key] = (top.key_mark, node)
            top.waiting, top.key = False, None
        top.node.size += node.size
        top.node.height = max(top.node.height, node.height + 1)

    def _take_key(self, top: _Open, node: _Node, mark: Mark, merge: bool) -> None:
        top.waiting, top.key, top.key_mark = True, None, mark
        content = top.node.content
        assert isinstance(content, dict)
        if merge:
            self._note(mark, self._path, "merge keys (<<) are not used", "write the fields out")
        elif node.text is None:
            self._note(mark, self._path, "a key is a list or a mapping", "use a field's name")
        elif node.text in content:
            first = content[node.text][0]
            what = f"given twice, first on line {first.line}, again on line {mark.line}"
            self._note(mark, (*self._path, node.text), what, "keep one of the two")
        else:
            top.key = node.text

    def _aliased(self, anchor: str, mark: Mark) -> _Node:
        name = shown(anchor)
        if anchor not in self.anchors:
            self._stop(mark, f"the alias *{name} has no anchor", f"write &{name} where it is meant")
        node = self.anchors[anchor]
        if node is None:
            self._stop(mark, f"the alias *{name} is within its own value", "write the value out")
        assert node is not None
        self._count(node.size, mark)
        self._refuse_depth(node.height, mark)
        return node

    def _resolve(self, text: str, mark: Mark) -> Scalar:
        if text in _SPECIAL:
            return _SPECIAL[text]
        whole, based = _INTEGER.fullmatch(text), _BASED.fullmatch(text)
        if not (whole or based or _REAL.fullmatch(text)):
            return text
        if len(text) > MAX_NUMBER_LENGTH:
            self._note(mark, self._path, f"a number of {len(text)} digits", "use a shorter one")
            self.document.spoilt.add(self._path)
            return 0
        if whole:
            return int(text)
        return int(text[2:], 8 if text[1] == "o" else 16) if based else float(text)

    def _refuse_tag(self, tag: str | None, mark: Mark) -> None:
        if tag is not None:
            self._note(mark, self._path, f"the tag {shown(tag)} is not used", "remove the tag")
            if not self._at_key:
                self.document.spoilt.add(self._path)

    def _count(self, values: int, mark: Mark) -> None:
        self.values += values
        if self.values > MAX_VALUES:
            what = f"more than {MAX_VALUES} values, aliases counted in full"
            self._stop(mark, what, "give a smaller file")

    def _refuse_depth(self, levels: int, mark: Mark) -> None:
        if len(self.stack) + levels > MAX_DEPTH:
            what = f"nested more than {MAX_DEPTH} levels deep"
            self._stop(mark, what, "close the brackets or indent less")

    def _note(self, mark: Mark, path: FieldPath, what: str, mend: str) -> None:
        self.document.faults.append(Fault(self.file, *mark, path_text(path), what, mend))

    def _stop(self, mark: Mark, what: str, mend: str) -> None:
        self._note(mark, (), shown(what, 200), mend)
        raise SpecError(self.document.faults)


def _mark(place: Any) -> Mark:
    return Mark(place.line + 1, place.column + 1)


def _syntax_mend(error: yaml.MarkedYAMLError, text: str, mark: Mark) -> str:
    if "cannot start any token" in (error.problem or ""):
        line = "".join(text.split("\n")[mark.line - 1 : mark.line])
        tab = line[mark.column - 1 : mark.column] == "\t"
        return "indent with spaces" if tab else "put the text in quotes"
    return "check colons, indentation, quotes and brackets, here and above"
