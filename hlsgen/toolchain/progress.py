# SPDX-License-Identifier: Apache-2.0
"""What is told of tool steps while they run: the phase, from the tool's log, and the time."""

from __future__ import annotations

import re

from .steps import ToolStep

# UG1448: `LEVEL: [TOOL nnn-mmm] text`. Vivado numbers its phases; v++ stamps its own steps.
_MESSAGE = re.compile(r"(?:INFO|WARNING|CRITICAL WARNING): \[[^\]]+\] (.+)")
_PHASE = re.compile(r"((?:Phase \d|Starting |\[\d\d:\d\d:\d\d\] ).*)")
_WIDTH = 60


class Watcher:
    """Hears what happens to the steps of a build; this one keeps it to itself."""

    def started(self, step: ToolStep, number: int, count: int) -> None:
        """A step is about to run, the `number`th of `count`."""

    def phase(self, text: str) -> None:
        """The running step's log tells of a new phase."""

    def waiting(self) -> None:
        """The step still runs; heard about once a second."""

    def ended(self, name: str, seconds: float, kept: bool) -> None:
        """A step is done. kept: by an earlier build."""

    def remark(self, text: str) -> None:
        """Something worth knowing, in one line."""

    def note(self, text: str) -> None:
        """Something that the user must know, in one line."""


def phase_of(line: str) -> str | None:
    """What a line of a tool's log tells of its progress, short; None when it tells nothing."""
    found = _MESSAGE.match(line) or _PHASE.match(line)
    if found is None:
        return None
    text = printable(" ".join(found[1].split()))
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def printable(text: str) -> str:
    """Without the control characters that a tool's log may bring along, as for colours."""
    return "".join(letter for letter in text if letter.isprintable())


def duration_text(seconds: float) -> str:
    """A time of seconds to days in words: `45 s`, `12 min`, `3 h 05 min`."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest:02} min" if rest else f"{hours} h"


def usual_text(step: ToolStep) -> str:
    """How long a step usually takes, and whose figure that is."""
    return f"usually about {duration_text(step.usual_seconds)} ({step.usual_source})"
