# SPDX-License-Identifier: Apache-2.0
"""Metrics as JSON lines: one object a record, each line flushed before the next step."""

from __future__ import annotations

import errno
import fcntl
import json
import math
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from .errors import DISK_FULL, HostError, SettingsError, disk_fault

Record = dict[str, Any]


def to_json(record: Record) -> str:
    """One line of strict JSON; a NaN or infinity, which JSON has not, becomes null."""
    safe = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in record.items()
    }
    return json.dumps(safe, allow_nan=False)


class MetricsWriter:
    """Writes records to `path`, replacing what is there; with None it writes nothing.

    Until the final record, the lines are in `<path>.<process>.partial`, to be followed there;
    `close` then gives that file the name `path`. A run that ends early leaves its partial file,
    unless that is empty, and what was at `path` as it was; when one that goes on from it
    (`resumed`) is complete, the partial files of `path` that no process writes any more go. A pipe
    or a device file at `path` is written to directly.

    Raises HostError, one line: SettingsError when the file can't be opened, unless that is for a
    full disk.
    """

    def __init__(self, path: Path | None, *, resumed: bool = False) -> None:
        self._path = path
        self._resumed = resumed
        self._file: TextIO | None = None
        self._target: Path | None = None
        self._complete = False
        if path is not None:
            try:
                self._open(path)
            except OSError as error:
                full = error.errno in DISK_FULL
                raise self._failed(error, HostError if full else SettingsError) from None

    def _open(self, path: Path) -> None:
        if path.exists() and not path.is_file():
            self._file = path.open("w", encoding="utf-8")
            return
        target = Path(os.path.realpath(path))  # a link stays one
        if target.exists() and not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        self._partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
        self._file = self._partial.open("w", encoding="utf-8")
        self._target = target
        with suppress(OSError):  # held until the process ends; some file systems have none
            fcntl.flock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)

    def write(self, record: Record) -> None:
        """Append one line and flush it."""
        if self._file is None:
            return
        try:
            self._file.write(to_json(record) + "\n")
            self._file.flush()
            self._complete = record["kind"] == "final"
        except OSError as error:
            raise self._failed(error) from None

    def close(self) -> None:
        """Close the file, and name it `path` when it is complete.

        What could not be written is tried, and fails, once more.
        """
        if self._file is None:
            return
        try:
            self._file.close()
            if self._complete and self._target is not None:
                os.replace(self._partial, self._target)
                if self._resumed:
                    _remove_abandoned(self._target)
        except OSError as error:
            raise self._failed(error) from None
        finally:
            if self._target is not None:
                with suppress(OSError):  # it has its name by now
                    if self._partial.stat().st_size == 0:
                        self._partial.unlink()

    def _failed(self, error: OSError, kind: type[HostError] = HostError) -> HostError:
        fault = disk_fault(error, "give another file by --metrics")
        return kind(f"{self._path}: cannot write metrics: {fault}")


def _remove_abandoned(target: Path) -> None:
    """Remove the partial files of `target` whose process is gone, and so its lock."""
    name = re.compile(re.escape(target.name) + r"\.\d+\.partial")
    for path in target.parent.iterdir():
        if name.fullmatch(path.name):
            with suppress(OSError), path.open("r+b") as file:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()
