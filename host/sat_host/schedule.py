# SPDX-License-Identifier: Apache-2.0
"""Learning-rate schedules: linear warm-up, then half a cosine, steps, or a constant rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

SCHEDULES = ("cosine", "step", "constant")


@dataclass(frozen=True)
class Schedule:
    """How the learning rate follows the step; lengths are in epochs.

    For the first `warmup_epochs` the rate grows linearly to `peak`, which it reaches with the last
    step of the warm-up. Then: `cosine` falls to zero along half a cosine over what is left of the
    run (SGDR without restarts, arXiv 1608.03983); `step` is multiplied by `factor` at the start of
    the epochs that follow each of `milestones`; `constant` stays.
    """

    name: str
    peak: float
    warmup_epochs: float = 0.0
    milestones: tuple[int, ...] = ()
    factor: float = 0.1

    def rate(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """The learning rate of one step of the run, counted from 0."""
        warmup = self.warmup_epochs * steps_per_epoch
        if step < warmup:
            return self.peak * min(1.0, (step + 1) / warmup)
        if self.name == "cosine":
            progress = (step - warmup) / (epochs * steps_per_epoch - warmup)
            return self.peak * 0.5 * (1.0 + math.cos(math.pi * progress))
        if self.name == "step":
            passed = sum(step >= milestone * steps_per_epoch for milestone in self.milestones)
            return self.peak * self.factor**passed
        return self.peak
