# SPDX-License-Identifier: Apache-2.0
"""A JSON schema of those parts of the Trace Event Format that hlsgen writes: complete events (X),
counters (C) and metadata (M) in the JSON object format, after the document "Trace Event Format"
(docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU); colours by the
color_scheme of catapult's trace viewer."""

from __future__ import annotations

from typing import Any

# Of the reserved names, those of thread states and memory dumps.
COLOURS = [
    "thread_state_uninterruptible", "thread_state_iowait", "thread_state_running",
    "thread_state_runnable", "thread_state_sleeping", "thread_state_unknown",
    "background_memory_dump", "light_memory_dump", "detailed_memory_dump",
]  # fmt: skip

_NUMBER = {"type": "number", "minimum": 0}
_INTEGER = {"type": "integer", "minimum": 0}
_TRACK = {"pid": _INTEGER, "tid": _INTEGER}


def _event(phase: str, required: list[str], **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"ph": {"const": phase}, "name": {"type": "string"}, **_TRACK, **more},
        "required": ["ph", "name", "pid", *required],
        "additionalProperties": False,
    }


def _metadata(names: list[str], args: dict[str, Any]) -> dict[str, Any]:
    closed = {"type": "object", "properties": args, "required": list(args),
              "additionalProperties": False}  # fmt: skip
    return _event("M", ["args"], name={"enum": names}, args=closed)


COMPLETE = _event(
    "X", ["cat", "ts", "dur", "tid"], cat={"type": "string"}, ts=_NUMBER, dur=_NUMBER,
    cname={"enum": COLOURS}, args={"type": "object"},
)  # fmt: skip
COUNTER = _event(
    "C", ["ts", "args"], ts=_NUMBER,
    args={"type": "object", "minProperties": 1, "additionalProperties": {"type": "number"}},
)  # fmt: skip
NAMES = _metadata(["process_name", "thread_name"], {"name": {"type": "string"}})
ORDERS = _metadata(["process_sort_index", "thread_sort_index"], {"sort_index": {"type": "integer"}})

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "traceEvents": {"type": "array", "items": {"oneOf": [COMPLETE, COUNTER, NAMES, ORDERS]}},
        "displayTimeUnit": {"enum": ["ms", "ns"]},
        "otherData": {"type": "object"},
    },
    "required": ["traceEvents"],
    "additionalProperties": False,
}
