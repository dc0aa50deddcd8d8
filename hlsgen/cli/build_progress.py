# SPDX-License-Identifier: Apache-2.0
"""What `hlsgen build` tells while it runs: one living line on a terminal, elsewhere a line for
each step of the vendor's tools, which may take hours, and for what they do meanwhile; all on
stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from ..build import OnStep
from ..errors import WorkError
from ..toolchain.progress import Watcher, duration_text, usual_text
from ..toolchain.steps import ToolStep

if TYPE_CHECKING:
    from rich.status import Status
    from rich.text import Text

_PHASE_SECONDS = 60.0
_SILENT_SECONDS = 600.0


class Interrupted(WorkError):
    """The user stopped a step of the vendor's tools."""

    exit_code = 130


@contextmanager
def told_where_interrupted(watcher: Running, options: Mapping[str, object]) -> Iterator[None]:
    """Say which step Ctrl-C came in, and how to go on. options: of the command line."""
    try:
        yield
    except KeyboardInterrupt:
        if not watcher.running:
            raise
        given = {"--force": options.get("force"), "--from": options.get("first")}
        less = "".join(f" without {name}" for name, value in given.items() if value)
        raise Interrupted(
            f"interrupted in {watcher.running}: the same command{less} goes on from here"
        ) from None


@contextmanager
def build_progress(*, quiet: bool) -> Iterator[tuple[OnStep, Running]]:
    """Who hears the names of steps, and what the vendor's tools do. quiet: only what the user must
    know is told."""
    if quiet or not sys.stderr.isatty():
        yield lambda name: None, Lines(quiet=quiet)
        return
    from rich.console import Console

    with Console(stderr=True, highlight=False).status("starting") as status:
        yield status.update, Living(status)


class Running(Watcher):
    """Knows the step that runs, "" between steps."""

    running = ""

    def started(self, step: ToolStep, number: int, count: int) -> None:
        self.running = step.name

    def ended(self, name: str, seconds: float, kept: bool) -> None:
        self.running = ""


class Lines(Running):
    """A line when a tool's step starts, and when it is done; between them one for a new phase, at
    most one a minute, and one each ten minutes. clock: seconds."""

    def __init__(self, *, quiet: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._quiet, self._clock = quiet, clock
        self._phase, self._is_new = "starting", False
        self._since = self._last = 0.0

    def started(self, step: ToolStep, number: int, count: int) -> None:
        super().started(step, number, count)
        self._phase, self._is_new = "starting", False
        self._since = self._last = self._clock()
        self._tell(f"{step.name}: step {number} of {count}, {usual_text(step)}")

    def phase(self, text: str) -> None:
        self._phase, self._is_new = text, True

    def waiting(self) -> None:
        now = self._clock()
        if now - self._last >= (_PHASE_SECONDS if self._is_new else _SILENT_SECONDS):
            self._last, self._is_new = now, False
            self._tell(f"{self.running}: {duration_text(now - self._since)}: {self._phase}")

    def ended(self, name: str, seconds: float, kept: bool) -> None:
        super().ended(name, seconds, kept)
        self._tell(ended_text(name, seconds, kept))

    def remark(self, text: str) -> None:
        self._tell(text)

    def _tell(self, line: str) -> None:
        if not self._quiet:
            click.echo(line, err=True)

    def note(self, text: str) -> None:
        click.echo(f"warning: {text}", err=True)


class Living(Running):
    """A line that shows the step, the time so far, and the phase in the tool's log, as much of it
    as there is room for."""

    def __init__(self, status: Status) -> None:
        self._status = status
        self._head = self._phase = self._usual = ""
        self._since = 0.0

    def started(self, step: ToolStep, number: int, count: int) -> None:
        super().started(step, number, count)
        self._head, self._phase = f"{number}/{count} {step.name}", "starting"
        self._usual, self._since = duration_text(step.usual_seconds), time.monotonic()
        self._status.update(self)

    def phase(self, text: str) -> None:
        self._phase = text

    def ended(self, name: str, seconds: float, kept: bool) -> None:
        super().ended(name, seconds, kept)
        self._print(ended_text(name, seconds, kept))

    def remark(self, text: str) -> None:
        self._print(text)

    def note(self, text: str) -> None:
        self._print(f"warning: {text}")

    def __rich__(self) -> Text:
        from rich.text import Text

        spent = duration_text(time.monotonic() - self._since)
        line = f"{self._head}: {spent}, usually {self._usual}: {self._phase}"
        return Text(line, no_wrap=True, overflow="ellipsis")

    def _print(self, line: str) -> None:
        self._status.console.print(line, markup=False, soft_wrap=True)


def ended_text(name: str, seconds: float, kept: bool) -> str:
    """How a step of the tools came to its end."""
    return f"{name}: done before" if kept else f"{name}: done in {duration_text(seconds)}"
