# SPDX-License-Identifier: Apache-2.0
"""Find and read the reports that steps left in their folders, wherever a version puts them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from ...errors import WorkError
from .csynth import CsynthReport, read_csynth
from .loops import Pipelined, read_pipelined, with_wanted
from .timing import ScaledClock, Timing, read_scaled_clocks, read_timing
from .utilisation import Utilisation, read_utilisation
from .xclbin_info import XclbinInfo, read_xclbin_info

Report = TypeVar("Report")

# Vivado's own run folder has the reports also when timing failed; v++ copies them out only when it
# was met. The last optimisation's report is the one that holds.
_TIMING = (
    "**/*timing_summary_postroute_physopted.rpt",
    "**/*timing_summary_routed.rpt",
    "**/dr_timing_summary.rpt",
)
_UTILISATION = tuple(
    f"**/*{what}_util_{when}.rpt"
    for when in ("routed", "placed")
    for what in ("kernel", "slr", "full")
)


@dataclass(frozen=True)
class Results:
    """What the tools reported of a build. csynth, pipelined: by kernel, the latter every
    pipelining result of the log; scaled: clocks that v++ lowered; the rest None where absent."""

    csynth: Mapping[str, CsynthReport] = field(default_factory=dict)
    pipelined: Mapping[str, tuple[Pipelined, ...]] = field(default_factory=dict)
    timing: Timing | None = None
    utilisation: Utilisation | None = None
    info: XclbinInfo | None = None
    scaled: tuple[ScaledClock, ...] = ()


def read_results(folders: Mapping[str, Path], log: str = "log.txt") -> Results:
    """Read what is there. folders: of the steps, by the step's name (`csynth_<kernel>`, `link`);
    log: the log's name in each."""
    csynth: dict[str, CsynthReport] = {}
    pipelined: dict[str, tuple[Pipelined, ...]] = {}
    for step, folder in folders.items():
        kind, _, kernel = step.partition("_")
        if kind == "csynth":
            pipelined[kernel] = read_pipelined(_text(folder / log))
            report = find_csynth(folder, kernel)
            if report is not None:
                csynth[kernel] = with_wanted(report, pipelined[kernel])
    link = folders.get("link")
    if link is None:
        return Results(csynth, pipelined)
    return Results(
        csynth,
        pipelined,
        find_timing(link),
        find_utilisation(link),
        find_info(link),
        read_scaled_clocks(_text(link / log)),
    )


def find_csynth(folder: Path, top: str) -> CsynthReport | None:
    """The csynth report of `top` below `folder`, None when there is none that can be read.

    `csynth.xml` is of the whole design with all its modules; `<top>_csynth.xml`, of the top alone,
    stands in for it.
    """
    return _first(folder, ("**/csynth.xml", f"**/{top}_csynth.xml"), read_csynth)


def find_timing(folder: Path) -> Timing | None:
    """The timing summary of the link below `folder`, None when there is none."""
    return _first(folder, _TIMING, read_timing)


def find_info(folder: Path) -> XclbinInfo | None:
    """The description of the xclbin below `folder`, None when there is none."""
    return _first(folder, ("**/*.xclbin.info",), read_xclbin_info)


def find_utilisation(folder: Path) -> Utilisation | None:
    """What the link's utilisation reports say together: by kernel, by SLR and of the device, each
    from the routed design where there is one, else from the placed. None when there is none."""
    found = [
        report
        for pattern in _UTILISATION
        if (report := _first(folder, (pattern,), read_utilisation)) is not None
    ]
    if not found:
        return None
    device = next((report for report in found if report.used is not None), found[0])
    return Utilisation(
        device.used,
        device.available,
        next((report.slrs for report in found if report.slrs), {}),
        next((report.kernels for report in found if report.kernels), {}),
    )


def _first(
    folder: Path, patterns: Iterable[str], read: Callable[[str, str], Report]
) -> Report | None:
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            try:
                return read(path.read_text(encoding="utf-8", errors="replace"), str(path))
            except (OSError, WorkError):
                continue
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
