# SPDX-License-Identifier: Apache-2.0
"""`deploy` on csim: what is checked, proved and measured, and what it says where that fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from sat_host import needs
from sat_host.__main__ import main as host_main
from sat_host.bundle import Bundle, load_bundle, load_stored_program, open_device
from sat_host.command_lists import Work
from sat_host.csim import CsimBackend
from sat_host.deploy import machine
from sat_host.deploy import run as deploying
from sat_host.deploy.calls import largest, prepared, program_calls
from sat_host.deploy.measure import Timed, done_macs, measure_call
from sat_host.deploy.run import deploy, device_name, report_json
from sat_host.digests import file_digest
from sat_host.engine import EngineDevice
from sat_host.errors import BundleError, DeviceError, SettingsError
from sat_host.program import Commands


def points(report: deploying.Report) -> dict[str, machine.Point]:
    return {point.name: point for point in report.points}


def test_all_is_well_on_csim(unpacked: Path) -> None:
    lines: list[str] = []
    report = deploy(unpacked, tell=lines.append)
    assert report.status == 0 and report.device == "csim"
    assert not any(point.remark for point in report.points)
    names = ["files", "Python", "NumPy", "disk", "library", "load", "self-test"]
    assert [point.name for point in report.points] == names
    assert points(report)["files"].detail.endswith("bytes equal MANIFEST.json")
    assert all(check.passed for check in report.checks)
    own = [check.name for check in report.checks if check.name.startswith("program: ")]
    assert [name.split()[-1] for name in own] == ["FF", "BP", "WU"]
    assert {call.name.split()[1] for call in report.calls} == {"FF", "BP", "WU"}
    text = "\n".join(lines)
    assert "no measurement of a card" in text and "measured" not in text
    assert all("host time" in line for line in lines if "GOPS" in line or "GB/s" in line)
    json.dumps(report_json(report))


def test_modelled_figures_are_the_programs(built: Path) -> None:
    bundle = load_bundle(built)
    device, program = open_device(bundle, "csim"), load_stored_program(bundle)
    assert isinstance(device, EngineDevice)
    calls = program_calls((built / "program.json").read_text())
    entries = json.loads((built / "program.json").read_text())["products"]
    assert len(calls) == len({(entry["layer"], entry["stage"]) for entry in entries})
    for call in calls:
        timed = measure_call(call, device, program, 100.0)
        mine = [e for e in entries if f"{e['layer']} {e['stage']}" == call.name]
        cycles = sum(entry["modelled"]["cycles"] for entry in mine)
        assert timed.modelled_seconds == pytest.approx(cycles / 100e6)
        assert 0 < timed.macs <= call.macs and timed.kernel_seconds is None


def test_calls_run_with_the_programs_tilings(built: Path) -> None:
    bundle = load_bundle(built)
    device, program = open_device(bundle, "csim"), load_stored_program(bundle)
    assert isinstance(device, EngineDevice)
    for call in program_calls((built / "program.json").read_text()):
        device.trace = done = list[Work]()
        with prepared(call, device) as ready:
            ready.run()
        assert done
        for work in done:
            assert program.tilings[work.product.shape()] == work.tiling


def test_pruned_multiplications_are_not_counted() -> None:
    assert Timed("x", 500, 1e-6, None, None).gops(1e-6) == pytest.approx(1.0)


def test_largest_of_each_stage(built: Path) -> None:
    calls = program_calls((built / "program.json").read_text())
    chosen = largest(calls, 1 << 40, 1)
    assert [call.stage for call in chosen] == ["FF", "BP", "WU"]
    most = max(call.macs for call in calls)
    assert chosen[0].macs == most
    assert all(call.macs < most for call in largest(calls, most - 1, 9))
    assert largest(calls, 0, 1) == []


def test_a_program_that_is_damaged() -> None:
    for text in ('{"layers": [{}]}', '{"layers": 3}', "[]", '{"layers": [{"shape": {}}]}', "{",
                 "[" * 100_000):  # fmt: skip
        with pytest.raises(ValueError, match="layers: "):
            program_calls(text)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *((key, None) for key in ("name", "ff_keep", "bp_keep", "dy_keep", "shape")),
        *(("ff_keep", value) for value in ("x", 0, True, 1.0, 99)),
        *(("name", value) for value in (3, "a\nb")),
        ("bp_keep", -1),
    ],
)
def test_layers_that_are_damaged_are_a_point_with_a_report(
    bundle: Path, key: str, value: object
) -> None:
    file, settings = bundle / "program.json", json.loads((bundle / "bundle.json").read_text())
    program = json.loads(file.read_text())
    program["layers"][0][key] = value
    if value is None:
        del program["layers"][0][key]
    file.write_text(json.dumps(program))
    settings["program"]["sha256"] = file_digest(file)
    (bundle / "bundle.json").write_text(json.dumps(settings))
    report = deploy(bundle)
    assert report.status == 2 and report.points[-1].name in ("self-test", "measure")
    detail = report.points[-1].detail
    assert "\n" not in detail and (value == 99 or "program.json: layers: " in detail)
    assert json.loads(json.dumps(report_json(report)))["ok"] is False


class FlippedBit(CsimBackend):
    """A csim that gets one bit of one word of results wrong, as broken hardware might."""

    def stce(self, commands: Commands, cycles: int = 0) -> int:
        bad = super().stce(commands, cycles)
        word = int(commands["y_address"][0])
        values = self.read(word, 1)
        values[0, 5] ^= 0x8000
        self.write(word, values)
        return bad


def bent(backend: type[CsimBackend]) -> Callable[[Bundle, str], EngineDevice]:
    def opened(bundle: Bundle, device: str) -> EngineDevice:
        made = backend(bundle.library, bundle.config)
        return EngineDevice(bundle.config, made, bundle.dataflows, load_stored_program(bundle))

    return opened


def test_a_wrong_bit_is_told_by_tile_and_element(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploying, "open_device", bent(FlippedBit))
    lines: list[str] = []
    report = deploy(built, tell=lines.append)
    assert report.status == 1
    assert not report.calls and not report.copies  # a wrong device is not measured
    dense = next(check for check in report.checks if check.name == "dense")
    # A word holds four binary32 results; the sixth of its halves is the high one of the third.
    assert dense.detail.startswith("Y: 1 of ") and "first at [0, 2]: 0x" in dense.detail
    assert dense.detail.endswith(
        "(os strip 0 (output rows 0 to 4), column tile 0 (columns 0 to 8), row unit 3, lane 2)"
    )
    got, want = dense.detail.split("0x")[1][:8], dense.detail.split("0x")[2][:8]
    assert int(got, 16) ^ int(want, 16) == 0x8000_0000
    assert "first dense: Y: 1 of" in lines[-1] and "os strip 0" in lines[-1]


class Stuck(CsimBackend):
    def stce(self, commands: Commands, cycles: int = 0) -> int:
        raise DeviceError("sat_stce: not done after 5 s: run `xrt-smi reset`")


def test_a_device_that_fails_is_a_point(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deploying, "open_device", bent(Stuck))
    report = deploy(built)
    assert report.status == 1
    assert report.points[-1] == machine.Point(
        "self-test", "sat_stce: not done after 5 s: run `xrt-smi reset`", 1
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("libsat.so", "libsat.so: truncated or changed since it was packaged"),
        ("src/sat_config.h", "sat_config.h: truncated or changed since it was packaged"),
        ("sat_host/golden.py", "golden.py: truncated or changed since it was packaged"),
    ],
)
def test_damage_is_found_before_anything_is_loaded(
    unpacked: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str
) -> None:
    monkeypatch.setattr(deploying, "open_device", lambda *given: pytest.fail("was opened"))
    with (unpacked / name).open("ab") as stream:
        stream.write(b"x")
    report = deploy(unpacked)
    assert report.status == 2 and says in points(report)["files"].detail


def test_an_unpackaged_bundle_has_its_own_digests(bundle: Path) -> None:
    assert "not packaged" in points(deploy(bundle, measure=False))["files"].detail
    with (bundle / "libsat.so").open("ab") as stream:
        stream.write(b"x")
    assert "truncated or changed" in points(deploy(bundle))["files"].detail


COMPILE = "run `python3 -m sat_host compile` in {}, which makes one for this machine"


def test_a_missing_library_and_its_mend(unpacked: Path, bundle: Path) -> None:
    (unpacked / "libsat.so").unlink()
    found = points(deploy(unpacked))
    for name in ("files", "library"):
        assert found[name].status == 2
        assert found[name].detail.endswith(f"No such file or directory: {COMPILE.format(unpacked)}")
    with pytest.raises(BundleError, match="sat_host compile"):
        open_device(unpacked, "csim")
    (bundle / "libsat.so").unlink()  # not packaged, so without commands to compile by
    assert points(deploy(bundle))["library"].detail.endswith(": build the bundle again here")


def test_a_library_that_the_loader_refuses_and_its_mend(unpacked: Path, bundle: Path) -> None:
    """As one that was linked against a newer C library."""
    for folder, mend in (
        (unpacked, COMPILE.format(unpacked)),
        (bundle, "build the bundle again here"),
    ):
        library, file = folder / "libsat.so", folder / "bundle.json"
        library.write_bytes(b"none")
        settings = json.loads(file.read_text())
        settings["library"]["sha256"] = file_digest(library)
        file.write_text(json.dumps(settings))
        with pytest.raises(BundleError, match="can't be loaded") as caught:
            open_device(folder, "csim")
        assert str(caught.value).endswith(f": {mend}")


def test_a_foreign_processor_and_its_mend(
    unpacked: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sat_host.bundle.platform.machine", lambda: "aarch64")
    assert points(deploy(unpacked))["library"].detail.endswith(COMPILE.format(unpacked))
    assert points(deploy(bundle))["library"].detail.endswith("build the bundle again here")


def test_a_disk_that_is_nearly_full_stops_nothing(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        machine.shutil, "disk_usage", lambda folder: SimpleNamespace(free=40_000_000)
    )
    lines: list[str] = []
    report = deploy(built, measure=False, tell=lines.append)
    assert report.status == 0 and report.checks and points(report)["disk"].remark
    detail = "38 MiB free at {}, 1,024 MiB are advised for metrics and checkpoints"
    assert f"!!  disk       {detail.format(built)}" in lines
    monkeypatch.setattr(needs, "DISK_BYTES", 1 << 20)
    assert points(deploy(built, measure=False))["disk"] == machine.Point(
        "disk", f"38 MiB free at {built}"
    )


def test_python_and_numpy_that_are_too_old() -> None:
    assert needs.missing((3, 10), True) is None
    assert needs.missing((3, 8), True) == "Python 3.8 is too old: run it with Python 3.10 or newer"
    assert "pip install 'numpy" in str(needs.missing((3, 12), False))
    assert machine._numpy("1.24.0").status == 0
    old = machine._numpy("1.9.3")
    assert old.status == 3 and "pip install 'numpy>=1.24'" in old.detail


@pytest.mark.parametrize(
    ("given", "name"),
    [("0", "xrt:0"), ("xrt:1", "xrt:1"), ("csim", "csim"), ("0000:3b:00.1", "xrt:0000:3b:00.1")],
)
def test_names_of_devices(given: str, name: str) -> None:
    assert device_name(given) == name


@pytest.mark.parametrize("given", ["golden", "", "fpga", "xrt:", "-1"])
def test_wrong_names_of_devices(given: str) -> None:
    with pytest.raises(SettingsError, match="^--device: expected csim, or number or whole"):
        device_name(given)


def test_no_xclbin_for_a_card(built: Path) -> None:
    report = deploy(built, "0")
    assert report.status == 2 and "--target hw" in report.points[-1].detail


def test_a_failed_self_test_is_the_exit_status(
    built: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sat_host.bundle

    monkeypatch.setattr(sat_host.bundle, "open_device", bent(FlippedBit))
    assert host_main(["selftest", str(built)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("--  dense: Y: 1 of") for line in lines)
    assert host_main(["selftest", str(built), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_done_macs_of_packed_and_dense(built: Path) -> None:
    device = open_device(built, "csim")
    assert isinstance(device, EngineDevice)
    device.trace = done = list[Work]()
    a = np.ones((3, 8), np.float16)
    device.matmul(a, np.ones((8, 5), np.float16))
    device.matmul(a, np.ones((8, 5), np.float16), keep=1)
    assert [done_macs(device.config, work.product) for work in done] == [120, 15]
