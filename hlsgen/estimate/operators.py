# SPDX-License-Identifier: Apache-2.0
"""What an operator costs on UltraScale+: the one table, each with where the figure is from.

Kinds of sources. The vendor's floating-point cores and adapters: reports of public builds.
Our own integer logic: Yosys 0.23 (`synth_xilinx -family xcup -nowidelut`) on Verilog of its size,
benchmarks/operators.v; `python -m benchmarks.resources` repeats it. What a port of HBM
takes is what another tool reckons with. What none gives is as remembered or assumed. Neither of
these is `verified`: read the real figure from a report.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..resources import Resources

PUBLIC_BUILD = "csynth of a public build: xcu280, 300 MHz, Vitis HLS 2022.2 (scalehls_vitis_test)"
YOSYS = "Yosys 0.23 on benchmarks/operators.v"
REMEMBERED = "as remembered from csynth reports"
HBM_PORT = (
    "HBM_RESOURCE_REQUIREMENTS in Xilinx/finn, src/finn/util/platforms.py, taken for each port; "
    "RapidStream reckons with 5,000 LUT and 6,500 FF a port of 512 bits"
)


@dataclass(frozen=True)
class Operator:
    """each: of one. verified: False where no report, tool or document gave us the figures."""

    name: str
    each: Resources
    source: str
    verified: bool = True


def _by_group(name: str, luts: tuple[int, int, int, int]) -> tuple[Operator, ...]:
    """A lane's logic for each size that a group may have."""
    return tuple(
        Operator(f"{name}, group {group}", Resources(lut=lut), YOSYS)
        for group, lut in zip((4, 8, 16, 32), luts, strict=True)
    )


_TABLE = (
    Operator("fadd fulldsp", Resources(lut=198, ff=318, dsp=2), PUBLIC_BUILD),
    Operator("fmul maxdsp", Resources(lut=78, ff=143, dsp=3), PUBLIC_BUILD),
    Operator("m_axi adapter, 64 bits", Resources(lut=1708, ff=1010), PUBLIC_BUILD),
    Operator("m_axi adapter, a bit more", Resources(lut=1, ff=2), "assumed", False),
    Operator("HBM port", Resources(lut=10718, ff=21793, bram36=4), HBM_PORT, False),
    Operator("s_axilite control", Resources(lut=424, ff=246), PUBLIC_BUILD),
    Operator("exact product", Resources(lut=51, ff=63, dsp=1), YOSYS),
    Operator("unpack binary16", Resources(lut=51), YOSYS),
    Operator("round to binary16", Resources(lut=231), YOSYS),
    *_by_group("prune a lane", (47, 93, 182, 370)),
    *_by_group("rank a lane", (54, 154, 370, 850)),
    *_by_group("pick of a lane", (46, 133, 307, 867)),
    Operator("multiplication, 32 bits", Resources(lut=29, ff=32, dsp=3), YOSYS),
    Operator("division, 32 bits", Resources(lut=238, ff=394), REMEMBERED, False),
    Operator("counter, 32 bits", Resources(lut=54, ff=32), YOSYS),
    Operator("comparison, 32 bits", Resources(lut=22), YOSYS),
    Operator("addition, 32 bits", Resources(lut=32), YOSYS),
    Operator("selection, 32 bits", Resources(lut=32), YOSYS),
    Operator("stream's pointers", Resources(lut=20, ff=10), "assumed", False),
    Operator("process control", Resources(lut=30, ff=30), "assumed", False),
)

ADDER_CYCLES = 6
"""Latency of the addition of the public build, as of one in a row unit with adder_latency 8."""

OPERATORS = {operator.name: operator for operator in _TABLE}
"""The table, by name."""


def cost(name: str, count: int = 1) -> Resources:
    """Of so many operators. Raises KeyError for one that is not in the table."""
    return OPERATORS[name].each * count


def choice(ways: int, bits: int) -> Resources:
    """A multiplexer: a 6-input LUT takes four ways of a bit, the rest is the CLB's own multiplexers
    (UG574, Multiplexers); two ways of two bits share one."""
    if ways <= 1:
        return Resources()
    return Resources(lut=-(-bits // 2) if ways == 2 else bits * -(-ways // 4))


def shared(name: str, uses: int, interval: int, bits: int) -> Resources:
    """So many uses of an operator of `bits` of inputs, as many of which as there are cycles between
    turns of the loop share one, with multiplexers before it."""
    units = -(-uses // interval)
    return (OPERATORS[name].each + choice(min(uses, interval), bits)) * units


def registers(bits: int, stages: int = 1) -> Resources:
    """A word that is kept for so many stages of a pipeline."""
    return Resources(ff=bits * stages)


def comparison(bits: int) -> Resources:
    """Two bits a LUT along the carry chain (UG574, Carry Logic)."""
    return Resources(lut=-(-bits // 2))
