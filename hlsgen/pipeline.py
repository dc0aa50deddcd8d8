# SPDX-License-Identifier: Apache-2.0
"""Pipeline depths that the kernels, the timed simulator and the cycle model take from here.

The tool is told of the first two (INTERFACE latency, LATENCY max: UG1399). The others are assumed,
as a synthesis report would show them: no report was seen.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Pipeline:
    """Cycles of an accelerator's pipelines.

    port_latency: from a port's request to its data, in the loop that makes it. operand_stages: of a
    row unit, from the start of a turn to the addition: activation out of its memory, multiplexer,
    product. stages: of another loop, from what a turn reads to what it writes. loop_control: of a
    loop beyond its turns, to start and to end.
    """

    port_latency: int = 64
    operand_stages: int = 5
    stages: int = 3
    loop_control: int = 2

    def unit_stages(self, adder_latency: int) -> int:
        """Of a row unit, from the start of a turn to the sum that it sends."""
        return self.operand_stages + adder_latency


PIPELINE = Pipeline()
