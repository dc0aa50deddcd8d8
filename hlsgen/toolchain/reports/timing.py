# SPDX-License-Identifier: Apache-2.0
"""Vivado's timing summary (report_timing_summary, UG906): the whole design and its worst path."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sat_host.kernels import KERNELS

from ...errors import WorkError

_SLACK = re.compile(r"^Slack\s*(?:\([A-Z]+\))?\s*:\s*(-?\d+(?:\.\d+)?)ns", re.MULTILINE)
_FIELD = re.compile(
    r"^\s+(Source|Destination|Path Group|Path Type|Logic Levels|Requirement):\s+(\S+)(.*)$"
)
_SCALED = re.compile(
    r"failed timing targeting (\d+(?:\.\d+)?) MHz for (?:kernel )?clock '?([^'.\s]+)'?\.\s+"
    r".*?frequency is being automatically changed to (\d+(?:\.\d+)?) MHz"
)
_HOLD = ("Hold", "Removal")
_INSTANCES = tuple(kernel.instance for kernel in KERNELS)
_WRAPPERS = ("inst", "U0")
"""Levels that packaging puts between a compute unit and the kernel's own logic."""


@dataclass(frozen=True)
class TimingPath:
    """A timing path. slack_ns: negative when missed; source, destination: pins; clock: its group;
    levels: logic levels; requirement_ns: the time it has; None when not told."""

    slack_ns: float
    source: str
    destination: str
    clock: str
    levels: int | None
    requirement_ns: float | None = None


@dataclass(frozen=True)
class Timing:
    """The slack of a placed and routed design, in ns, negative when missed.

    wns_ns, tns_ns: worst and total of setup; whs_ns, ths_ns: of hold; None where the report has
    none. path: the worst setup path; module: the instance that it ends in, from the kernel's
    instance downwards, "" when no path is told; start: the one that it starts in.
    """

    wns_ns: float
    tns_ns: float | None
    whs_ns: float | None
    ths_ns: float | None
    path: TimingPath | None
    module: str
    start: str = ""

    @property
    def met(self) -> bool:
        """Whether setup and hold are met."""
        return self.wns_ns >= 0 and (self.whs_ns is None or self.whs_ns >= 0)

    @property
    def reached_mhz(self) -> float | None:
        """The clock that the worst path would meet, None when it is met or the report does not say.

        That path decides as long as it is the worst at that clock too: an estimate.
        """
        path = self.path
        if path is None or path.slack_ns >= 0 or not path.requirement_ns:
            return None
        return reached_mhz(1e3 / path.requirement_ns, path.slack_ns)


def read_timing(text: str, file: str = "timing_summary.rpt") -> Timing:
    """Read a timing summary. Raises WorkError, one line that names `file`, when it holds none."""
    values = _summary(text)
    wns = values.get("WNS(ns)")
    if wns is None:
        raise WorkError(f"{file}: no timing summary (no line with WNS(ns)): link again")
    path = _worst_path(text)
    return Timing(
        wns,
        values.get("TNS(ns)"),
        values.get("WHS(ns)"),
        values.get("THS(ns)"),
        path,
        "" if path is None else module_of(path.destination),
        "" if path is None else module_of(path.source),
    )


@dataclass(frozen=True)
class ScaledClock:
    """A kernel clock that v++ lowered by itself since paths missed it, MHz."""

    clock: str
    wanted_mhz: float
    mhz: float


def read_scaled_clocks(log: str) -> tuple[ScaledClock, ...]:
    """The clocks that the log of a link says were lowered, in its order, each once."""
    found = (ScaledClock(each[1], float(each[0]), float(each[2])) for each in _SCALED.findall(log))
    return tuple(dict.fromkeys(found))


def reached_mhz(wanted_mhz: float, wns_ns: float) -> float:
    """The clock, MHz, at which the worst path would just be met; inf when any would do."""
    period = 1e3 / wanted_mhz - wns_ns
    return 1e3 / period if period > 0 else float("inf")


def module_of(pin: str) -> str:
    """The instance that a pin's cell stands in, from the compute unit on where it is in one.

    >>> module_of("level0_i/ulp/sat_stce_1/inst/row_unit_3_U0/fadd_U7/sum_reg[4]/D")
    'sat_stce_1/row_unit_3_U0/fadd_U7'
    """
    instances = pin.split("/")[:-2]  # without the cell and its pin
    start = next((n for n, name in enumerate(instances) if name in _INSTANCES), 0)
    return "/".join(name for name in instances[start:] if name not in _WRAPPERS)


def _summary(text: str) -> dict[str, float]:
    """The columns of the first row below a line that starts with WNS(ns)."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if line.split()[:1] != ["WNS(ns)"]:
            continue
        names = re.findall(r"\S+(?: \S+)*", line.strip())
        for row in lines[number + 1 : number + 4]:
            numbers = [_float(word) for word in row.split()]
            if numbers and numbers[0] is not None:
                pairs = zip(names, numbers, strict=False)
                return {name: value for name, value in pairs if value is not None}
    return {}


def _worst_path(text: str) -> TimingPath | None:
    """The path of least slack among those that setup is checked for, recovery included."""
    starts = list(_SLACK.finditer(text))
    ends = [*(start.start() for start in starts), len(text)][1:]
    paths = []
    for start, end in zip(starts, ends, strict=True):
        fields = _fields(text[start.end() : end])
        if fields.get("Path Type") not in _HOLD and "Destination" in fields:
            levels = fields.get("Logic Levels", "")
            paths.append(
                TimingPath(
                    float(start[1]),
                    fields.get("Source", ""),
                    fields["Destination"],
                    fields.get("Path Group", ""),
                    int(levels) if levels.isdecimal() else None,
                    _float(fields.get("Requirement", "").removesuffix("ns")),
                )
            )
    return min(paths, key=lambda path: path.slack_ns, default=None)


def _fields(block: str) -> dict[str, str]:
    """The first value of each `Name: value` line; the lines in parentheses say more of them."""
    fields: dict[str, str] = {}
    for line in block.splitlines():
        if (field := _FIELD.match(line)) is not None:
            fields.setdefault(field[1], field[2])
    return fields


def _float(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
