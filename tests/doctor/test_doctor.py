# SPDX-License-Identifier: Apache-2.0
"""`hlsgen doctor` on machines of every kind, each made of a few files."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from hlsgen.cli.doctor import doctor
from hlsgen.doctor import Finding, can_build_csim, examine
from hlsgen.doctor import card as doctor_card
from hlsgen.doctor import csim as examination
from hlsgen.doctor.ask_xrt import ask


@pytest.fixture(autouse=True)
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine's vendor tools and variables, if it has any, are not looked at."""
    for name in ("XILINX_XRT", "XILINX_VITIS", "PLATFORM_REPO_PATHS", "CXX"):
        monkeypatch.delenv(name, raising=False)
    for name in doctor_card.LICENCE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setitem(sys.modules, "pyxrt", None)
    monkeypatch.setattr("sat_host.xrt.shell_settings.DEFAULT_FOLDER", tmp_path / "no-xrt")
    monkeypatch.setattr(doctor_card, "USUAL_FOLDERS", (str(tmp_path / "no-platforms"),))
    find = doctor_card.find_vitis
    monkeypatch.setattr(doctor_card, "find_vitis", lambda environ: find(environ, roots=()))


def program(folder: Path, name: str, words: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\necho '{words}'\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def run(*arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(doctor, list(arguments), catch_exceptions=False)
    assert result.exit_code == status, result.output
    return result.stdout


def look(environ: dict[str, str]) -> dict[str, Finding]:
    return {finding.name: finding for finding in examine(environ)}


def test_every_part_is_told_with_what_it_stops_and_its_mend() -> None:
    answer = json.loads(run("--json"))
    assert answer["ok"] is True
    rows = {finding["name"]: finding for finding in answer["findings"]}
    assert {
        *("Python", "C++ compiler", "g++", "clang++", "make", "memory", "disk", "Vitis"),
        *("platforms", "licence", "XRT", "pyxrt", "card", "scikit-learn", "safetensors"),
    } <= set(rows)
    for row in rows.values():
        assert row["stops"] or row["found"]
        assert row["mend"] or row["found"], row
        assert row["where"] and "\n" not in row["where"]
    for name in ("Vitis", "platforms", "XRT", "pyxrt"):
        assert not rows[name]["found"] and not rows[name]["required"]


def test_the_table_names_every_missing_part_again_with_its_mend() -> None:
    text = run()
    lines = text.splitlines()
    assert lines[0].split() == ["part", "version", "where"]
    assert lines[-1] == "csim can be built"
    for finding in json.loads(run("--json"))["findings"]:
        name = f"{finding['name']} (optional)" if finding["optional"] else finding["name"]
        told = f"{name}: stops {finding['stops']}\n  {finding['mend']}\n"
        assert (told in text) is not finding["found"]


def test_a_missing_package_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination.importlib.util, "find_spec", lambda name: None)
    text = run()
    for package, stops in (
        ("pillow", "training on folders of images"),
        ("matplotlib", "hlsgen compare"),
        ("safetensors", "checkpoints: hlsgen train needs --no-checkpoints"),
    ):
        assert f"  pip install {package}\n" in text and f": stops {stops}" in text
    assert text.endswith("csim can be built\n")


def test_without_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    text = run(status=3)
    assert "apt-get install g++" in text
    assert "C++ compiler: stops hlsgen build" in text
    assert text.endswith("csim cannot be built: see above\n")


def test_the_second_compiler_stops_nothing(tmp_path: Path) -> None:
    program(tmp_path, "clang++", "Debian clang version 15.0.6")
    found = look({"PATH": f"{tmp_path}", "HOME": str(tmp_path)})
    assert found["C++ compiler"].where.startswith(f"clang++ at {tmp_path}/clang++")
    assert found["clang++"].version == "15.0.6"
    assert not found["g++"].found and found["g++"].mark == "optional"
    assert found["g++"].stops == "the tests that compare two compilers"


def test_a_compiler_that_is_too_old_and_its_mend(tmp_path: Path) -> None:
    program(tmp_path, "g++", "g++ (Debian 8.3.0-6) 8.3.0")
    found = look({"PATH": f"{tmp_path}", "HOME": str(tmp_path)})["C++ compiler"]
    assert not found.found and found.required and found.mark == "--"
    assert "is g++ 8.3.0, too old: 12 or newer is needed" in found.where
    assert found.mend.startswith("install g++ 12 or clang++ 15, e.g. apt-get install g++-12")
    broken = look({"PATH": f"{tmp_path}", "HOME": str(tmp_path), "CXX": '"g++'})["C++ compiler"]
    assert broken.mend == "mend it" and broken.where.startswith('$CXX cannot be read: "g++')


@pytest.fixture
def card_machine(tmp_path: Path) -> dict[str, str]:
    """Vitis, a platform, XRT and a card, as far as files go."""
    vitis = tmp_path / "Vitis" / "2023.2"
    for name in ("v++", "vitis_hls", "vitis-run"):
        program(vitis / "bin", name)
    (vitis / "settings64.sh").write_text("export FROM_SETTINGS=1\n", encoding="utf-8")
    platform = tmp_path / "platforms" / "xilinx_u200_gen3x16_xdma_2_202110_1"
    platform.mkdir(parents=True)
    (platform / f"{platform.name}.xpfm").touch()
    xrt = tmp_path / "xrt"
    (xrt / "python").mkdir(parents=True)
    (xrt / "version.json").write_text('{"BUILD_VERSION": "2.16.204"}', encoding="utf-8")
    (xrt / "python" / "pyxrt.cpython-38-x86_64-linux-gnu.so").touch()
    program(tmp_path / "bin", "lspci", "3b:00.0 Processing accelerators: Xilinx 5000")
    return {
        "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "XILINX_VITIS": str(vitis),
        "XILINX_XRT": str(xrt),
        "PLATFORM_REPO_PATHS": str(tmp_path / "platforms"),
        "LM_LICENSE_FILE": "2100@licences",
    }


def test_a_machine_with_a_card(card_machine: dict[str, str]) -> None:
    found = look(card_machine)
    assert found["Vitis"].version == "2023.2" and found["Vitis"].found
    assert found["Vitis"].where.endswith("($XILINX_VITIS), v++ and vitis_hls and vitis-run")
    assert found["platforms"].where == "xilinx_u200_gen3x16_xdma_2_202110_1"
    assert found["licence"].where == "2100@licences ($LM_LICENSE_FILE)"
    assert (found["XRT"].found, found["XRT"].version) == (True, "2.16")
    assert found["card"].where == "3b:00.0 Processing accelerators: Xilinx 5000"
    assert not found["pyxrt"].found
    assert "for Python 3.8, this is 3." in found["pyxrt"].where
    setup = f"source {card_machine['XILINX_XRT']}/setup.sh"
    assert found["pyxrt"].mend == f"{setup}, and run the bundle with python3.8 -m sat_host"


def test_pyxrt_of_this_python_needs_the_setup_script_alone(card_machine: dict[str, str]) -> None:
    xrt = Path(card_machine["XILINX_XRT"])
    number = f"{sys.version_info.major}{sys.version_info.minor}"
    (xrt / "python" / f"pyxrt.cpython-{number}-x86_64-linux-gnu.so").touch()
    assert look(card_machine)["pyxrt"].mend == f"source {xrt}/setup.sh"


def test_vitis_without_its_hls_part_can_not_build(card_machine: dict[str, str]) -> None:
    for name in ("vitis_hls", "vitis-run"):
        Path(card_machine["XILINX_VITIS"], "bin", name).unlink()
    found = look(card_machine)["Vitis"]
    assert not found.found and "no HLS" in found.where


def test_a_licence_file_that_is_not_there(card_machine: dict[str, str], tmp_path: Path) -> None:
    gone = {**card_machine, "LM_LICENSE_FILE": "/no/such.lic"}
    found = look(gone)["licence"]
    assert not found.found and "$LM_LICENSE_FILE names /no/such.lic" in found.where
    (tmp_path / ".Xilinx").mkdir()
    (tmp_path / ".Xilinx" / "Xilinx.lic").touch()
    assert look(gone)["licence"].where == str(tmp_path / ".Xilinx" / "Xilinx.lic")


def test_no_card_and_a_broken_lspci(tmp_path: Path) -> None:
    environ = {"PATH": str(tmp_path), "HOME": str(tmp_path)}
    assert look(environ)["card"].mend == "apt-get install pciutils"
    (tmp_path / "lspci").write_text("#!/bin/sh\n")
    (tmp_path / "lspci").chmod(0o755)
    assert look(environ)["card"].where == "lspci lists none of Xilinx"
    (tmp_path / "lspci").write_text("#!/bin/sh\nexit 3\n")
    assert look(environ)["card"].where.startswith("unknown: ")


def test_nothing_is_written_and_csim_is_not_promised(tmp_path: Path) -> None:
    findings = examine({"PATH": "", "HOME": str(tmp_path / "home")})
    assert list(tmp_path.iterdir()) == []
    assert not can_build_csim(findings)


def test_memory_for_a_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "ram_bytes", lambda: 4 << 30)
    found = look({"PATH": "", "HOME": "/nowhere"})
    assert found["memory"].found and not found["memory for hw"].found
    assert "hardware.jobs" in found["memory for hw"].mend
    assert found["memory for hw"].where == "16 GiB are assumed for 8 jobs of v++"
    monkeypatch.setattr(examination, "ram_bytes", lambda: 24 << 30)
    enough = look({"PATH": "", "HOME": "/nowhere"})["memory for hw"]
    assert enough.found and enough.where == found["memory for hw"].where


