# SPDX-License-Identifier: Apache-2.0
"""`python -m sat_host compile`: a library for another processor, of the sources in the bundle."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from sat_host.__main__ import main
from sat_host.archive import recompile as recompiling
from sat_host.archive.contents import MANIFEST_JSON, check_files
from sat_host.archive.recompile import recompile
from sat_host.bundle import open_device
from sat_host.deploy.run import deploy
from sat_host.errors import BundleError, DeviceError, HostError, MissingPackageError


@pytest.mark.slow
def test_a_processor_that_lacks_the_instructions_gets_a_library(
    unpacked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    a = np.arange(12, dtype=np.float16).reshape(3, 4)
    before = open_device(unpacked, "csim").matmul(a, a.T)
    settings = json.loads((unpacked / "bundle.json").read_text())
    if settings["library"]["isa"]:
        monkeypatch.setattr("sat_host.bundle.machine_flags", frozenset)  # an old processor
        with pytest.raises(BundleError, match="run `python3 -m sat_host compile` in "):
            open_device(unpacked, "csim")
    monkeypatch.setattr(recompiling, "machine_isa", lambda: "")
    assert main(["compile", str(unpacked), "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert Path(made["library"]).parent == unpacked and made["isa"] == ""
    assert not (unpacked / "libsat.so").exists()
    assert np.array_equal(open_device(unpacked, "csim").matmul(a, a.T), before)
    assert check_files(unpacked) > 0
    assert deploy(unpacked, measure=False).status == 0
    assert not [path for path in unpacked.iterdir() if path.name.startswith(".")]


@pytest.fixture
def fake_compiler(tmp_path: Path, built: Path) -> dict[str, str]:
    """Writes down how it is called, and gives the bundle's library as what it linked."""
    script = tmp_path / "bin" / "g++"
    script.parent.mkdir()
    script.write_text(
        f"""#!/bin/sh
echo "$@" >> {tmp_path}/calls
while [ "$1" != -o ]; do shift; done
cp {built}/libsat.so "$2"
"""
    )
    script.chmod(0o755)
    return {"PATH": f"{script.parent}:/usr/bin:/bin"}


def test_the_commands_are_those_of_the_build_with_this_machines_instructions(
    unpacked: Path, tmp_path: Path, fake_compiler: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recompiling, "machine_isa", lambda: "x86-64-v3")
    made = recompile(unpacked, fake_compiler)
    assert made.library.name == "libsat-x86-64-v3.so" and made.compiler.endswith("/bin/g++")
    calls = (tmp_path / "calls").read_text().splitlines()
    commands = json.loads((unpacked / MANIFEST_JSON).read_text())["compile"]["commands"]
    assert calls == [" ".join(["-march=x86-64-v3", *command[1:]]) for command in commands]
    settings = json.loads((unpacked / "bundle.json").read_text())
    assert settings["library"]["file"] == made.library.name
    assert settings["library"]["isa"] == "x86-64-v3"
    again = recompile(unpacked, fake_compiler)  # the library takes its own place
    assert again == made and made.library.is_file() and check_files(unpacked) > 0


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("environ", "kind", "says"),
    [
        ({"PATH": ""}, MissingPackageError, "neither g\\+\\+ nor clang\\+\\+ is on PATH"),
        ({"CXX": "no-such-c++"}, MissingPackageError, "\\$CXX names none: install one"),
        ({"CXX": "false"}, DeviceError, "compile: .*false: status 1"),
        ({"CXX": '"g++'}, MissingPackageError, '^\\$CXX cannot be read: "g\\+\\+: .*: mend it$'),
    ],
)
def test_no_compiler_and_one_that_fails_change_nothing(
    unpacked: Path, environ: dict[str, str], kind: type[HostError], says: str
) -> None:
    before = snapshot(unpacked)
    with pytest.raises(kind, match=says):
        recompile(unpacked, {"PATH": os.environ["PATH"], **environ})
    assert snapshot(unpacked) == before


def test_a_compiler_that_is_no_program_is_not_the_disks_fault(
    unpacked: Path, tmp_path: Path
) -> None:
    script = tmp_path / "c++"
    script.write_bytes(b"\x7fELF of another machine")
    script.chmod(0o755)
    before = snapshot(unpacked)
    with pytest.raises(MissingPackageError, match="cannot be run: Exec format error: point CXX"):
        recompile(unpacked, {"CXX": str(script), "PATH": os.environ["PATH"]})
    assert snapshot(unpacked) == before


def test_the_compilers_first_error_is_told(unpacked: Path, tmp_path: Path) -> None:
    script = tmp_path / "c++"
    script.write_text("#!/bin/sh\necho note >&2; echo 'a.h:3:1: error: no' >&2; exit 1\n")
    script.chmod(0o755)
    with pytest.raises(DeviceError, match="a.h:3:1: error: no"):
        recompile(unpacked, {"CXX": str(script), "PATH": os.environ["PATH"]})


def test_a_library_of_another_array_is_not_used(
    unpacked: Path, tmp_path: Path, fake_compiler: dict[str, str]
) -> None:
    settings = json.loads((unpacked / "bundle.json").read_text())
    settings["array"]["rows"] = 2
    (unpacked / "bundle.json").write_text(json.dumps(settings))
    before = snapshot(unpacked)
    with pytest.raises(BundleError, match="built for the array"):
        recompile(unpacked, fake_compiler)
    assert snapshot(unpacked) == before


def test_damaged_sources_and_bundles_that_were_not_packaged(
    unpacked: Path, bundle: Path, fake_compiler: dict[str, str]
) -> None:
    with pytest.raises(BundleError, match="was not packaged: build the bundle again here"):
        recompile(bundle, fake_compiler)
    with (unpacked / "src" / "sat_stce.cpp").open("a") as stream:
        stream.write("// and more\n")
    with pytest.raises(BundleError, match="sat_stce.cpp: truncated or changed"):
        recompile(unpacked, fake_compiler)
    document = json.loads((unpacked / MANIFEST_JSON).read_text())
    for recipe in (None, {}, {"commands": [], "output": "x"}, {"commands": 3, "output": "x"},
                   {"commands": [["c++"]], "output": "../x"}):  # fmt: skip
        (unpacked / MANIFEST_JSON).write_text(json.dumps({**document, "compile": recipe}))
        with pytest.raises(BundleError, match="compile: damaged"):
            recompile(unpacked, fake_compiler)
