# SPDX-License-Identifier: Apache-2.0
"""Faults that a test asks a stand-in tool for, and what each writes.

Kinds: "error" (the tool's own error), "licence", "out of memory", "disk full", "killed", "hang",
"silent" (ends well without its output, or its verdict), "error line" (ends well with its output and
an error), "flake" (the known one, once); csynth also "II missed" and
"DSP 4000" (what the kernel takes); csynth and cosim also "no strict
pragmas" (a release whose Tcl can't ask for them, which is none by itself); link also "timing" (or
"timing above 150", in MHz), "resources over", "placement", "routing", "hold", and "scaled to 143"
(MHz reached).
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import samples

_TEXTS = {
    "licence": "ERROR: [Common 17-345] A valid license was not found for feature 'Synthesis' "
    "and/or device 'xcu200'.",
    "out of memory": "ERROR: std::bad_alloc",
    "disk full": "ERROR: [Common 17-179] write failed: No space left on device",
    "placement": "ERROR: [VPL 30-487] The packing of instances into the device could not be "
    "obeyed. There are a total of 51 CLBs more than the device has.",
    "routing": "ERROR: [VPL 35-368] 27 signals failed to route due to routing congestion.",
    "hold": "ERROR: [VPL 60-773] the design has a hold violation: slack -0.131 ns",
}


def wanted(step: str) -> str:
    """The fault that a test asks for in a step, "" for none."""
    return _chosen("STANDIN_FAIL", step)


def delay(step: str) -> None:
    """Be as slow as a test asks for."""
    if seconds := _chosen("STANDIN_SLOW", step):
        end = time.monotonic() + float(seconds)
        while time.monotonic() < end:
            time.sleep(0.02)


def errors(kind: str, calls: Path, clock_mhz: float = 0.0) -> list[str]:
    """The error lines of a fault that ends a tool, none when there is none. Some don't return."""
    if kind == "hang":
        time.sleep(3600)
    if kind == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "flake":
        marker = calls.with_name("standin_flaked")
        if marker.exists():
            return []
        marker.touch()
        return ["Pre-synthesis failed."]
    if kind.startswith("timing"):
        limit = float(kind.removeprefix("timing").removeprefix(" above") or 0)
        return samples.timing_missed() if clock_mhz > limit else []
    if kind == "resources over":
        return samples.over_used()
    return [_TEXTS[kind]] if kind in _TEXTS else []


def _chosen(variable: str, step: str) -> str:
    for entry in os.environ.get(variable, "").split(";"):
        name, _, value = entry.partition(":")
        if name and (step == name or step.startswith(f"{name}_")):
            return value
    return ""
