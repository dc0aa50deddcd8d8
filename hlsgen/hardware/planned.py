# SPDX-License-Identifier: Apache-2.0
"""What a build would do with the vendor's tools, foreseen from what earlier builds left."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sat_host.manifest import Target

from ..toolchain.engine import Outlook, Workspace, peek_steps
from ..toolchain.progress import usual_text
from ..toolchain.run import command_text
from .build import Prepared, at_rung, work_of


@dataclass(frozen=True)
class PlannedStep:
    """A tool step of a build, for the clock of `clock_mhz`. outlook: whether its outcome is there
    already, or is to be made; failed: its timing was missed before, which is not tried again.
    usual: how long such a step takes, "" for one that is not to run."""

    name: str
    command: str
    folder: Path
    outlook: Outlook
    usual: str
    clock_mhz: int

    @property
    def kept(self) -> bool:
        """Its outcome is there already."""
        return self.outlook == "done"


@dataclass(frozen=True)
class HardwarePlan:
    """What a build would do with the tools. assumed: as of Prepared. ladder: the clocks, MHz, that
    are tried in turn where the timing of the link is missed."""

    target: Target
    vitis: str
    platform: str
    assumed: str
    work: Path
    steps: tuple[PlannedStep, ...]
    ladder: tuple[int, ...] = ()


def plan_of(prepared: Prepared, bundle: Path) -> HardwarePlan:
    """What `built_hardware` would do. Writes nothing."""
    work = work_of(bundle, prepared.request.target)
    steps = tuple(_planned(prepared, work))
    linked = [step.clock_mhz for step in steps if step.name == "link" and step.outlook == "to run"]
    lower = [rung.clock_mhz for rung in prepared.rungs]
    return HardwarePlan(
        target=prepared.request.target,
        vitis=prepared.vitis.version,
        platform=prepared.platform.name,
        assumed=prepared.assumed,
        work=work,
        steps=steps,
        ladder=tuple(lower[lower.index(linked[-1]) + 1 :]) if linked else (),
    )


def _planned(prepared: Prepared, work: Path) -> Iterator[PlannedStep]:
    """The steps for each clock that is known to be missed up to that, then those of the next."""
    workspace = Workspace(work, prepared.request.target, lambda settings: {})
    first = 0
    for rung in prepared.rungs:
        tried = at_rung(workspace, rung, prepared)
        outlooks = peek_steps(rung.steps, tried, prepared.request.choice)
        for index in range(first, len(outlooks)):
            step, outlook = rung.steps[index], outlooks[index]
            name = f"{index + 1}-{step.name}"
            yield PlannedStep(
                step.name,
                command_text(step.argv),
                work / (f"{name}-{tried.variant}" if tried.variant else name),
                outlook,
                usual_text(step) if outlook == "to run" else "",
                rung.clock_mhz,
            )
            if outlook == "failed":
                first = index
                break
        else:
            return
