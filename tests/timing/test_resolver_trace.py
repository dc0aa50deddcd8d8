# SPDX-License-Identifier: Apache-2.0
"""Traces as values and as files: what is missing, what is refused, what a damaged file says."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import random_network

from hlsgen.errors import InputError
from hlsgen.timing.trace import (
    PortInfo,
    StreamInfo,
    Trace,
    Unbalanced,
    fault,
    load,
    missing,
    operations,
    save,
)

L = 1 << 62


def small() -> Trace:
    """p writes five tokens of s, which q reads, and words of port m."""
    return Trace(
        ("p", "q"),
        (StreamInfo("s", 2, "srl", 0, 1),),
        (PortInfo("m", "gmem0", 0, True, 16, 4, 8),),
        (20, 30),
        64,
        np.array(
            [[0, 3, 2, 4, 0, 0], [2, 0, 1, 6, 100, 1], [0, 20, 0, 1, 0, 0], [1, 0, 5, 5, 0, 0]],
            np.int64,
        ),
    )


def equal(one: Trace, other: Trace) -> bool:
    names = ("processes", "streams", "ports", "ticks", "word_bytes")
    same = all(getattr(one, name) == getattr(other, name) for name in names)
    return same and np.array_equal(one.runs, other.runs) and one.runs.dtype == other.runs.dtype


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "trace"  # no suffix is added
    for trace in (small(), *(random_network(n, ports=True).trace for n in range(20))):
        save(trace, path)
        assert equal(load(path), trace)
    assert [each.name for each in tmp_path.iterdir()] == ["trace"]


def test_missing() -> None:
    trace = small()
    assert fault(trace) is None and missing(trace) == [] and operations(trace) == [5, 5, 6]
    assert missing(replace(trace, runs=trace.runs[:3])) == [Unbalanced("s", 5, 0, "p", "q")]
    assert missing(replace(trace, runs=trace.runs[1:])) == [Unbalanced("s", 1, 5, "p", "q")]


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ([3, 0, 1, 1, 0, 0], "an end that is not from 0 to 2"),
        ([-1, 0, 1, 1, 0, 0], "an end that is not"),
        ([0, 21, 1, 1, 0, 0], "stream s, writer: a run that is not within"),
        ([1, 29, 1, 3, 0, 0], "stream s, reader: a run that is not within"),
        ([1, -1, 1, 1, 0, 0], "not within"),
        ([1, 0, -1, 1, 0, 0], "not within"),
        ([1, 0, 1, 0, 0, 0], "not within"),
        ([1, 0, 1, -(1 << 63), 0, 0], "not within"),
        ([1, 0, L, 3, 0, 0], "not within"),
        ([1, 0, 2, L + 1, 0, 0], "not within"),
        ([2, 20, 0, 1, 0, 0], "port m: a run that is not within"),
        ([0, 20, 0, 2, 0, 0], "stream s, writer: two operations in one tick"),
        ([0, 9, 1, 1, 0, 0], "stream s, writer: runs that are not in order"),
        ([0, 20, 1, 1, 0, 0], "stream s, writer: runs that are not in order"),
        ([2, 4, 1, 1, 0, 0], "port m: runs that are not in order"),
        ([2, 9, 1, 1, -1, 0], "port m: an address"),
        ([2, 9, 1, 3, 1, -1], "port m: an address"),
        ([2, 9, 1, 3, 0, L], "port m: an address"),
        ([2, 9, 1, 3, 5, -(1 << 63)], "port m: an address"),
    ],
)
def test_faulty_runs(row: list[int], text: str) -> None:
    trace = small()
    kept = trace.runs[trace.runs[:, 0] != 1]
    found = fault(replace(trace, runs=np.vstack([kept, [row]])))
    assert found is not None and text in found


def test_a_port_may_share_a_tick() -> None:
    rows = np.array([[2, 5, 0, 2, 7, 1], [2, 19, 1, 1, 7, 1]], np.int64)
    assert fault(replace(small(), runs=np.vstack([small().runs, rows]))) is None


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"ticks": (20,)}, "ticks: 1 for 2 processes"),
        ({"ticks": (20, -1)}, "ticks of q: -1"),
        ({"ticks": (20, 30.5)}, "ticks of q: 30.5"),
        ({"word_bytes": 0}, "word_bytes: 0"),
        ({"streams": (StreamInfo("s", 0, "srl", 0, 1),)}, "stream s: depth: 0"),
        ({"streams": (StreamInfo("s", 2, "srl", 2, 1),)}, "stream s: writer: 2"),
        ({"streams": (StreamInfo("s", 2, "srl", 0, -1),)}, "stream s: reader: -1"),
        ({"ports": (PortInfo("m", "g", 2, True, 1, 1, 1),)}, "port m: process: 2"),
        ({"ports": (PortInfo("m", "g", 0, True, 0, 1, 1),)}, "port m: burst: 0"),
        ({"ports": (PortInfo("m", "g", 0, True, 1, 0, 1),)}, "port m: outstanding: 0"),
        ({"ports": (PortInfo("m", "g", 0, True, 1, 1, 0),)}, "port m: latency: 0"),
        ({"runs": np.zeros((1, 5), np.int64)}, "runs: not an int64 array"),
        ({"runs": np.zeros((1, 6), np.int32)}, "runs: not an int64 array"),
    ],
)
def test_faulty_tables(changes: dict[str, Any], text: str) -> None:
    found = fault(replace(small(), **changes))
    assert found is not None and text in found


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        load(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ") and "\n" not in text
    return text


def test_a_file_that_is_no_trace(tmp_path: Path) -> None:
    path = tmp_path / "trace.npz"
    assert "No such file" in refusal(path)
    assert "Is a directory" in refusal(tmp_path)
    for content in (b"", b"PK", b"hello", b"\x80\x04", bytes(100)):
        path.write_bytes(content)
        assert "not a whole trace" in refusal(path)
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    path.write_bytes(buffer.getvalue())
    assert "not a whole trace" in refusal(path)
    np.savez(path, head=np.array([{}], object))
    assert "not a whole trace" in refusal(path)
    np.savez(path, runs=small().runs)
    assert "not a whole trace" in refusal(path)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"format": "hlsgen-trace-0"}, "not a whole trace"),
        ({"format": None}, "not a whole trace"),
        ({"ticks": 5}, "not a whole trace"),
        ({"ticks": [20]}, "not a valid trace: ticks: 1 for 2 processes"),
        ({"ticks": [20, 10**30]}, "not a valid trace: ticks of q"),
        ({"processes": ["p", 5]}, "not a valid trace: a name that is no text: 5"),
        ({"word_bytes": "64"}, "not a valid trace: word_bytes: '64'"),
        ({"more": 1}, "not a whole trace"),
        ({"streams": [{"name": "s"}]}, "not a whole trace"),
        ({"streams": [5]}, "not a whole trace"),
    ],
)
def test_a_file_of_another_kind(tmp_path: Path, change: dict[str, Any], text: str) -> None:
    path = tmp_path / "trace.npz"
    save(small(), path)
    with np.load(path) as file:
        head, runs = json.loads(file["head"].tobytes()), file["runs"]
    np.savez(path, head=np.frombuffer(json.dumps({**head, **change}).encode(), np.uint8), runs=runs)
    assert text in refusal(path)


def test_a_damaged_file(tmp_path: Path) -> None:
    """Cut short or with a byte changed anywhere, a file is refused, or nothing came of it."""
    path = tmp_path / "trace.npz"
    save(small(), path)
    content = path.read_bytes()
    assert load(path).ticks == (20, 30)
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        refusal(path)
    refused = 0
    for place in range(0, len(content), 3):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x41]) + content[place + 1 :])
        try:
            assert equal(load(path), small()), place
        except InputError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > len(content) * 2 // 9


def test_a_place_that_can_not_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="absent"):
        save(small(), tmp_path / "absent" / "trace.npz")
