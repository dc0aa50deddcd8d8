# SPDX-License-Identifier: Apache-2.0
"""Costs of operators and memories: shapes of the FPGA's primitives, and Yosys where it is here."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmarks.resources import SOURCE, Case, cases, synthesise
from hlsgen.estimate.operators import HBM_PORT, OPERATORS, PUBLIC_BUILD, YOSYS, choice, cost
from hlsgen.estimate.storage import block_ram, lut_ram, memory, shift_register, ultra_ram
from hlsgen.resources import Resources, plain

MODULES = {"product", "multiply32", "lutram", "fifo32", "row_control"}
QUICK = [case for case in cases() if case.module in MODULES]


def test_the_vendors_operators_are_those_of_the_public_report() -> None:
    """csynth of the public U280 build at 300 MHz."""
    reported = {
        "fadd fulldsp": Resources(lut=198, ff=318, dsp=2),
        "fmul maxdsp": Resources(lut=78, ff=143, dsp=3),
        "m_axi adapter, 64 bits": Resources(lut=1708, ff=1010),
        "s_axilite control": Resources(lut=424, ff=246),
    }
    found = {each.name: each.each for each in OPERATORS.values() if each.source == PUBLIC_BUILD}
    assert found == reported


def test_what_has_no_source_says_so() -> None:
    for operator in OPERATORS.values():
        assert operator.verified is (operator.source in (PUBLIC_BUILD, YOSYS))
    with pytest.raises(KeyError):
        cost("fadd", 1)


@pytest.mark.parametrize(
    ("bits", "depth", "halves"),
    [(36, 512, 1), (37, 512, 2), (1024, 128, 29), (512, 512, 15), (18, 1024, 1), (512, 513, 29),
     (1, 16384, 1), (1, 16385, 2), (72, 4096, 16)],
)  # fmt: skip
def test_block_ram(bits: int, depth: int, halves: int) -> None:
    """UG573: RAMB18 of 512 x 36 to 16,384 x 1."""
    assert block_ram(bits, depth) == Resources(bram36=halves / 2)


def test_other_memories() -> None:
    assert ultra_ram(72, 4096).uram == 1 and ultra_ram(73, 4097).uram == 4
    assert lut_ram(14, 32).lut == 8 and lut_ram(15, 32).lut == 16  # RAM32M16
    assert lut_ram(7, 64).lut == 8 and lut_ram(7, 128).lut == 16 + 7  # RAM64M8, and a multiplexer
    assert shift_register(10, 32).lut == 10 and shift_register(10, 33).lut == 20  # SRL32
    assert shift_register(10, 16).lut == 5  # two of 16 places a LUT
    assert memory(72, 4096, "uram") == ultra_ram(72, 4096)
    with pytest.raises(KeyError):
        memory(1, 1, "sram")


def test_multiplexers() -> None:
    assert [choice(ways, 17).lut for ways in (1, 2, 4, 8, 16, 32)] == [0, 9, 17, 34, 68, 136]


def test_resources_add_up() -> None:
    one = Resources(1, 2, 3, 0.5, 4)
    assert one + one == 2 * one == one * 2 == Resources(2, 4, 6, 1, 8)
    assert Resources(10, 10, 10, 2.5, 10).share(Resources(70, 50, 80, 80, 15)) == Resources(
        7, 5, 8, 2, 1
    )
    assert one.within(one) and not one.within(Resources(1, 2, 3, 0, 4))
    assert dict(one) == {"lut": 1, "ff": 2, "dsp": 3, "bram36": 0.5, "uram": 4}
    assert (plain(1234), plain(1234.5), plain(2652660.0)) == ("1,234", "1,234.5", "2,652,660")


def test_every_figure_by_yosys_is_compared() -> None:
    text = SOURCE.read_text()
    compared = {case.module for case in cases()}
    assert {line.split()[1] for line in text.splitlines() if line.startswith("module ")} == compared
    estimated = [case.estimated for case in cases()]
    for operator in OPERATORS.values():
        if operator.source == YOSYS:
            assert operator.each in estimated, operator.name


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("yosys") is None, reason="no yosys on PATH")
@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.name)
def test_yosys_makes_what_is_estimated(case: Case) -> None:
    """Other versions of Yosys map a little differently; DSPs and memories are what they are."""
    made = synthesise(case, str(shutil.which("yosys")))
    assert made.dsp == case.estimated.dsp
    assert made.lut == pytest.approx(case.estimated.lut, rel=0.3)


def test_the_source_is_beside_the_benchmark() -> None:
    assert Path(SOURCE).name == "operators.v" and SOURCE.is_file()


def test_the_document_has_the_table() -> None:
    text = (Path(SOURCE).parents[1] / "docs" / "resources.md").read_text(encoding="utf-8")
    told = {PUBLIC_BUILD: "public build", YOSYS: "Yosys", HBM_PORT: "FINN"}
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    for operator in OPERATORS.values():
        each, source = operator.each, told.get(operator.source, "unverified")
        assert f"| {operator.name} | {each.lut} | {each.ff} | {each.dsp} | {source} |" in rows
