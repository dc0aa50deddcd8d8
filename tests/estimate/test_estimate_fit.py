# SPDX-License-Identifier: Apache-2.0
"""Ports of memory, the share that is planned with, and what an estimate says of itself."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sat_host.kernels import KERNELS, masters

from hlsgen.cards import CARDS
from hlsgen.errors import InputError
from hlsgen.estimate import Estimate, estimate, kernel_text, largest_array, report, require_fit
from hlsgen.estimate.fit import _tight, parts_of, place, remarks_of
from hlsgen.estimate.modules import NEITHER
from hlsgen.estimate.result import SlrUse
from hlsgen.resources import Resources
from hlsgen.spec import Spec
from hlsgen.specfile import load_spec

SPECS = Path(__file__).parents[2] / "specs"
HBM = [name for name, card in CARDS.items() if card.memory.kind == "HBM"]
DDR = [name for name in CARDS if name not in HBM]
PORT = Resources(lut=10718, ff=21793, bram36=4)


def spec_on(card: str, rows: int = 8, lanes: int = 16, **array: Any) -> Spec:
    return Spec(name="x", card=card, array={"rows": rows, "lanes": lanes} | array)


# Ports of memory ----------------------------------------------------------------------------------


def test_masters_are_those_of_the_rendered_kernels() -> None:
    texts = kernel_text.kernel_texts(spec_on("u50"))
    for kernel in KERNELS:
        assert set(kernel.bundles) == {port.bundle for port in texts[kernel.name].ports}
        assert len(set(kernel.bundles)) == len(kernel.bundles)
    assert masters() == 12 and masters(KERNELS[:1]) == 6


@pytest.mark.parametrize("card", HBM)
def test_each_master_has_a_port_of_hbm(card: str) -> None:
    found, plain = estimate(spec_on(card)), estimate(spec_on("u250"))
    (ports,) = [module for module in found.modules if module.kernel == NEITHER]
    assert (ports.name, ports.count, ports.each) == ("HBM ports", 12, PORT)
    assert found.total == plain.total + PORT * 12
    for kernel in ("sat_stce", "sat_wuve"):
        assert found.of_kernel(kernel) == plain.of_kernel(kernel)
    assert (PORT * 12).within(found.slrs[0].use)


@pytest.mark.parametrize("card", DDR)
def test_ports_of_ddr_are_not_counted_and_it_is_said(card: str) -> None:
    spec = spec_on(card)
    assert all(module.kernel != NEITHER for module in estimate(spec).modules)
    (told,) = [note for note in report.notes(spec) if "DDR" in note]
    assert "12 AXI masters and the 4 DDR banks takes is unknown, not counted" in told


def test_the_ports_lie_beside_the_memory() -> None:
    spec, card = spec_on("u280"), CARDS["u280"]
    assert all(set(CARDS[name].memory.slrs) == {"SLR0"} for name in HBM)
    parts = parts_of(estimate(spec).modules, spec.array.rows)
    moved = replace(card, memory=replace(card.memory, slrs=("SLR2",) * 32))
    near, far = place(parts, card), place(parts, moved)
    assert (PORT * 12).within(near.slrs[0].use) and near.slrs[2].use == Resources()
    assert far.slrs[2].use == PORT * 12


# Where parts lie ----------------------------------------------------------------------------------


def test_the_second_kernel_goes_where_it_leaves_room() -> None:
    """Beside the ports of HBM and the loaders there is none within the planned share."""
    found = estimate(load_spec(SPECS / "small.yaml"))
    assert found.within_plan
    assert found.kernel_slrs["sat_wuve"] == "SLR1"
    assert "sat_stce" not in found.kernel_slrs, "it spans both, so the link pins no part of it"
    assert [bool(slr.rows) for slr in found.slrs] == [True, True]


def test_a_kernel_is_pinned_only_where_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    spec, card = spec_on("u50"), CARDS["u50"]
    assert set(estimate(spec).kernel_slrs) == {"sat_wuve"}
    tiny = tuple(replace(slr, kernels=Resources(1, 1, 1, 1, 1)) for slr in card.slrs)
    monkeypatch.setattr(
        "hlsgen.estimate.estimator.CARDS", {**CARDS, "u50": replace(card, slrs=tiny)}
    )
    assert estimate(spec).kernel_slrs == {}


def test_what_fits_no_way_is_placed_all_the_same() -> None:
    spec, card = spec_on("u50", 48, 32), CARDS["u50"]
    parts = parts_of(estimate(spec).modules, 48)
    placed = place(parts, card)
    assert placed.left and placed.tight and not placed.over
    crowded = place(replace(parts, ends=parts.ends + card.kernels), card)
    assert crowded.over and not crowded.slrs[0].rows and crowded.slrs[1].rows


# The planned share --------------------------------------------------------------------------------


def test_what_is_tight_is_not_within_the_plan() -> None:
    tight = estimate(spec_on("u200", 32, 32))
    assert tight.fits and not tight.within_plan
    assert [remark.split(" is tight")[0] for remark in tight.remarks] == ["SLR0", "SLR1", "SLR2"]
    assert estimate(spec_on("u200")).within_plan
    assert not estimate(spec_on("u50", 48, 32)).within_plan


def test_the_largest_array_within_the_planned_share() -> None:
    spec = spec_on("vcu1525", 32, 32)
    assert largest_array(spec) == (32, 32)
    size = largest_array(spec, within_plan=True)
    assert size is not None and size[1] == 32
    assert estimate(spec_on("vcu1525", *size)).within_plan
    assert not estimate(spec_on("vcu1525", size[0] + 1, 32)).within_plan


def test_a_refusal_names_both(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = spec_on("u50", 48, 32)
    fits, planned = largest_array(spec), largest_array(spec, within_plan=True)
    assert fits is not None and planned is not None and fits != planned
    rows, lanes = planned
    told = (
        rf": lower array.rows to {rows} and array.lanes to {lanes} \({rows}x{lanes} is the most "
        rf"within the planned share; {fits[0]}x{fits[1]} is the most that fits at all\), or "
    )
    with pytest.raises(InputError, match=told):
        require_fit(spec, "big.yaml")
    for found, told in (
        (None, "8x32 is the most that fits at all, and none is within the planned share"),
        ((8, 32), "8x32 is the most that fits, and within the planned share"),
    ):
        monkeypatch.setattr(
            "hlsgen.estimate.estimator.largest_array",
            lambda spec, within_plan=False, found=found: found if within_plan else (8, 32),
        )
        with pytest.raises(InputError, match=rf": lower array.rows to 8 \({told}\), or choose"):
            require_fit(spec, "big.yaml")


@pytest.mark.parametrize(
    ("lut", "ff", "told"),
    [
        (1201, 100, "SLR0 is over: LUT 120 % (planned 70 %)"),
        (1004, 100, "SLR0 is over: LUT 100.4 % (planned 70 %)"),
        (701, 504, "SLR0 is tight: LUT 70.1 % (planned 70 %), FF 50.4 % (planned 50 %)"),
        (712, 500, "SLR0 is tight: LUT 71 % (planned 70 %)"),
        (700, 500, ""),
    ],
)
def test_what_is_over_is_not_called_tight(lut: int, ff: int, told: str) -> None:
    limit = Resources(lut=1000, ff=1000)
    planned = Resources(lut=700, ff=500)
    assert _tight(SlrUse("SLR0", (), Resources(lut=lut, ff=ff), limit, planned)) == told


def test_a_card_without_a_platform_is_likened_to_another() -> None:
    rows = report.module_rows(estimate(spec_on("vcu1525")))
    assert rows[-2][1] == "left for kernels, as on the AMD Alveo U200"
    assert report.module_rows(estimate(spec_on("u200")))[-2][1] == "left by u200's platform"


def test_one_row_unit_finds_and_two_find_no_room() -> None:
    parts = parts_of(estimate(spec_on("u50")).modules, 8)
    placed = place(parts, CARDS["u50"])
    for left, words in ((1, "1 of 8 row units finds no"), (2, "2 of 8 row units find no")):
        assert remarks_of(replace(placed, left=left), parts)[0].startswith(words)


def test_what_fits_is_returned() -> None:
    spec = spec_on("u200")
    found = require_fit(spec, "x.yaml")
    assert isinstance(found, Estimate) and found == estimate(spec)


# Notes --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("latency", "cycles"), [(6, 4), (7, 5), (8, None), (9, 7), (14, 12), (16, 12)]
)
def test_the_adder_of_another_latency_is_noted(latency: int, cycles: int | None) -> None:
    told = " ".join(report.notes(spec_on("u200", adder_latency=latency)))
    found = re.search(
        r"an adder of 6 cycles, whatever array\.adder_latency is: .* it has (\d+)", told
    )
    assert (found and int(found[1])) == cycles
    # A longer row unit needs deeper streams; the rest is the same.
    array = {"rows": 8, "lanes": 16}
    fifos = dict.fromkeys(("activations", "packets"), 32)
    same = Spec(name="x", card="u200", array=array | {"adder_latency": latency}, fifos=fifos)
    assert estimate(same).total == estimate(spec_on("u200")).total


def test_the_tables_adder_is_that_of_the_default() -> None:
    types = (Path(kernel_text.kernels_dir()) / "types.h").read_text()
    assert "kAddLatency = shorter(12, longer(0, Config::kAdderLatency - 2));" in types
    assert spec_on("u200").array.adder_latency - 2 == report.ADDER_CYCLES


def test_the_notes_tell_the_tools_may_place_otherwise() -> None:
    for card in CARDS:
        first, memory, *rest = report.notes(spec_on(card))
        assert "our order of filling" in first and "nothing was synthesised" in first
        assert ("HBM ports" in memory) is (card in HBM) and not rest
