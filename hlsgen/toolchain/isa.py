# SPDX-License-Identifier: Apache-2.0
"""Compiler flags of the instruction set level that csim is compiled for (see `sat_host.isa`)."""

from __future__ import annotations


def isa_flags(level: str) -> tuple[str, ...]:
    """Flags of g++ and clang++ for an x86-64 level; none for "", the compiler's baseline."""
    if not level:
        return ()
    wide = ("-mprefer-vector-width=512",) if level == "x86-64-v4" else ()
    return (f"-march={level}", *wide)
