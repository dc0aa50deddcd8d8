# SPDX-License-Identifier: Apache-2.0
"""A look at what C synthesis reported, before the vendor's tools spend hours on the link.

C synthesis itself stops neither for a design that is larger than what the platform leaves for
kernels nor for an II that was missed; the placer fails for the first, hours later.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..resources import TITLES, plain
from ..toolchain.engine import StepDone, StepError
from ..toolchain.progress import Watcher
from ..toolchain.step_state import Trouble
from ..toolchain.steps import ToolStep
from .differences import Differences
from .results import Origin, differences_of, report_text, results_of, write_report

_SYNTHESIS, _SIMULATION, _LINK = "csynth_", "cosim_", "link"


class Judge:
    """Hears of each step before it runs; judges once, before the first that C synthesis must be
    good enough for. insists: whether the user asked for the link all the same."""

    def __init__(self, origin: Origin, work: Path, watcher: Watcher, *, insists: bool) -> None:
        self._origin, self._work, self._watcher = origin, work, watcher
        self._lenient = insists or origin.target == "hw_emu"
        self._judged = self._repeated = False

    def before(self, step: ToolStep, made: Sequence[StepDone]) -> None:
        """Raise StepError, kind `resources over`, for a bitstream that can't be placed; for
        emulation that is a note. Before a link also note again each II that was missed."""
        if step.name != _LINK and not step.name.startswith(_SIMULATION):
            return
        if not self._judged:
            self._judged = True
            self._judge(made)
        if step.name == _LINK and not self._repeated:
            self._repeated = True
            for done in made:
                if done.warning:
                    self._watcher.note(f"{done.step.name}: {done.warning}")

    def _judge(self, made: Sequence[StepDone]) -> None:
        results = results_of(made)
        differences = differences_of(self._origin, results, None, None)
        if not differences.over:
            return
        cause = self._cause(differences)
        if self._lenient:
            self._watcher.note(f"resources over: {cause}")
            return
        report = write_report(self._work, report_text(self._origin, made, results, differences))
        mend = f"{self._mend(differences)}, or link all the same with --from link"
        trouble = Trouble("resources over", cause, mend, report.name)
        last = [done.step.name for done in made if done.step.name.startswith(_SYNTHESIS)][-1]
        raise StepError(last, trouble.kind, trouble.told(self._work), report)

    def _cause(self, differences: Differences) -> str:
        over = differences.over.items()
        needs = " and ".join(f"{plain(needed)} {TITLES[name]}" for name, (needed, _) in over)
        left = " and ".join(f"{plain(there)} {TITLES[name]}" for name, (_, there) in over)
        return (
            f"by C synthesis the kernels need {needs}, and {self._left_by()} leaves {left} for them"
        )

    def _left_by(self) -> str:
        """A build that ends before the link may have no platform."""
        platform = self._origin.platform
        return f"{platform.card.name}'s platform" if platform.xpfm is None else platform.name

    def _mend(self, differences: Differences) -> str:
        array = self._origin.spec.array
        rows = min(int(array.rows * there / needed) for needed, there in differences.over.values())
        return f"lower array.rows to {rows} or less" if rows else "lower array.lanes"
