# SPDX-License-Identifier: Apache-2.0
"""`python -m benchmarks.resources`: the estimate's logic costs beside what Yosys makes of them.

Synthesises every module of benchmarks/operators.v for UltraScale+ and sets LUT, FF and DSP beside
the figures that hlsgen/estimate counts with. Yosys is not the vendor's synthesis: it merges no two
small functions into one LUT, and it knows of no timing.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sat_host.config import ArrayConfig

from hlsgen.estimate.kernel_text import interval
from hlsgen.estimate.operators import choice, comparison, cost, shared
from hlsgen.estimate.parts import block
from hlsgen.estimate.row_units import PLAN_PRODUCTS, plan_periods, row_control, uspe
from hlsgen.estimate.storage import lut_ram, shift_register
from hlsgen.estimate.widths import OPERAND_BITS, Widths
from hlsgen.resources import Resources

from .report import show

SOURCE = Path(__file__).with_name("operators.v")
SECONDS = 300.0
# LUTs of a primitive that is a memory (UG974).
_MEMORY_LUTS = {"RAM32M16": 8, "RAM64M8": 8, "RAM32M": 4, "RAM64M": 4, "SRL16E": 0.5, "SRLC32E": 1}


@dataclass(frozen=True)
class Case:
    """A module of operators.v with its parameters, and what the estimate says of it."""

    module: str
    parameters: Mapping[str, int]
    estimated: Resources

    @property
    def name(self) -> str:
        """For tables."""
        values = ", ".join(f"{name} {value}" for name, value in self.parameters.items())
        return f"{self.module} ({values})" if values else self.module


def cases() -> tuple[Case, ...]:
    """All that is compared."""
    groups = (4, 8, 16, 32)
    single = {
        "product": "exact product",
        "unpack": "unpack binary16",
        "round16": "round to binary16",
        "multiply32": "multiplication, 32 bits",
        "counter32": "counter, 32 bits",
        "compare32": "comparison, 32 bits",
        "add32": "addition, 32 bits",
        "pick32": "selection, 32 bits",
    }
    return (
        *(Case(module, {}, cost(name)) for module, name in single.items()),
        *(Case("choice", {"GROUP": g}, choice(g, OPERAND_BITS)) for g in groups),
        *(
            Case("prune_lane", {"GROUP": g, "OWN": g // 2 - 1}, cost(f"prune a lane, group {g}"))
            for g in groups
        ),
        *(Case("rank_lane", {"GROUP": g}, cost(f"rank a lane, group {g}")) for g in groups),
        *(Case("pick_lane", {"GROUP": g}, cost(f"pick of a lane, group {g}")) for g in groups),
        *(Case("lane", {"GROUP": g}, _lane(g)) for g in groups),
        Case("row_control", {}, _row_control()),
        Case("plan_periods", {}, _plan_periods()),
        *(Case("block", {"LANES": lanes}, block(lanes)) for lanes in (4, 8, 16)),
        *(Case("lutram", {"BITS": 56, "DEPTH": depth}, lut_ram(56, depth)) for depth in (32, 64)),
        Case("fifo32", {"BITS": 64}, shift_register(64, 32) + cost("stream's pointers")),
        Case("equals16", {}, comparison(16)),
    )


def _lane(group: int) -> Resources:
    """A USPE without its adder, in an array that has both dataflows."""
    config = ArrayConfig(4, 32, group, 4, 4, 8)
    adder = cost("fadd fulldsp")
    whole = uspe(Widths(config, stationary=True))
    return Resources(whole.lut - adder.lut, whole.ff - adder.ff, whole.dsp - adder.dsp)


def _row_control() -> Resources:
    """Of a row unit, without its multiplications and what all lanes share."""
    config = ArrayConfig(4, 4, 4, 4, 4, 8, feed=1)  # one token row, one group: nothing is shared
    widths = Widths(config, stationary=True)
    whole, products = row_control(widths), cost("multiplication, 32 bits", 3)
    spared = (
        widths.operands + widths.plan
    )  # the activations, and a copy of the plan for later stages
    return Resources(whole.lut - products.lut, whole.ff - products.ff - spared)


def _plan_periods() -> Resources:
    """Without its multiplications."""
    whole = plan_periods(Widths(ArrayConfig(32, 32, 8, 16, 8, 8), stationary=True))
    cycles = interval("row_steps.h", "PlanPeriods_Period")
    products = shared("multiplication, 32 bits", PLAN_PRODUCTS, cycles, bits=64)
    return Resources(whole.lut - products.lut, whole.ff - products.ff)


def synthesise(case: Case, yosys: str) -> Resources:
    """What Yosys makes of a module. Raises RuntimeError with its last line when it fails."""
    parameters = " ".join(f"-chparam {name} {value}" for name, value in case.parameters.items())
    with tempfile.TemporaryDirectory(prefix="hlsgen-yosys-") as folder:
        found = Path(folder) / "cells.json"
        script = (
            f"read_verilog {SOURCE}; hierarchy -top {case.module} {parameters}; "
            f"synth_xilinx -family xcup -flatten -nowidelut -noiopad -noclkbuf -top {case.module}; "
            f"tee -q -o {found} stat -json"
        )
        command = [yosys, "-q", "-p", script]
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        if done.returncode:
            raise RuntimeError(f"yosys: {case.name}: {done.stderr.strip().splitlines()[-1]}")
        cells = json.loads(found.read_text(encoding="utf-8"))["design"]["num_cells_by_type"]
    return _counted(cells)


def _counted(cells: Mapping[str, int]) -> Resources:
    luts = sum(count for name, count in cells.items() if re.fullmatch(r"LUT\d", name))
    luts += sum(round(_MEMORY_LUTS.get(name, 0) * count) for name, count in cells.items())
    flops = sum(count for name, count in cells.items() if name.startswith("FD"))
    return Resources(lut=luts, ff=flops, dsp=cells.get("DSP48E2", 0))


def main() -> None:
    """Measure all and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.resources", description=__doc__)
    parser.add_argument("--markdown", action="store_true", help="print a Markdown table")
    options = parser.parse_args()
    yosys = shutil.which("yosys")
    if yosys is None:
        parser.error("no yosys on PATH: install it, `apt-get install yosys`")
    rows = []
    for case in cases():
        made, said = synthesise(case, yosys), case.estimated
        off = f"{100 * (said.lut - made.lut) / made.lut:+.0f} %" if made.lut else "-"
        rows.append(
            (case.name, f"{said.lut} / {made.lut}", off, f"{said.ff} / {made.ff}",
             f"{said.dsp} / {made.dsp}")
        )  # fmt: skip
    header = ("module", "LUT estimated / Yosys", "off", "FF", "DSP")
    show("logic costs of hlsgen estimate", header, rows, options.markdown)


if __name__ == "__main__":
    main()
