# SPDX-License-Identifier: Apache-2.0
"""`deploy` on a card, played by the stand-in: each check, the proof, what is measured."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pyxrt_standin import Card, Machine
from sat_host.__main__ import main
from sat_host.archive.unpack import unpack
from sat_host.csim import CsimBackend
from sat_host.deploy.machine import Point
from sat_host.deploy.run import Report, deploy, report_json
from sat_host.program import Commands
from xrt_bundles import add_xclbin

from hlsgen.package import package

pytestmark = pytest.mark.slow

Plug = Callable[..., Machine]


@pytest.fixture
def xrt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """XRT's folder, of the release that the xclbin asks for."""
    folder = tmp_path / "xrt"
    (folder / "python").mkdir(parents=True)
    (folder / "version.json").write_text('{"BUILD_VERSION": "2.16.204"}')
    monkeypatch.setenv("XILINX_XRT", str(folder))
    return folder


def points(report: Report) -> dict[str, Point]:
    return {point.name: point for point in report.points}


def test_all_is_well_on_a_card(bundle: Path, plug: Plug, xrt: Path) -> None:
    plug(cards=[Card(), Card(bdf="0000:d8:00.1")])
    lines: list[str] = []
    report = deploy(bundle, "1", tell=lines.append)
    assert report.status == 0, report.points
    names = ["files", "Python", "NumPy", "disk", "xclbin", "XRT", "pyxrt", "card", "platform"]
    assert [point.name for point in report.points] == [*names, "load", "self-test"]
    found = points(report)
    assert "187.5 MHz in force" in found["xclbin"].detail
    assert found["XRT"].detail == f"2.16 at {xrt}, Vitis 2023.2 needs 2.16 or newer"
    assert found["card"].detail.startswith("xrt:1, 0000:d8:00.1, xilinx_u200")
    assert report.figures.startswith("xrt:1, 0000:d8:00.1, xilinx_u200")
    assert report.figures.endswith("measured now, 187.5 MHz in force")
    for call in report.calls:  # the back end counts in microseconds
        assert call.kernel_seconds and call.kernel_seconds <= call.seconds + 2e-6
    assert len(report.copies) == 2 and report.calls
    text = "\n".join(lines)
    assert "host time" not in text
    assert text.count("measured") >= len(report.calls) + 2
    assert text.count("over PCIe alone") == text.count("documented peak of PCIe 16") == 2
    for copied in report.copies:
        assert copied.sync_seconds and copied.sync_seconds <= copied.seconds + 2e-6
    assert json.loads(json.dumps(report_json(report)))["ok"] is True


def test_modelled_seconds_are_those_at_the_clock_in_force(
    bundle: Path, plug: Plug, xrt: Path
) -> None:
    plug()
    on_card, on_csim = deploy(bundle, "0"), deploy(bundle, "csim")
    entries = json.loads((bundle / "program.json").read_text())["products"]
    for report in (on_card, on_csim):
        assert report.calls
        for call in report.calls:
            mine = [e for e in entries if f"{e['layer']} {e['stage']}" == call.name]
            cycles = sum(entry["modelled"]["cycles"] for entry in mine)
            assert call.modelled_seconds == pytest.approx(cycles / 187.5e6)


def test_a_packaged_bundle_with_an_xclbin(
    bundle: Path, plug: Plug, xrt: Path, tmp_path: Path
) -> None:
    plug()
    archive = package(bundle, tmp_path / "x.tar.gz").archive
    unpack(archive, tmp_path / "there")
    manifest = json.loads((tmp_path / "there" / "MANIFEST.json").read_text())
    assert manifest["versions"]["vitis"] == "2023.2"
    assert manifest["versions"]["needs"]["XRT"] == "2.16 or newer"
    assert {"XRT", "sat.xclbin"} <= {entry["name"] for entry in manifest["licences"]}
    report = deploy(tmp_path / "there", measure=False)
    assert report.status == 0 and report.device == "xrt:0" and not report.calls
    (bundle / "sat.xclbin").write_bytes(b"xclbin2\0")
    with pytest.raises(Exception, match=r"sat.xclbin: truncated or changed"):
        package(bundle, archive)


def last(bundle: Path, device: str = "xrt:0") -> Point:
    """The point that stopped it."""
    report = deploy(bundle, device)
    assert report.status and not report.checks
    wrong = [point for point in report.points if point.status]
    assert wrong == report.points[-1:]  # nothing after it
    assert "\n" not in wrong[0].detail
    return wrong[0]


def test_no_xrt(bundle: Path, plug: Plug, monkeypatch: pytest.MonkeyPatch) -> None:
    plug()
    monkeypatch.delenv("XILINX_XRT", raising=False)
    monkeypatch.setattr("sat_host.xrt.shell_settings.DEFAULT_FOLDER", Path("/no/such"))
    point = last(bundle)
    assert (point.name, point.status) == ("XRT", 3) and "source its setup.sh" in point.detail


def test_an_xrt_that_is_too_old(bundle: Path, plug: Plug, xrt: Path) -> None:
    plug()
    (xrt / "version.json").write_text('{"BUILD_VERSION": "2.14.354"}')
    point = last(bundle)
    assert (point.name, point.status) == ("XRT", 3)
    assert "2.14" in point.detail and "came out with XRT 2.16: install that" in point.detail


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"BUILD_VERSION": "new"}'])
def test_an_xrt_that_does_not_tell_is_not_compared(
    bundle: Path, plug: Plug, xrt: Path, text: str
) -> None:
    plug()
    (xrt / "version.json").write_text(text)
    report = deploy(bundle, measure=False)
    assert report.status == 0 and "not compared" in points(report)["XRT"].detail


