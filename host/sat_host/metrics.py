# SPDX-License-Identifier: Apache-2.0
"""Metrics as JSON lines: one object a record, each line flushed before the next step."""

from __future__ import annotations

import errno
import json
import math
import os
from pathlib import Path
from typing import Any, TextIO

from .errors import HostError, SettingsError

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
    `close` then gives that file the name `path`. A run that ends early leaves its partial file, and
    what was at `path` as it was. A pipe or a device file at `path` is written to directly.

    Raises HostError, one line: SettingsError when the file can't be opened, unless that is for a
    full disk.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._target: Path | None = None
        self._complete = False
        if path is not None:
            try:
                self._open(path)
            except OSError as error:
                full = error.errno in (errno.ENOSPC, errno.EDQUOT)
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
        except OSError as error:
            raise self._failed(error) from None

    def _failed(self, error: OSError, kind: type[HostError] = HostError) -> HostError:
        return kind(f"{self._path}: cannot write metrics: {error.strerror}")
