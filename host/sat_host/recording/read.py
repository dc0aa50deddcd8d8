# SPDX-License-Identifier: Apache-2.0
"""Reading a dump: its calls place by place, their values mapped from the files as they are used."""

from __future__ import annotations

import json
import math
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from ..command_lists import Copies, Work
from ..config import ArrayConfig
from ..errors import BundleError, SettingsError
from ..stored_program import product_of, tiling_of
from .calls import PHASES, Array, Call, Place, Result
from .dump import CALLS, DUMP_JSON, FORMAT, Steps, values_file

_AGAIN = "copy it again, or record it again"
_WRONG = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading fields of a file that was changed raises."""


class DumpError(BundleError):
    """A dump that can't be read: names the file, what is wrong and the mend."""


@dataclass(frozen=True)
class Dump:
    """A dump whose head was read.

    run: as of `run_state.identity`. steps: those that were chosen, of which it has all values;
    last_step: of which it has a call. ended: "whole", or "early" for a run that failed or was
    stopped.
    """

    path: Path
    device: str
    config: ArrayConfig
    run: Mapping[str, Any]
    steps: Steps
    digests: bool
    calls: int
    last_step: int
    ended: str

    def sections(self) -> Generator[tuple[Place, list[Call]], None, None]:
        """The calls by place, in their order. Raises DumpError."""
        for place, group in groupby(self._lines(), key=lambda call: call.place):
            calls = list(group)
            if [call.number for call in calls] != list(range(len(calls))):
                raise DumpError(f"{self.path / CALLS}: calls of {place} are missing: {_AGAIN}")
            yield place, calls

    def _lines(self) -> Iterator[Call]:
        file = self.path / CALLS
        try:
            with file.open(encoding="utf-8") as lines:
                for number, line in enumerate(lines, 1):
                    yield self._call(line, f"{file}:{number}")
        except (OSError, UnicodeDecodeError) as error:
            raise DumpError(f"{file}: can't be read ({_reason(error)}): {_AGAIN}") from None

    def _call(self, line: str, where: str) -> Call:
        try:
            fields = json.loads(line)
            place = Place(int(fields["step"]), PHASES.index(fields["phase"]))
            return Call(
                place=place,
                piece=int(fields["piece"]),
                number=int(fields["number"]),
                operation=str(fields["operation"]),
                layer=str(fields["layer"]),
                stage=str(fields["stage"]),
                nonfinite=_optional(fields["nonfinite"]),
                results=tuple(self._result(place, each) for each in fields["results"]),
                works=tuple(_work(each) for each in fields.get("works", ())),
            )
        except _WRONG:
            raise DumpError(f"{where}: is no call of a dump: {_AGAIN}") from None

    def _result(self, place: Place, fields: Mapping[str, Any]) -> Result:
        shape = tuple(map(int, fields["shape"]))
        values = None
        if "offset" in fields:
            values = self._mapped(place, str(fields["dtype"]), shape, int(fields["offset"]))
        return Result(
            role=str(fields["role"]),
            dtype=str(fields["dtype"]),
            shape=shape,
            keep=int(fields["keep"]),
            digest=str(fields["digest"]),
            values=values,
            address=_optional(fields.get("address")),
        )

    def _mapped(self, place: Place, name: str, shape: tuple[int, ...], offset: int) -> Array:
        if name not in ("float16", "float32", "uint16"):
            raise ValueError(name)
        dtype = np.dtype(name).newbyteorder("<")
        file = self.path / values_file(place)
        try:
            mapped = np.memmap(file, np.uint8, "r", offset, (math.prod(shape) * dtype.itemsize,))
            values = np.asarray(mapped).view(dtype).reshape(shape)
            return values.astype(dtype.newbyteorder("="), copy=False)
        except (OSError, ValueError, OverflowError) as error:
            raise DumpError(f"{file}: can't be read ({_reason(error)}): {_AGAIN}") from None


def is_dump(path: Path) -> bool:
    """Whether a folder says that it is one."""
    return (path / DUMP_JSON).is_file()


def load_dump(path: Path) -> Dump:
    """Read a dump's head, and see whether all of its files are whole. Raises DumpError."""
    file = path / DUMP_JSON
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise DumpError(f"{path}: {_no_dump(path)}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise DumpError(f"{file}: can't be read ({_reason(error)}): {_AGAIN}") from None
    if not isinstance(document, dict) or "format" not in document:
        raise DumpError(f"{file}: is no head of a dump: {_AGAIN}")
    if document["format"] != FORMAT:
        found = str(document["format"])[:20]
        raise DumpError(f"{file}: of format {found}, this reads format {FORMAT}: record it again")
    try:
        dump = Dump(
            path=path,
            device=str(document["device"]),
            config=ArrayConfig(**document["array"]),
            run=dict(document["run"]),
            steps=Steps(*map(int, document["steps"])),
            digests=bool(document["digests"]),
            calls=int(document["calls"]),
            last_step=int(document["last_step"]),
            ended=str(document["ended"]),
        )
        files = {str(name): int(size) for name, size in document["files"].items()}
    except (*_WRONG, SettingsError):
        raise DumpError(f"{file}: is no head of a dump: {_AGAIN}") from None
    _check_sizes(path, files)
    _check_count(path / CALLS, dump.calls)
    return dump


def _check_sizes(path: Path, files: Mapping[str, int]) -> None:
    for name, size in files.items():
        file = path / json.dumps(name)[1:-1]  # which may hold anything
        try:
            found = file.stat().st_size
        except OSError as error:
            raise DumpError(f"{file}: {_reason(error)}: {_AGAIN}") from None
        if found != size:
            state = "truncated" if found < size else "changed"
            raise DumpError(f"{file}: {state}, {found:,} bytes of {size:,}: {_AGAIN}")


def _check_count(file: Path, calls: int) -> None:
    try:
        with file.open("rb") as lines:
            found = sum(1 for _ in lines)
    except OSError as error:
        raise DumpError(f"{file}: {_reason(error)}: {_AGAIN}") from None
    if found != calls:
        raise DumpError(f"{file}: {found:,} calls of {calls:,}: {_AGAIN}")


def _no_dump(path: Path) -> str:
    if path.is_file():
        return "is a file, no dump's folder"
    if not path.exists():
        return "no such dump: make one with `hlsgen train BUNDLE --dump DIR`"
    if (path / CALLS).is_file():
        return f"{DUMP_JSON} is missing: the run was killed before its end: record it again"
    return f"no dump here ({DUMP_JSON} is missing): make one with `hlsgen train BUNDLE --dump DIR`"


def _optional(value: Any) -> int | None:
    return None if value is None else int(value)


def _work(fields: Mapping[str, Any]) -> Work:
    first, second, third = map(int, fields["steps"])
    copies = Copies(int(fields["count"]), (first, second, third))
    work = Work(product_of(fields["product"]), tiling_of(fields["tiling"]), copies)
    y, tiling = work.product.y, work.tiling
    divisors = y.pitch, y.row_pitch, y.image_pitch, tiling.interleave, tiling.blocks
    extents = *work.product.y_size, work.product.rows, work.product.columns, copies.count
    if not all(0 < number < 1 << 32 for number in (*divisors, *extents)):
        raise ValueError("extents that no work has")
    return work


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error).split("\n")[0]
