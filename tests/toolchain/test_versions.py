# SPDX-License-Identifier: Apache-2.0
"""The table of releases, and versions found in paths and banners."""

from __future__ import annotations

import re

import contract
import pytest

from hlsgen.errors import ToolMissingError
from hlsgen.toolchain.versions import NEWEST, OLDEST, RELEASES, order, release, version_in


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("/tools/Xilinx/Vitis/2022.2", "2022.2"),
        ("/opt/xilinx/2025.1/Vitis", "2025.1"),
        ("/opt/2021.1/Vitis/2023.2/Vitis", "2023.2"),
        ("****** v++ v2024.2 (64-bit)", "2024.2"),
        ("/opt/vitis", None),
        ("build 12020.21", None),
    ],
)
def test_the_version_is_found_in_text(text: str, version: str | None) -> None:
    assert version_in(text) == version


def test_releases_are_in_order_and_each_is_found() -> None:
    versions = [row.version for row in RELEASES]
    assert versions == sorted(versions, key=order) and len(set(versions)) == len(versions)
    assert [release(version) for version in versions] == list(RELEASES)
    assert (OLDEST, NEWEST) == (contract.FIRST, contract.LAST)


def test_the_classic_way_ends_where_its_documents_call_it_deprecated() -> None:
    assert next(row.version for row in RELEASES if row.hls == "cfg") == "2024.1"
    assert next(row.version for row in RELEASES if row.tcl[0] == "vitis-run") == "2024.2"
    assert next(row.version for row in RELEASES if row.card_tool == "xrt-smi") == "2024.2"


@pytest.mark.parametrize(
    ("version", "wrong"), [("2019.2", "too old"), ("2031.1", "not known to this hlsgen")]
)
def test_other_releases_are_refused_with_the_mend(version: str, wrong: str) -> None:
    with pytest.raises(ToolMissingError, match=f"Vitis {version} is {wrong}: install one from"):
        release(version)


def test_a_word_is_no_version() -> None:
    with pytest.raises(ValueError, match=re.escape("not a version of Vitis: 2023")):
        order("2023")
