# SPDX-License-Identifier: Apache-2.0
"""A card's run, recorded or live, beside other ones: equal, and with a bit that it got wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyxrt_standin import Machine
from sat_host import session
from sat_host.__main__ import main as host_main
from sat_host.bundle import open_device
from sat_host.recording import live

from hlsgen.cli.main import main

Plug = Callable[..., Machine]
ROWS, LANES = 4, 32


def answer(capsys: pytest.CaptureFixture[str], status: int, *sides: str) -> Any:
    capsys.readouterr()
    assert main(["diff", *sides, "--json", "--quiet"]) == status
    return json.loads(capsys.readouterr().out)


def got_wrong(opened: Any, name: str) -> Any:
    """`open_device`, but of a card that gets a bit of each FF of 20 filters wrong."""
    device = open_device(opened, name)
    if not name.startswith("xrt:"):
        return device
    original = device.convolve

    def convolve(y: Any, *arguments: Any) -> int:
        count = original(y, *arguments)
        if y.columns == 20:
            values = device.read(y)
            values.view("u2")[37, 19] ^= 64
            device.write(y, values)
        return count

    device.convolve = convolve  # type: ignore[method-assign]
    return device


def check_wrong(found: Any, card: str) -> None:
    """The divergence is what `got_wrong` planted; card: the side of the card."""
    assert (found["step"], found["layer"], found["stage"]) == (1, "conv2", "FF")
    element = found["element"]
    assert element["index"] == [37, 19] and element["where"]["differing"] == 1
    assert int(element["a"]["hex"], 16) ^ int(element["b"]["hex"], 16) == 64
    tile = element[card]["place"]["tile"]
    assert tile["lane"] == 19
    first, last = tile["output_rows"]
    assert first <= 37 <= last
    if tile["dataflow"] == "os":
        assert tile["row_unit"] == ROWS - 1 - (37 - first) // tile["interleave"]
    else:
        assert tile["batch"] == (37 - first) // tile["interleave"]


def test_dump_of_a_card_beside_csim(
    bundle: Path,
    plug: Plug,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("sklearn")
    plug()
    dumps = [str(tmp_path / name) for name in ("good", "bad")]
    options = ["--device", "xrt:0", "--dump-steps", "0:1", "--quiet"]
    assert host_main(["train", str(bundle), "--dump", dumps[0], *options]) == 0
    found = answer(capsys, 0, dumps[0], f"{bundle}:csim")
    assert found["a"]["device"] == "xrt:0" and found["compared"]["places"] == 2
    assert found["compared"]["elements"] > 0
    monkeypatch.setattr(session, "open_device", got_wrong)
    assert host_main(["train", str(bundle), "--dump", dumps[1], *options]) == 0
    found = answer(capsys, 1, dumps[1], f"{bundle}:csim")["divergence"]
    check_wrong(found, "a")
    # Both ran the bundle's program, at addresses of their own.
    assert found["element"]["a"]["place"] == found["element"]["b"]["place"]


@pytest.mark.parametrize("other", ["golden", "csim", "xrt:0000:3b:00.1"])
def test_card_now_beside_another_back_end(
    bundle: Path,
    plug: Plug,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    other: str,
) -> None:
    """Nothing is recorded to a file: the card runs as the other one does. A card beside itself has
    both runs' buffers at once."""
    pytest.importorskip("sklearn")
    machine = plug()
    found = answer(capsys, 0, f"{bundle}:{other}", f"{bundle}:xrt:0")
    assert (found["b"]["kind"], found["b"]["device"]) == ("live", "xrt:0")
    assert found["compared"]["places"] == 3 and found["skipped_places"] == 0
    assert {kernel for kernel, _ in machine.calls} == {"sat_stce", "sat_wuve"}
    if other.startswith("xrt"):
        return  # it would get both runs wrong
    monkeypatch.setattr(live, "open_device", got_wrong)
    check_wrong(answer(capsys, 1, f"{bundle}:{other}", f"{bundle}:xrt:0")["divergence"], "b")


@pytest.mark.parametrize(
    ("card", "given", "status", "text"),
    [
        ("xrt:7", {}, 3, "xrt:7: can't be opened"),
        ("xrt:0", {"state": "ERROR"}, 1, "ended in state ERROR"),
    ],
)
def test_card_that_fails_is_one_line(
    bundle: Path,
    plug: Plug,
    capsys: pytest.CaptureFixture[str],
    card: str,
    given: dict[str, str],
    status: int,
    text: str,
) -> None:
    pytest.importorskip("sklearn")
    plug(**given)
    assert main(["diff", f"{bundle}:golden", f"{bundle}:{card}", "--quiet"]) == status
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and text in err


def test_bundle_without_an_xclbin_is_no_side_on_a_card(
    built: Path, plug: Plug, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn")
    plug()
    assert main(["diff", f"{built}:golden", f"{built}:xrt:0"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "has no xclbin for xrt:0: build it" in err
