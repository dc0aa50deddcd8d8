# SPDX-License-Identifier: Apache-2.0
"""Bundles that can't be opened: each is one line that names the file and the mend."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sat_host.bundle
from sat_host import BundleError, load_bundle, open_device
from sat_host.bundle import load_stored_program
from sat_host.isa import LEVELS
from sat_host.stored_program import NO_PROGRAM

from hlsgen.build import build

Change = Callable[[dict[str, Any]], None]
XCLBIN = {
    "file": "sat.xclbin", "sha256": "0" * 64, "target": "hw", "card": "u200", "vitis": "2023.2",
    "platform": "xilinx_u200_gen3x16_xdma_2_202110_1", "clock_mhz": 200.0, "emconfig": None,
}  # fmt: skip


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a small array, by way of the ordinary cache."""
    folder = tmp_path_factory.mktemp("bundle")
    spec = folder / "spec.yaml"
    spec.write_text(
        "name: one\narray: {rows: 4, lanes: 8, interleave: 2, memory_tile: 2, adder_latency: 4}\n"
    )
    return build(spec, folder / "one", os.environ).bundle


@pytest.fixture
def bundle(built: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    copy = tmp_path / "bundle"
    shutil.copytree(built, copy)
    return copy


def refused(path: Path) -> str:
    """The one line that opening `path` fails with."""
    with pytest.raises(BundleError) as caught:
        open_device(path)
    text = str(caught.value)
    assert "\n" not in text
    assert str(path) in text
    assert caught.value.exit_code == 2
    return text


def change(bundle: Path, edit: Change) -> None:
    manifest = bundle / "bundle.json"
    settings = json.loads(manifest.read_text())
    edit(settings)
    manifest.write_text(json.dumps(settings))


def set_library(bundle: Path, content: bytes) -> None:
    """Another library, with the digest that fits it."""
    (bundle / "libsat.so").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    change(bundle, lambda settings: settings["library"].update(sha256=digest))


def test_a_good_bundle_opens(bundle: Path) -> None:
    loaded = load_bundle(str(bundle))
    assert loaded.path == bundle
    assert loaded.library == bundle / "libsat.so"
    assert (loaded.config.rows, loaded.config.lanes, loaded.config.group) == (4, 8, 8)
    for given in (str(bundle), bundle, loaded):
        device = open_device(given)
        assert device.dataflows == ("os", "ws")
        two = np.full((1, 1), 2, np.float16)
        assert device.matmul(two, two)[0, 0] == 4


def test_a_relative_path_opens_the_library_of_that_folder(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # "libsat.so" without a folder would be searched for along LD_LIBRARY_PATH.
    monkeypatch.chdir(bundle)
    for given in (".", "", Path()):
        loaded = load_bundle(given)
        assert loaded.path == bundle.resolve()
        two = np.full((1, 1), 2, np.float16)
        assert open_device(given).matmul(two, two)[0, 0] == 4


@pytest.mark.parametrize("given", [None, 3, b"bundle"])
def test_what_is_no_path(given: Any) -> None:
    with pytest.raises(BundleError) as caught:
        open_device(given)
    kind = type(given).__name__
    assert str(caught.value) == f"bundle: expected the path of a bundle folder, got {kind}"


@pytest.mark.parametrize("file", ["bundle.json", "libsat.so"])
def test_a_file_that_may_not_be_read(
    bundle: Path, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Path.open if file == "bundle.json" else Path.read_bytes

    def refuse(path: Path, *given: Any, **named: Any) -> Any:
        if path.name == file:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path, *given, **named)

    monkeypatch.setattr(Path, read.__name__, refuse)
    text = refused(bundle)
    assert text == f"{bundle / file}: Permission denied: check the permissions"


def test_no_folder(tmp_path: Path) -> None:
    assert "no bundle here (bundle.json is missing): make one with" in refused(tmp_path / "none")


def test_a_file_instead_of_a_folder(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    assert "no bundle here" in refused(file)


def test_an_empty_folder(tmp_path: Path) -> None:
    assert "no bundle here" in refused(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b'{"format": 1', b"\xff\xfe\x00", b"[" * 100_000, b"nonsense\nin\nlines"],
    ids=["empty", "open", "cut", "not a text", "deep", "lines"],
)
def test_a_damaged_manifest(bundle: Path, content: bytes) -> None:
    (bundle / "bundle.json").write_bytes(content)
    text = refused(bundle)
    assert "bundle.json: can't be read" in text
    assert text.endswith("build the bundle again")


def test_a_manifest_that_is_a_folder(bundle: Path) -> None:
    (bundle / "bundle.json").unlink()
    (bundle / "bundle.json").mkdir()
    text = refused(bundle)
    assert "bundle.json: can't be read (Is a directory): build the bundle again" in text


@pytest.mark.parametrize("content", ["[]", "3", "null", "{}", '{"format": 1}', '{"format": "2"}'])
def test_another_format(bundle: Path, content: str) -> None:
    (bundle / "bundle.json").write_text(content)
    assert "bundle.json: not of format 3: build the bundle again" in refused(bundle)


@pytest.mark.parametrize(
    ("section", "field", "value", "expected"),
    [
        ("array", "lanes", 0, "an integer from 4 to 64, got 0"),
        ("array", "lanes", -8, "an integer from 4 to 64, got -8"),
        ("array", "lanes", 24, "a power of two, got 24"),
        ("array", "lanes", 1 << 40, "an integer from 4 to 64, got 1099511627776"),
        ("array", "lanes", "4", "an integer from 4 to 64, got '4'"),
        ("array", "lanes", 4.0, "an integer from 4 to 64, got 4.0"),
        ("array", "rows", 0, "an integer from 1 to 64, got 0"),
        ("array", "rows", True, "an integer from 1 to 64, got True"),
        ("array", "interleave", 0, "an integer from 1 to 64, got 0"),
        ("array", "memory_tile", 0, "an integer from 1 to 64, got 0"),
        ("array", "adder_latency", None, "an integer from 1 to 16, got None"),
        ("sparsity", "group", 1, "an integer from 4 to 32, got 1"),
        ("sparsity", "group", 6, "a power of two, got 6"),
        ("sparsity", "group", 16, "at most lanes 8, got 16"),
    ],
)
def test_a_constant_that_no_array_has(
    bundle: Path, section: str, field: str, value: object, expected: str
) -> None:
    change(bundle, lambda settings: settings[section].update({field: value}))
    assert f"bundle.json: {field}: expected {expected}: build the bundle again" in refused(bundle)


def test_no_library(bundle: Path) -> None:
    (bundle / "libsat.so").unlink()
    text = refused(bundle)
    assert "libsat.so: No such file or directory: build the bundle again" in text


def test_a_truncated_library(bundle: Path) -> None:
    library = bundle / "libsat.so"
    library.write_bytes(library.read_bytes()[:-100])
    assert "libsat.so: truncated or changed since it was built" in refused(bundle)
    library.write_bytes(b"")
    assert "truncated or changed" in refused(bundle)


def test_one_changed_byte(bundle: Path) -> None:
    library = bundle / "libsat.so"
    content = bytearray(library.read_bytes())
    content[len(content) // 2] ^= 1
    library.write_bytes(bytes(content))
    assert "truncated or changed" in refused(bundle)


def test_another_machine(bundle: Path) -> None:
    change(bundle, lambda settings: settings["library"].update(machine="riscv128"))
    text = refused(bundle)
    assert f"libsat.so: built for riscv128, this machine is {platform.machine()}" in text


def test_an_instruction_set_that_this_processor_lacks(
    bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    level, needed = LEVELS[0]
    change(bundle, lambda settings: settings["library"].update(isa=level))
    monkeypatch.setattr(sat_host.bundle, "machine_flags", lambda: needed - {"avx512f", "fma"})
    text = refused(bundle)
    assert f"built for {level}, this processor lacks avx512f, fma: build" in text


def test_an_unknown_instruction_set(bundle: Path) -> None:
    change(bundle, lambda settings: settings["library"].update(isa="x86-64-v9"))
    assert "libsat.so: built for x86-64-v9, an instruction set that is not known" in refused(bundle)


@pytest.mark.parametrize(
    "edit",
    [
        lambda s: s["array"].update(rows=2),
        lambda s: s["array"].update(lanes=16),
        lambda s: s["array"].update(adder_latency=3),
        lambda s: s["array"].update(memory_tile=8),
    ],
)
def test_a_library_of_another_array(bundle: Path, edit: Change) -> None:
    change(bundle, edit)
    text = refused(bundle)
    assert "libsat.so: built for the array" in text
    assert "but bundle.json says" in text


def test_a_library_that_is_none(bundle: Path) -> None:
    set_library(bundle, b"this is no shared object\n")
    text = refused(bundle)
    assert "libsat.so: can't be loaded" in text
    assert text.endswith("build the bundle again here")


def test_a_shared_object_without_the_functions(bundle: Path, tmp_path: Path) -> None:
    from hlsgen.toolchain.compiler import find_compiler
    from hlsgen.toolchain.run import run

    source, target = tmp_path / "other.cpp", tmp_path / "other.so"
    source.write_text("int other() { return 1; }\n")
    run([*find_compiler(os.environ).command, "-shared", "-fPIC", str(source), "-o", str(target)])
    set_library(bundle, target.read_bytes())
    text = refused(bundle)
    assert "can't be loaded" in text
    assert "sat_csim_" in text


def set_program(bundle: Path, content: bytes) -> None:
    """Another program, with the digest that fits it."""
    (bundle / "program.json").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    change(bundle, lambda settings: settings["program"].update(sha256=digest))


def test_a_bundle_without_a_program_takes_the_default_tilings(bundle: Path) -> None:
    change(bundle, lambda settings: settings.update(program=None))
    assert load_stored_program(load_bundle(bundle)) == NO_PROGRAM
    two = np.full((1, 1), 2, np.float16)
    assert open_device(bundle).matmul(two, two)[0, 0] == 4


def test_a_program_that_is_missing_or_not_the_one_that_was_built(bundle: Path) -> None:
    program = bundle / "program.json"
    assert len(load_stored_program(load_bundle(bundle)).tilings) > 3
    program.write_text(program.read_text() + " ")
    assert "program.json: truncated or changed since it was built" in refused(bundle)
    program.unlink()
    assert f"{program}: No such file or directory: build the bundle again" in refused(bundle)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff", "can't decode"),
        (b"", "Expecting value"),
        (b"[" * 100_000, "recursion"),
        (b'{"format": 1, "products": [3]}', "products[0]: expected an object"),
    ],
)
def test_a_program_that_can_not_be_read(bundle: Path, content: bytes, reason: str) -> None:
    set_program(bundle, content)
    text = refused(bundle)
    assert "program.json: " in text and reason in text and "build the bundle again" in text


def test_a_program_with_a_dataflow_that_the_array_lacks(bundle: Path) -> None:
    text = (bundle / "program.json").read_bytes()
    set_program(bundle, text.replace(b'"dataflow": "os"', b'"dataflow": "ws"'))
    open_device(bundle)
    change(bundle, lambda settings: settings.update(dataflows=["os"]))
    assert "tiling.dataflow: the array has os: build the bundle again" in refused(bundle)


def test_what_a_bundle_says_of_its_card(bundle: Path) -> None:
    loaded = load_bundle(bundle)
    assert loaded.xclbin is None
    assert loaded.banks == (("DDR[0]",), ("DDR[1]",), ("DDR[2]",), ("DDR[3]",))
    emconfig = {"file": "emconfig.json", "sha256": "1" * 64}
    change(bundle, lambda s: s.update(xclbin=XCLBIN | {"target": "hw_emu", "emconfig": emconfig}))
    image = load_bundle(bundle).xclbin
    assert image is not None and image.emconfig is not None
    assert (image.file.path, image.emconfig.path) == (
        bundle / "sat.xclbin",
        bundle / "emconfig.json",
    )
    assert (image.target, image.clock_mhz, image.card) == ("hw_emu", 200.0, "u200")
