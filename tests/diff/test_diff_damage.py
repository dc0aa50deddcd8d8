# SPDX-License-Identifier: Apache-2.0
"""Dumps in which any one field was changed or is missing: an answer or one line, never more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diff_plants import find, flip_in_dump

from hlsgen.cli.main import main

STRANGE = (
    None, -1, 0, 3, 2**40, 2**70, -(2**63), 1.5, 1e300, float("inf"), float("nan"), True,
    "x", "", "\x1b[2J\n", [], {}, [1], [[]],
)  # fmt: skip
MISSING = object()
CHANGES = 150


def places_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of each field and item."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from places_in(item, (*path, key))


def changed(document: Any, path: tuple[Any, ...], value: Any) -> str:
    """The document with another value there, as a line of JSON."""
    copy = json.loads(json.dumps(document))
    holder = copy
    for key in path[:-1]:
        holder = holder[key]
    if value is MISSING:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return json.dumps(copy)


def check(capsys: pytest.CaptureFixture[str], *sides: Path) -> int:
    """The exit status of a comparison that keeps to what it promises."""
    status = main(["diff", *map(str, sides)])
    out, err = capsys.readouterr()
    assert status in (0, 1, 2) and "\x1b" not in out + err
    assert (out == "", err.count("\n")) == ((True, 1) if status == 2 else (False, 0))
    return status


@pytest.mark.slow
def test_any_field_of_the_head(dumps: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    file = dumps["csim"] / "dump.json"
    head = json.loads(file.read_text())
    rng, paths = np.random.default_rng(1), list(places_in(head))
    found = set()
    for _ in range(CHANGES):
        value = (*STRANGE, MISSING)[rng.integers(len(STRANGE) + 1)]
        file.write_text(changed(head, paths[rng.integers(len(paths))], value))
        found.add(check(capsys, dumps["csim"], dumps["golden"]))
    assert 2 in found


@pytest.mark.slow
def test_any_field_of_a_call(dumps: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """In dumps that are equal, and, so that places are looked for too, in dumps that are not."""
    dump = dumps["csim"]
    file, head = dump / "calls.jsonl", dump / "dump.json"
    lines = file.read_text().splitlines()
    fields = json.loads(head.read_text())
    call = find(dump, 1, "conv2", "convolve")
    target = next(i for i, line in enumerate(lines) if json.loads(line) == call)
    rng, found = np.random.default_rng(2), set()
    for turn in range(2 * CHANGES):
        if turn == CHANGES:
            flip_in_dump(dump, call, "y", (77, 3), 2)
        number = target if turn >= CHANGES else int(rng.integers(len(lines)))
        document = json.loads(lines[number])
        paths = list(places_in(document))
        value = (*STRANGE, MISSING)[rng.integers(len(STRANGE) + 1)]
        line = changed(document, paths[rng.integers(len(paths))], value)
        text = "\n".join([*lines[:number], line, *lines[number + 1 :]]) + "\n"
        file.write_text(text)
        fields["files"]["calls.jsonl"] = len(text)
        head.write_text(json.dumps(fields))
        found.add(check(capsys, dump, dumps["golden"]))
    assert found == {0, 1, 2}
