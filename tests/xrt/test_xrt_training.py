# SPDX-License-Identifier: Apache-2.0
"""A whole training run through every call of XRT: the bits and the metrics of csim."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyxrt_standin import Machine, write_module
from sat_host import load_bundle, open_device
from sat_host.data import load_dataset
from sat_host.engine import EngineDevice
from sat_host.models import build_network
from sat_host.session import train_bundle
from sat_host.training import Trainer, TrainingConfig
from standin_memory import DDR_STRIDE, SPACE

Plug = Callable[..., Machine]
USED = ("seconds", "stages", "stage_memory_bytes", "peak_memory_bytes", "device", "devices")


def trainer(device: Any, bundle: Path) -> Trainer:
    """Of the bundle's network."""
    pytest.importorskip("sklearn")
    settings = load_bundle(bundle).settings
    dataset = load_dataset(settings["data"])
    network = build_network(settings["model"], dataset.image, dataset.classes)
    return Trainer(device, TrainingConfig.from_settings(settings), dataset, network)


def trained(device: Any, bundle: Path, steps: int) -> dict[str, Any]:
    """All that `steps` steps leave behind."""
    with closing(trainer(device, bundle)) as run:
        for record in islice(run.run(), 1 + steps):
            assert record["kind"] in ("start", "step")
        return run.weights()


def assert_equal(got: dict[str, Any], want: dict[str, Any]) -> None:
    assert got.keys() == want.keys()
    for name, values in want.items():
        assert np.array_equal(got[name].view(np.uint32), values.view(np.uint32)), name


def records(path: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [{name: line[name] for name in line if name not in USED} for line in lines]


def test_a_run_has_the_metrics_of_csim(bundle: Path, plug: Plug, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    machine = plug()
    files = {device: tmp_path / device for device in ("csim", "xrt:0")}
    finals = {
        device: train_bundle(bundle, device=device, metrics=file, quiet=True)
        for device, file in files.items()
    }
    want, got = (records(file) for file in files.values())
    profile = got[-1].pop("device_profile")
    assert got == want and len(got) == 1 + 8 + 1 + 1
    assert finals["xrt:0"]["devices"] == ["xrt:0"] and "device_profile" not in finals["csim"]
    assert (profile["figures"], profile["target"]) == ("measured", "hw")
    assert profile["clock_mhz"] == 187.5
    kernels, copies = profile["kernels"], profile["copies"]
    for name in ("sat_stce", "sat_wuve"):
        counts = [count for kernel, count in machine.calls if kernel == name]
        assert (kernels[name]["calls"], kernels[name]["commands"]) == (len(counts), sum(counts))
        assert 0 < kernels[name]["modelled_calls"] <= kernels[name]["calls"]
        assert kernels[name]["modelled_seconds"] > 0
    assert copies["to_device"]["bytes"] == machine.synced["to"]
    assert copies["from_device"]["bytes"] == machine.synced["from"]


def test_the_weights_have_the_bits_of_csim_and_lie_in_the_programs_banks(
    bundle: Path, plug: Plug
) -> None:
    machine = plug()
    want = trained(open_device(bundle, "csim"), bundle, 2)
    device = open_device(bundle, "xrt:0")
    got = trained(device, bundle, 2)
    assert_equal(got, want)
    assert {(address - SPACE) // DDR_STRIDE for address, _ in machine.buffers} == {0, 1, 2, 3}
    profile = device.profile()
    assert profile is not None and profile["banks_out_of_reach"] == []


def test_memories_that_commands_do_not_reach_are_left_out(
    bundle: Path, plug: Plug, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With half as many words, two of the four memories that lie 64 GiB apart."""
    monkeypatch.setattr("sat_host.xrt.banks.MAX_ADDRESS", 1 << 31)
    machine = plug()
    want = trained(open_device(bundle, "csim"), bundle, 1)
    device = open_device(bundle, "xrt:0")
    got = trained(device, bundle, 1)
    assert_equal(got, want)
    assert {(address - SPACE) // DDR_STRIDE for address, _ in machine.buffers} == {0, 1}
    profile = device.profile()
    assert profile is not None and profile["banks_out_of_reach"] == [2, 3]


def test_every_tensor_of_a_step_lies_in_its_bank_of_the_program(bundle: Path, plug: Plug) -> None:
    """Each product's A, B and Y, and what updates read and write."""
    machine = plug()
    device = open_device(bundle, "xrt:0")
    assert isinstance(device, EngineDevice)
    program = json.loads((bundle / "program.json").read_text())
    memory = program["memory"]
    banks = {tensor["name"]: tensor["bank"] for tensor in memory["tensors"]}
    banks |= {name: banks[place] for name, place in memory["places"].items()}
    device.trace = []
    trained(device, bundle, 1)
    entries = [entry for entry in program["products"] if not entry["product"].get("accumulate")]
    wanted = {tuple(banks[name] for name in entry["tensors"]) for entry in entries}
    stride = DDR_STRIDE // device.config.word_bytes
    found = {
        tuple(address // stride for address in (work.a.address, work.b.address, work.y.address))
        for work in (each.product for each in device.trace)
    }
    assert found == wanted and len(wanted) > 4
    loose = [members for _, members in machine.buffers if len(members) > 1]
    assert loose == [(0, 1, 2, 3)]  # the base


def test_a_run_that_goes_from_csim_to_a_card_ends_with_the_same_bits(
    bundle: Path, plug: Plug
) -> None:
    plug()
    want = trained(open_device(bundle, "csim"), bundle, 4)
    with closing(trainer(open_device(bundle, "csim"), bundle)) as run:
        for _ in islice(run.run(), 1 + 2):
            pass
        tensors, state = run.snapshot()
    with closing(trainer(open_device(bundle, "xrt:0"), bundle)) as run:
        run.restore(tensors, state)
        for _ in islice(run.run(), 1 + 2):
            pass
        assert_equal(run.weights(), want)


@pytest.mark.slow
def test_a_process_of_its_own_trains_on_a_card(bundle: Path, tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    write_module(tmp_path / "modules")
    paths = [tmp_path / "modules", Path(__file__).parent]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, paths))}
    environ.pop("XCL_EMULATION_MODE", None)
    done = subprocess.run(
        [sys.executable, "-m", "sat_host", "train", "--device", "xrt:0", "--json", "--quiet"],
        cwd=bundle, env=environ, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["device"] == "xrt:0"
