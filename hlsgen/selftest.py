# SPDX-License-Identifier: Apache-2.0
"""The self-test of a bundle as a step of its build: its library beside the golden model, once.

It runs in a process of its own with the bundle's copy of the host package, as on any machine that
the bundle comes to, and is remembered by content.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from sat_host.selftest import Check

from .cache import Cache, content_key
from .errors import WorkError
from .project import Project
from .spec import Spec
from .toolchain.run import CommandError, describe_status, run

_SECONDS = 300.0
_NOTHING = "nothing was published"


def self_test(folder: Path, key: str, cache: Cache) -> tuple[tuple[Check, ...], bool]:
    """The checks of a staged bundle, all passed, and whether they are remembered from before.

    Raises WorkError when a check fails or the library crashes; that is never remembered.
    """
    entry = cache.get_or_make(key, ".json", lambda path: _run_selftest(folder, path))
    rows = json.loads(entry.path.read_text(encoding="utf-8"))
    return tuple(Check(**row) for row in rows), entry.cached


def selftest_key(spec: Spec, library_sha256: str, host: Project) -> str:
    """Cache key of a self-test: the library, the host package with the test, the array, the
    Python."""
    return content_key(
        library=library_sha256,
        host=host.digest,
        array=asdict(spec.array_config()),
        python=sys.version,
        numpy=np.__version__,
    )


def selftest_command(folder: Path) -> tuple[str, ...]:
    """The self-test as a process of its own: a crash of the library must not end the build."""
    selftest = ("-m", "sat_host", "selftest", str(folder), "--device", "csim", "--json")
    return (sys.executable, "-B", *selftest)


def _run_selftest(folder: Path, report: Path) -> None:
    # The bundle's copy of sat_host comes first: it is what users will run.
    paths = [str(folder), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    try:
        text = run(selftest_command(folder), cwd=folder, env=env, timeout=_SECONDS).stdout
    except CommandError as error:
        text = error.stdout
        if _checks(text) is None:
            reason = error.stderr.strip().splitlines()[-1:] or ["no output"]
            how = describe_status(error.status)
            raise WorkError(f"self-test {how}: {reason[0]}: {_NOTHING}") from error
    rows = _checks(text)
    if rows is None:
        raise WorkError(f"self-test: its answer can't be read: {_NOTHING}")
    failed = [row for row in rows if not row["passed"]]
    if failed:
        first = f"{failed[0]['name']}: {failed[0]['detail']}"
        count = f"{len(failed)} of {len(rows)} checks failed"
        raise WorkError(f"self-test: {count}, first {first}: {_NOTHING}")
    report.write_text(json.dumps(rows), encoding="utf-8")


def _checks(text: str) -> list[dict[str, Any]] | None:
    """What the self-test answered; None for what is no answer, as of one that crashed."""
    try:
        answer = json.loads(text)
    except ValueError:
        return None
    rows = answer.get("checks") if isinstance(answer, dict) else None
    return rows if isinstance(rows, list) else None