XRT_MODULE = """
import os
class xrt_info_device:
    bdf, name = "0000:3b:00.1", "xilinx_u200_gen3x16_xdma_base_2"
class device:
    def __init__(self, index):
        if index:
            raise RuntimeError("in use")
    def get_info(self, kind):
        return kind
def enumerate_devices():
    print("XRT says hello")
    assert "XCL_EMULATION_MODE" not in os.environ
    return {count}
"""


@pytest.fixture
def pyxrt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a module, which is importable."""
    (tmp_path / "python").mkdir()
    monkeypatch.delitem(sys.modules, "pyxrt")
    monkeypatch.syspath_prepend(tmp_path / "python")
    return tmp_path / "python" / "pyxrt.py"


def test_xrt_lists_the_cards(pyxrt: Path, tmp_path: Path) -> None:
    pyxrt.write_text(XRT_MODULE.replace("{count}", "2"))
    environ = {"PATH": "", "HOME": str(tmp_path), "XCL_EMULATION_MODE": "hw_emu"}
    found = look(environ)
    assert found["pyxrt"].found and found["card"].found
    assert found["card"].where == (
        "xrt:0 (0000:3b:00.1, xilinx_u200_gen3x16_xdma_base_2); xrt:1 (in use)"
    )


def test_xrt_lists_none(pyxrt: Path, tmp_path: Path, card_machine: dict[str, str]) -> None:
    pyxrt.write_text(XRT_MODULE.replace("{count}", "0"))
    found = look({"PATH": "", "HOME": str(tmp_path)})["card"]
    assert not found.found and found.where == "XRT lists none; unknown: no lspci on PATH"
    plugged = look(card_machine)["card"]
    assert not plugged.found and plugged.where.startswith("XRT lists none; 3b:00.0 Processing")
    assert "xrt-smi examine" in plugged.mend


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSEGV)", "pyxrt was ended by SIGSEGV"),
        ("import os\nos._exit(0)", "pyxrt ended without an answer"),
        ("import time\ntime.sleep(60)", "pyxrt ran out of time: more than 0.5 seconds"),
        ("import no_such_library", "pyxrt: XRT is not installed"),
        ("raise RuntimeError('Error: no')", "pyxrt exited with status 1: "),
    ],
)
def test_a_broken_pyxrt_ends_alone(
    pyxrt: Path, card_machine: dict[str, str], monkeypatch: pytest.MonkeyPatch, text: str, says: str
) -> None:
    pyxrt.write_text(text)
    if "sleep" in text:
        monkeypatch.setattr(doctor_card, "ask", partial(ask, seconds=0.5))
    del card_machine["XILINX_XRT"]
    found = look(card_machine)
    assert not found["pyxrt"].found and found["pyxrt"].where.startswith(says)
    assert found["card"].where.startswith("3b:00.0")  # as lspci has it
