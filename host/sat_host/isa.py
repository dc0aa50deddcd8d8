# SPDX-License-Identifier: Apache-2.0
"""x86-64 instruction set levels: what a csim library was compiled for, what this machine has.

Levels are those of the x86-64 psABI, named as compilers spell them. Results do not depend on the
level: each operation is rounded as IEEE 754 says on all of them.
"""

from __future__ import annotations

import platform
from collections.abc import Set as AbstractSet
from pathlib import Path

# Flags as /proc/cpuinfo names them: pni is SSE3, abm holds LZCNT.
_V2 = frozenset({"cx16", "lahf_lm", "pni", "popcnt", "sse4_1", "sse4_2", "ssse3"})
_V3 = _V2 | {"abm", "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe", "xsave"}
_V4 = _V3 | {"avx512bw", "avx512cd", "avx512dq", "avx512f", "avx512vl"}
LEVELS = (("x86-64-v4", _V4), ("x86-64-v3", _V3), ("x86-64-v2", _V2))


def isa_level(flags: AbstractSet[str]) -> str:
    """The highest level whose flags are all present, or "" for the compiler's baseline."""
    for name, needed in LEVELS:
        if needed <= flags:
            return name
    return ""


def missing_flags(level: str, flags: AbstractSet[str]) -> frozenset[str]:
    """What a machine with `flags` lacks to run code of `level`; nothing for ""."""
    return dict(LEVELS).get(level, frozenset()) - frozenset(flags)


def isa_flags(level: str) -> tuple[str, ...]:
    """Flags of g++ and clang++ for an x86-64 level; none for "", the compiler's baseline."""
    if not level:
        return ()
    wide = ("-mprefer-vector-width=512",) if level == "x86-64-v4" else ()
    return (f"-march={level}", *wide)


def machine_flags() -> frozenset[str]:
    """This machine's flags; none when it is not x86-64 or does not tell."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return frozenset()
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return frozenset()
    return cpu_flags(text)


def machine_isa() -> str:
    """The level of this machine; "" when it is not x86-64 or does not tell."""
    return isa_level(machine_flags())


def cpu_flags(cpuinfo: str) -> frozenset[str]:
    """The flags that every processor in the text of /proc/cpuinfo has."""
    sets = [
        frozenset(line.partition(":")[2].split())
        for line in cpuinfo.splitlines()
        if line.partition(":")[0].strip() == "flags"
    ]
    return frozenset.intersection(*sets) if sets else frozenset()
