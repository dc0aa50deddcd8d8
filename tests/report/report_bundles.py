# SPDX-License-Identifier: Apache-2.0
"""Bundle folders with all that a report reads, whose library was never compiled."""

from __future__ import annotations

import functools
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from hlsgen.bundle import Parts, write_bundle
from hlsgen.project import Project
from hlsgen.scheduled import program_text
from hlsgen.specfile import parse_spec
from hlsgen.toolchain.gxx import CompiledLibrary

SPEC = Path(__file__).parents[2] / "specs" / "digits_cnn.yaml"
VOID = {"meta", "link", "br", "hr", "img", "input"}


@functools.cache
def _program(text: bytes) -> str:
    return program_text(parse_spec(text, "spec.yaml"), "spec.yaml").text


def make_bundle(folder: Path, *, program: bool = True, text: bytes | None = None) -> Path:
    """A bundle of specs/digits_cnn.yaml, or of another spec's text."""
    text = SPEC.read_bytes() if text is None else text
    folder.mkdir(parents=True)
    library = folder.parent / "any.so"
    library.write_bytes(b"no library")
    compiled = CompiledLibrary(library, "0" * 64, "x86-64-v3", False, ())
    project = Project({"sat_stce.cpp": "// nothing\n"})
    spec = parse_spec(text, "spec.yaml")
    parts = Parts(spec, text, project, compiled, Project({}), _program(text) if program else None)
    write_bundle(folder, parts)
    return folder


def records(accuracies: list[float], **start: Any) -> list[dict[str, Any]]:
    """Metrics of a run as `hlsgen train` writes them."""
    told = {"device": "csim", "method": "bdwp", "keep": 2, "group": 8, "seed": 0} | start
    found: list[dict[str, Any]] = [{"kind": "start", **told}]
    for number, accuracy in enumerate(accuracies):
        epoch = {"epoch": number + 1, "loss": 2.0 / (number + 1), "test_accuracy": accuracy}
        found += [{"kind": "step", "step": number, "loss": 1.0}, {"kind": "epoch", **epoch}]
    return [*found, {"kind": "final", **told, "test_accuracy": accuracies[-1]}]


def write_run(path: Path, accuracies: list[float], **start: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(record) for record in records(accuracies, **start)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


class Page(HTMLParser):
    """What a page holds. attributes: (element, name, value). faults: elements that are not closed
    in order. tables: by caption, the rows of `data-v` values. keys: the key numbers."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.attributes: list[tuple[str, str, str]] = []
        self.faults: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.keys: dict[str, str] = {}
        self.texts: list[str] = []
        self.data = ""
        self._open: list[str] = []
        self._in_data = False
        self.feed(text)
        self.close()
        self.faults += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.attributes += [(tag, name, value) for name, value in given.items()]
        if tag not in VOID:
            self._open.append(tag)
        self._in_data = given.get("id") == "data"
        if tag == "tbody":
            self.tables.append([])
        elif tag == "tr" and self.tables and "tbody" in self._open:
            self.tables[-1].append([])
        elif tag == "td":
            self.tables[-1][-1].append(given["data-v"])
        if "data-key" in given:
            self.keys[given["data-key"]] = given["data-v"]

    def handle_endtag(self, tag: str) -> None:
        self._in_data = False
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        if self._in_data:
            self.data += data
        elif self._open and self._open[-1] not in ("script", "style"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        """All that a reader sees."""
        return " ".join(" ".join(self.texts).split())
