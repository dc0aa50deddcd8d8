# SPDX-License-Identifier: Apache-2.0
"""What BIND_STORAGE and BIND_OP may bind: legal pairs, and the longest latency of each operator.

Source: UG1702 (syn.directive.bind_op, bind_storage) and UG1399 2023.2; both give the same numbers.
"""

from __future__ import annotations

_RAM = frozenset({"auto", "bram", "lutram", "uram"})
_ROM = frozenset({"auto", "bram", "lutram"})

STORAGE = {
    "fifo": frozenset({"auto", "bram", "lutram", "uram", "memory", "srl"}),
    "ram_1p": _RAM,
    "ram_1wnr": _RAM,
    "ram_2p": _RAM,
    "ram_s2p": frozenset({"bram", "bram_ecc", "lutram", "uram", "uram_ecc"}),
    "ram_t2p": frozenset({"bram", "uram"}),
    "rom_1p": _ROM,
    "rom_2p": _ROM,
    "rom_np": frozenset({"bram", "lutram"}),
}
"""The impl words of each memory type."""

STORAGE_LATENCY = 3
FIFO_LATENCY = 4

VERSAL = "primitivedsp"
"""An impl that exists on Versal alone, which no card of ours is."""

_INTEGER = {"fabric": 4, "dsp": 4}

OPERATORS: dict[str, dict[str, int]] = {
    "add": _INTEGER,
    "sub": {"fabric": 4, "dsp": 0},
    "mul": _INTEGER,
    "hadd": {"fabric": 9, "meddsp": 12, "fulldsp": 12},
    "hsub": {"fabric": 9, "meddsp": 12, "fulldsp": 12},
    "hmul": {"fabric": 7, "fulldsp": 7, "maxdsp": 9},
    "hdiv": {"fabric": 16},
    "hsqrt": {"fabric": 16},
    "fadd": {"fabric": 13, "fulldsp": 12, VERSAL: 3},
    "fsub": {"fabric": 13, "fulldsp": 12, VERSAL: 3},
    "fmul": {"fabric": 9, "meddsp": 9, "fulldsp": 9, "maxdsp": 7, VERSAL: 4},
    "fdiv": {"fabric": 29},
    "fsqrt": {"fabric": 29},
    "frsqrt": {"fabric": 38, "fulldsp": 33},
    "frecip": {"fabric": 37, "fulldsp": 30},
    "fexp": {"fabric": 24, "meddsp": 21, "fulldsp": 30},
    "flog": {"fabric": 24, "meddsp": 23, "fulldsp": 29},
    "dadd": {"fabric": 13, "fulldsp": 15},
    "dsub": {"fabric": 13, "fulldsp": 15},
    "dmul": {"fabric": 10, "meddsp": 13, "fulldsp": 13, "maxdsp": 14},
    "ddiv": {"fabric": 58},
    "dsqrt": {"fabric": 58},
    "drsqrt": {"fulldsp": 111},
    "drecip": {"fulldsp": 36},
    "dexp": {"fabric": 40, "meddsp": 45, "fulldsp": 57},
    "dlog": {"fabric": 38, "meddsp": 49, "fulldsp": 65},
}
"""Operators, their implementations, and the longest latency of each in cycles."""
