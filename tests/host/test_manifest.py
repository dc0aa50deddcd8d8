# SPDX-License-Identifier: Apache-2.0
"""bundle.json: every key that is read is checked, in one line that names it, before it is used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sat_host import BundleError, load_bundle
from sat_host.__main__ import main
from test_host_command_line import MANIFEST

Change = Callable[[dict[str, Any]], None]
FILE = {"file": "a.json", "sha256": "0" * 64}
XCLBIN = {
    "file": "sat.xclbin", "sha256": "0" * 64, "target": "hw_emu", "card": "u200",
    "vitis": "2023.2", "platform": "xilinx_u200_gen3x16_xdma_2_202110_1", "clock_mhz": 200.0,
    "emconfig": FILE,
}  # fmt: skip

MISSING = (
    "name", "hlsgen", "digest", "host", "array", "array.lanes", "sparsity", "sparsity.group",
    "clock_mhz", "dataflows", "model", "data", "data.name", "training", "optimizer", "library",
    "library.file", "library.sha256", "library.machine", "library.isa", "program",
    "program.sha256", "memory", "memory.banks", "kernels", "xclbin", "xclbin.file",
    "xclbin.sha256", "xclbin.target", "xclbin.card", "xclbin.platform", "xclbin.vitis",
    "xclbin.clock_mhz", "xclbin.emconfig",
)  # fmt: skip
OBJECT, LINE, INNER = "an object, got ", "a text of one line, got ", "a path inside of the bundle, "
WRONG: list[tuple[str, Any, str]] = [
    ("name", "../x", "a-z, then at most 39 more of a-z, 0-9 and _, got '../x'"),
    ("name", "", "a-z, then"),
    ("name", ["digits"], LINE),
    ("hlsgen", 1, LINE),
    ("digest", None, LINE),
    ("array", [], OBJECT),
    ("array", None, OBJECT),
    ("sparsity", 3, OBJECT),
    ("clock_mhz", "200", "a number of MHz from 1 to 10000, got '200'"),
    ("clock_mhz", 0, "a number of MHz"),
    ("clock_mhz", float("nan"), "a number of MHz"),
    ("clock_mhz", float("inf"), "a number of MHz"),
    ("data", [], OBJECT),
    ("data.name", None, LINE),
    ("data.path", 3, LINE),
    ("model", "mlp", OBJECT),
    ("training", None, OBJECT),
    ("dataflows", 3, "a list of os or ws, got 3"),
    ("dataflows", "os", "a list of os or ws"),
    ("dataflows", [], "a list of os or ws"),
    ("dataflows", [1], "a list of os or ws"),
    ("dataflows", ["rs"], "a list of os or ws"),
    ("library", "libsat.so", OBJECT),
    ("library.file", None, LINE),
    ("library.file", "a\0b.so", LINE),
    ("library.file", "a\nb.so", LINE),
    ("library.file", "../libsat.so", "the name of a file, ending in .so, got '../libsat.so'"),
    ("library.file", "/libsat.so", "the name of a file"),
    ("library.file", "bundle.json", "the name of a file"),
    ("library.machine", "two\nlines", LINE),
    ("library.isa", [], LINE),
    ("program", 3, OBJECT),
    ("program.file", None, LINE),
    ("program.file", "a\nb", LINE),
    ("program.file", "../program.json", f"{INNER}got '../program.json'"),
    ("program.file", "/program.json", INNER),
    ("memory", [], OBJECT),
    ("memory.banks", [], "a list of lists of memories, none of them empty, got []"),
    ("memory.banks", [[]], "a list of lists"),
    ("memory.banks", [["DDR[0]", 3]], "a list of lists"),
    ("kernels", [], OBJECT),
    ("kernels.sat_stce", "count", "a list of arguments, got 'count'"),
    ("xclbin", "sat.xclbin", OBJECT),
    ("xclbin.file", "..", INNER),
    ("xclbin.sha256", None, LINE),
    ("xclbin.target", "sw_emu", "hw or hw_emu, got 'sw_emu'"),
    ("xclbin.clock_mhz", True, "a number of MHz"),
    ("xclbin.clock_mhz", 1e-300, "a number of MHz"),
    ("xclbin.emconfig", "emconfig.json", OBJECT),
    ("xclbin.emconfig", {"file": "a/../b", "sha256": ""}, INNER),
]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle of nothing but a manifest, with an xclbin and a program."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "bundle.json").write_text(json.dumps(MANIFEST | {"program": FILE, "xclbin": XCLBIN}))
    return folder


def change(bundle: Path, edit: Change) -> None:
    file = bundle / "bundle.json"
    settings = json.loads(file.read_text())
    edit(settings)
    file.write_text(json.dumps(settings))


def refused(bundle: Path) -> str:
    with pytest.raises(BundleError) as caught:
        load_bundle(bundle)
    assert "\n" not in str(caught.value) and caught.value.exit_code == 2
    return str(caught.value)


def section_of(settings: dict[str, Any], place: str) -> tuple[dict[str, Any], str]:
    """What a place lies in, and its key there."""
    *sections, key = place.split(".")
    for each in sections:
        settings = settings[each]
    return settings, key


def test_all_of_it_is_there(bundle: Path) -> None:
    assert load_bundle(bundle).library == bundle / "libsat.so"


@pytest.mark.parametrize("place", MISSING)
def test_a_field_that_is_missing(bundle: Path, place: str) -> None:
    def remove(settings: dict[str, Any]) -> None:
        section, key = section_of(settings, place)
        del section[key]

    change(bundle, remove)
    file = bundle / "bundle.json"
    assert refused(bundle) == f"{file}: {place}: missing: build the bundle again"


@pytest.mark.parametrize(("place", "value", "expected"), WRONG)
def test_a_field_that_is_wrong(bundle: Path, place: str, value: Any, expected: str) -> None:
    def spoil(settings: dict[str, Any]) -> None:
        section, key = section_of(settings, place)
        section[key] = value

    change(bundle, spoil)
    text = refused(bundle)
    where = "xclbin.emconfig.file" if isinstance(value, dict) else place
    assert text.startswith(f"{bundle / 'bundle.json'}: {where}: expected {expected}")
    assert text.endswith(": build the bundle again")


def test_no_command_follows_a_manifest_out_of_its_bundle(
    bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    precious = bundle.with_name("precious.txt")
    precious.write_text("mine")
    for place in ("library", "program"):
        before = (bundle / "bundle.json").read_text()
        change(bundle, lambda settings: settings[place].update(file="../precious.txt"))  # noqa: B023
        for command in ("compile", "deploy", "selftest", "info", "train"):
            assert main([command, str(bundle)]) == 2
            err = capsys.readouterr().err
            assert f"bundle.json: {place}.file: expected " in err and err.count("\n") == 1
        (bundle / "bundle.json").write_text(before)
    assert precious.read_text() == "mine"
