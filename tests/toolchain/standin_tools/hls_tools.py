# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for vitis_hls and vitis-run: a Tcl script under the real tclsh, every call checked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import samples
from contract import CALLS
from contract_check import Refusal, check_call, check_command, known_in

from . import faults
from .kernel import Component, Failed, period_ns

PRELUDE = Path(__file__).with_name("prelude.tcl")


def vitis_hls(arguments: list[str], version: str, calls: Path) -> int:
    options, _ = check_command("vitis_hls", arguments, version)
    log = Path(options.get("-l", ["vitis_hls.log"])[0])
    return _run(Path(options["-f"][0]), log, Component(version, calls, samples.CLASSIC))


def vitis_run(arguments: list[str], version: str, calls: Path) -> int:
    options, _ = check_command("vitis-run", arguments, version)
    log = Path("vitis-run.log")
    return _run(Path(options["--tcl"][0]), log, Component(version, calls, samples.UNIFIED))


def _run(script: Path, log: Path, component: Component) -> int:
    if not script.is_file():
        print(f"ERROR: HLS Tcl script does not exist: {script}")
        return 1
    tclsh = shutil.which("tclsh")
    if tclsh is None:
        print("ERROR: the stand-in needs tclsh")
        return 1
    to_tcl, from_python = os.pipe()
    to_python, from_tcl = os.pipe()
    names = [call.name for call in known_in(CALLS, component.version)]
    process = subprocess.Popen(
        [tclsh, str(PRELUDE), str(script), *names],
        env={**os.environ, "STANDIN_TO": str(from_tcl), "STANDIN_FROM": str(to_tcl)},
        pass_fds=(to_tcl, from_tcl),
        stdin=subprocess.DEVNULL,
    )
    os.close(to_tcl)
    os.close(from_tcl)
    session = Session(component, log)
    with os.fdopen(to_python, encoding="ascii") as asked, os.fdopen(from_python, "w") as answers:
        for line in asked:
            session.answer(line, answers)
    return process.wait()


class Session:
    """The calls of one script, what it has got to, and where each call leaves its files."""

    def __init__(self, component: Component, log: Path) -> None:
        self._component = component
        self._log = log
        self._project = self._solution = Path()
        self._there: set[str] = set()

    def answer(self, line: str, answers: IO[str]) -> None:
        name, *words = line.split()
        arguments = [bytes.fromhex(word[1:]).decode() for word in words]
        component = self._component
        with component.calls.open("a", encoding="utf-8") as stream:
            entry = {"tool": "tcl", "call": name, "arguments": arguments}
            stream.write(json.dumps(entry) + "\n")
        try:
            for said in self._do(name, arguments):
                self._tell("say", said, answers)
            self._tell("ok", "", answers)
        except Refusal as refusal:
            self._tell("error", f"ERROR: [HLS 200-101] {refusal}", answers)
        except Failed as failed:
            self._tell("say", str(failed), answers)
            self._tell("error", "ERROR: [HLS 200-70] Pre-synthesis failed.", answers)
        answers.flush()

    def _tell(self, kind: str, text: str, answers: IO[str]) -> None:
        if text:
            with self._log.open("a", encoding="utf-8") as stream:
                stream.write(text + "\n")
        answers.write(f"{kind} x{text.encode().hex()}\n")

    def _do(self, name: str, arguments: list[str]) -> Iterator[str]:
        component = self._component
        found, words = check_call(name, arguments, component.version, self._there)
        options = {option: values[0] for option, values in found.items()}
        yield f"INFO: [HLS 200-1510] Running: {' '.join([name, *arguments])} "
        if name in {"open_project", "open_component", "open_solution"}:
            self._open(name, words[0], options.get("-flow_target", "vivado"))
        elif name == "add_files":
            files = component.tests if "-tb" in options else component.sources
            files[words[0]] = options.get("-cflags", "")
        elif name == "set_top":
            component.top = words[0]
        elif name == "set_part":
            component.part = words[0]
        elif name == "create_clock":
            component.period_ns = period_ns(options["-period"]) if "-period" in options else None
        elif name == "config_compile":
            yield from self._configure(arguments)
        elif name == "csynth_design":
            yield component.synthesise(self._solution / "syn" / "report")
            self._there.add("synthesis")
        elif name == "cosim_design":
            yield component.cosimulate(self._solution / "sim" / "report")
        elif name == "export_design":
            output = options.get("-output", str(self._solution / "impl" / "export.xo"))
            component.export(Path(output), options.get("-format", "ip_catalog"))
            if faults.wanted(f"csynth_{component.top}") != "silent":
                yield f"INFO: [HLS 200-802] Generated output file {output}"

    def _open(self, name: str, folder: str, flow: str) -> None:
        """A project, a solution in it, or both at once."""
        if name != "open_solution":
            self._project = Path(folder)
            self._solution = self._project / "hls"
            self._there = {"project"}
        else:
            self._solution = self._project / folder
        if name != "open_project":
            self._component.flow = flow
            self._there.add("solution")

    def _configure(self, arguments: list[str]) -> Iterator[str]:
        """A release that does not know an option says so, and then Tcl has an error too."""
        for step in ("csynth", "cosim"):
            if faults.wanted(f"{step}_{self._component.top}") == "no strict pragmas":
                told = f"'config_compile': Unknown option '{arguments[0]}'."
                yield f"ERROR: [HLS 200-101] {told}"
                raise Refusal(told)
