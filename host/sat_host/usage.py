# SPDX-License-Identifier: Apache-2.0
"""What a run used: the process's peak memory, and tables of time and memory for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

MEBIBYTE = 2**20


def peak_memory() -> int:
    """Bytes of memory that this process held at most so far, 0 where the system does not tell.

    On csim and on the golden model that is all there is: the device's memory is the process's.
    """
    try:
        # Not getrusage: its figure may be that of the process which started this one.
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        return 0


def describe_usage(
    stages: Mapping[str, float], memory_bytes: Mapping[str, int], peak_bytes: int
) -> list[str]:
    """Lines for people: the seconds of each stage, the longest first, with the most memory that
    there was at its end; and the peak memory. memory_bytes: empty if not known."""
    total = sum(stages.values())
    width = max(len(name) for name in ("stage", *stages))
    lines = [f"{'stage':{width}} {'time':>12} {'share':>7}"]
    for name, seconds in sorted(stages.items(), key=lambda item: -item[1]):
        share = 100 * seconds / total if total else 0
        lines.append(f"{name:{width}} {seconds:10.2f} s {share:5.1f} %")
        if name in memory_bytes:
            lines[-1] += f" {memory_bytes[name] / MEBIBYTE:16.0f} MiB"
    if memory_bytes:
        lines[0] += f" {'memory at its end':>20}"
    peak = f"{peak_bytes / MEBIBYTE:.0f} MiB" if peak_bytes else "not known"
    return [*lines, f"peak memory {peak}"]
