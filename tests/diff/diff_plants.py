# SPDX-License-Identifier: Apache-2.0
"""Dumps to compare, and bits flipped on purpose: in a dump's files, and by a device."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sat_host.bundle import open_device
from sat_host.device import Device
from sat_host.golden_device import GoldenDevice
from sat_host.recording import live
from sat_host.recording.dump import DumpOptions, Steps
from sat_host.session import train_bundle

from hlsgen.cli.main import main

CNN = """\
name: tiny
array: {rows: 4, lanes: 8, interleave: 2, memory_tile: 2, adder_latency: 4}
model: {name: cnn, channels: [12, 9]}
data: {name: digits, test_fraction: 0.9}
training: {epochs: 1, batch: 50}
"""

BITS: dict[str, Any] = {"float16": np.uint16, "float32": np.uint32, "uint16": np.uint16}


def record(bundle: Path, folder: Path, steps: str, device: str, *, digests: bool = False) -> Path:
    """A dump of a whole run."""
    options = DumpOptions(folder, Steps.parse(steps), digests)
    train_bundle(bundle, device=device, quiet=True, dump=options)
    return folder


def answered(capsys: pytest.CaptureFixture[str], status: int, *arguments: object) -> Any:
    assert main(["diff", *map(str, arguments), "--json"]) == status
    out, err = capsys.readouterr()
    assert err == ""
    return json.loads(out)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line of a command line that is wrong."""
    assert main([str(each) for each in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    return err


def found_at(answer: Any) -> tuple[Any, ...]:
    found = answer["divergence"]
    return tuple(found[name] for name in ("step", "phase", "layer", "stage", "operation"))


def lines_of(dump: Path) -> list[dict[str, Any]]:
    """The calls, as they are written."""
    return [json.loads(line) for line in (dump / "calls.jsonl").read_text().splitlines()]


def find(dump: Path, step: int, layer: str, operation: str, phase: str = "training") -> Any:
    """The one call of that place."""
    (found,) = (
        call
        for call in lines_of(dump)
        if (call["step"], call["phase"]) == (step, phase)
        and (call["layer"], call["operation"]) == (layer, operation)
    )
    return found


def flip_in_dump(dump: Path, call: Any, role: str, index: tuple[Any, ...], bit: int) -> int:
    """Flip a bit of an element, or of several, in the file; what the first one's bits were."""
    result = next(each for each in call["results"] if each["role"] == role)
    phase = "" if call["phase"] == "training" else f"-{call['phase']}"
    file = dump / f"step-{call['step']:06d}{phase}.bin"
    shape, kind = tuple(result["shape"]), BITS[result["dtype"]]
    values = np.memmap(file, kind, "r+", result["offset"], shape)
    before = int(np.ravel(values[index])[0])
    values[index] ^= kind(1 << bit)
    values.flush()
    return before


def flip_after(
    device: Device, operation: str, nth: int, index: tuple[int, int], bit: int
) -> Device:
    """The device, which flips a bit of the result of the nth (from 1 on) such call."""
    original: Callable[..., Any] = getattr(device, operation)
    calls = 0

    def call(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        returned = original(*arguments, **named)
        calls += 1
        if calls == nth:
            values = device.read(arguments[0])
            bits = values.view(BITS[values.dtype.name])
            bits[index] ^= bits.dtype.type(1 << bit)
            device.write(arguments[0], values)
        return returned

    setattr(device, operation, call)
    return device


def flip_packed_after(device: GoldenDevice, nth: int, index: tuple[int, ...], bit: int) -> Device:
    """The golden device, which flips a bit of the FF records that the nth update leaves."""
    original = device.update_weights
    calls = 0

    def call(*arguments: Any, **named: Any) -> None:
        nonlocal calls
        original(*arguments, **named)
        calls += 1
        if calls == nth:
            device._values(arguments[4])[index] ^= np.uint16(1 << bit)

    device.update_weights = call  # type: ignore[method-assign]
    return device


def plant(monkeypatch: pytest.MonkeyPatch, name: str, change: Callable[[Any], Device]) -> None:
    """Let live runs on the device `name` run on the changed one."""

    def opened(bundle: Any, device: str) -> Device:
        made = open_device(bundle, device)
        return change(made) if device == name else made

    monkeypatch.setattr(live, "open_device", opened)
