# SPDX-License-Identifier: Apache-2.0
"""Bundle folders with all that a report reads, whose library was never compiled."""

from __future__ import annotations

import functools
import hashlib
import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from samples import csynth_xml, hls_log, kernel_utilisation, timing_summary, with_miss
from sat_host.deploy.measure import Copied, Timed
from sat_host.deploy.run import Report, report_json
from sat_host.selftest import Check

from hlsgen.bundle import XCLBIN, CardFiles, Parts, write_bundle
from hlsgen.cards import CARDS
from hlsgen.hardware.results import ClockInForce, Origin, differences_of, report_text
from hlsgen.project import Project
from hlsgen.resources import Resources
from hlsgen.scheduled import program_text
from hlsgen.specfile import parse_spec
from hlsgen.toolchain.gxx import CompiledLibrary
from hlsgen.toolchain.platforms import FoundPlatform
from hlsgen.toolchain.reports.collect import Results
from hlsgen.toolchain.reports.csynth import read_csynth
from hlsgen.toolchain.reports.loops import read_pipelined
from hlsgen.toolchain.reports.timing import read_timing
from hlsgen.toolchain.reports.utilisation import read_utilisation

SPEC = Path(__file__).parents[2] / "specs" / "digits_cnn.yaml"
VOID = {"meta", "link", "br", "hr", "img", "input"}


@functools.cache
def _program(text: bytes) -> str:
    return program_text(parse_spec(text, "spec.yaml"), "spec.yaml").text


def make_bundle(
    folder: Path, *, program: bool = True, text: bytes | None = None, hardware: str = ""
) -> Path:
    """A bundle of specs/digits_cnn.yaml, or of another spec's text. hardware: the content of its
    hardware.json, "" for none and no xclbin."""
    text = SPEC.read_bytes() if text is None else text
    folder.mkdir(parents=True)
    library = folder.parent / "any.so"
    library.write_bytes(b"no library")
    compiled = CompiledLibrary(library, "0" * 64, "x86-64-v3", False, ())
    project = Project({"sat_stce.cpp": "// nothing\n"})
    spec = parse_spec(text, "spec.yaml")
    card_files = _card_files(library, hardware) if hardware else None
    stored = _program(text) if program else None
    parts = Parts(spec, text, project, compiled, Project({}), stored, card_files)
    write_bundle(folder, parts)
    return folder


def _card_files(image: Path, hardware: str) -> CardFiles:
    settings = {
        "file": XCLBIN, "sha256": hashlib.sha256(image.read_bytes()).hexdigest(), "target": "hw",
        "card": "vcu1525", "platform": "a_platform", "vitis": "2023.2", "clock_mhz": 180.0,
        "emconfig": None,
    }  # fmt: skip
    return CardFiles(settings, {XCLBIN: image}, hardware)


def hardware_of(text: bytes | None = None) -> str:
    """hardware.json of a link at 180 of 200 MHz, in which a loop missed its II."""
    spec = parse_spec(SPEC.read_bytes() if text is None else text, "spec.yaml")
    reported = {
        "sat_stce": csynth_xml("sat_stce", resources=Resources(lut=80000, dsp=210)),
        "sat_wuve": csynth_xml("sat_wuve", resources=Resources(lut=5000, dsp=90)),
    }
    units = {"sat_stce_1": Resources(lut=70000, dsp=210), "sat_wuve_1": Resources(lut=4400)}
    results = Results(
        csynth={kernel: read_csynth(each) for kernel, each in reported.items()},
        pipelined={"sat_stce": read_pipelined(hls_log(loops=with_miss()))},
        utilisation=read_utilisation(kernel_utilisation(units)),
        timing=read_timing(timing_summary(-0.3)),
    )
    origin = Origin(spec, "hw", FoundPlatform("a_platform", None, CARDS[spec.card]), "2023.2")
    clock = ClockInForce(200, 200, 180, "180 MHz in force, 200 MHz wanted")
    differences = differences_of(origin, results, clock, 1e6)
    return report_text(origin, (), results, differences, clock)


def write_deployed(path: Path, *names: str, target: str = "hw") -> None:
    """An answer of `hlsgen deploy --json` with products of specs/digits_cnn.yaml."""
    report = Report(Path("/b"), "csim" if target == "csim" else "xrt:0", target, "a card: measured")
    report.checks = [Check("case", "64 words", True)]
    report.copies = [Copied("to_device", 1000, 0.001, None)]
    report.calls = [
        Timed(name, 1_000_000, 0.004, 0.002 if target == "hw" else None, 0.001)
        for name in names or ("conv1 FF", "conv2 WU")
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(report_json(report)), encoding="utf-8")


def records(
    accuracies: list[float], final: dict[str, Any] | None = None, **start: Any
) -> list[dict[str, Any]]:
    """Metrics of a run as `hlsgen train` writes them. final: more keys of its last record."""
    told = {"device": "csim", "method": "bdwp", "keep": 2, "group": 8, "seed": 0} | start
    found: list[dict[str, Any]] = [{"kind": "start", **told}]
    for number, accuracy in enumerate(accuracies):
        epoch = {"epoch": number + 1, "loss": 2.0 / (number + 1), "test_accuracy": accuracy}
        found += [{"kind": "step", "step": number, "loss": 1.0}, {"kind": "epoch", **epoch}]
    return [*found, {"kind": "final", **told, "test_accuracy": accuracies[-1], **(final or {})}]


def write_run(
    path: Path, accuracies: list[float], final: dict[str, Any] | None = None, **start: Any
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(record) for record in records(accuracies, final, **start)]
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
