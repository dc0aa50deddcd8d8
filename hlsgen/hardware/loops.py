# SPDX-License-Identifier: Apache-2.0
"""Each pipelined loop's II, wanted and got, by C synthesis, and as the cells of a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..toolchain.reports.loops import Pipelined
from .parts import ROW_UNITS

LOOPS_HEADER = ("kernel", "module", "loop", "times", "II wanted", "II", "depth")


@dataclass(frozen=True)
class LoopInterval:
    """A pipelined loop of a module. wanted_ii: None when none was asked for; ii, depth: cycles,
    depth None when the log does not say."""

    kernel: str
    module: str
    loop: str
    wanted_ii: int | None
    ii: int
    depth: int | None

    @property
    def missed(self) -> bool:
        """Whether the II asked for was not reached."""
        return self.wanted_ii is not None and self.ii > self.wanted_ii

    @property
    def row_unit(self) -> str:
        """The function of the row units that this is a loop of, "" for none."""
        fit = [name for name in ROW_UNITS.functions if f"{self.module}_".startswith(f"{name}_")]
        return max(fit, key=len) if fit and self.kernel == ROW_UNITS.kernel else ""


def loops_of(pipelined: Mapping[str, Sequence[Pipelined]]) -> tuple[LoopInterval, ...]:
    """Every loop, by kernel; one that was scheduled for several callers once, with the worst II."""
    found: dict[tuple[str, str, str], LoopInterval] = {}
    for kernel, results in pipelined.items():
        for each in results:
            key = kernel, each.module, each.name
            if key not in found or found[key].ii < each.ii:
                found[key] = LoopInterval(*key, each.wanted_ii, each.ii, each.depth)
    return tuple(found.values())


def loop_rows(loops: Sequence[LoopInterval]) -> list[tuple[str, ...]]:
    """The cells under LOOPS_HEADER: the loops of the row units, equal ones in one row, and every
    other that missed its II."""
    shown = Counter(
        (each.kernel, each.row_unit or each.module, each.loop, each.wanted_ii, each.ii, each.depth)
        for each in loops
        if each.row_unit or each.missed
    )
    return [
        (kernel, module or "-", loop, str(times), _cell(wanted), _cell(ii), _cell(depth))
        for (kernel, module, loop, wanted, ii, depth), times in shown.items()
    ]


def _cell(number: int | None) -> str:
    return "-" if number is None else str(number)
