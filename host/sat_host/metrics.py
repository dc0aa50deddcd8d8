# SPDX-License-Identifier: Apache-2.0
"""Metrics as JSON lines: one object a record, each line whole on disk before the next step."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TextIO

from .errors import HostError

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

    Raises HostError, one line, when the file cannot be written.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: TextIO | None = None
        if path is not None:
            try:
                self._file = path.open("w", encoding="utf-8")
            except OSError as error:
                raise HostError(f"{path}: cannot write metrics: {error.strerror}") from None

    def write(self, record: Record) -> None:
        """Append one line and flush it."""
        if self._file is None:
            return
        try:
            self._file.write(to_json(record) + "\n")
            self._file.flush()
        except OSError as error:
            raise HostError(f"{self._path}: cannot write metrics: {error.strerror}") from None

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
