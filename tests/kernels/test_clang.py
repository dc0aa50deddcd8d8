# SPDX-License-Identifier: Apache-2.0
"""Clang compiles the simulator without a warning, and its library gives the same bits as GCC's."""

from __future__ import annotations

import os

import pytest
from accelerators import ARRAYS, library_of, open_library, project_of
from sat_host.golden_device import GoldenDevice
from sat_host.selftest import compare_devices
from test_products import Case, check
from test_update import check_pack, check_update

from hlsgen.errors import ToolMissingError
from hlsgen.toolchain.compiler import Compiler, find_compiler

NAMES = ("clang++", *(f"clang++-{version}" for version in range(25, 14, -1)))


def find_clang() -> Compiler | None:
    """A clang++ that is new enough."""
    for name in NAMES:
        try:
            return find_compiler({**os.environ, "CXX": name})
        except ToolMissingError:
            continue
    return None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["1x4_g4", "8x16_g16"])
def test_clang_gives_the_same_bits(name: str) -> None:
    clang = find_clang()
    if clang is None:
        pytest.skip("no clang++ 15 or newer: apt-get install clang")
    assert clang.kind == "clang++"
    device = open_library(library_of(project_of(name), compiler=clang), ARRAYS[name])
    group = device.config.group
    checks = compare_devices(device, GoldenDevice(device.config))
    assert [check for check in checks if not check.passed] == []
    check(device, Case(19, 37, 67, keep=1, a_mix="any bits", b_mix="any bits", accumulate=True))
    check(device, Case(35, 17, 9, transpose=True, spare=2, b_mix="overflow", half=True))
    check(device, Case(17, 33, 65, keep=group, a_mix="subnormal", b_mix="subnormal"))
    check_pack(device, (group + 3, 2 * group + 1), group - 1, 1, "any bits", 5)
    check_update(device, (group + 3, 2 * group + 1), 1, group, 6)
