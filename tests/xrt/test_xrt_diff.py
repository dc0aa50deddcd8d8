# SPDX-License-Identifier: Apache-2.0
"""A dump of a card's run beside csim: equal, and with a bit that the card got wrong."""

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

from hlsgen.cli.main import main

Plug = Callable[..., Machine]
ROWS, LANES = 4, 32


def answer(capsys: pytest.CaptureFixture[str], status: int, *sides: str) -> Any:
    capsys.readouterr()
    assert main(["diff", *sides, "--json", "--quiet"]) == status
    return json.loads(capsys.readouterr().out)


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

    def wrong(opened: Any, name: str) -> Any:
        """A card that gets a bit of each FF of 20 filters wrong."""
        device = open_device(opened, name)
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

    monkeypatch.setattr(session, "open_device", wrong)
    assert host_main(["train", str(bundle), "--dump", dumps[1], *options]) == 0
    found = answer(capsys, 1, dumps[1], f"{bundle}:csim")["divergence"]
    assert (found["step"], found["layer"], found["stage"]) == (1, "conv2", "FF")
    element = found["element"]
    assert element["index"] == [37, 19] and element["where"]["differing"] == 1
    assert int(element["a"]["hex"], 16) ^ int(element["b"]["hex"], 16) == 64
    # Both ran the bundle's program, at addresses of their own.
    assert element["a"]["place"] == element["b"]["place"]
    tile = element["a"]["place"]["tile"]
    assert tile["lane"] == 19
    first, last = tile["output_rows"]
    assert first <= 37 <= last
    if tile["dataflow"] == "os":
        assert tile["row_unit"] == ROWS - 1 - (37 - first) // tile["interleave"]
    else:
        assert tile["batch"] == (37 - first) // tile["interleave"]
