# SPDX-License-Identifier: Apache-2.0
"""The kernels beside the headers of synthesis: same bits as on csim's stand-ins.

First the hardware multiplier of kernels/vitis in a whole array, then the vendor's published ap_int
and stream as well, which hls4ml's wheel carries.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
from accelerators import (
    ARRAYS,
    QUICKLY,
    SYNTHESIS_FLAGS,
    library_of,
    open_library,
    project_of,
    with_flags,
)
from sat_host.engine import EngineDevice
from sat_host.golden_device import GoldenDevice
from sat_host.selftest import compare_devices
from test_products import Case, check
from test_update import check_pack, check_update

from hlsgen.project import Project

Build = Callable[[str], EngineDevice]


def synthesis_device(name: str) -> EngineDevice:
    """An array with the multiplier and the macros of synthesis, on csim's streams and integers."""
    folders = (".", "kernels", "kernels/vitis", "kernels/csim")
    library = library_of(project_of(name), with_flags((*QUICKLY, *SYNTHESIS_FLAGS)), folders)
    return open_library(library, ARRAYS[name])


def vendor_device(name: str) -> EngineDevice:
    """An array with all of synthesis' headers but hls_vector.h, which the wheel leaves out."""
    vendor = vendor_headers()
    if vendor is None:
        pytest.skip("hls4ml's wheel is absent: pip install --no-deps hls4ml")
    project = project_of(name)
    texts = {
        f"vendor/{path.relative_to(vendor).as_posix()}": path.read_text(encoding="utf-8")
        for path in sorted(vendor.rglob("*.h"))
    }
    # As system headers: they are not ours to keep clean. -faligned-new is for their std::deque;
    # their integers mask what a constructor left unset, which GCC sees once they are inlined.
    system = ("-isystem", "vendor", "-isystem", "kernels/csim", "-faligned-new")
    unset = ("-Wno-uninitialized", "-Wno-maybe-uninitialized")
    library = library_of(
        Project({**project.files, **texts}),
        with_flags((*QUICKLY, *SYNTHESIS_FLAGS, *unset, *system)),
        (".", "kernels", "kernels/vitis"),
    )
    return open_library(library, ARRAYS[name])


def vendor_headers() -> Path | None:
    """The folder of the vendor's headers, found without importing hls4ml and all it needs."""
    found = importlib.util.find_spec("hls4ml")
    if found is None:
        return None
    for root in found.submodule_search_locations or []:
        folder = Path(root) / "templates" / "vivado" / "ap_types"
        if (folder / "ap_int.h").is_file() and (folder / "hls_stream.h").is_file():
            return folder
    return None


@pytest.mark.slow
@pytest.mark.parametrize("build", [synthesis_device, vendor_device])
@pytest.mark.parametrize("name", ["1x4_g4", "8x16_g16"])
def test_synthesis_headers_give_the_same_bits(
    build: Build, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    device = build(name)
    group = device.config.group
    faults = [
        check for check in compare_devices(device, GoldenDevice(device.config)) if not check.passed
    ]
    assert faults == []
    check(device, Case(9, 37, 19, keep=1, a_mix="any bits", b_mix="any bits", accumulate=True))
    check(
        device, Case(9, 37, 19, keep=group - 1, a_mix="subnormal", b_mix="few special", half=True)
    )
    check(device, Case(35, 17, 9, transpose=True, spare=2, b_mix="overflow", half=True))
    check(device, Case(17, 33, 65, keep=group, a_mix="subnormal", b_mix="subnormal"))
    for keep in (1, group - 1, group):
        check_pack(device, (group + 3, 2 * group + 1), keep, keep, "any bits", 5)
    check_update(device, (group + 3, 2 * group + 1), 1, group, 6)
    # The vendor's streams do not fail: they print what they would hang on.
    assert capfd.readouterr().out == ""
