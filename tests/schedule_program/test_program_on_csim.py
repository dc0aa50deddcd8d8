# SPDX-License-Identifier: Apache-2.0
"""From a spec to a step on csim: what the bundle's program says is what runs, with golden bits."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recording import Recorder, differences, update_differences
from sat_host.bundle import Bundle, load_bundle, load_stored_program, open_device
from sat_host.csim import CsimBackend
from sat_host.data import load_dataset
from sat_host.device import Device
from sat_host.engine import EngineDevice
from sat_host.golden_device import GoldenDevice
from sat_host.models import build_network
from sat_host.models.workload import workload
from sat_host.stored_program import StoredProgram, read_program
from sat_host.training import Trainer, TrainingConfig

from hlsgen.build import build
from hlsgen.schedule.checker import check
from hlsgen.schedule.memory import Memory
from hlsgen.schedule.options import Options
from hlsgen.schedule.program import Machine, Program, Training, program_of
from hlsgen.schedule.program_file import dump_program, load_program
from hlsgen.specfile import load_spec

SPEC = """
name: programmed
array: {rows: 4, lanes: 8, interleave: 2, memory_tile: 2, adder_latency: 4}
sparsity: {group: 8, keep: 2}
model:
  name: layers
  layers:
  - {type: conv, name: conv1, filters: 12, kernel: 3, padding: 1}
  - {type: relu}
  - {type: conv, name: conv2, filters: 20, kernel: 3, stride: 2, padding: 1, bias: true}
  - {type: relu}
  - {type: conv, name: conv3, filters: 9, kernel: 1, stride: 2}
  - {type: flatten}
  - {type: linear, name: fc, units: 10}
training: {epochs: 1, batch: 12, micro_batch: 4}
"""
MICRO_BATCHES = 3


@pytest.fixture(scope="module", params=[pytest.param("os", marks=pytest.mark.slow), "ws"])
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    folder: Path = tmp_path_factory.mktemp("programmed")
    spec = folder / "spec.yaml"
    only = "dataflows: [os]\n" if request.param == "os" else ""
    spec.write_text(SPEC + only, encoding="utf-8")
    return load_bundle(build(spec, folder / "bundle", os.environ).bundle)


def stepped(device: Device, bundle: Bundle) -> Mapping[str, Any]:
    """All that a first step of training leaves behind."""
    settings = bundle.settings
    config = TrainingConfig.from_settings(settings)
    dataset = load_dataset(settings["data"])
    network = build_network(settings["model"], dataset.image, dataset.classes)
    trainer = Trainer(device, config, dataset, network)
    try:
        records = trainer.run()
        assert [next(records)["kind"] for _ in range(2)] == ["start", "step"]
        return trainer.weights()
    finally:
        trainer.close()


@pytest.mark.slow
def test_a_step_on_csim_runs_exactly_the_program(bundle: Bundle) -> None:
    program = load_program((bundle.path / "program.json").read_text(encoding="utf-8"))
    assert check(program, exact=True) == []
    dataflows = {entry.tiling.dataflow for entry in program.products}
    assert dataflows <= set(bundle.settings["dataflows"])
    assert_steps_as(program, load_stored_program(bundle), bundle)


def test_a_step_of_weight_stationary_products_alone(bundle: Bundle) -> None:
    """Every product weight stationary, most of them in parts of their reduction."""
    spec = load_spec(bundle.path / "spec.yaml")
    if "ws" not in spec.dataflows:
        pytest.skip("the array has no such hardware")
    machine = Machine(bundle.config, Memory(4, 96.0, 64.0), 1 << 30, spec.clock_mhz)
    training = Training(spec.sparsity.method, spec.sparsity.keep, 12, 4)
    only = Options(dataflows=("ws",))
    program = program_of(workload(spec.network(), 4), machine, training, only)
    parts = [len(program.commands(entry)) for entry in program.products]
    assert max(parts) > 2 and any(entry.scratch for entry in program.products)
    assert_steps_as(program, read_program(dump_program(program)), bundle)


def assert_steps_as(program: Program, stored: StoredProgram, bundle: Bundle) -> None:
    """A step on csim with these tilings: its commands are the program's, its bits golden."""
    recorder = Recorder(bundle.config.lanes, CsimBackend(bundle.library, bundle.config))
    device = EngineDevice(bundle.config, recorder, tuple(bundle.settings["dataflows"]), stored)
    got = stepped(device, bundle)
    assert differences(program, recorder.stce_lists, MICRO_BATCHES) == []
    packs = len(program.updates)  # of the initial weights
    assert update_differences(program, recorder.wuve_lists[packs:]) == []
    want = stepped(GoldenDevice(bundle.config), bundle)
    assert set(got) == set(want)
    for name, values in want.items():
        assert np.array_equal(got[name].view(np.uint32), values.view(np.uint32)), name


def test_a_user_chooses_the_dataflow_of_a_product(bundle: Bundle) -> None:
    device = open_device(bundle)
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape).astype(np.float16) for shape in ((9, 50), (50, 21)))
    want = GoldenDevice(bundle.config).matmul(a, b, keep=2)
    for dataflow in (None, *device.dataflows):
        got = device.matmul(a, b, keep=2, dataflow=dataflow)
        assert np.array_equal(got.view(np.uint32), want.view(np.uint32))
