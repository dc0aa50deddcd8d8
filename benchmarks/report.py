# SPDX-License-Identifier: Apache-2.0
"""Figures, the machine and the commit they belong to, and the one table that shows them."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MEASURED = "measured on this CPU"
NOTE = "The figures are the simulator's and the tool's on this CPU, not the accelerator's."


HEADER = ("what", "value", "target", "how")


@dataclass(frozen=True)
class Target:
    """A bound that a figure is held to, in the figure's unit: least of what should be high."""

    number: float
    bound: float
    least: bool = True

    def __str__(self) -> str:
        held = self.number >= self.bound if self.least else self.number <= self.bound
        return f"{'≥' if self.least else '≤'} {self.bound:g}: {'held' if held else 'missed'}"


@dataclass(frozen=True)
class Figure:
    """One line of the table. value: with its unit; kind: how the figure came about."""

    what: str
    value: str
    kind: str = MEASURED
    target: Target | None = None

    def row(self) -> tuple[str, str, str, str]:
        """The line, in the order of HEADER."""
        return self.what, self.value, str(self.target or ""), self.kind


def machine() -> str:
    """The processor's name and how many of its cores this process may use."""
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                name = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return f"{name}, {len(os.sched_getaffinity(0))} cores, Python {platform.python_version()}"


def commit() -> str:
    """The checkout's short commit, marked when files differ from it, or "unknown"."""
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--exclude=*"]
    try:
        return subprocess.run(git, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def show(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], markdown: bool) -> None:
    """Print a table with its machine and commit to stdout."""
    where = f"{machine()}; commit {commit()}"
    if markdown:
        print(f"{title}: {where}. {NOTE}\n")
        for row in (header, ["---"] * len(header), *rows):
            print(f"| {' | '.join(row)} |")
        return
    from rich import box
    from rich.console import Console
    from rich.table import Table

    # Off a terminal lines are as long as they need to be.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 1000)
    table = Table(*header, box=box.SIMPLE)
    for row in rows:
        table.add_row(*row)
    console.print(f"{title}\n{where}\n{NOTE}", markup=False)
    console.print(table)
