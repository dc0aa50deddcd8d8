# SPDX-License-Identifier: Apache-2.0
"""Choosing the instruction set from processor flags."""

from __future__ import annotations

from sat_host.isa import LEVELS, cpu_flags, isa_flags, isa_level, missing_flags

V4, V3, V2 = (flags for _, flags in LEVELS)


def test_highest_level_with_all_flags() -> None:
    assert isa_level(V4 | {"hypervisor"}) == "x86-64-v4"
    assert isa_level(V4 - {"avx512dq"}) == "x86-64-v3"
    assert isa_level(V4 - {"fma"}) == "x86-64-v2"
    assert isa_level(V2 - {"cx16"}) == ""
    assert isa_level(frozenset()) == ""


def test_what_a_machine_lacks() -> None:
    assert missing_flags("x86-64-v4", V4) == frozenset()
    assert missing_flags("x86-64-v4", V4 - {"avx512bw"}) == {"avx512bw"}
    assert missing_flags("", frozenset()) == frozenset()


def test_flags_of_a_level() -> None:
    assert isa_flags("x86-64-v4") == ("-march=x86-64-v4", "-mprefer-vector-width=512")
    assert isa_flags("x86-64-v2") == ("-march=x86-64-v2",)
    assert isa_flags("") == ()


def test_cpuinfo_counts_only_what_all_processors_have() -> None:
    text = "processor : 0\nflags\t\t: fpu avx avx2\nbugs : x\n\nprocessor : 1\nflags : avx fpu\n"
    assert cpu_flags(text) == {"fpu", "avx"}
    assert cpu_flags("Features : neon\n") == frozenset()