def test_no_pyxrt_for_this_python(
    bundle: Path, plug: Plug, xrt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug()
    monkeypatch.setitem(sys.modules, "pyxrt", None)
    (xrt / "python" / "pyxrt.cpython-38-x86_64-linux-gnu.so").touch()
    point = last(bundle)
    assert (point.name, point.status) == ("pyxrt", 3)
    assert "compiled for Python 3.8" in point.detail


@pytest.mark.parametrize("counts", [True, False])
def test_no_card_and_a_wrong_number(bundle: Path, plug: Plug, xrt: Path, counts: bool) -> None:
    plug(cards=[], counts=counts)
    point = last(bundle)
    assert (point.name, point.status) == ("card", 3) and "XRT lists none" in point.detail
    plug(counts=counts)
    for name in ("7", "0000:d8:00.1", "3b:00.1", ".1", "00:3b:00.1"):
        assert "no such card: choose from xrt:0 (0000:3b:00.1)" in last(bundle, name).detail
    assert points(deploy(bundle, "0000:3B:00.1", measure=False))["card"].status == 0


def test_a_card_with_another_platform(bundle: Path, plug: Plug, xrt: Path) -> None:
    plug(cards=[Card(name="xilinx_u250_gen3x16_xdma_shell_4_1")])
    point = last(bundle)
    assert (point.name, point.status) == ("platform", 2)
    assert "xilinx_u250_gen3x16_xdma_shell_4_1 on the card, but the xclbin is for" in point.detail


def test_an_xclbin_that_the_card_refuses(bundle: Path, plug: Plug, xrt: Path) -> None:
    plug(load_error="Xclbin does not match shell on card.")
    point = last(bundle)
    assert point.name == "load" and "Xclbin does not match shell on card." in point.detail


def test_an_emulated_card_is_proved_and_not_measured(
    bundle: Path, plug: Plug, xrt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = plug()
    monkeypatch.setenv("XILINX_VITIS", "/opt/vitis")
    for name, value in (("EMCONFIG_PATH", ""), ("XCL_EMULATION_MODE", "hw_emu"), ("USER", "")):
        monkeypatch.setenv(name, value)
    add_xclbin(bundle, "hw_emu")
    lines: list[str] = []
    report = deploy(bundle, tell=lines.append)
    assert report.status == 0 and report.target == "hw_emu" and machine.mode == "hw_emu"
    assert not report.copies and not report.calls
    assert points(report)["card"].detail == "none is used: hw_emu, XRT's emulator"
    assert "nothing is measured" in lines[-1]
    assert points(report)["xclbin"].detail.endswith("187.5 MHz asked for")
    assert "in force" not in "\n".join(lines)


def test_an_emulator_without_vitis_names_the_xrt_that_was_found(
    bundle: Path, plug: Plug, xrt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug()
    monkeypatch.delenv("XILINX_VITIS", raising=False)
    monkeypatch.setattr("sat_host.xrt.shell_settings.VITIS_ROOTS", ())
    add_xclbin(bundle, "hw_emu")
    point = last(bundle)
    assert (point.name, point.status) == ("pyxrt", 3)
    assert f"`source {xrt}/setup.sh`" in point.detail and "/opt/xilinx" not in point.detail


@pytest.mark.parametrize("command", ["deploy", "selftest", "train"])
def test_no_such_card_has_one_exit_status(
    bundle: Path, plug: Plug, xrt: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plug()
    for device in ("xrt:9", "xrt:0000:d8:00.1"):
        assert main([command, str(bundle), "--device", device, "--json"]) == 3
        answer = json.loads(capsys.readouterr().out)
        assert answer["ok"] is False and device in json.dumps(answer)


@pytest.mark.parametrize("command", ["deploy", "selftest", "train"])
def test_a_card_that_is_there_and_refuses(
    bundle: Path, plug: Plug, xrt: Path, monkeypatch: pytest.MonkeyPatch, command: str,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    plug()

    def refuse(which: int | str) -> None:
        raise RuntimeError("Permission denied")

    monkeypatch.setattr(sys.modules["pyxrt"], "device", refuse)
    assert main([command, str(bundle), "--device", "xrt:0"]) == 1
    assert "can't be opened (Permission denied)" in "".join(capsys.readouterr())


def test_a_card_that_computes_wrong_is_told_by_tile(
    bundle: Path, plug: Plug, xrt: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    plug()
    honest = CsimBackend.stce

    def wrong(self: CsimBackend, commands: Commands, cycles: int = 0) -> int:
        bad = honest(self, commands, cycles)
        word = int(commands["y_address"][0])
        self.write(word, self.read(word, 1) ^ 0x8000)
        return bad

    monkeypatch.setattr(CsimBackend, "stce", wrong)
    assert main(["deploy", str(bundle), "--device", "csim"]) == 1
    out = capsys.readouterr().out
    assert "cases failed, first dense: Y: " in out and "strip 0" in out and "row unit" in out
    assert "ready" not in out
