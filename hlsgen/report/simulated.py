# SPDX-License-Identifier: Apache-2.0
"""FIFOs of an accelerator: their depths, and with a recording how full they got."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..fifos import FAMILIES, fifo_resource
from ..scheduled import machine_of
from ..spec import Spec
from ..timing import report as timed
from ..timing.outcome import Conditions, Outcome, outcomes, pieces, together
from ..timing.recording import Recording
from ..timing.run import bank_timing
from .cycles import in_time

Json = dict[str, Any]


def resolved(recording: Recording, spec: Spec) -> tuple[Outcome, ...]:
    """The outcome of each record with the spec's FIFOs and its card's memory. Raises WorkError for
    a deadlock, ToolMissingError without a compiler."""
    memory = bank_timing(machine_of(spec).memory)
    conditions = Conditions(memory, {**spec.fifo_depths()})
    return outcomes(pieces(recording, memory), conditions)


def simulated_document(
    recording: Recording, found: Sequence[Outcome], spec: Spec, file: str
) -> Json:
    """Of a recording in `file`: its totals, its products in order, and its FIFOs by family."""
    runs = [entry.runs for entry in recording.entries]
    total = together([found[entry.record] for entry in recording.entries], runs)
    told = timed.document(total, recording.entries, found, spec.clock_mhz)
    segments = in_time(
        {
            "layer": entry.layer,
            "stage": entry.stage,
            "cycles": entry.runs * found[entry.record].cycles,
            "bound": entry.bound,
        }
        for entry in recording.entries
    )
    chosen = ("cycles", "ms", "endless_cycles", "loss", "modelled_cycles", "modelled_error")
    return {
        "kind": "simulated",
        "title": recording.title,
        "file": file,
        **{key: told[key] for key in chosen},
        "segments": segments,
        "families": _filled(told["streams"]),
    }


def depths_document(spec: Spec) -> list[Json]:
    """Every family's streams that this array has."""
    rows = spec.array.rows
    return [
        {
            "family": name,
            "kernel": FAMILIES[name].kernel,
            "count": len(FAMILIES[name].streams(rows)),
            "depth": depth,
            "resource": fifo_resource(depth),
        }
        for name, depth in spec.fifo_depths().items()
        if FAMILIES[name].streams(rows)
    ]


def _filled(streams: Sequence[Json]) -> list[Json]:
    """By family, the greatest figures of any of its streams; without those that nothing passed."""
    groups: dict[str, list[Json]] = {}
    for stream in streams:
        if stream["tokens"]:
            groups.setdefault(stream["family"], []).append(stream)
    keys = ("depth", "fill", "endless_fill", "tokens", "found_empty", "found_full")
    return [
        {"family": name, "count": len(group), **{key: _most(group, key) for key in keys}}
        for name, group in groups.items()
    ]


def _most(group: Sequence[Json], key: str) -> int | None:
    return max((each[key] for each in group if each[key] is not None), default=None)
