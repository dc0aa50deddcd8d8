# SPDX-License-Identifier: Apache-2.0
"""Writing a dump: a folder with what a run's device was told and gave (docs/diff.md).

`calls.jsonl` has a line for each call; `step-<n>[-<phase>].bin` the values of all results of the
steps that were chosen, as they lay in memory, little-endian; `dump.json` whose run it is, and how
long each file is. Written beside the folder, which is there once the run has ended.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from ..command_lists import Work
from ..config import ArrayConfig
from ..errors import DISK_FULL, HostError, SettingsError, disk_fault
from ..stored_program import product_fields
from .calls import START, TRAINING, Array, Call, Detail, Place, Result, values_bytes
from .room import Room

FORMAT = 1
DUMP_JSON = "dump.json"
CALLS = "calls.jsonl"
ALIGNMENT = 64
"""Bytes: where a result's values begin in their file is a multiple of it."""

MAX_STEP = 2**31 - 1
OTHER = "give another folder by --dump"
_FEWER = "record fewer by --dump-steps, or without --dump-digests"


@dataclass(frozen=True)
class Steps:
    """Steps `first` to `last`, both of them included; 0 is what comes before the first step."""

    first: int
    last: int

    @classmethod
    def parse(cls, text: str) -> Steps:
        """Of "2:5" or "3". Raises SettingsError."""
        found = re.fullmatch(r"(\d{1,10})(?::(\d{1,10}))?", text)
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not first <= last <= MAX_STEP:
            raise SettingsError(
                f"--dump-steps: expected FIRST:LAST or one step, such as 0:2, got {text[:60]!r}"
            )
        return cls(first, last)

    def __contains__(self, step: object) -> bool:
        return isinstance(step, int) and self.first <= step <= self.last


@dataclass(frozen=True)
class DumpOptions:
    """folder: a new one, or one that is empty. steps: of which all values are kept. digests:
    whether of all other calls a digest is kept."""

    folder: Path
    steps: Steps
    digests: bool


DEFAULT_STEPS = "0:2"


def dump_options(folder: Path | None, steps: str | None, digests: bool) -> DumpOptions | None:
    """Those of a command line; None without a folder. Raises SettingsError, also for a folder that
    can't be used."""
    if folder is None:
        if steps is not None or digests:
            option = "--dump-digests" if steps is None else "--dump-steps"
            raise SettingsError(f"{option}: needs a folder: give one by --dump")
        return None
    check_empty(folder, folder)
    return DumpOptions(folder, Steps.parse(DEFAULT_STEPS if steps is None else steps), digests)


