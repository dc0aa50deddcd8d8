# SPDX-License-Identifier: Apache-2.0
"""Every command of docs/card.md, in order, on a machine of stand-ins: Vitis' tools and pyxrt."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from standins.installation import Installation, install_vitis

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "card.md"
FENCE = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)

PYXRT = """
import os, sys
sys.path.insert(0, {standin!r})
from pyxrt_standin import Machine, make_module
sys.modules["pyxrt"] = make_module(Machine())
"""


def blocks() -> list[str]:
    """The shell blocks of the tutorial, in order."""
    return FENCE.findall(TUTORIAL.read_text(encoding="utf-8"))


def install_xrt(folder: Path) -> Path:
    """A folder with XRT's setup.sh, whose pyxrt is the stand-in."""
    python = folder / "xrt" / "python"
    python.mkdir(parents=True)
    (python / "pyxrt.py").write_text(PYXRT.format(standin=str(ROOT / "tests" / "xrt")))
    setup = folder / "xrt" / "setup.sh"
    setup.write_text(
        f"export XILINX_XRT={setup.parent}\n"
        f"export PYTHONPATH={python}${{PYTHONPATH:+:$PYTHONPATH}}\n"
    )
    return setup.parent


def run_block(
    block: str, folder: Path, environ: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """A block as a shell would run it in which the first one was run."""
    loaded = "set -eo pipefail\nsource $VITIS/settings64.sh\nsource $XRT/setup.sh\n"
    return subprocess.run(
        ["bash", "-c", loaded + block], cwd=folder, env=environ, capture_output=True, text=True
    )


@pytest.mark.slow
def test_every_command_of_the_tutorial_runs(tmp_path: Path) -> None:
    vitis: Installation = install_vitis(tmp_path / "vitis")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python3").symlink_to(sys.executable)
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    environ = vitis.environ(
        VITIS=str(vitis.root),
        XRT=str(install_xrt(tmp_path)),
        PATH=f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
    )
    outputs = []
    for block in blocks():
        done = run_block(block, tmp_path, environ)
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        outputs.append(done.stdout)
    called = vitis.tools_called()
    assert {"v++", "emconfigutil"} <= set(called)
    everything = "".join(outputs)
    assert everything.count("test accuracy") == 4
    assert "bit for bit" in everything


def test_the_tutorial_has_no_command_elsewhere() -> None:
    """What is fenced otherwise would not be run."""
    fences = re.findall(r"^```(\w*)$", TUTORIAL.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(fences) == {"sh", ""} and fences.count("sh") == fences.count("") >= 8
