# SPDX-License-Identifier: Apache-2.0
"""The host harness executes exactly the program that it is given, whatever the network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from recording import Recorder, differences, update_differences
from sat_host.config import ArrayConfig
from sat_host.device import UpdateScalars
from sat_host.engine import EngineDevice
from sat_host.methods import METHODS, plan_network
from sat_host.models import Network, build_network, layers
from sat_host.models.workload import workload
from sat_host.nn import Model, Run
from sat_host.stored_program import read_program
from sat_host.tiling import Tiling

from hlsgen.schedule.memory import Memory
from hlsgen.schedule.program import Machine, Program, Training, program_of
from hlsgen.schedule.program_file import dump_program

ARRAY = ArrayConfig(4, 8, 8, 4, 2, 4)
PIECE, BATCH = 3, 6

STRIDED = Network(
    "layers",
    (9, 7, 3),
    5,
    (
        layers.Conv("conv1", 10, (3, 2), 2, 1, bias=True),
        layers.Relu(),
        layers.Conv("conv2", 12, 3, 2, 1),
        layers.Conv("conv3", 20, 1, 2),
        layers.GlobalAvgPool(),
        layers.Linear("fc", 5),
    ),
)
NETWORKS: dict[str, Network] = {
    "mlp": build_network({"name": "mlp", "hidden": [40, 24]}, (4, 4, 1), 5),
    "cnn": build_network({"name": "cnn", "channels": [16, 24]}, (8, 8, 1), 5),
    "strided": STRIDED,
    "vit": build_network(
        {"name": "vit", "patch": 4, "dim": 20, "depth": 1, "heads": 2, "mlp": 24}, (8, 12, 3), 5
    ),
}


def program_for(network: Network, method: str = "bdwp", keep: int = 2) -> Program:
    machine = Machine(ARRAY, Memory(4, 8.0, 64.0), 1 << 30, 200)
    return program_of(workload(network, BATCH), machine, Training(method, keep, BATCH, PIECE))


def step(recorder: Recorder, network: Network, program: Program) -> None:
    """A step of all micro-batches and the update."""
    stored = read_program(dump_program(program))
    device = EngineDevice(ARRAY, recorder, ("os", "ws"), stored)
    plans = plan_network(network, program.method, program.keep, ARRAY.group)
    model = Model(device, network, plans, PIECE, np.random.default_rng(0))
    recorder.stce_lists.clear()
    recorder.wuve_lists.clear()
    rng = np.random.default_rng(1)
    for micro in range(BATCH // PIECE):
        x = rng.standard_normal((PIECE, *network.image)).astype(np.float32)
        run = Run(training=True, micro=micro, accumulate=micro > 0)
        logits = model.forward(x, run)
        assert model.backward(rng.standard_normal(logits.shape).astype(np.float32), run)
    scalars = UpdateScalars(0.05, 0.9, 5e-4, 1.0, 2e-4)
    model.update(scalars, replace(scalars, sr_decay=0.0))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", NETWORKS)
def test_a_step_runs_the_programs_commands(name: str, method: str) -> None:
    network, program = NETWORKS[name], program_for(NETWORKS[name], method)
    recorder = Recorder(ARRAY.lanes)
    step(recorder, network, program)
    assert differences(program, recorder.stce_lists, BATCH // PIECE) == []
    assert update_differences(program, recorder.wuve_lists) == []
    assert len(recorder.wuve_lists) == len(program.updates) + 1  # one of all learned vectors


@pytest.mark.parametrize("dataflow", ["os", "ws"])
def test_another_tiling_gives_other_commands(dataflow: str) -> None:
    """What the program says is what runs: its smallest tiles in place of the chosen ones."""
    network = NETWORKS["cnn"]
    program = program_for(network)
    entries = [
        replace(entry, tiling=_smallest(dataflow), scratch=_scratch(program, entry, dataflow))
        for entry in program.products
    ]
    changed = replace(program, products=tuple(entries))
    recorder = Recorder(ARRAY.lanes)
    step(recorder, network, changed)
    assert differences(changed, recorder.stce_lists, BATCH // PIECE) == []
    assert differences(program, recorder.stce_lists, BATCH // PIECE)


def _smallest(dataflow: str) -> Tiling:
    return Tiling(dataflow, 1, 1, buffered=True)


def _scratch(program: Program, entry: Any, dataflow: str) -> str | None:
    """Any tensor: where sums wait does not matter here."""
    return program.memory.tensors[-1].name if dataflow == "ws" else None
