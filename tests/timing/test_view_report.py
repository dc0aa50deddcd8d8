# SPDX-License-Identifier: Apache-2.0
"""Outcomes of recordings: tables and documents, and what is told of designs that get stuck."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from pipelines import QUICK, burst, chained, crossing, trace_of

from hlsgen.timing import report
from hlsgen.timing.outcome import Conditions, Outcome, Stuck, outcomes, pieces, together
from hlsgen.timing.recording import Entry, Record, Recording
from hlsgen.timing.resolve import resolve
from hlsgen.timing.trace import COUNT, Trace

RENDERED = Conditions(QUICK, {})


def entry(layer: str, record: int = 0, runs: int = 1, modelled: int = 10) -> Entry:
    return Entry(layer, "FF", "os T 4 Q 2", runs, modelled, "compute", record)


def recorded(*traces: Trace, entries: tuple[Entry, ...] | None = None) -> Recording:
    """A record for each trace, and an entry for each record."""
    records = tuple(Record((trace,), ((),)) for trace in traces)
    named = tuple(entry(f"layer{number}", number) for number in range(len(traces)))
    return Recording("a title", {"rows": 2}, entries or named, records)


def outcomes_of(found: Recording, conditions: Conditions = RENDERED) -> tuple[Outcome, ...]:
    return outcomes(pieces(found, conditions.memory), conditions)


def total_of(found: Recording, conditions: Conditions = RENDERED) -> Outcome:
    each = outcomes_of(found, conditions)
    return together([each[e.record] for e in found.entries], [e.runs for e in found.entries])


def test_a_total_is_the_sum_of_its_runs() -> None:
    entries = (entry("a", 0, runs=3), entry("b", 1), entry("c", 0))
    found = recorded(burst(1), crossing(5, 1), entries=entries)
    first, second = outcomes_of(found)
    total = total_of(found)
    assert total.cycles == 4 * first.cycles + second.cycles
    assert total.endless == 4 * first.endless + second.endless
    for process in total.activities:
        assert process.cycles == total.cycles  # both traces have both processes
    packets = next(fill for fill in total.fills if fill.name == "packets_1")
    assert (packets.tokens, packets.fill) == (4 * 8, first.fills[0].fill)


def test_lists_of_a_record_follow_each_other() -> None:
    trace = burst(1)
    found = Recording("t", {}, (entry("a"),), (Record((trace, trace), ((), ())),))
    assert outcomes_of(found)[0].cycles == 2 * resolve(trace, QUICK, []).cycles


def test_the_loss_is_that_to_endless_fifos() -> None:
    """Five tokens at once, read at last: a FIFO of one place makes the writer wait."""
    trace = trace_of([5, 9], [("s", 1, 0, 1)], [[0, 0, 1, 5], [1, 4, 1, 5]])
    found = total_of(recorded(trace))
    assert (found.cycles, found.endless) == (13, 9)
    assert found.loss == 13 / 9 - 1
    endless = total_of(recorded(trace), Conditions(QUICK, {}, endless=True))
    assert (endless.cycles, endless.loss, endless.fills[0].depth) == (9, 0.0, None)
    deeper = total_of(recorded(trace), Conditions(QUICK, {"s": 5}))
    assert (deeper.cycles, deeper.fills[0].depth) == (9, 5)


def test_row_units_are_folded_into_one_line() -> None:
    found = total_of(recorded(chained(3, 6)))
    folded = report.process_rows(found.activities)
    assert [row[0] for row in folded] == ["row_0..3"]
    least = min(each.busy for each in found.activities)
    most = max(each.busy for each in found.activities)
    assert folded[0][1] == str(round(sum(a.busy for a in found.activities) / 4))
    cycles = found.activities[0].cycles
    assert folded[0][2] == f"{100 * least / cycles:.1f}-{100 * most / cycles:.1f} %"
    each = report.process_rows(found.activities, unfolded=True)
    assert [row[0] for row in each] == ["row_0", "row_1", "row_2", "row_3"]
    assert [row[1] for row in each] == [str(a.busy) for a in found.activities]
    streams = report.stream_rows(found.fills)
    assert [(row[0], row[1], row[2]) for row in streams] == [("a", "3", "1"), ("b", "3", "6")]
    assert len(report.stream_rows(found.fills, unfolded=True)) == 6


def test_a_process_names_what_it_waits_for_most() -> None:
    found = total_of(recorded(crossing(5, 1)))
    rows = {row[0]: row[-1] for row in report.process_rows(found.activities, unfolded=True)}
    assert rows["row_1"] == "late_0"
    top = report.process_rows(found.activities, unfolded=True, top=1)
    blocked = {a.name: a.read + a.write + a.memory for a in found.activities}
    assert [row[0] for row in top] == [max(blocked, key=lambda name: blocked[name])]


def test_the_document_adds_up() -> None:
    entries = (entry("a", runs=2, modelled=7), entry("b", 1))
    found = recorded(burst(1), crossing(5, 1), entries=entries)
    each = outcomes_of(found)
    result = report.document(total_of(found), found.entries, each, 200)
    assert result["cycles"] == sum(p["runs"] * p["cycles"] for p in result["products"])
    assert result["modelled_cycles"] == 2 * 7 + 10
    assert result["modelled_error"] == result["modelled_cycles"] / result["cycles"] - 1
    assert result["ms"] == result["cycles"] / 200e3
    for process in result["processes"]:
        parts = ("busy", "blocked_on_read", "blocked_on_write", "blocked_on_memory", "idle")
        assert sum(process[name] for name in parts) == result["cycles"]
        blocked = sum(process[name] for name in parts[1:4])
        assert sum(wait["cycles"] for wait in process["waits"]) == blocked
    assert result["kernels"] == [{"name": "sat_stce", "cycles": result["cycles"]}]
    assert result["last_process"] in {process["name"] for process in result["processes"]}
    assert {stream["family"] for stream in result["streams"]} == {"packets", "early", "late"}


def test_processes_belong_to_their_kernel() -> None:
    """Those of an update are idle in no product."""
    update = replace(entry("a", 1), stage="update")
    found = recorded(burst(1), chained(3, 6), entries=(entry("a", 0, runs=2), update))
    each = outcomes_of(found)
    result = report.document(total_of(found), found.entries, each, 200)
    kernels = {kernel["name"]: kernel["cycles"] for kernel in result["kernels"]}
    assert kernels == {"sat_stce": 2 * each[0].cycles, "sat_wuve": each[1].cycles}
    assert {p["kernel"] for p in result["processes"] if p["name"] == "row_3"} == {"sat_wuve"}


def test_the_busiest_process_has_most_busy_cycles() -> None:
    """Not the largest part of what may be few: an update of a cycle is always busy."""
    short = trace_of([1, 1], [("s", 1, 0, 1)], [[0, 0, 1, 1], [1, 1, 1, 1]])
    found = total_of(recorded(crossing(5, 1), replace(short, processes=("u_a", "u_b"))))
    most = max(found.activities, key=lambda each: each.busy)
    assert most.name.startswith("row")
    lines = report.total_lines(found, 9, 200, endless=False, other_memory=False)
    assert any(line.startswith("busiest process: row_0..1, ") for line in lines)
    assert f"last process to end: {found.last}" in "\n".join(lines)


def test_fifos_that_lose_time_are_named() -> None:
    """Of two streams that cross, one is one place short of what keeps the pace."""
    trace = trace_of(
        [5, 9],
        [("s", 1, 0, 1), ("t", 8, 0, 1)],
        [[0, 0, 1, 5], [1, 4, 1, 5], [2, 0, 1, 5], [3, 4, 1, 5]],
    )
    found = total_of(recorded(trace))
    assert found.loss > 0 and found.regained == {"s": found.cycles - found.endless}
    lines = report.total_lines(found, 9, 200, endless=False, other_memory=False)
    regained = f"s ({found.cycles - found.endless} cycles)"
    assert any(line.startswith("FIFOs that are too small") and regained in line for line in lines)
    deeper = total_of(recorded(trace), Conditions(QUICK, {"s": 5}))
    assert deeper.loss == 0 and deeper.regained == {}
    lines = report.total_lines(deeper, 9, 200, endless=False, other_memory=False)
    assert not any("too small" in line for line in lines)


def test_where_only_several_fifos_together_lose_time_it_is_told() -> None:
    trace = trace_of(
        [5, 9],
        [("s", 1, 0, 1), ("t", 1, 0, 1)],
        [[0, 0, 1, 5], [1, 4, 1, 5], [2, 0, 1, 5], [3, 4, 1, 5]],
    )
    found = total_of(recorded(trace))
    assert found.loss > 0 and found.regained == {}
    lines = report.total_lines(found, 9, 200, endless=False, other_memory=False)
    assert any("no family alone" in line for line in lines)


def test_pieces_are_named_by_their_first_entry() -> None:
    entries = (entry("b", 1), entry("a", 0), entry("c", 1))
    found = pieces(recorded(burst(1), crossing(5, 1), entries=entries), QUICK)
    assert [(each.name, each.case.runs) for each in found] == [("a FF", 1), ("b FF", 2)]


def test_a_deadlock_is_told_with_its_ring_and_its_end() -> None:
    with pytest.raises(Stuck) as caught:
        outcomes_of(recorded(crossing(2, 1)))
    error = caught.value
    assert error.exit_code == 1
    first, ring, mend = str(error).splitlines()
    assert first.startswith("layer0 FF: deadlock at simulated cycle ")
    assert "row_0 waits to write early_0 (full: 2 of 2), which row_1 reads" in ring
    assert "row_1 waits to read late_0 (empty), which row_0 writes" in ring
    assert mend == "early_0 with depth 5 ends it; in the spec: `fifos: {early: 5}`"
    (detail,) = error.details()
    deadlock = detail["deadlock"]
    assert isinstance(deadlock, dict)
    assert deadlock["remedy"] == {
        "fifo": "early_0", "depth": 5, "family": "early", "family_depth": 5,
    }  # fmt: skip
    waits = [(w["process"], w["stream"], w["waits_to"]) for w in deadlock["cycle"]]
    assert sorted(waits) == [("row_0", "early_0", "write"), ("row_1", "late_0", "read")]
    outcomes_of(recorded(crossing(2, 1)), Conditions(QUICK, {"early_0": 5}))


@pytest.mark.parametrize(("end", "text"), [
    (0, "layer0 FF: packets_1: row_0 writes 7 tokens, row_1 reads 8: 1 token missing"),
    (1, "layer0 FF: packets_1: row_0 writes 8 tokens, row_1 reads 7: 1 token left over"),
])  # fmt: skip
def test_tokens_that_do_not_match_are_told(end: int, text: str) -> None:
    trace = burst(8)
    runs = np.array(trace.runs)
    runs[end, COUNT] -= 1
    with pytest.raises(Stuck) as caught:
        outcomes_of(recorded(replace(trace, runs=runs)), RENDERED)
    assert str(caught.value).startswith(text) and caught.value.exit_code == 1
    (detail,) = caught.value.details()
    assert detail["streams"] == [{
        "stream": "packets_1", "written": 7 + end, "read": 8 - end, "writer": "row_0",
        "reader": "row_1",
    }]  # fmt: skip
