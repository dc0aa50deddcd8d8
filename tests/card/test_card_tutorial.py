# SPDX-License-Identifier: Apache-2.0
"""Every command of docs/card.md, in order, on a machine of stand-ins: Vitis' tools and pyxrt."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
from standins.installation import Installation, install_vitis
from standins.shell_pages import install_xrt, run_block, shell_blocks

ROOT = Path(__file__).parents[2]


def shorten(spec: Path) -> None:
    """Two epochs of training in place of ten."""
    text = spec.read_text(encoding="utf-8")
    assert text.count("epochs: 10") == 1
    spec.write_text(text.replace("epochs: 10", "epochs: 2"), encoding="utf-8")


@pytest.mark.slow
def test_every_command_of_the_tutorial_runs(tmp_path: Path) -> None:
    vitis: Installation = install_vitis(tmp_path / "vitis")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python3").symlink_to(sys.executable)
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    shorten(tmp_path / "specs" / "digits_u200.yaml")
    environ = vitis.environ(
        VITIS=str(vitis.root),
        XRT=str(install_xrt(tmp_path)),
        PATH=f"{programs}:{Path(sys.executable).parent}:{os.environ['PATH']}",
    )
    settings = "$VITIS/settings64.sh", "$XRT/setup.sh"
    blocks = shell_blocks("card.md")
    assert len(blocks) >= 8
    outputs = [run_block(block, tmp_path, environ, *settings) for block in blocks]
    called = vitis.tools_called()
    assert {"v++", "emconfigutil"} <= set(called)
    everything = "".join(outputs)
    assert everything.count("test accuracy") == 5
    assert "A: card (xrt:0)\nB: deployed:golden (golden)\nequal: steps 0 to 2, " in everything
    assert "bit for bit" in everything
