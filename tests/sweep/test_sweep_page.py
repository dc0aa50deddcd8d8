# SPDX-License-Identifier: Apache-2.0
"""Every command of docs/sweep.md, in order, on a small grid."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest
from standins.shell_pages import DOCS, page_environ, run_block, shell_blocks

from hlsgen.specfile import load_spec

SMALL = {"8,16,32": "4,8", "16,32": "8,16", "8,16": "4,8", "1,2,4": "1,2",
         "resnet18_tinyimagenet": "resnet9_cifar10"}  # fmt: skip
"""Values of the page and what stands for them; the commands stay what they are."""

_VALUES = re.compile(
    "|".join(rf"(?<==){re.escape(each)}(?=\s)" for each in SMALL) + r"|resnet18\S+"
)


def small(block: str) -> str:
    """A block of the page with fewer and smaller points, without Parquet where pyarrow is not
    installed."""
    commands = re.split(r"(?<!\\)\n", _VALUES.sub(lambda found: SMALL[found[0]], block))
    parquet = importlib.util.find_spec("pyarrow") is not None
    return "\n".join(command for command in commands if parquet or ".parquet" not in command)


@pytest.mark.slow
def test_every_command_of_the_page_runs(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "specs").symlink_to(DOCS.parent / "specs")
    best, cards = map(small, shell_blocks("sweep.md"))
    assert "8,16,32" not in best and "resnet18" not in best
    printed = run_block(best, tmp_path, page_environ())
    assert "resnet9_cifar10, batch 512, 8 points: 8 ok" in printed
    assert all(f"written: {name}" in printed for name in ("sweep.csv", "sweep.png", "best.yaml"))
    assert load_spec(tmp_path / "best.yaml").name == "best"
    assert (tmp_path / "build" / "best" / "bundle.json").is_file()
    printed = run_block(cards, tmp_path, page_environ())
    assert "resnet18, batch 512, 8 points: 8 ok" in printed and "written: cards.svg" in printed
    if (tmp_path / "cards.parquet").exists():
        assert json.loads((tmp_path / "front.json").read_text())["points"] == 8
    assert not list(tmp_path.glob("*.rows*"))
