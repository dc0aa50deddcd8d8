# SPDX-License-Identifier: Apache-2.0
"""Finished runs on disk, one small file each, so that a comparison goes on where it was stopped."""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..cache import content_key
from ..disk import disk_errors
from .plan import Job

Run = dict[str, Any]


@dataclass(frozen=True)
class KeptRuns:
    """Runs below `folder`, by the job and its key (`plan.run_key`). One user at a time."""

    folder: Path

    def prepare(self) -> None:
        """Make the folders, and remove what a killed process was writing. Raises HlsgenError."""
        with disk_errors(self.folder, "choose another folder with -o"):
            (self.folder / "checkpoints").mkdir(parents=True, exist_ok=True)
            for stale in self.folder.glob("*.partial"):
                stale.unlink()

    def get(self, job: Job, key: str) -> Run | None:
        """The run that was kept, or None when it is absent, damaged or changed since."""
        with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
            kept = json.loads(self._path(job, key).read_text(encoding="utf-8"))
            if kept == _sealed(key, kept["run"]):
                run: Run = kept["run"]
                return run
        return None

    def put(self, job: Job, key: str, run: Run) -> None:
        """Keep a run, whole or not at all. Raises HlsgenError when the disk refuses."""
        path = self._path(job, key)
        partial = path.with_name(f"{path.name}.partial")
        with disk_errors(self.folder, "choose another folder with -o"):
            partial.write_text(json.dumps(_sealed(key, run)), encoding="utf-8")
            os.replace(partial, path)
        shutil.rmtree(self.checkpoints(job, key), ignore_errors=True)

    def checkpoints(self, job: Job, key: str) -> Path:
        """The folder for the checkpoints of a run until it is finished."""
        return self.folder / "checkpoints" / _name(job, key)

    def _path(self, job: Job, key: str) -> Path:
        return self.folder / f"{_name(job, key)}.json"


def _sealed(key: str, run: Run) -> dict[str, Any]:
    """A run with its key and the digest of both."""
    return {"key": key, "run": run, "digest": content_key(key=key, run=run)}


def _name(job: Job, key: str) -> str:
    return f"{job.method}-seed{job.seed}-{key[:16]}"
