# SPDX-License-Identifier: Apache-2.0
"""The resource estimate: counted from the sources, monotone, placed SLR by SLR, refused by name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from hlsgen.cards import CARDS
from hlsgen.errors import InputError, WorkError
from hlsgen.estimate import (
    Estimate,
    estimate,
    kernel_text,
    largest_array,
    modules,
    parts,
    require_fit,
    row_units,
)
from hlsgen.estimate.widths import Widths
from hlsgen.fifos import FAMILIES
from hlsgen.render import render
from hlsgen.resources import Resources, total
from hlsgen.spec import Spec
from hlsgen.specfile import load_spec

SPECS = Path(__file__).parents[2] / "specs"


def spec_of(rows: int = 8, lanes: int = 16, group: int = 8, **fields: Any) -> Spec:
    array = {"rows": rows, "lanes": lanes} | fields.pop("array", {})
    sparsity = {"group": group, "keep": min(2, group)}
    return Spec(name="x", array=array, sparsity=sparsity, **fields)


def module(found: Estimate, name: str, kernel: str = "sat_stce") -> Resources:
    (only,) = [each for each in found.modules if (each.name, each.kernel) == (name, kernel)]
    return only.total


# The figures that can be counted by hand ----------------------------------------------------------


def test_dsps_and_memories_of_the_papers_array() -> None:
    found = estimate(spec_of(32, 32, array={"interleave": 16, "memory_tile": 8}))
    # A product is one DSP48E2, a binary32 addition two; 1,024 USPEs.
    assert module(found, "USPE").dsp == 3 * 1024
    # Two halves for each of two rows of a token: 8,192 words of 512 bits are 2 x 8 UltraRAMs.
    assert module(found, "strip buffer") == Resources(uram=2 * 2 * 2 * 8)
    # 512 words of 512 bits: 15 halves of 36 bits.
    assert module(found, "panels").bram36 == 7.5
    # Sums of 1,024 bits, 128 deep, twice (29 halves each), in each row unit, and its packets.
    sums = 32 * 2 * 14.5
    made_of = kernel_text.storage()["row_unit.h:packets"]
    packets = {"bram": 32 * 9.5, "uram": 0.0}[made_of]
    assert module(found, "row unit").bram36 == sums + packets
    # Five multiplications and four additions a weight, two lanes an operator.
    multipliers, adders = 80, 64
    integer = 3  # the number of blocks
    assert module(found, "update_blocks", "sat_wuve").dsp == 3 * multipliers + 2 * adders + integer


def test_what_memories_are_made_of_is_read_from_the_kernels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = dict(kernel_text.storage())
    assert set(now) == {
        "form_packets.h:panels.indices",
        "form_packets.h:panels.values",
        "hold_activations.h:buffer.half",
        "row_unit.h:activations",
        "row_unit.h:leaving",
        "row_unit.h:packets",
        "row_unit.h:running",
        "sore.h:indices",
    }
    found = {}
    for resource in ("bram", "uram"):
        changed = now | {"row_unit.h:packets": resource}
        monkeypatch.setattr(row_units, "storage", lambda changed=changed: changed)
        found[resource] = module(estimate(spec_of(4, 32)), "row unit")
    # 256 words of 672 bits.
    assert found["bram"].bram36 - found["uram"].bram36 == 4 * 9.5
    assert found["uram"].uram - found["bram"].uram == 4 * 10


def test_without_weight_stationary_hardware_it_is_less() -> None:
    both, output = estimate(spec_of()), estimate(spec_of(dataflows=["os"]))
    assert output.total.within(both.total) and output.total != both.total
    assert module(output, "row unit").uram < module(both, "row unit").uram
    assert module(output, "plan_periods").dsp < module(both, "plan_periods").dsp


def test_multipliers_are_shared_within_an_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    cycles = kernel_text.interval("row_steps.h", "PlanPeriods_Period")
    units = -(-5 // cycles)
    assert module(estimate(spec_of(4)), "plan_periods").dsp == 3 * units
    monkeypatch.setattr(row_units, "interval", lambda header, loop: 1)
    assert module(estimate(spec_of(4)), "plan_periods").dsp == 3 * 5
    with pytest.raises(WorkError, match="kernels/fetch.h: the loop FetchCommands_Command states"):
        kernel_text.interval("fetch.h", "FetchCommands_Command")
    with pytest.raises(WorkError):
        kernel_text.interval("fetch.h", "No_Such")


# Widths against the kernels -----------------------------------------------------------------------


def body_of(header: str, name: str) -> str:
    text = (Path(kernel_text.kernels_dir()) / header).read_text()
    return text.partition(f"struct {name} {{\n")[2].partition("\n};")[0]


def test_the_widths_are_those_of_the_kernels_structs() -> None:
    from hlsgen.estimate import widths

    numbers = re.compile(r"^  std::uint32_t \w+;", re.MULTILINE)
    assert len(numbers.findall(body_of("types.h", "Tile"))) == widths.TILE_NUMBERS
    assert len(numbers.findall(body_of("output_rows.h", "OutputTile"))) == (
        widths.OUTPUT_TILE_NUMBERS
    )
    assert len(numbers.findall(body_of("output_rows.h", "RowWalk"))) == widths.ROW_WALK_NUMBERS
    plan = body_of("period.h", "PeriodPlan").partition("PeriodPlan() = default")[0]
    work = re.findall(r"^  int \w+;", body_of("period.h", "PanelWork"), re.MULTILINE)
    own = re.findall(r"^  int \w+;", plan, re.MULTILINE)
    works = re.findall(r"^  PanelWork \w+;", plan, re.MULTILINE)
    flags = re.findall(r"^  bool \w+;", plan, re.MULTILINE)
    assert len(own) + len(works) * len(work) == widths.PLAN_NUMBERS
    assert len(flags) == widths.PLAN_FLAGS
    assert body_of("types.h", "PacketPlace").count("std::uint8_t") == 2
    assert (
        "using Operand = ap_uint<17>;"
        in (Path(kernel_text.kernels_dir()) / "exact_product.h").read_text()
    )


def test_every_stream_and_port_is_counted() -> None:
    spec = spec_of()
    texts = kernel_text.kernel_texts(spec)
    files = render(spec).files
    for name, text in texts.items():
        assert len(text.streams) == files[f"{name}.cpp"].count("  SAT_FIFO(")
        assert len(text.ports) == len(re.findall(r"  SAT_(?:READS|WRITES)\(", files[f"{name}.cpp"]))
    processes = set(re.findall(r'SAT_PROCESS\("(\w+?)(?:_\d+)?"', files["sat_stce.cpp"]))
    named = {each.name for each in modules.modules_of(spec)}
    assert processes - named == {"row"}  # the row unit


# Any array ----------------------------------------------------------------------------------------


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    group = draw(st.sampled_from([4, 8, 16, 32]))
    lanes = draw(st.sampled_from([lanes for lanes in (4, 8, 16, 32, 64) if lanes >= group]))
    array = {
        "interleave": draw(st.integers(1, 64)),
        "memory_tile": draw(st.integers(8, 64)),
        "feed": draw(st.integers(1, 2)),
        "strip_words": draw(st.integers(4160, 8192)),
    }
    dataflows = draw(st.sampled_from([["os"], ["os", "ws"]]))
    card = draw(st.sampled_from(list(CARDS)))
    rows = draw(st.integers(1, 63))
    return spec_of(rows, lanes, group, array=array, dataflows=dataflows, card=card)


@settings(max_examples=15)
@given(specs(), st.dictionaries(st.sampled_from(sorted(FAMILIES)), st.integers(1, 600)))
def test_a_few_row_units_stand_for_all_in_the_text(spec: Spec, depths: dict[str, int]) -> None:
    """What is counted of a short chain is in the text of the whole one, which a build compiles."""
    spec = Spec.model_validate({**spec.model_dump(mode="json"), "fifos": depths})
    rows, texts = spec.array.rows, render(spec).files
    widths = Widths(spec.array_config(), "ws" in spec.dataflows)
    found = {(each.kernel, each.name): each.total for each in modules.modules_of(spec)}
    for kernel in (modules.STCE, modules.WUVE):
        text = kernel_text.read_kernel(texts[f"{kernel}.cpp"])
        named = ("streams", modules.ROW_PARTS[2]) if kernel == modules.STCE else ("streams",)
        counted = total(found[kernel, name] for name in named)
        assert counted == parts.streams(text.streams, widths.tokens())
        ports = parts.adapters(text.ports, widths.word)
        assert found[kernel, "m_axi adapters"] == ports
    whole = kernel_text.kernel_texts(spec)[modules.STCE].streams
    few = kernel_text.kernel_texts(spec, min(rows, 2))[modules.STCE].streams
    assert {each for each in few if not each.name.startswith("sums_")} <= set(whole)


@settings(max_examples=10)
@given(specs())
def test_lanes_and_groups_alone_make_the_update_engine(spec: Spec) -> None:
    text = kernel_text.kernel_texts(spec)[modules.WUVE]
    widths = Widths(spec.array_config(), "ws" in spec.dataflows)
    assert modules._wuve(widths, text) == modules._wuve(widths.of_update, text)


@settings(max_examples=10)
@given(specs())
def test_of_any_array(spec: Spec) -> None:
    found = estimate(spec)
    assert found.total.within(CARDS[spec.card].kernels) is found.fits
    # Nothing is lost between modules and SLRs, and the chain goes through them in order.
    rows = [row for slr in found.slrs for row in slr.rows]
    assert rows == list(range(spec.array.rows - found.unplaced))
    if not found.unplaced:
        assert total(slr.use for slr in found.slrs) == found.total
        assert all(slr.use.within(slr.limit) for slr in found.slrs[1:])
    assert all(amount >= 0 for each in found.modules for _, amount in each.total)
    more = spec.array.model_copy(update={"rows": spec.array.rows + 1})
    grown = estimate(spec.model_copy(update={"array": more}))
    assert found.total.within(grown.total) and found.total != grown.total


def test_rows_fill_the_planned_share_first() -> None:
    found = estimate(spec_of(12, 32, card="u250"))
    assert not found.remarks and not found.unplaced
    assert all(slr.use.within(slr.planned) for slr in found.slrs)
    assert len([slr for slr in found.slrs if slr.rows]) > 1
    assert found.kernel_slrs == {"sat_wuve": "SLR0"}
    small = estimate(spec_of(2, 16, card="u250"))
    assert small.kernel_slrs == {"sat_wuve": "SLR0", "sat_stce": "SLR0"}


# Refusals -----------------------------------------------------------------------------------------


def test_what_is_too_large_is_refused_with_the_largest_that_fits() -> None:
    spec = spec_of(48, 32, card="u50", group=32)
    with pytest.raises(InputError) as caught:
        require_fit(spec, "big.yaml")
    text = str(caught.value)
    assert caught.value.exit_code == 2 and "\n" not in text
    found = re.fullmatch(
        r"big\.yaml: array: 48x32 does not fit u50 \(estimated\): needs ([\d,.]+) LUT of 730,000, "
        r"([\d,.]+) too many; .*: lower array.rows to \d+(?: and array.lanes to \d+)? "
        r"\((?:\d+x\d+ is the most within the planned share; )?(\d+)x(\d+) is the most that fits "
        r"at all(?:, and none is within the planned share)?\), or choose another card",
        text,
    )
    assert found is not None, text
    needed, over, rows, lanes = (int(part.replace(",", "")) for part in found.groups())
    assert needed - over == 730_000
    assert largest_array(spec) == (rows, lanes)
    assert lanes == 32
    for size, fits in (((rows, lanes), True), ((rows + 1, lanes), False)):
        assert estimate(spec_of(*size, group=32, card="u50")).fits is fits


def test_only_what_must_change_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for size, told in (
        ((26, 64), "array.rows to 26"),
        ((64, 32), "array.lanes to 32"),
        ((40, 32), "array.rows to 40 and array.lanes to 32"),
    ):
        monkeypatch.setattr(
            "hlsgen.estimate.estimator.largest_array",
            lambda spec, within_plan=False, size=size: size,
        )
        with pytest.raises(InputError, match=rf": lower {told} \(.*, or choose another card$"):
            require_fit(spec_of(64, 64, card="u50"), "s.yaml")


def test_what_even_one_row_is_too_large_for_names_no_array(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hlsgen.estimate.estimator.largest_array", lambda spec: None)
    with pytest.raises(InputError, match="too many: choose another card$"):
        require_fit(spec_of(64, 64, card="u50"), "s.yaml")


@pytest.mark.parametrize("file", sorted(SPECS.glob("*.yaml")), ids=lambda file: file.stem)
def test_the_specs_fit_their_cards(file: Path) -> None:
    require_fit(load_spec(file), file)
