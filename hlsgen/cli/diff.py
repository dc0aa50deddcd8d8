# SPDX-License-Identifier: Apache-2.0
"""`hlsgen diff`: the first bit in which two runs differ, each a dump or live."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from sat_host.check_device import DEVICES
from sat_host.recording.describe import answer_fields, answer_lines
from sat_host.recording.diff import Side, diff
from sat_host.recording.live import LiveRun, overrides_of
from sat_host.recording.read import Dump, is_dump, load_dump
from sat_host.xrt.shell_settings import start_again_with_settings

from ..disk import quietly
from ..errors import InputError
from ..faults import shown
from ..hosterrors import host_errors
from .main import OWN_PROCESS
from .train import expected_bundle, prepare
from .training_options import training_options

DEFAULT_STEPS = 2
_LIVE = re.compile(r"(.+?):(csim|golden|xrt:[0-9a-fA-F:.]+)", re.DOTALL)


@dataclass(frozen=True)
class Named:
    """One side of the command line: a dump's folder, or, with a device, a spec or bundle."""

    text: str
    path: Path
    device: str | None


@click.command("diff")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--steps", type=click.IntRange(1, 1_000_000), metavar="N",
              help=f"Compare the first N steps; {DEFAULT_STEPS}, or, of a dump, those it has, by "
                   "default.")  # fmt: skip
@training_options("of live runs, the dump's or the spec's by default")
@click.option("--json", "as_json", is_flag=True, help="Print the answer as a JSON object.")
@click.option("--quiet", is_flag=True, help="Nothing on stderr but errors.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    a: str,
    b: str,
    steps: int | None,
    as_json: bool,
    quiet: bool,
    **overrides: Any,
) -> None:
    """Find the first difference of the runs A and B, bit by bit.

    Each is a dump, the folder of `hlsgen train --dump`, or a run that starts now: SPEC:DEVICE or
    BUNDLE:DEVICE, with golden, csim or xrt:N, such as build/digits:csim. Beside a dump, a live run
    takes the dump's method, keep, seed, epochs and batch.

    Exit status 0 when all is equal, 1 for a difference.
    """
    with host_errors(), quietly(quiet):
        named = [_named(text, name) for text, name in ((a, "A"), (b, "B"))]
        if all(each.device is None for each in named):
            _refuse_settings(overrides)
        if ctx.obj is OWN_PROCESS:
            _settle(named)
        dumps = [_dump(each, name) for each, name in zip(named, "AB", strict=True)]
        last = _last_step(dumps, steps)
        settings = _overrides(dumps, overrides)
        bundles = {
            path: prepare(path, None, settings, quiet=quiet)
            for path in dict.fromkeys(each.path for each in named if each.device is not None)
        }
        sides = [
            dump or _live(each, bundles[each.path], last, settings)
            for each, dump in zip(named, dumps, strict=True)
        ]
        answer = diff(sides[0], sides[1], steps)
    about = [_about(each, side) for each, side in zip(named, sides, strict=True)]
    if as_json:
        click.echo(json.dumps({"a": about[0], "b": about[1], **answer_fields(answer)}, indent=2))
    else:
        for line in (*_side_lines(about), *answer_lines(answer)):
            click.echo(shown(line, 4096))  # names of a dump may hold anything
    if answer.divergence is not None:
        ctx.exit(1)


def _side_lines(about: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for name, side in zip("AB", about, strict=True):
        early = ", which ended early" if side.get("ended") == "early" else ""
        yield f"{name}: {side['name']} ({side['device']}{early})"


def _named(text: str, name: str) -> Named:
    """What an argument names. Raises InputError."""
    live = _LIVE.fullmatch(text)
    if live is not None and not is_dump(Path(text)):
        place = Path(live[1])
        if not os.path.lexists(place):
            raise InputError(f"{name}: {text}: no such spec or bundle: check the path")
        return Named(text, place, live[2])
    path = Path(text)
    if not text:
        raise InputError(f"{name}: the path is empty: name a dump, or SPEC:DEVICE or BUNDLE:DEVICE")
    if path.is_dir() and (path / "bundle.json").is_file():
        raise InputError(
            f"{name}: {text}: is a bundle: say on which device, such as {text}:csim ({DEVICES})"
        )
    if path.suffix in (".yaml", ".yml"):
        raise InputError(
            f"{name}: {text}: is a spec: say on which device, such as {text}:csim ({DEVICES})"
        )
    if not path.exists() and ":" in text:
        raise InputError(f"{name}: {text}: no such dump, and no device at its end: {DEVICES}")
    return Named(text, path, None)


def _dump(each: Named, name: str) -> Dump | None:
    """None of a live run. Raises HlsgenError, for what is no dump with the side's name."""
    if each.device is not None:
        return None
    with host_errors(None if is_dump(each.path) else name):
        return load_dump(each.path)


def _refuse_settings(overrides: Mapping[str, Any]) -> None:
    """Raise InputError for settings of live runs where there is none."""
    for name, value in overrides.items():
        if value is not None:
            raise InputError(f"--{name}: is for live runs, A and B are dumps: leave it out")


def _settle(named: list[Named]) -> None:
    """Start this process again where a card needs settings that it lacks."""
    for each in named:
        if each.device is not None and (there := expected_bundle(each.path, None)) is not None:
            start_again_with_settings(there, each.device)


def _last_step(dumps: list[Dump | None], steps: int | None) -> int:
    """The step until which a live run goes."""
    if steps is not None:
        return steps
    lasts = [dump.last_step for dump in dumps if dump is not None]
    return max(1, min(lasts, default=DEFAULT_STEPS))


def _overrides(dumps: list[Dump | None], given: Mapping[str, Any]) -> dict[str, Any]:
    """Of a live run: what was given, else what the dump's run had."""
    found = next((overrides_of(dump.run) for dump in dumps if dump is not None), {})
    return found | {name: value for name, value in given.items() if value is not None}


def _live(each: Named, bundle: Path, last: int, overrides: dict[str, Any]) -> Side:
    source = os.path.join(bundle, "bundle.json") if each.path.is_dir() else str(each.path)
    assert each.device is not None, "a live side has a device"
    return LiveRun(bundle, each.device, last, overrides, shown(source, 4096))


def _about(each: Named, side: Side) -> dict[str, Any]:
    kind = "live" if each.device is not None else "dump"
    about = {"name": each.text, "kind": kind, "device": side.device}
    return {**about, "ended": side.ended} if isinstance(side, Dump) else about
