# SPDX-License-Identifier: Apache-2.0
"""Arguments of `hlsgen diff` that name nothing: the line begins with the side."""

from __future__ import annotations

from pathlib import Path

import pytest
from diff_plants import refused

LIVE = f"{Path(__file__).parents[2] / 'specs' / 'digits.yaml'}:golden"
"""A side with nothing wrong, which is not started beside one that is."""


@pytest.mark.parametrize("wrong", ["nope:csim", "nope/none.yaml:golden", "nope:xrt:0", "nope"])
@pytest.mark.parametrize("side", ["A", "B"])
def test_what_is_absent_is_told_with_its_side(
    side: str, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refused(capsys, "diff", *((wrong, LIVE) if side == "A" else (LIVE, wrong)))
    what = "spec or bundle" if ":" in wrong else "dump"
    assert said.startswith(f"{side}: {wrong}: no such {what}: ")
