# SPDX-License-Identifier: Apache-2.0
"""Proofs about updates: one a layer with weights, over the tensors that its products read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sat_host.descriptor import WUVE
from sat_host.layer_shapes import WeightedLayer

from .checker_jobs import Fault, Findings, ceil_div

if TYPE_CHECKING:
    from .program import Program


def check_update(program: Program, layer: WeightedLayer) -> list[Fault]:
    """The faults of a layer's update."""
    found = Findings(f"{layer.name} update")
    commands = [program.update_command(e) for e in program.updates if e.layer == layer.name]
    if not found.need("missing", len(commands) == 1, f"{len(commands)} updates, expected one"):
        return found.faults
    (command,) = commands[0]
    lanes, shape = program.config.lanes, layer.shape
    taps = shape.kernel[0] * shape.kernel[1]
    tap_rows = ceil_div(shape.channels, lanes) * lanes if taps > 1 else shape.channels
    rows = (taps - 1) * tap_rows + shape.channels
    flags = {
        "update": True,
        "decay_pruned": layer.masked,
        "masked_bp": layer.masked and layer.bp_keep,
    }
    values = {
        "rows": rows,
        "columns": shape.filters,
        "pitch": 2 * ceil_div(shape.filters, lanes),
        "ff_keep": layer.ff_keep,
        "bp_keep": layer.bp_keep,
        "flags": sum(WUVE.flag(name) for name, on in flags.items() if on),
    }
    wrong = [name for name, value in values.items() if int(command[name]) != value]
    found.need("shape", not wrong, f"{', '.join(wrong)} are not the layer's")
    places = {"weights": "weights", "velocity": "velocity", "gradient": "gradient", "ff": "ff"}
    if layer.bp_keep:
        places["bp"] = "bp"
    for field, role in places.items():
        tensor = program.memory[f"{layer.name}.{role}"]
        here = int(command[f"{field}_address"]) * 2 * lanes == tensor.address
        found.need("tensor", here, f"{field}_address is not that of {tensor.name}")
        if role in ("weights", "velocity", "gradient"):
            size = rows * values["pitch"] * 2 * lanes
            found.need("tensor", tensor.bytes == size, f"{tensor.name} is not of {size} bytes")
    return found.faults
