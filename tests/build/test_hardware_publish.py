# SPDX-License-Identifier: Apache-2.0
"""What becomes of an xclbin when the bundle at the target is no more what it was."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fakes import HW, HW_SPEC, Make
from sat_host.bundle import load_bundle
from sat_host.digests import file_digest
from standins import Installation

from hlsgen.errors import WorkError
from hlsgen.toolchain.progress import Watcher
from hlsgen.toolchain.steps import ToolStep


class Meanwhile(Watcher):
    """Does something as the link starts."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def started(self, step: ToolStep, number: int, count: int) -> None:
        if step.name == "link":
            self._act()


def manifest(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "bundle.json").read_text())
    return found


def test_a_csim_build_during_a_link_is_kept(make: Make, hw_spec: Path, tmp_path: Path) -> None:
    """It is of the same accelerator, with other training settings."""
    out = tmp_path / "out"

    def rebuild() -> None:
        hw_spec.write_text(f"{HW_SPEC}training: {{epochs: 3}}\n")
        assert make(None).xclbin is None
        (out / "metrics.jsonl").write_text("of a run\n")

    result = make(replace(HW, watcher=Meanwhile(rebuild)))
    assert result.steps[-1].detail == f"{out}, with the spec that another build put there meanwhile"
    assert manifest(out)["training"]["epochs"] == 3
    assert (out / "spec.yaml").read_bytes() == hw_spec.read_bytes()
    assert manifest(out)["xclbin"] == result.xclbin is not None
    assert file_digest(out / "sat.xclbin") == manifest(out)["xclbin"]["sha256"]
    assert load_bundle(out).xclbin is not None and (out / "metrics.jsonl").exists()


@pytest.mark.parametrize("change", [("rows: 4", "rows: 8"), ("u200", "u250")])
def test_another_accelerator_is_not_replaced(
    make: Make, hw_spec: Path, tmp_path: Path, place: Installation, change: tuple[str, str]
) -> None:
    out = tmp_path / "out"

    def rebuild() -> None:
        hw_spec.write_text(HW_SPEC.replace(*change))
        make(None)

    with pytest.raises(WorkError) as caught:
        make(replace(HW, watcher=Meanwhile(rebuild)))
    text = str(caught.value)
    assert text.startswith(f"{out}: another build put another accelerator there")
    assert str(tmp_path / "out.vitis" / "hw") in text and "\n" not in text
    assert (out / "spec.yaml").read_bytes() == hw_spec.read_bytes()
    assert manifest(out)["xclbin"] is None and not (out / "sat.xclbin").exists()
    called = place.tools_called()
    hw_spec.write_text(HW_SPEC)
    assert make().xclbin is not None
    assert place.tools_called() == called


@pytest.mark.parametrize("left", ["nothing", "a damaged manifest"])
def test_a_bundle_that_is_gone_is_written_whole(make: Make, tmp_path: Path, left: str) -> None:
    out = tmp_path / "out"

    def damage() -> None:
        if left == "nothing":
            out.rename(tmp_path / "elsewhere")
        else:
            (out / "bundle.json").write_text("[]")

    make(replace(HW, watcher=Meanwhile(damage)))
    assert load_bundle(out).xclbin is not None


DAMAGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "clock": lambda image: image.update(clock_mhz="x"),
    "huge clock": lambda image: image.update(clock_mhz=10**400),
    "no emconfig": lambda image: image.pop("emconfig"),
    "file": lambda image: image.update(file="../out/sat.xclbin"),
    "other file": lambda image: image.update(file="sat_host/__init__.py"),
    "card": lambda image: image.update(card="u250"),
    "no report": lambda image: image.pop("report"),
    "report": lambda image: image.update(report={"file": "hardware.json", "sha256": "0"}),
    "list": lambda image: image.update(report=["hardware.json"]),
}


@pytest.mark.slow
def test_what_is_not_whole_is_not_kept(make: Make, tmp_path: Path) -> None:
    out = tmp_path / "out"
    for name, damage in DAMAGES.items():
        make()
        settings = manifest(out)
        damage(settings["xclbin"])
        (out / "bundle.json").write_text(json.dumps(settings))
        assert make(None).xclbin is None, name
        assert not (out / "hardware.json").exists() and not (out / "sat.xclbin").exists()


def test_a_report_that_was_changed_is_not_kept(make: Make, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = make()
    assert make(None).xclbin == made.xclbin
    (out / "hardware.json").write_text("{}")
    assert make(None).xclbin is None


def test_another_card_keeps_no_xclbin(make: Make, hw_spec: Path, tmp_path: Path) -> None:
    """Its sources may be the same."""
    make()
    hw_spec.write_text(HW_SPEC.replace("u200", "u250"))
    assert make(None).xclbin is None