class DumpWriter:
    """A `Sink` that writes a dump. `close`, or leaving the block, names the folder; what a run that
    failed had done until then is kept. Raises SettingsError for a folder that can't be used or when
    the rest of the run would not fit on the disk, and HostError, one line, when a write fails,
    after which nothing is left."""

    def __init__(
        self, options: DumpOptions, device: str, config: ArrayConfig, run: Mapping[str, Any]
    ) -> None:
        self._options = options
        self._head = {"device": device, "array": asdict(config), "run": dict(run)}
        self._place: Place | None = None
        self._values: BinaryIO | None = None
        self._files = ExitStack()
        self._open = True
        self.calls = self._last_step = 0
        folder = Path(os.path.realpath(options.folder))
        self._folder = folder
        self._partial = folder.with_name(f"{folder.name}.{os.getpid()}.partial")
        self._room = Room(self._partial, options.steps)
        try:
            check_empty(folder, options.folder)
            self._partial.mkdir(parents=True)
            calls = self._files.enter_context((self._partial / CALLS).open("wb"))
        except OSError as error:
            full = error.errno in DISK_FULL
            raise self._failed(error, HostError if full else SettingsError) from None
        self._calls = calls

    def __enter__(self) -> DumpWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._open:
            return
        if error is not None and (self.calls == 0 or getattr(error, "exit_code", 1) == 2):
            self._discard()  # bad input leaves nothing behind
        else:
            self.close(ended="whole" if error is None else "early")

    def expect(self, steps: int) -> None:
        """Let each step see whether all of the run's up to step `steps` fit on the disk."""
        self._room.last = steps

    def detail(self, place: Place) -> Detail:
        if place.step in self._options.steps and place.phase in (START, TRAINING):
            return Detail.VALUES
        return Detail.DIGEST if self._options.digests else Detail.NOTHING

    def take(self, call: Call) -> None:
        self._check_room(call.place)
        try:
            offsets = [self._write(call.place, result) for result in call.results]
            line = json.dumps(call_fields(call, offsets), allow_nan=False, separators=(",", ":"))
            self._calls.write(line.encode() + b"\n")
        except OSError as error:
            raise self._failed(error) from None
        self._room.add(values_bytes([call]) + len(line))
        self.calls += 1
        self._last_step = call.place.step

    def close(self, ended: str = "whole") -> None:
        """Write `dump.json` and give the folder its name."""
        try:
            self._files.close()
            files = {path.name: path.stat().st_size for path in sorted(self._partial.iterdir())}
            steps = [self._options.steps.first, self._options.steps.last]
            kept: dict[str, Any] = {
                "steps": steps,
                "digests": self._options.digests,
                "calls": self.calls,
            }
            kept["last_step"] = self._last_step
            document = {"format": FORMAT, **self._head, **kept, "ended": ended, "files": files}
            text = json.dumps(document, indent=2, allow_nan=False) + "\n"
            (self._partial / DUMP_JSON).write_text(text, encoding="utf-8")
            os.replace(self._partial, self._folder)
            self._open = False
        except OSError as error:
            raise self._failed(error) from None

    def _check_room(self, place: Place) -> None:
        try:
            lacking = self._room.lacks(place)
        except OSError as error:
            raise self._failed(error) from None
        if lacking is not None:
            self._discard()
            raise SettingsError(f"{self._options.folder}: {lacking}: {_FEWER}, or {OTHER}")

    def _write(self, place: Place, result: Result) -> int | None:
        """Append values to the place's file; where they begin there."""
        if result.values is None:
            return None
        if self._values is None or place != self._place:
            if self._values is not None:
                self._values.close()
            self._place = place
            file = (self._partial / values_file(place)).open("ab")
            self._values = self._files.enter_context(file)
        offset = self._values.seek(0, os.SEEK_END)
        padding = -offset % ALIGNMENT
        self._values.write(bytes(padding))
        self._values.write(_little(result.values).tobytes())
        return offset + padding

    def _discard(self) -> None:
        """Leave nothing behind."""
        self._open = False
        with suppress(OSError):
            self._files.close()
        shutil.rmtree(self._partial, ignore_errors=True)

    def _failed(self, error: OSError, kind: type[HostError] = HostError) -> HostError:
        self._discard()
        return kind(f"{self._options.folder}: cannot write a dump: {disk_fault(error, OTHER)}")


def check_empty(folder: Path, named: Path) -> None:
    """Raises SettingsError when a dump can't take that name."""
    try:
        taken = folder.is_dir() and any(folder.iterdir())
    except OSError as error:
        raise SettingsError(f"{named}: {error.strerror}: {OTHER}") from None
    if taken:
        raise SettingsError(f"{named}: is not empty: {OTHER}, or remove this one")
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{named}: is a file: {OTHER}")


def values_file(place: Place) -> str:
    """Of a step that was chosen."""
    phase = "" if place.phase == TRAINING else f"-{place.phase}"
    return f"step-{place.step:06d}{phase}.bin"


def call_fields(call: Call, offsets: list[int | None]) -> dict[str, Any]:
    """A call as a line of `calls.jsonl`."""
    results = [_result_fields(*each) for each in zip(call.results, offsets, strict=True)]
    fields = {
        "phase": call.place.phase,
        "step": call.place.step,
        "piece": call.piece,
        "number": call.number,
        "operation": call.operation,
        "layer": call.layer,
        "stage": call.stage,
        "nonfinite": call.nonfinite,
        "results": results,
    }
    works = [_work_fields(work) for work in call.works]
    return {**fields, "works": works} if works else fields


def _result_fields(result: Result, offset: int | None) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "role": result.role,
        "dtype": result.dtype,
        "shape": list(result.shape),
        "keep": result.keep,
        "digest": result.digest,
    }
    if offset is not None:
        fields["offset"] = offset
    if result.address is not None:
        fields["address"] = result.address
    return fields


def _work_fields(work: Work) -> dict[str, Any]:
    return {
        "product": product_fields(work.product),
        "tiling": asdict(work.tiling),
        "count": work.copies.count,
        "steps": list(work.copies.steps),
    }


def _little(values: Array) -> Array:
    return np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
