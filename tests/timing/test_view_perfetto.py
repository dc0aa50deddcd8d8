# SPDX-License-Identifier: Apache-2.0
"""Timelines for Perfetto: by the schema of the format, and with what was resolved."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from networks import random_network
from pipelines import QUICK, burst
from trace_event_schema import SCHEMA

from hlsgen.timing import perfetto
from hlsgen.timing.resolve import MEMORY, READ, WRITE, Resolved, resolve
from hlsgen.timing.timeline import BUSY
from hlsgen.timing.trace import Trace

jsonschema = pytest.importorskip("jsonschema")

Event = dict[str, Any]


def written(*parts: tuple[str, Trace, Resolved]) -> tuple[Event, int]:
    stream = io.StringIO()
    perfetto.write([_part(*part) for part in parts], "a title", stream)
    text = stream.getvalue()
    return json.loads(text), len(text)


def _part(name: str, trace: Trace, resolved: Resolved) -> perfetto.Part:
    return perfetto.Part(name, trace, lambda: resolved)


def names_of(events: Sequence[Event], kind: str) -> dict[tuple[int, int], str]:
    return {(e["pid"], e["tid"]): e["args"]["name"] for e in events if e["name"] == kind}


@pytest.mark.parametrize("seed", range(12))
def test_files_keep_the_format(seed: int) -> None:
    network = random_network(seed, ports=True)
    found = resolve(network.trace, network.memory, network.places, network.depths, detail=True)
    document, _ = written(("a", network.trace, found), ("b", network.trace, found))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)


def test_the_schema_refuses_what_is_no_trace() -> None:
    document, _ = written(("a", burst(2), resolve(burst(2), QUICK, [], detail=True)))
    check = jsonschema.Draft202012Validator(SCHEMA)
    assert check.is_valid(document)
    for change in ({"ts": -1}, {"dur": "3"}, {"cname": "pink"}, {"ph": "B"}, {"extra": 1}):
        event = next(e for e in document["traceEvents"] if e["ph"] == "X")
        assert not check.is_valid({"traceEvents": [{**event, **change}]})


@pytest.mark.parametrize("seed", range(30))
def test_each_process_has_a_track_with_all_its_cycles(seed: int) -> None:
    network = random_network(seed, ports=seed % 2 == 0)
    trace = network.trace
    found = resolve(trace, network.memory, network.places, network.depths, detail=True)
    events = written(("x", trace, found))[0]["traceEvents"]
    tracks = names_of(events, "thread_name")
    outer = {perfetto.NAMES[cause]: cause for cause in perfetto.NAMES}
    cycles: Counter[tuple[str, str]] = Counter()
    for event in events:
        if event["ph"] == "X" and event["name"] in outer:
            assert event["cname"] == perfetto.COLOURS[outer[event["name"]]]
            cycles[tracks[event["pid"], event["tid"]], event["name"]] += event["dur"]
    for number, name in enumerate(trace.processes):
        wanted = dict(zip((READ, WRITE, MEMORY), found.blocked[number], strict=True))
        wanted[BUSY] = found.busy[number]
        assert {c: cycles[name, perfetto.NAMES[c]] for c in wanted} == wanted


def test_stalls_name_their_stream_inside() -> None:
    found = resolve(burst(2), QUICK, [], detail=True)
    events = written(("x", burst(2), found))[0]["traceEvents"]
    inner = [e for e in events if e["ph"] == "X" and e["name"] == "packets_1"]
    blocked = [e for e in events if e["name"] == "blocked on write"]
    assert blocked and sum(e["dur"] for e in blocked) == found.blocked[0][WRITE]
    spans = {(e["tid"], e["ts"], e["dur"]) for e in inner}
    assert {(e["tid"], e["ts"], e["dur"]) for e in blocked} <= spans


def test_counters_follow_the_fills() -> None:
    trace = burst(5)
    found = resolve(trace, QUICK, [], detail=True)
    assert found.levels is not None and found.bucket == 1
    events = written(("x", trace, found))[0]["traceEvents"]
    points = [(e["ts"], e["args"]["tokens"]) for e in events if e["ph"] == "C"]
    assert points[-1] == (found.cycles, 0) and max(fill for _, fill in points) == found.fills[0]
    shown = np.zeros(found.cycles, np.int64)
    for time, fill in points:
        shown[time:] = fill
    assert shown.tolist() == found.levels[0, : found.cycles].tolist()


def test_parts_stand_behind_each_other() -> None:
    trace = burst(2)
    found = resolve(trace, QUICK, [], detail=True)
    events = written(("first", trace, found), ("second", trace, found))[0]["traceEvents"]
    runs = [(e["name"], e["ts"], e["dur"]) for e in events if e.get("cat") == "run"]
    assert runs == [("first", 0, found.cycles), ("second", found.cycles, found.cycles)]
    assert max(e["ts"] + e.get("dur", 0) for e in events if "ts" in e) == 2 * found.cycles
    assert sorted(names_of(events, "thread_name").values()) == sorted(
        [*trace.processes, "product or update"]
    )


@pytest.mark.slow
def test_a_long_trace_makes_no_huge_file() -> None:
    """Half a million stalls of a cycle each."""
    count = 500_000
    trace = burst(2, count)
    found = resolve(trace, QUICK, [], detail=True)
    assert found.stalls is not None and len(found.stalls) > count - 10
    document, size = written(("x", trace, found))
    assert size < 50e6
    slices = [e for e in document["traceEvents"] if e["ph"] == "X" and e["pid"] == 1002]
    assert len(slices) < 2 * perfetto.MOST_SLICES
    outer = [e for e in slices if e["name"] in perfetto.NAMES.values()]
    assert sum(e["dur"] for e in outer) == sum(found.ends)
    assert any(e["name"] == perfetto.SEVERAL for e in slices)
    parts = [e["args"] for e in outer if "args" in e]
    alone = sum(e["dur"] for e in outer if "args" not in e and e["name"] == "busy")
    assert sum(p.get("busy, cycles", 0) for p in parts) + alone == sum(found.busy)
