# SPDX-License-Identifier: Apache-2.0
"""The shell commands of a page of the documentation, and a shell that runs them with a stand-in for
a card."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

DOCS = Path(__file__).parents[3] / "docs"
_FENCE = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PYXRT = """
import os, sys
sys.path.insert(0, {standin!r})
from pyxrt_standin import Machine, make_module
sys.modules["pyxrt"] = make_module(Machine())
"""


def shell_blocks(page: str) -> list[str]:
    """The shell blocks of a page, in order. What is fenced otherwise, as commands might be by
    mistake, has no language."""
    text = (DOCS / page).read_text(encoding="utf-8")
    found = _FENCE.findall(text)
    fences = re.findall(r"^```(\w*)$", text, re.MULTILINE)
    assert set(fences) == {"sh", ""} and fences.count("sh") == len(found)
    return found


def page_environ() -> dict[str, str]:
    """This environment, in which `hlsgen` and `python` are those of the tests."""
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }


def changed_spec(spec: Path, fields: Mapping[str, str]) -> str:
    """The text of a spec with other values of some fields, each of which it has once."""
    text = spec.read_text(encoding="utf-8")
    for field, value in fields.items():
        text, count = re.subn(rf"^( *{field}): \S+", rf"\1: {value}", text, flags=re.MULTILINE)
        assert count == 1
    return text


def install_xrt(folder: Path) -> Path:
    """A folder with XRT's setup.sh, whose pyxrt is the stand-in."""
    python = folder / "xrt" / "python"
    python.mkdir(parents=True)
    standin = str(DOCS.parent / "tests" / "xrt")
    (python / "pyxrt.py").write_text(_PYXRT.format(standin=standin))
    setup = folder / "xrt" / "setup.sh"
    setup.write_text(
        f"export XILINX_XRT={setup.parent}\n"
        f"export PYTHONPATH={python}${{PYTHONPATH:+:$PYTHONPATH}}\n"
    )
    return setup.parent


def run_block(block: str, folder: Path, environ: dict[str, str], *loaded: str) -> str:
    """What a block prints, in a shell that has loaded these settings and ends at a command that
    fails, which none may."""
    lines = ["set -eo pipefail", *(f"source {settings}" for settings in loaded), block]
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)], cwd=folder, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
    return done.stdout
