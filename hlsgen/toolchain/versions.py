# SPDX-License-Identifier: Apache-2.0
"""What each release of Vitis can do, as one table.

Sources: UG1399 (HLS scripts and cfg keys), UG1702 (v++, vitis-run), UG1393/UG1700 (link), the
Migration page of AMD's Vitis-HLS-Introductory-Examples, and XRT's release numbers.

What is taken for granted of releases before 2022.2 is from memory, unverified: that `vitis_hls -f`
runs a script and knows our Tcl calls and options, `-flow_target vitis` among them; that the HLS
tool lies in Vitis_HLS/<version>; that v++ knows our link options and cfg keys; that pragmas and
hls::vector are as in 2022.2; and the XRT of each release. Documented of 2020.2 are
`config_dataflow -strict_mode` (UG1399) and the operators and cores of BIND_OP (the HLS front end's
published sources). Of any release, `config_compile -pragma_strict_mode` is known only from AMD's
Vitis_Libraries, so the scripts go on where it is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from ..errors import ToolMissingError


@dataclass(frozen=True)
class Release:
    """One release of Vitis.

    hls: how kernels are synthesised: "tcl" by a script under the classic vitis_hls, "cfg" by
    `v++ -c --mode hls` with a configuration file.
    tcl: the program that runs a Tcl script, with the options before the script's name.
    project: the Tcl call that starts one; open_component replaces open_project and open_solution.
    axi_key: the cfg line that asks for the interfaces of a v++ kernel.
    card_tool: XRT's command for looking at cards. xrt: the XRT of this release.
    """

    version: str
    hls: Literal["tcl", "cfg"]
    tcl: tuple[str, ...]
    project: Literal["open_project", "open_component"]
    axi_key: str
    card_tool: str
    xrt: str


_VITIS_HLS = ("vitis_hls", "-f")
_VITIS_RUN = ("vitis-run", "--mode", "hls", "--tcl")
_FLOW = "flow_target=vitis"


def _classic(version: str, xrt: str) -> Release:
    return Release(version, "tcl", _VITIS_HLS, "open_project", _FLOW, "xbutil", xrt)


def _unified(version: str, xrt: str, axi_key: str = _FLOW) -> Release:
    return Release(version, "cfg", _VITIS_RUN, "open_component", axi_key, "xrt-smi", xrt)


RELEASES = (
    _classic("2020.2", "2.8"),
    _classic("2021.1", "2.11"),
    _classic("2021.2", "2.12"),
    _classic("2022.1", "2.13"),
    _classic("2022.2", "2.14"),
    _classic("2023.1", "2.15"),
    # 2023.2 has both ways, but spells the keys of the exported file syn.output.
    _classic("2023.2", "2.16"),
    # Its documentation calls the classic way deprecated; Tcl still runs under vitis_hls.
    Release("2024.1", "cfg", _VITIS_HLS, "open_project", _FLOW, "xbutil", "2.17"),
    _unified("2024.2", "2.18"),
    _unified("2025.1", "2.19"),
    _unified("2025.2", "2.20"),
    _unified("2026.1", "2.21", "syn.interface.default_axi=1"),
)
"""Oldest first. XRT before 2.14 is from memory, the rest as XRT's sources have it."""

OLDEST, NEWEST = RELEASES[0].version, RELEASES[-1].version

_VERSION = re.compile(r"(?<![\d.])(20\d\d)\.(\d)(?![\d])")


def version_in(text: str) -> str | None:
    """The last "2023.2" in a path or a banner, None without one.

    >>> version_in("****** v++ v2023.2 (64-bit)")
    '2023.2'
    """
    found = _VERSION.findall(text)
    return ".".join(found[-1]) if found else None


def order(version: str) -> tuple[int, int]:
    """A version as numbers, to compare. Raises ValueError for a text that is none."""
    found = _VERSION.fullmatch(version)
    if found is None:
        raise ValueError(f"not a version of Vitis: {version}")
    return int(found[1]), int(found[2])


def release(version: str) -> Release:
    """The row of a version such as "2023.2".

    Raises ToolMissingError for one that is older or newer than the table.
    """
    for row in RELEASES:
        if row.version == version:
            return row
    wrong = "too old" if order(version) < order(OLDEST) else "not known to this hlsgen"
    raise ToolMissingError(
        f"Vitis {version} is {wrong}: install one from {OLDEST} to {NEWEST}, or name another "
        "installation with --vitis DIR"
    )
