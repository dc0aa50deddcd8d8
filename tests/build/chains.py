# SPDX-License-Identifier: Apache-2.0
"""Steps that are played by a shell, and who hears of them."""

from __future__ import annotations

from dataclasses import replace

from hlsgen.toolchain.engine import Choice, Workspace, run_steps
from hlsgen.toolchain.progress import Watcher
from hlsgen.toolchain.steps import StepInput, ToolStep

ALL = Choice()


class Heard(Watcher):
    """Keeps all that it hears."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.kept: list[str] = []
        self.phases: list[str] = []
        self.notes: list[str] = []

    def started(self, step: ToolStep, number: int, count: int) -> None:
        self.ran.append(step.name)

    def phase(self, text: str) -> None:
        self.phases.append(text)

    def ended(self, name: str, seconds: float, kept: bool) -> None:
        self.kept += [name] * kept

    def note(self, text: str) -> None:
        self.notes.append(text)


def shell(name: str, script: str, **fields: object) -> ToolStep:
    step = ToolStep(name, ("/bin/sh", "-c", script), "sh 1")
    return replace(step, **fields)  # type: ignore[arg-type]


def chain(middle: str = "tr a-z A-Z < in > out") -> tuple[ToolStep, ...]:
    """Three steps, each from the one before."""
    return (
        shell("first", "cp given out", files={"given": "words\n"}, outputs=("out",)),
        shell("second", middle, inputs=(StepInput("first", "out", "in"),), outputs=("out",)),
        shell("third", "cat in in > sub/out", files={"sub/keep": b""}, outputs=("sub/out",),
              inputs=(StepInput("second", "out", "in"),)),
    )  # fmt: skip


def heard(workspace: Workspace, steps: tuple[ToolStep, ...], choice: Choice = ALL) -> Heard:
    watcher = Heard()
    run_steps(steps, replace(workspace, watcher=watcher), choice)
    return watcher
