# SPDX-License-Identifier: Apache-2.0
"""What is kept of a tool step between builds: `state.json` in the step's folder, and its key.

A step is done when its state says so for the key at hand and every output still has its digest. The
key covers all that the step's outcome depends on: tool and version, command, environment, files,
the content of its inputs, and the target.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import ConfigDict, Field, TypeAdapter
from sat_host.digests import file_digest

from ..cache import content_key
from .failure_signs import Kind
from .process import Identity
from .steps import ToolStep

STATE = "state.json"
LOG = "log.txt"

Status = Literal["running", "done", "failed", "interrupted"]


@dataclass(frozen=True)
class Trouble:
    """What went wrong in a step, or is to be said of one that is done all the same: kind, cause and
    mend as of a Diagnosis. log: where it is written, relative to the step's folder."""

    kind: Kind
    cause: str
    mend: str
    log: str

    def told(self, folder: Path) -> str:
        """All of it in one line. folder: the step's."""
        return f"{self.kind}: {self.cause}: {self.mend} (log: {folder / self.log})"


@dataclass(frozen=True)
class State:
    """key: of the step as it was run. outputs: {relative path: sha256} of a step that is done.

    seconds, peak_memory_bytes: of that run. trouble: why it failed, or what is to be said of it.
    runs: who runs it, None once that ended.
    """

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False
    )
    key: str
    status: Status
    seconds: Annotated[float, Field(ge=0)] = 0.0
    peak_memory_bytes: Annotated[int, Field(ge=0, lt=1 << 63)] = 0
    outputs: Mapping[str, str] = field(default_factory=dict)
    trouble: Trouble | None = None
    runs: Identity | None = None


_STATE = TypeAdapter(State)


def step_key(step: ToolStep, target: str, inputs: Mapping[tuple[str, str], str]) -> str:
    """Of a step of a build for `target`. inputs: {(step, output): sha256} of all earlier steps."""
    return content_key(
        target=target,
        name=step.name,
        tool=step.tool,
        argv=step.argv,
        environment=dict(step.environment),
        files={path: _digest(content) for path, content in step.files.items()},
        inputs=[(each.name, inputs[each.step, each.output]) for each in step.inputs],
        outputs=step.outputs,
        passed=step.passed,
    )


def read_state(folder: Path) -> State | None:
    """The state of a step's folder, None when there is none or it can't be read."""
    with suppress(OSError, ValueError, RecursionError):
        return _STATE.validate_json((folder / STATE).read_bytes())
    return None


def write_state(folder: Path, state: State) -> None:
    """Write the state whole: what reads it sees the old one or the new one. Raises OSError."""
    partial = folder / f"{STATE}.partial"
    partial.write_text(json.dumps(asdict(state), indent=2) + "\n", encoding="utf-8")
    os.replace(partial, folder / STATE)


def is_done(folder: Path, state: State | None, key: str, outputs: Collection[str]) -> bool:
    """Whether a step's outcome is there for `key`, each of its `outputs` as it was made."""
    if state is None or state.status != "done" or state.key != key:
        return False
    if set(state.outputs) != set(outputs):
        return False
    with suppress(OSError):
        return all(file_digest(folder / path) == sha for path, sha in state.outputs.items())
    return False


def missing_outputs(folder: Path, step: ToolStep) -> tuple[str, ...]:
    """The outputs that a step should have made and that are absent or empty."""

    def made(path: str) -> bool:
        with suppress(OSError):
            return (folder / path).is_file() and (folder / path).stat().st_size > 0
        return False

    return tuple(path for path in step.outputs if not made(path))


def step_folder(work: Path, number: int, name: str) -> Path:
    """Where a step is: `<number>-<name>`, or where it was under another number."""
    wanted = work / f"{number}-{name}"
    if not wanted.exists():
        with suppress(OSError):
            for entry in sorted(os.listdir(work)):
                if re.fullmatch(rf"\d+-{re.escape(name)}", entry):
                    return work / entry
    return wanted


def private_home(folder: Path) -> Path:
    """A home for one call: tools keep caches and journals there, which calls must not share.

    Licence files that the user's own home holds stay in reach.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(RuntimeError, OSError):
        home = Path.home()
        for source in (home / ".flexlmrc", *(home / ".Xilinx").glob("*.lic")):
            if source.is_file():
                target = folder / source.relative_to(home)
                target.parent.mkdir(exist_ok=True)
                target.symlink_to(source)
    return folder


def _digest(content: str | bytes) -> str:
    data = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()
