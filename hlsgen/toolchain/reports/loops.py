# SPDX-License-Identifier: Apache-2.0
"""The pipelining results of a C synthesis, from its log: each loop's II, wanted and got."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from .csynth import CsynthReport

_RESULT = re.compile(
    r"Pipelining result\s*:\s*Target II\s*=\s*(?P<wanted>NA|\d+),\s*Final II\s*=\s*(?P<ii>\d+)"
    r"(?:,\s*Depth\s*=\s*(?P<depth>\d+))?(?:,\s*(?P<what>loop|function) '(?P<name>[^']*)')?"
)
_STARTED = re.compile(r"Pipelining (?P<what>loop|function) '(?P<name>[^']*)'")
_MODULE = re.compile(r"-- Implementing module '(?P<module>[^']*)'")
_VIOLATION = re.compile(
    r"The II Violation in module '(?P<module>[^']*)'"
    r"(?: \((?:[Ll]oop|[Ff]unction):? '?(?P<name>[^')]*)'?\))?:\s*(?P<reason>.*)"
)
_UNABLE = re.compile(r"WARNING: \[\S+ \d+-\d+\] (?P<reason>Unable to .*)")
_WORDS = ("ipelining", "II Violation", "Implementing", "Unable to")
"""Every line of interest has one of these."""


@dataclass(frozen=True)
class Pipelined:
    """One pipelined loop or function, as the log of a C synthesis tells it.

    name: the loop's label, or the function's name; wanted_ii: the II asked for, None when none
    was; ii: the II reached, cycles; depth: pipeline stages, None when the log does not say;
    module: the RTL module, "" when the log does not say; reason: why the II was missed, "" when
    it was met or the log does not say; line: of the log, from 1.
    """

    name: str
    wanted_ii: int | None
    ii: int
    depth: int | None
    module: str = ""
    reason: str = ""
    line: int = 0

    @property
    def met(self) -> bool:
        """Whether the II asked for was reached."""
        return self.wanted_ii is None or self.ii <= self.wanted_ii


def read_pipelined(log: str) -> tuple[Pipelined, ...]:
    """Every pipelining result in the log of vitis_hls, vitis-run or v++, in the log's order.

    The lines `[HLS 200-880] The II Violation in module …` and `[HLS 200-1470] Pipelining result`
    (UG1448) are known by their words, as v++ repeats them under numbers of its own.
    """
    found: list[Pipelined] = []
    implemented, started, violations = "", "", dict[str, tuple[str, str]]()
    for number, line in enumerate(log.splitlines(), 1):
        if not any(word in line for word in _WORDS):
            continue
        if (module := _MODULE.search(line)) is not None:
            implemented = module["module"]
        elif (start := _STARTED.search(line)) is not None:
            started, violations = start["name"], {}
        elif (violation := _VIOLATION.search(line)) is not None:
            # The last attempt before the result is the one that a wider II came from.
            name = violation["name"] or started
            violations[name] = violation["module"], violation["reason"].strip()
        elif (unable := _UNABLE.search(line)) is not None:
            violations[started] = implemented, unable["reason"].strip()
        elif (result := _RESULT.search(line)) is not None:
            loop = _pipelined(result, implemented, started, violations)
            found.append(replace(loop, line=number))
            started, violations = "", {}
    return tuple(found)


def with_wanted(report: CsynthReport, pipelined: Sequence[Pipelined]) -> CsynthReport:
    """`report`, whose loops have the II that was asked for, which the log alone tells."""
    exact = {(loop.module, loop.name): loop.wanted_ii for loop in pipelined}
    named = {loop.name: loop.wanted_ii for loop in pipelined}
    loops = (
        replace(loop, wanted_ii=exact.get((loop.module, loop.name), named.get(loop.name)))
        for loop in report.loops
    )
    return replace(report, loops=tuple(loops))


def missed(loops: Sequence[Pipelined]) -> tuple[Pipelined, ...]:
    """Those whose II was not reached, the widest miss first."""
    late = [loop for loop in loops if not loop.met]
    return tuple(sorted(late, key=lambda loop: -(loop.ii - (loop.wanted_ii or 0))))


def _pipelined(
    result: re.Match[str], implemented: str, started: str, violations: dict[str, tuple[str, str]]
) -> Pipelined:
    wanted = None if result["wanted"] == "NA" else int(result["wanted"])
    depth = None if result["depth"] is None else int(result["depth"])
    name, ii = result["name"] or started, int(result["ii"])
    module, reason = violations.get(name) or next(iter(violations.values()), (implemented, ""))
    met = wanted is None or ii <= wanted
    return Pipelined(name, wanted, ii, depth, module, "" if met else reason)
