# SPDX-License-Identifier: Apache-2.0
"""A sweep's rows as they come, in a file from which an interrupted sweep goes on.

The first line says what it is of; each of the others is a row, JSON. What a crash left half-written
at the end is cut off.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

import filelock

from .. import __version__
from ..disk import disk_errors
from ..errors import InputError
from .axes import Axis
from .columns import Row
from .evaluate import Request

FORMAT = 1


def journal_of(out: Path) -> Path:
    """Where the rows of a sweep go whose results are to be `out`."""
    return out.with_name(out.name + ".rows")


def heading(request: Request, axes: tuple[Axis, ...]) -> dict[str, Any]:
    """What the rows depend on: other specs, networks, options, axes and versions give others."""
    fields = asdict(request)
    del fields["file"], fields["keys"]
    text = json.dumps(fields, sort_keys=True, default=str)
    return {
        "format": FORMAT,
        "hlsgen": __version__,
        "spec_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "axes": [[axis.key, list(axis.values)] for axis in axes],
    }


class Journal:
    """An open file of rows; `rows` are those that it had, by the point's number."""

    def __init__(self, stream: IO[bytes], rows: dict[int, Row]) -> None:
        self._stream = stream
        self.rows = rows

    def add(self, rows: list[Row]) -> None:
        """Keep more of them, at once."""
        for row in rows:
            self.rows[row["point"]] = row
        self._stream.write(b"".join(_line(row) for row in rows))
        self._stream.flush()


@contextmanager
def opened(file: Path, head: dict[str, Any], *, resume: bool) -> Iterator[Journal]:
    """The journal at `file`, new, or with the rows that are there if `resume`.

    Raises InputError for one of another sweep, for one that is there without `resume`, for one that
    another process writes, and for a file that can't be written; WorkError for a full disk.
    """
    # Beside it and not on it: a lock keeps no half-read file open where that matters.
    lock = filelock.FileLock(file.with_name(file.name + ".lock"), timeout=0)
    with disk_errors(file, "name another file with -o"):
        try:
            lock.acquire()
        except filelock.Timeout:
            raise InputError(
                f"{file}: another sweep writes it: wait for it, or name another file with -o"
            ) from None
        rows: dict[int, Row] = {}
        begun = False
        try:
            rows, good = _kept(file, head, resume=resume)
            begun = True
            with file.open("r+b" if good else "wb") as stream:
                stream.seek(good)
                stream.truncate()
                if not good:
                    stream.write(_line(head))
                    stream.flush()
                yield Journal(stream, rows)
        finally:
            if begun and not rows:  # nothing to go on from
                file.unlink(missing_ok=True)
            # While still holding it, as hlsgen.disk.exclusive does, and why.
            Path(lock.lock_file).unlink(missing_ok=True)
            lock.release()


def _kept(file: Path, head: dict[str, Any], *, resume: bool) -> tuple[dict[int, Row], int]:
    """The rows of `file`, and the bytes of it that are good; none where there is no file."""
    if not file.exists():
        return {}, 0
    *lines, torn = file.read_bytes().split(b"\n")  # the last one is empty or torn
    if not resume:
        raise InputError(
            f"{file}: holds the {max(len(lines) - 1, 0):,} rows of a sweep that was interrupted: "
            "go on with --resume, or remove it"
        )
    own = _line(head)
    if not lines and own.startswith(torn):
        return {}, 0
    if not lines or _value(lines[0]) != json.loads(own):
        raise InputError(
            f"{file}: is of another sweep: the spec, the network, the options, --over or the "
            "version of hlsgen have changed: remove it, or name another file with -o"
        )
    rows: dict[int, Row] = {}
    good = len(lines[0]) + 1
    for line in lines[1:]:
        row = _value(line)
        if not isinstance(row, dict) or not isinstance(row.get("point"), int):
            break
        rows[row["point"]] = row
        good += len(line) + 1
    return rows, good


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=False, allow_nan=False).encode() + b"\n"


def _value(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
