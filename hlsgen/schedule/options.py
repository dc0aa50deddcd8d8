# SPDX-License-Identifier: Apache-2.0
"""What the scheduler may use: everything, but for comparisons without one optimisation."""

from __future__ import annotations

from dataclasses import dataclass

from sat_host.tiling import DATAFLOWS


@dataclass(frozen=True)
class Options:
    """dataflows: those to choose from. interleaved: the passes go through the T x Q sums; if not,
    the reduction is innermost and each addition waits for the one before. pregenerated: FF and BP
    read packed records; if not, they read all weights, which the loader prunes. overlap: an update
    runs beside the next product. Raises ValueError for no or an unknown dataflow.
    """

    dataflows: tuple[str, ...] = DATAFLOWS
    interleaved: bool = True
    pregenerated: bool = True
    overlap: bool = True

    def __post_init__(self) -> None:
        if not self.dataflows or set(self.dataflows) - set(DATAFLOWS):
            raise ValueError(f"dataflows: expected some of {DATAFLOWS}, got {self.dataflows}")


ALL = Options()
"""Every optimisation."""
