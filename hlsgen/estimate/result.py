# SPDX-License-Identifier: Apache-2.0
"""What an estimate holds. Every figure in it is estimated: nothing was synthesised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from ..resources import Resources
from ..resources import total as sum_of


@dataclass(frozen=True)
class Module:
    """`count` equal parts of a kernel."""

    name: str
    kernel: str
    count: int
    each: Resources

    @cached_property
    def total(self) -> Resources:
        """Of all of them."""
        return self.each * self.count


@dataclass(frozen=True)
class SlrUse:
    """rows: numbers of the row units that are put there. use: with all else that is there. limit:
    what a platform leaves. planned: the share of it beyond which timing is hard to close."""

    name: str
    rows: tuple[int, ...]
    use: Resources
    limit: Resources
    planned: Resources


@dataclass(frozen=True)
class Estimate:
    """card: by name. faults: what is beyond the card, a line each. remarks: what is tight.

    kernel_slrs: the SLR of each kernel that lies whole in one; the others cross. unplaced: row
    units that found no SLR with room for a whole one.
    """

    modules: tuple[Module, ...]
    card: str
    slrs: tuple[SlrUse, ...]
    faults: tuple[str, ...]
    remarks: tuple[str, ...]
    kernel_slrs: Mapping[str, str]
    unplaced: int = 0

    @cached_property
    def total(self) -> Resources:
        """Of all modules."""
        return sum_of(module.total for module in self.modules)

    @property
    def fits(self) -> bool:
        """Nothing is beyond the card."""
        return not self.faults

    @property
    def within_plan(self) -> bool:
        """It fits, and no SLR is filled beyond the planned share."""
        return self.fits and not self.remarks

    def of_kernel(self, kernel: str) -> Resources:
        """Of one kernel's modules."""
        return sum_of(module.total for module in self.modules if module.kernel == kernel)
