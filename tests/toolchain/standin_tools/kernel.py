# SPDX-License-Identifier: Apache-2.0
"""A kernel as a stand-in synthesis sees it, and the .xo that stands for its RTL."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import samples
from contract_check import Refusal

from hlsgen.resources import Resources

from . import faults
from .includes import included
from .port_types import with_pointers

_XO = b"standin xo\n"
_OPENED = re.compile(r'"([\w./-]+\.dat)"')


@dataclass
class Component:
    """What a synthesis was told.

    flow: its flow_target, by default vivado (UG1399). period_ns: of its clock, None before it has
    one. sources, tests: the compiler's flags by file; among tests is the data that they read.
    """

    version: str
    calls: Path
    launcher: str
    top: str = ""
    part: str = ""
    flow: str = "vivado"
    period_ns: float | None = None
    sources: dict[str, str] = field(default_factory=dict)
    tests: dict[str, str] = field(default_factory=dict)
    synthesised: bool = False

    def synthesise(self, reports: Path) -> str:
        """The log, with reports below `reports`. Raises Refusal, or Failed with the log."""
        step = f"csynth_{self.top}"
        clock_ns = self._check()
        faults.delay(step)
        fault = faults.wanted(step)
        found = _texts(self.sources)[1] or faults.errors(fault, self.calls)
        if fault == "error":
            found = [f"ERROR: [HLS 207-3337] use of undeclared identifier 'x' ({self.top}.cpp:9:3)"]
        loops = samples.with_miss() if fault == "II missed" else samples.LOOPS
        log = samples.hls_log(
            self.top,
            self.part,
            loops,
            launcher=self.launcher,
            version=self.version,
            period_ns=clock_ns,
            errors=found,
        )
        if found:
            raise Failed("\n".join(found) if fault == "flake" else log)
        if fault == "error line":
            log += "ERROR: [HLS 200-101] something was left behind\n"
        reports.mkdir(parents=True, exist_ok=True)
        dsp = int(fault.removeprefix("DSP ")) if fault.startswith("DSP ") else 310
        area = Resources(lut=21000, ff=30500, dsp=dsp, bram36=21.5, uram=6)
        xml = samples.csynth_xml(self.top, self.part, clock_ns, loops, area, version=self.version)
        (reports / f"{self.top}_csynth.xml").write_text(xml, encoding="utf-8")
        (reports / "csynth.xml").write_text(xml, encoding="utf-8")
        (reports / "csynth.rpt").write_text("Synthesis Summary Report\n", encoding="utf-8")
        self.synthesised = True
        return log

    def cosimulate(self, reports: Path) -> str:
        """The log of a co-simulation. Raises Refusal, or Failed."""
        step = f"cosim_{self.top}"
        programs = {name: flags for name, flags in self.tests.items() if name.endswith(".cpp")}
        if not programs:
            raise Refusal("cosim_design needs a test bench")
        faults.delay(step)
        fault = faults.wanted(step)
        texts, errors = _texts(programs)
        opened = {name for text in texts.values() for name in _OPENED.findall(text)}
        if not errors and opened - {Path(name).name for name in self.tests}:
            errors = ["ERROR: [COSIM 212-359] Aborting co-simulation: C TB simulation failed, "
                      "nonzero return value '1'."]  # fmt: skip
        passed = fault != "error" and not errors
        errors = errors or faults.errors(fault, self.calls)
        log = samples.cosim_log(passed=passed, errors=errors, version=self.version)
        if fault == "silent":
            log = "".join(line for line in log.splitlines(True) if "finished:" not in line)
        if not passed or "\nERROR" in log:
            raise Failed(log)
        reports.mkdir(parents=True, exist_ok=True)
        (reports / f"{self.top}_cosim.rpt").write_text("Verilog: Pass\n", encoding="utf-8")
        return log

    def export(self, path: Path, kind: str) -> None:
        """Write the .xo: what the linker, and a stand-in device, may want to know. Raises Refusal
        for another kind of file."""
        if kind != "xo" or path.suffix != ".xo":
            raise Refusal(f"cannot export format '{kind}' as {path.name}: v++ links format xo")
        if faults.wanted(f"csynth_{self.top}") == "silent":
            return
        texts = [text for _, text in sorted(_texts(self.sources)[0].items())]
        described = {
            "kernel": self.top,
            "arguments": signature(self.top, texts),
            "part": self.part,
            "clock_ns": self.period_ns,
            "sources": hashlib.sha256("".join(texts).encode()).hexdigest(),
            "config": next((text for text in texts if "struct SatConfig" in text), ""),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_XO + json.dumps(described, sort_keys=True).encode())

    def _check(self) -> float:
        """The clock's period. Raises Refusal for what synthesis lacks."""
        for what, there in (
            ("a source file", self.sources),
            ("a top function", self.top),
            ("a part", self.part),
            ("a clock", self.period_ns),
        ):
            if not there:
                raise Refusal(f"synthesis needs {what}")
        if self.flow != "vitis":
            raise Refusal(f"flow_target is '{self.flow}': a kernel for v++ needs vitis")
        for name in (*self.sources, *self.tests):
            if not Path(name).is_file():
                raise Refusal(f"file not found: {name}")
        texts = [Path(name).read_text("utf-8", "replace") for name in self.sources]
        if not any(re.search(rf"\b{self.top}\s*\(", text) for text in texts):
            raise Refusal(f"Cannot find the top function '{self.top}'")
        assert self.period_ns is not None
        return self.period_ns


class Failed(Exception):
    """A tool that ends with an error; the text is its log."""


def period_ns(clock: str) -> float:
    """Of a clock as the tools take it: ns, or MHz when it says so."""
    return 1000 / float(clock[:-3]) if clock.endswith("MHz") else float(clock.removesuffix("ns"))


def _texts(files: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The text of files, given with their flags, and of all that they include; error lines."""
    texts: dict[str, str] = {}
    errors: list[str] = []
    for name, flags in files.items():
        found, wrong = included(name, flags)
        texts |= found
        errors += wrong
    return texts, errors


def signature(top: str, texts: list[str]) -> list[dict[str, Any]]:
    """The arguments of a kernel's C++ function, in order."""
    for text in map(with_pointers, texts):
        if found := re.search(rf"\bvoid\s+{top}\s*\(([^)]*)\)", text):
            arguments = [" ".join(part.split()) for part in found[1].split(",")]
            return [{"name": a.split("*")[-1].split()[-1], "pointer": "*" in a} for a in arguments]
    raise Refusal(f"Cannot find the signature of '{top}'")


def read_object(path: Path) -> dict[str, Any]:
    """What a stand-in .xo holds. Raises Refusal."""
    data = path.read_bytes() if path.is_file() else b""
    if not data.startswith(_XO):
        raise Refusal(f"{path} is no kernel object")
    described: dict[str, Any] = json.loads(data.removeprefix(_XO))
    return described
