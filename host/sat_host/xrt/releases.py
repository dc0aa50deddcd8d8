# SPDX-License-Identifier: Apache-2.0
"""Which XRT goes with which Vitis, and which one a machine has.

The numbers are those of XRT's own release branches (github.com/Xilinx/XRT); an installation tells
its own in `version.json` (XRT, `src/CMake/config/version.json.in`).
"""

from __future__ import annotations

import json
import re
from pathlib import Path

Release = tuple[int, int]

RELEASES: dict[str, Release] = {
    "2020.2": (2, 8),
    "2021.1": (2, 11),
    "2021.2": (2, 12),
    "2022.1": (2, 13),
    "2022.2": (2, 14),
    "2023.1": (2, 15),
    "2023.2": (2, 16),
    "2024.1": (2, 17),
    "2024.2": (2, 18),
    "2025.1": (2, 19),
    "2025.2": (2, 20),
    "2026.1": (2, 21),
}
"""Vitis version -> the XRT that came out with it. Those before 2022.2 are from memory."""

_NUMBER = re.compile(r"(\d+)\.(\d+)")


def xrt_release(vitis: str) -> Release | None:
    """The XRT that came out with a Vitis, given as "2023.2" or "2023.2.1"; None if not known."""
    found = _NUMBER.match(vitis)
    return RELEASES.get(found.group()) if found else None


def installed_release(root: Path) -> Release | None:
    """The release of the XRT in `root`, as /opt/xilinx/xrt; None when it does not tell."""
    try:
        document = json.loads((root / "version.json").read_text(encoding="utf-8"))
        found = _NUMBER.match(str(document["BUILD_VERSION"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return (int(found[1]), int(found[2])) if found else None


def release_text(release: Release) -> str:
    """As "2.16"."""
    return f"{release[0]}.{release[1]}"
