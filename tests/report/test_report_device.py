# SPDX-License-Identifier: Apache-2.0
"""What the vendor's tools reported and a device measured, in the report; and files that are torn,
foreign or of another time."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from report_bundles import Page, hardware_of, make_bundle, write_deployed, write_run

from hlsgen.errors import HlsgenError, InputError
from hlsgen.report.data import document
from hlsgen.report.inputs import read_inputs
from hlsgen.report.measured import read_deployed
from hlsgen.report.page import page
from hlsgen.report.runs import found_runs
from hlsgen.report.vendor import parsed

PROFILE = {
    "figures": "measured", "target": "hw",
    "kernels": {"sat_stce": {
        "calls": 10, "seconds": 2.0, "commands": 10, "modelled_calls": 8, "modelled_seconds": 1.0,
        "seconds_of_modelled_calls": 1.25,
    }},
}  # fmt: skip


BAD = ("NaN", "-Infinity", "1e999", '"Infinity"', "1" + "0" * 400)


def with_bad_numbers(text: str) -> Iterator[str]:
    """The JSON text with one number after the other replaced."""
    for found in re.finditer(r"(?<=: )-?\d[\d.e+-]*", text):
        for bad in BAD:
            yield text[: found.start()] + bad + text[found.end() :]


def told_of(bundle: Path) -> dict[str, Any]:
    return document(read_inputs(bundle))


def test_the_tools_report_stands_beside_the_estimate(tmp_path: Path) -> None:
    told = told_of(make_bundle(tmp_path / "b", hardware=hardware_of()))
    tools = told["tools"]
    assert (tools["kind"], tools["clock"]) == ("reported", "180 MHz in force, 200 MHz wanted")
    assert tools["modelled_ms"]["in_force"] == pytest.approx(1e6 / 180e3)
    (loop,) = tools["missed"]
    assert (loop["wanted_ii"], loop["ii"]) == (1, 2)
    rows = {(each["name"], each["resource"]): each for each in tools["resources"]}
    stce = rows["sat_stce", "lut"]
    assert (stce["csynth"], stce["linked"]) == (80000, 70000)
    of_kernel = [each for each in told["resources"]["modules"] if each["kernel"] == "sat_stce"]
    assert stce["estimated"] == sum(each["total"]["lut"] for each in of_kernel)
    read = Page(page(told))
    assert read.faults == [] and "180 MHz in force" in read.text and "worst slack -0.3" in read.text
    assert "Resources as the tools reported them reported" in read.text


def test_without_an_xclbin_nothing_was_synthesised(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b")
    assert "--target hw" in told_of(bundle)["tools"]["missing"]
    (bundle / "hardware.json").write_text(hardware_of())
    told = told_of(bundle)
    assert "missing" in told["tools"]
    assert told["remarks"] == ["hardware.json: not of this bundle, which has no xclbin: left out"]


@pytest.mark.parametrize("text", ["", '{"format": 1', "{}"])
def test_a_tools_report_that_was_changed_is_refused(text: str, tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b", hardware=hardware_of())
    (bundle / "hardware.json").write_text(text)
    with pytest.raises(HlsgenError, match=r"hardware\.json: truncated or changed.*build the"):
        read_inputs(bundle)
    (bundle / "hardware.json").unlink()
    with pytest.raises(HlsgenError, match=r"hardware\.json: No such file.*build the"):
        read_inputs(bundle)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 0}', '{"format": 1}', "[" * 100_000])
def test_a_tools_report_of_another_format_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"h\.json: (no whole|not of format 1).*build") as refused:
        parsed(text.encode(), Path("h.json"))
    assert "\n" not in str(refused.value)


def test_what_a_card_measured_stands_beside_the_model(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b")
    write_deployed(tmp_path / "b.runs" / "deploy.json")
    told = told_of(bundle)
    device = told["device"]
    assert (device["kind"], device["passed"], device["checks"]) == ("measured", 1, 1)
    first = device["products"][0]
    assert (first["name"], first["gops"], first["kernel_gops"]) == ("conv1 FF", 0.5, 1.0)
    assert (first["modelled_gops"], first["modelled_part"]) == (2.0, 0.5)
    assert device["copies"][0]["gb_per_s"] == 0.001
    read = Page(page(told))
    assert "Products timed measured beside modelled" in read.text and read.faults == []
    assert read.keys["device.products.0.gops"] == "0.5" and first["gops"] == 0.5
    assert "at the clock in force on the card" in read.text and "GOPS, kernel" in read.text


def test_the_hosts_time_is_no_measurement(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b")
    write_deployed(bundle / "deploy.json", target="csim")
    told = told_of(bundle)
    assert told["device"]["kind"] == "host time"
    assert {each["modelled_part"] for each in told["device"]["products"]} == {None}
    read = Page(page(told))
    assert "Products timed host time beside modelled" in read.text
    assert not [key for key in read.keys if key.startswith("device")]
    assert "at the spec's clock" in read.text and "in force" not in read.text
    assert "GOPS, modelled" in read.text
    assert not [name for name in ("GOPS, kernel", "of modelled %") if name in read.text]


def test_csim_beside_an_xclbin_is_modelled_at_its_clock(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b", hardware=hardware_of())
    write_deployed(bundle / "deploy.json", target="csim")
    assert "at the clock of the bundle's xclbin" in Page(page(told_of(bundle))).text


def test_an_emulated_card_is_timed_by_nobody(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b")
    file = bundle / "deploy.json"
    write_deployed(file, target="hw_emu")
    answer = json.loads(file.read_text())
    file.write_text(json.dumps({**answer, "products": [], "copies": []}))
    told = told_of(bundle)
    assert (told["device"]["kind"], told["device"]["products"]) == ("simulated", [])
    read = Page(page(told))
    assert read.faults == [] and "1 of 1 cases equal the golden model" in read.text
    assert "Products timed" not in read.text and "compared, not timed" in read.text
    assert "emulated" not in told["device"].values()


def test_the_newest_whole_measurement_of_this_network_is_taken(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b")
    write_deployed(bundle / "deploy-old.json", "conv1 FF")
    write_deployed(bundle / "deploy-other.json", "layer9 FF")
    (bundle / "deploy-torn.json").write_text((bundle / "deploy-old.json").read_text()[:-20])
    (bundle / "deploy-list.json").write_text("[]")
    zero = (bundle / "deploy-old.json").read_text().replace('"seconds": 0.004', '"seconds": 0')
    (bundle / "deploy-zero.json").write_text(zero)
    os.utime(bundle / "deploy-old.json", (1, 1))
    told = told_of(bundle)
    assert told["device"]["file"] == "deploy-old.json"
    assert {line.partition(":")[0] for line in told["remarks"]} == {
        "deploy-other.json", "deploy-torn.json", "deploy-list.json", "deploy-zero.json",
    }  # fmt: skip
    assert all("left out" in line and "\n" not in line for line in told["remarks"])


def test_kernels_of_a_run_on_a_card(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b")
    final = {"devices": ["csim", "xrt:0"], "device_profile": PROFILE}
    write_run(bundle / "card.jsonl", [0.5], final, device="xrt:0")
    emulated = {"devices": ["xrt:0"], "device_profile": {**PROFILE, "target": "hw_emu"}}
    write_run(bundle / "emulated.jsonl", [0.5], emulated, device="xrt:0")
    told = told_of(bundle)
    runs = {run["name"]: run for run in told["runs"]}
    assert (runs["card"]["kind"], runs["card"]["device"]) == ("measured", "csim and xrt:0")
    (kernel,) = runs["card"]["kernels"]
    assert (kernel["seconds_of_modelled"], kernel["modelled_seconds"]) == (1.25, 1.0)
    assert (runs["emulated"]["kind"], runs["emulated"]["kernels"]) == ("simulated", [])
    assert "Kernels over the runs measured beside modelled" in Page(page(told)).text
    assert json.loads(json.dumps(told)) == told


def test_a_bundle_of_an_older_format_is_refused(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b")
    manifest = bundle / "bundle.json"
    whole = manifest.read_text()
    for text in (whole[:-30], "[]", whole.replace('"format": ', '"format": 9'), ""):
        manifest.write_text(text)
        with pytest.raises(HlsgenError, match=r"bundle\.json: .*build the bundle again") as refused:
            read_inputs(bundle)
        assert "\n" not in str(refused.value)


def test_numbers_that_are_none_are_left_out(tmp_path: Path) -> None:
    """In any place: what is taken is finite, and what is not is told in a line."""
    bundle = make_bundle(tmp_path / "b")
    card, run = bundle / "deploy.json", bundle / "card.jsonl"
    write_deployed(card)
    final = {"devices": ["xrt:0"], "device_profile": PROFILE}
    write_run(run, [0.5], final, device="xrt:0")
    inputs = read_inputs(bundle)
    assert inputs.deployed and inputs.runs and not inputs.remarks
    products = frozenset(each["name"] for each in inputs.deployed["products"])
    remarks: list[str] = []
    for file in (card, run):
        whole = file.read_text(encoding="utf-8")
        for text in with_bad_numbers(whole):
            file.write_text(text, encoding="utf-8")
            deployed = read_deployed((bundle,), products, remarks)
            runs, passed_over = found_runs(bundle, inputs.manifest["digest"])
            remarks += passed_over
            json.dumps([deployed, [asdict(each) for each in runs]], allow_nan=False)
            assert (deployed is None) + (not runs) <= 1
        page(document(replace(inputs, deployed=deployed, runs=runs)))
        file.write_text(whole, encoding="utf-8")
    assert len(remarks) > 50 and all("\n" not in line for line in remarks)
    for text in with_bad_numbers(hardware_of()):
        with suppress(InputError):
            json.dumps(parsed(text.encode(), Path("h.json")), allow_nan=False)
