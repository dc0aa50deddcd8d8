# SPDX-License-Identifier: Apache-2.0
"""What one call of a vendor tool needs and gives. Plans are made of these; an engine runs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class StepInput(NamedTuple):
    """A file that an earlier step made. name: what it is called in the folder of this step."""

    step: str
    output: str
    name: str


@dataclass(frozen=True)
class ToolStep:
    """One call of a tool in a folder of its own.

    argv: the tool's absolute path first; other paths are relative to the step's folder.
    tool: the tool and its version, as "Vitis 2023.2"; the part of its identity that argv lacks.
    files: written into the folder first, {relative path: content}.
    inputs: files of earlier steps, put into the folder under their names here.
    outputs: relative paths that must exist and be non-empty afterwards.
    passed: a text that must stand in the tool's own words, where outputs do not show that all went
    well; "" for none.
    reports: glob patterns (`**` crosses folders) of what is worth keeping beside the outputs.
    logs: glob patterns of the tool's own logs, best first, for messages about a failure.
    settings: the shell script that sets up the tool's environment, None when it is set up already.
    environment: variables on top of that.
    usual_seconds: how long such a call usually takes, for a progress line, never a limit;
    usual_source says where the figure is from.
    resources: what the call needs of the machine, in words.
    """

    name: str
    argv: tuple[str, ...]
    tool: str
    files: Mapping[str, str | bytes] = field(default_factory=dict)
    inputs: tuple[StepInput, ...] = ()
    outputs: tuple[str, ...] = ()
    passed: str = ""
    reports: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    settings: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    usual_seconds: float = 60.0
    usual_source: str = "assumed"
    resources: str = ""
