# SPDX-License-Identifier: Apache-2.0
"""Every command of docs/diff.md, in order, with a stand-in for the card and small networks."""

from __future__ import annotations

from pathlib import Path

import pytest
from standins.shell_pages import (
    DOCS,
    changed_spec,
    install_xrt,
    page_environ,
    run_block,
    shell_blocks,
)
from xrt_bundles import add_xclbin

SMALL = {"warmup_epochs": "0", "epochs": "1", "test_fraction": "0.9", "batch": "25"}
"""Fields of the specs; so an epoch has 8 steps. The array is the one that others compile too."""


@pytest.mark.slow
def test_every_command_of_the_page_runs(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    (tmp_path / "specs").mkdir()
    for name in ("digits", "digits_cnn"):
        (tmp_path / "specs" / f"{name}.yaml").write_text(
            changed_spec(DOCS.parent / "specs" / f"{name}.yaml", SMALL), encoding="utf-8"
        )
    environ = {**page_environ(), "XRT": str(install_xrt(tmp_path))}
    first, card, digests = shell_blocks("diff.md")
    printed = run_block(first, tmp_path, environ)
    assert "A: specs/digits_cnn.yaml:golden (golden)\nB: build/digits_cnn:csim (csim)" in printed
    assert printed.count("equal: steps 0 to 2, ") == 2
    add_xclbin(tmp_path / "build" / "digits")
    printed = run_block(card, tmp_path, environ, "$XRT/setup.sh")
    assert "A: build/digits:xrt:0 (xrt:0)" in printed and "A: card (xrt:0)" in printed
    assert printed.count("equal: steps 0 to 2, ") == 3
    printed = run_block(digests, tmp_path, environ, "$XRT/setup.sh")
    assert "\nequal: steps 0 to 8, " in printed and " results by digest\n" in printed
    assert "B: build/digits:csim (csim)\nequal: step 7, " in printed
