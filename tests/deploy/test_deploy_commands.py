# SPDX-License-Identifier: Apache-2.0
"""`python -m sat_host deploy` and `hlsgen deploy` as commands: what they print and return."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hlsgen.cli.main import main

pytestmark = pytest.mark.slow

ABSENT = ("hlsgen", "sklearn", "tqdm", "safetensors", "PIL")


def host(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """The bundle's own sat_host, with nothing but NumPy beside it."""
    blocked = (
        "import runpy, sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {ABSENT}:\n"
        "            raise ModuleNotFoundError(name, name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        f"sys.path.insert(0, {str(folder)!r})\n"
        f"sys.argv = ['sat_host', *{list(arguments)!r}]\n"
        "runpy.run_module('sat_host', run_name='__main__', alter_sys=True)\n"
    )
    return subprocess.run(
        [sys.executable, "-B", "-c", blocked],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, **environ},
        timeout=300,
    )


@pytest.mark.slow
def test_the_unpacked_bundle_needs_numpy_alone(unpacked: Path) -> None:
    done = host(unpacked, "deploy", "--no-measure")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("ready: python3 -m sat_host train --device csim\n")
    elsewhere = unpacked.parent / "else where"
    shutil.copytree(unpacked, elsewhere)
    done = host(unpacked, "deploy", "--no-measure", str(elsewhere))
    ready = f"cd '{elsewhere}' && python3 -m sat_host train --device csim"
    assert done.stdout.endswith(f"ready: {ready}\n")
    done = host(unpacked, "train", "--epochs", "1", "--quiet", "--json", "--metrics", "m.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["epochs"] == 1
    done = host(unpacked, "selftest", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 0 and answer["ok"] and answer["device"] == "csim"
    assert {"name", "detail", "passed"} == set(answer["checks"][0])


def test_without_numpy_it_is_one_line(unpacked: Path) -> None:
    code = f"-S -B -m sat_host train {unpacked}"
    done = subprocess.run(
        [sys.executable, *code.split()], cwd=unpacked, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 3 and done.stdout == ""
    assert done.stderr == "sat_host: NumPy is missing: run `pip install 'numpy>=1.24'`\n"
    done = subprocess.run(
        [sys.executable, *code.split(), "--json"], cwd=unpacked, capture_output=True, timeout=60
    )
    assert done.returncode == 3
    assert json.loads(done.stdout)["errors"][0]["message"].startswith("NumPy is missing")


def test_hlsgen_deploy_of_an_archive(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["deploy", str(packed), "--no-measure"]) == 0
    out, err = capfd.readouterr()
    assert (
        err == f"{packed}: unpacked to small\n" and (tmp_path / "small" / "MANIFEST.json").exists()
    )
    assert "ok  self-test" in out and "cases equal the golden model, bit for bit" in out
    assert out.endswith("ready: hlsgen train small --device csim\n")
    assert main(["deploy", str(packed), "--no-measure", "--json"]) == 0
    out, err = capfd.readouterr()
    assert err == f"{packed}: was unpacked already to small\n" and json.loads(out)["ok"] is True


def test_hlsgen_deploy_of_archives_by_another_name(
    packed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b.tgz").write_bytes(packed.read_bytes())
    assert main(["deploy", "a b.tgz", "--no-measure"]) == 0
    out, err = capfd.readouterr()
    assert err == "a b.tgz: unpacked to a b\n"
    assert out.endswith("ready: hlsgen train 'a b' --device csim\n")
    (tmp_path / "x.zip").write_bytes(b"PK")
    assert main(["deploy", "x.zip"]) == 2
    assert capfd.readouterr().err.startswith("x.zip: no bundle here (it is a file): ")


def test_hlsgen_deploy_of_a_bundle_that_is_wrong(
    bundle: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (bundle / "libsat.so").write_bytes(b"\x7fELF")
    assert main(["deploy", str(bundle), "--json"]) == 2
    answer = json.loads(capfd.readouterr().out)
    assert answer["ok"] is False and answer["points"][0]["status"] == 2
    assert main(["deploy", str(bundle), "-o", "x"]) == 2
    assert main(["deploy", str(bundle / "none")]) == 2
    err = capfd.readouterr().err.splitlines()
    assert len(err) == 2 and "no bundle here" in err[1]
    assert main(["deploy", str(bundle), "--device", "fpga", "--json"]) == 2
    answer = json.loads(capfd.readouterr().out)
    assert answer["errors"][0]["message"].startswith("--device: expected csim, or number")


def test_another_sat_host_in_the_current_folder_is_not_used(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sat_host").mkdir()
    (tmp_path / "sat_host" / "__main__.py").write_text("print('the wrong one')\n")
    monkeypatch.chdir(tmp_path)
    assert main(["deploy", str(built), "--no-measure"]) == 0
    assert "the wrong one" not in capfd.readouterr().out


def test_a_library_that_crashes_does_not_end_hlsgen(
    bundle: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    crash = f"import os\nos.kill(os.getpid(), {int(signal.SIGSEGV)})\n"
    (bundle / "sat_host" / "deploy" / "commands.py").write_text(crash)
    assert main(["deploy", str(bundle)]) == 1
    assert "deploy was ended by SIGSEGV" in capfd.readouterr().err
    assert main(["deploy", str(bundle), "--json"]) == 1
    assert "SIGSEGV" in json.loads(capfd.readouterr().out)["errors"][0]["message"]
