# SPDX-License-Identifier: Apache-2.0
"""The vendor's tools misread some paths: a build there is refused before it costs anything."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes import HW, HW_EMU
from standins import Installation

from hlsgen.build import build, plan_build
from hlsgen.errors import InputError
from hlsgen.hardware.build import HardwareRequest
from hlsgen.hardware.folder import check_folder


@pytest.mark.parametrize("request_", [HW, HW_EMU])
def test_a_space_is_refused_before_any_compile(
    hw_spec: Path, place: Installation, tmp_path: Path, request_: HardwareRequest
) -> None:
    out = tmp_path / "my builds" / "out"
    told = rf"^{out}\.vitis/{request_.target}: .* a folder with a space in its path: .* with -o$"
    for run in (build, plan_build):
        with pytest.raises(InputError, match=told) as caught:
            run(hw_spec, out, place.environ(), hardware=request_)
        assert caught.value.exit_code == 2
    assert not out.parent.exists() and not (tmp_path / "cache").exists()
    assert place.tools_called() == []
    assert build(hw_spec, out, place.environ()).bundle == out, "csim runs none of the tools"


@pytest.mark.parametrize("letter", list(" \t'\"`$[]{}()<>;:#%*?\\|&!=~^"))
def test_what_tcl_make_or_a_shell_gives_a_meaning(letter: str) -> None:
    with pytest.raises(InputError) as caught:
        check_folder(Path(f"/srv/a{letter}b.vitis/hw"))
    assert str(caught.value).isprintable()


def test_other_paths_are_fine() -> None:
    check_folder(Path("/scratch/jobs@2/a-b_c.d,e+f/0/x.vitis/hw_emu"))
