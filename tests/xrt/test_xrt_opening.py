# SPDX-License-Identifier: Apache-2.0
"""Which device is opened, and what a card must be for an xclbin: each refusal is one line."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pyxrt_standin import Card, Machine
from sat_host import GoldenDevice, HostError, open_device
from sat_host.csim import CsimBackend
from sat_host.engine import EngineDevice
from sat_host.errors import BundleError, DeviceError, MissingPackageError, SettingsError
from sat_host.xrt.backend import XrtBackend
from sat_host.xrt.environment import find_install, same_platform
from xrt_bundles import PLATFORM, add_xclbin

Plug = Callable[..., Machine]


def kind_of(bundle: Path, device: str | None = None) -> type:
    """What runs the kernels."""
    opened = open_device(bundle, device)
    return type(opened._backend) if isinstance(opened, EngineDevice) else type(opened)


def refused(bundle: Path, device: str = "xrt:0") -> HostError:
    with pytest.raises(HostError) as caught:
        open_device(bundle, device)
    assert "\n" not in str(caught.value)
    return caught.value


def test_the_device_that_is_asked_for(bundle: Path, plug: Plug) -> None:
    plug(cards=[Card(), Card(bdf="0000:d8:00.1")])
    names = {"csim": CsimBackend, "golden": GoldenDevice, "xrt:0": XrtBackend}
    for name, kind in names.items():
        assert kind_of(bundle, name) is kind
    for name in ("xrt:1", "xrt:0000:d8:00.1"):
        opened = open_device(bundle, name)
        assert opened.profile()["bdf"] == "0000:d8:00.1"


@pytest.mark.parametrize("name", ["", "gpu", "xrt", "xrt:", "xrt:-1", "xrt:a b", "csim:0", 3])
def test_no_device(bundle: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=r"^device: expected csim, golden or xrt:N, .*got "):
        open_device(bundle, name)


def test_without_a_name_it_is_the_first_card_that_the_xclbin_is_for(
    bundle: Path, built: Path, plug: Plug
) -> None:
    plug(cards=[Card(name="xilinx_u50_gen3x16_xdma_base_5", bdf="0000:01:00.1"), Card()])
    opened = open_device(bundle)
    assert opened.profile()["bdf"] == "0000:3b:00.1"
    assert kind_of(built) is CsimBackend  # no xclbin
    plug(cards=[])
    with pytest.warns(
        RuntimeWarning, match="sat.xclbin: not used, csim is: no card has .* no card:"
    ):
        assert kind_of(bundle) is CsimBackend
    plug(cards=[Card(name="xilinx_u50_gen3x16_xdma_base_5")], counts=False)
    with pytest.warns(
        RuntimeWarning, match="there are xrt:0 .*_u50_.*: see `xrt-smi examine`"
    ) as told:
        assert kind_of(bundle) is CsimBackend
    assert [warning.filename for warning in told] == [__file__]


def test_without_a_name_and_without_xrt_it_is_csim(
    bundle: Path, plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug()
    monkeypatch.setitem(sys.modules, "pyxrt", None)
    monkeypatch.setenv("XILINX_XRT", "/no/such")
    with pytest.warns(RuntimeWarning, match="not used, csim is: pyxrt: XRT is not installed"):
        assert kind_of(bundle) is CsimBackend


def test_an_emulated_card_is_opened_only_when_asked_for(
    bundle: Path, plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = plug()
    add_xclbin(bundle, "hw_emu")
    for name, value in (("XILINX_VITIS", "/tools"), ("USER", ""), ("EMCONFIG_PATH", "")):
        monkeypatch.setenv(name, value)
    assert kind_of(bundle) is CsimBackend
    assert "XCL_EMULATION_MODE" not in os.environ
    monkeypatch.setenv("XCL_EMULATION_MODE", "")
    sys.modules.pop("pyxrt_not_there", None)
    found = sys.modules.pop("pyxrt")
    monkeypatch.setattr("importlib.import_module", lambda name: {"pyxrt": found}[name])
    opened = open_device(bundle, "xrt:0")
    assert machine.mode == os.environ["XCL_EMULATION_MODE"] == "hw_emu"
    assert os.environ["EMCONFIG_PATH"] == str(bundle) and os.environ["USER"]
    profile = opened.profile()
    assert profile is not None and profile["figures"] == "host time of the emulator"
    add_xclbin(bundle)
    text = str(refused(bundle))
    assert "is for hw, but this process has used XRT for hw_emu" in text


def test_the_emulator_is_asked_for_no_address(
    bundle: Path, plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug(info_error="not supported")
    add_xclbin(bundle, "hw_emu")
    for name, value in (("XILINX_VITIS", "/tools"), ("XCL_EMULATION_MODE", "hw_emu")):
        monkeypatch.setenv(name, value)
    for name in ("EMCONFIG_PATH", "USER"):
        monkeypatch.setenv(name, "")
    profile = open_device(bundle, "xrt:0").profile()
    assert profile is not None
    assert (profile["bdf"], profile["device"]) == (None, PLATFORM)


def test_the_environment_is_as_it_was_when_pyxrt_is_missing(
    bundle: Path, plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug()
    add_xclbin(bundle, "hw_emu")
    for name, value in (("XILINX_VITIS", "/tools"), ("XILINX_XRT", "/no/such"), ("USER", "me")):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("EMCONFIG_PATH", raising=False)
    # Neither in sys.modules, where it would have been imported too early, nor to be found.
    monkeypatch.delitem(sys.modules, "pyxrt")
    before = dict(os.environ)
    assert "XRT is not installed" in str(refused(bundle))
    assert dict(os.environ) == before
    plug()
    add_xclbin(bundle)
    assert kind_of(bundle, "xrt:0") is XrtBackend


def test_a_card_that_does_not_say_what_it_is(bundle: Path, plug: Plug) -> None:
    plug(info_error="query request (pcie_bdf)\nnot supported")
    error = refused(bundle)
    assert isinstance(error, DeviceError)
    assert str(error) == (
        "xrt:0: does not say what it is: query request (pcie_bdf) not supported: see "
        "`xrt-smi examine` (`xbutil` before XRT 2.18)"
    )
    assert "there are xrt:0 (does not say what it is: " in str(refused(bundle, "xrt:1"))
    plug(info_error="no", counts=False, cards=[Card(), Card()])
    assert "xrt:1 (does not say" in str(refused(bundle, "xrt:2"))


def test_a_port_that_xrt_knows_no_memory_of(bundle: Path, plug: Plug) -> None:
    plug(group_error="bank not\nconnected")
    error = refused(bundle)
    assert isinstance(error, DeviceError)
    assert str(error) == (
        f"{bundle / 'sat.xclbin'}: xrt:0 has no memory for sat_stce's a (bank not connected): "
        "build the bundle again"
    )


def test_the_emulator_needs_vitis(
    bundle: Path, plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug()
    add_xclbin(bundle, "hw_emu")
    monkeypatch.delenv("XILINX_VITIS", raising=False)
    error = refused(bundle)
    assert isinstance(error, MissingPackageError) and error.exit_code == 3
    assert "settings64.sh" in str(error)


def test_pyxrt_that_was_imported_for_cards_can_not_emulate(
    bundle: Path, plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug()
    add_xclbin(bundle, "hw_emu")
    monkeypatch.setenv("XILINX_VITIS", "/tools")
    assert "pyxrt was imported before XCL_EMULATION_MODE was set" in str(refused(bundle))
    monkeypatch.setenv("XCL_EMULATION_MODE", "sw_emu")
    assert "XCL_EMULATION_MODE=sw_emu: " in str(refused(bundle))


def test_a_card_is_not_emulated(bundle: Path, plug: Plug, monkeypatch: pytest.MonkeyPatch) -> None:
    plug()
    monkeypatch.setenv("XCL_EMULATION_MODE", "hw_emu")
    assert str(refused(bundle)).endswith("would emulate: run `unset XCL_EMULATION_MODE`")


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        (None, "XRT is not installed (no XILINX_XRT, no /opt/xilinx/xrt): install the card's"),
        (["pyxrt.cpython-36m-x86_64-linux-gnu.so"], "/setup.sh` first"),
        (["pyxrt.so"], "/setup.sh` first"),
        (["pyxrt.cpython-38-x86_64-linux-gnu.so"], "compiled for Python 3.8, this is 3."),
    ],
)
def test_no_pyxrt(
    bundle: Path, tmp_path: Path, plug: Plug, monkeypatch: pytest.MonkeyPatch,
    modules: list[str] | None, expected: str,
) -> None:  # fmt: skip
    plug()
    monkeypatch.setitem(sys.modules, "pyxrt", None)
    monkeypatch.setenv("XILINX_XRT", str(tmp_path / "xrt"))
    if modules is not None:
        (tmp_path / "xrt" / "python").mkdir(parents=True)
        for name in modules:
            (tmp_path / "xrt" / "python" / name).touch()
    error = refused(bundle)
    assert isinstance(error, MissingPackageError) and error.exit_code == 3
    assert expected in str(error)


def test_where_xrt_is(tmp_path: Path) -> None:
    environ = {"XILINX_XRT": str(tmp_path)}
    found = find_install(environ)
    assert found is not None and (found.folder, found.pythons) == (tmp_path, ())
    assert find_install({"XILINX_XRT": str(tmp_path / "none")}) is None


def test_a_card_that_is_not_there_and_one_with_another_platform(bundle: Path, plug: Plug) -> None:
    plug()
    assert str(refused(bundle, "xrt:1")) == (
        "xrt:1: can't be opened (Could not open device with index '1'); there are xrt:0 "
        "(0000:3b:00.1, xilinx_u200_gen3x16_xdma_base_2): see `xrt-smi examine` "
        "(`xbutil` before XRT 2.18)"
    )
    plug(cards=[], counts=False)
    assert "XRT lists no card" in str(refused(bundle))
    plug(cards=[Card(name="xilinx_u250_gen3x16_xdma_shell_3_1")])
    error = refused(bundle)
    assert isinstance(error, BundleError)
    assert (
        "was linked for u200 with xilinx_u200_gen3x16_xdma_2_202110_1, but xrt:0 (0000:3b:00.1) "
    ) in str(error)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("xilinx_u250_gen3x16_xdma_shell_3_1", "xilinx_u250_gen3x16_xdma_3_1_202020_1", True),
        ("xilinx_u200_gen3x16_xdma_base_1", "/p/xilinx_u200_gen3x16_xdma_1_202110_1.xpfm", True),
        ("xilinx_u50_gen3x16_xdma_base_5", "xilinx_u55c_gen3x16_xdma_3_202210_1", False),
        ("xilinx_u200_xdma_201830_2", "xilinx_u200_gen3x16_xdma_2_202110_1", False),
        ("xilinx:u200:xdma:201830_2", "xilinx_u200_xdma_201830_2", True),
    ],
)  # fmt: skip
def test_names_of_one_platform(first: str, second: str, same: bool) -> None:
    assert same_platform(first, second) == same_platform(second, first) == same


@pytest.mark.parametrize(
    ("reason", "mend"),
    [
        ("Xclbin does not match shell on card.", "flash that (`xbmgmt program --base`)"),
        ("Xclbin on card is in use, can't change.", "another process works on the card"),
        ("something\nelse", "`dmesg` and `xrt-smi examine` tell more"),
    ],
)
def test_a_card_that_refuses_the_xclbin(bundle: Path, plug: Plug, reason: str, mend: str) -> None:
    plug(load_error=reason)
    error = refused(bundle)
    assert isinstance(error, DeviceError)
    assert " ".join(reason.split()) in str(error) and mend in str(error)


def test_no_xclbin_and_one_that_is_not_what_was_built(
    bundle: Path, built: Path, plug: Plug
) -> None:
    plug()
    assert "has no xclbin for xrt:0: build it with `hlsgen build SPEC --target hw`" in (
        str(refused(built))
    )
    (bundle / "sat.xclbin").write_bytes(b"xclbin2\0")
    assert "sat.xclbin: truncated or changed since it was built" in str(refused(bundle))
    (bundle / "sat.xclbin").unlink()
    assert "sat.xclbin: No such file" in str(refused(bundle))
    add_xclbin(bundle)
    changed(bundle, lambda data: b"\x7fELF" + data)
    assert "sat.xclbin: not an xclbin: build the bundle again" in str(refused(bundle))


def changed(bundle: Path, edit: Callable[[bytes], bytes]) -> None:
    """Another xclbin, with the digest that fits it."""
    file, manifest = bundle / "sat.xclbin", bundle / "bundle.json"
    file.write_bytes(edit(file.read_bytes()))
    settings = json.loads(manifest.read_text())
    settings["xclbin"]["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    manifest.write_text(json.dumps(settings))


def test_an_xclbin_with_other_kernels(bundle: Path, plug: Plug) -> None:
    plug()
    changed(bundle, lambda data: data.replace(b'"sat_wuve"', b'"sat_wove"', 1))
    assert "sat_wuve: expected 9 arguments, it has no such kernel" in str(refused(bundle))
    add_xclbin(bundle)
    changed(bundle, lambda data: data.replace(b'{"name": "count", "pointer": false}, ', b"", 1))
    assert "sat_stce: expected 7 arguments, it has 6:" in str(refused(bundle))
    add_xclbin(bundle)
    changed(bundle, lambda data: data.replace(b"sat_wuve_1", b"other_1"))
    assert "No compute units matching 'sat_wuve:{sat_wuve_1}'" in str(refused(bundle))


def test_an_xclbin_without_a_memory_of_the_program(bundle: Path, plug: Plug) -> None:
    plug()
    changed(bundle, lambda data: data.replace(b', "DDR[3]"]', b"]"))
    assert "kernels are not linked to DDR[3] (but to DDR[0], DDR[1], DDR[2])" in (
        str(refused(bundle))
    )


def test_a_bundle_whose_kernels_take_other_arguments(bundle: Path, plug: Plug) -> None:
    plug()
    manifest = bundle / "bundle.json"
    settings = json.loads(manifest.read_text())
    settings["kernels"]["sat_stce"].reverse()
    manifest.write_text(json.dumps(settings))
    text = str(refused(bundle))
    assert "sat_stce does not take the arguments that this sat_host sets (count, commands" in text
