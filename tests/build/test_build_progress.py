# SPDX-License-Identifier: Apache-2.0
"""What a build for a card tells while it runs, on a terminal and off it."""

from __future__ import annotations

import os

import pytest
from rich.console import Console

from hlsgen.cli.build_progress import Interrupted, Lines, Living, told_where_interrupted
from hlsgen.toolchain.steps import ToolStep

LINK = ToolStep("link", ("v++",), "x", usual_seconds=6 * 3600)


def test_off_a_terminal_a_line_a_minute_for_phases_and_one_each_ten_minutes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = 1000.0
    lines = Lines(clock=lambda: now)
    lines.started(LINK, 3, 4)
    for second in range(3600):
        now = 1000.0 + second
        if second < 150 and second % 10 == 5:
            lines.phase(f"Phase {second}")
        lines.waiting()
    lines.ended("link", 3600.0, False)
    assert capsys.readouterr().err.splitlines() == [
        "link: step 3 of 4, usually about 6 h (assumed)",
        "link: 1 min: Phase 55",
        "link: 2 min: Phase 115",
        "link: 3 min: Phase 145",
        *(f"link: {minutes} min: Phase 145" for minutes in (13, 23, 33, 43, 53)),
        "link: done in 1 h",
    ]


def test_quiet_lines_tell_warnings_only(capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    lines = Lines(quiet=True, clock=lambda: now)
    lines.started(LINK, 1, 1)
    now = 4000.0
    lines.phase("Phase 1")
    lines.waiting()
    lines.ended("link", 1.0, False)
    lines.note("link: something")
    assert capsys.readouterr().err == "warning: link: something\n"


@pytest.mark.parametrize("width", [80, 40])
def test_the_living_line_does_not_wrap(width: int) -> None:
    with open(os.devnull, "w") as nowhere:
        console = Console(file=nowhere, force_terminal=True, width=width)
        with console.status("starting") as status:
            living = Living(status)
            living.started(LINK, 3, 4)
            living.phase("Phase 3.1 Collect [all] the timing of every net of the desi…")
            lines = console.render_lines(status.renderable)
    (line,) = lines
    text = "".join(segment.text for segment in line)
    assert text[2:].startswith("3/4 link: 0 s, usually 6 h: Phas"[: width - 5])
    assert text.rstrip().endswith("…") and len(text) <= width


@pytest.mark.parametrize(
    ("options", "again"),
    [
        ({}, "the same command"),
        ({"force": True}, "the same command without --force"),
        ({"first": "link"}, "the same command without --from"),
    ],
)
def test_ctrl_c_names_the_step(options: dict[str, object], again: str) -> None:
    lines = Lines(quiet=True)
    lines.started(LINK, 3, 4)
    told = f"^interrupted in link: {again} goes on from here$"
    with pytest.raises(Interrupted, match=told) as caught, told_where_interrupted(lines, options):
        raise KeyboardInterrupt
    assert caught.value.exit_code == 130
    lines.ended("link", 1.0, False)
    with pytest.raises(KeyboardInterrupt), told_where_interrupted(lines, options):
        raise KeyboardInterrupt
