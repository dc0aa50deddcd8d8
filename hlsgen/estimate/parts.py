# SPDX-License-Identifier: Apache-2.0
"""Parts that several processes have: control, transposers, streams and ports."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache

from sat_host.config import ArrayConfig

from ..resources import Resources, total
from .kernel_text import Port, Stream
from .operators import choice, cost, registers
from .storage import block_ram, stream


@cache
def control(
    counters: int = 0,
    comparisons: int = 0,
    additions: int = 0,
    selections: int = 0,
    multiplications: int = 0,
    divisions: int = 0,
    kept: int = 0,
) -> Resources:
    """Integer logic of 32 bits, as the kernels' `int` has; kept: bits of registers beside it."""
    return (
        cost("process control")
        + cost("counter, 32 bits", counters)
        + cost("comparison, 32 bits", comparisons)
        + cost("addition, 32 bits", additions)
        + cost("selection, 32 bits", selections)
        + cost("multiplication, 32 bits", multiplications)
        + cost("division, 32 bits", divisions)
        + registers(kept)
    )


@cache
def block(lanes: int) -> Resources:
    """kernels/vitis/block_registers.h: a register an element; a column is one of all."""
    word = 16 * lanes
    decoder = Resources(lut=lanes)
    return registers(word, lanes) + choice(lanes, word) + registers(word) + decoder


def ranking(config: ArrayConfig) -> Resources:
    """GroupRanking<Config> (kernels/group_ranking.h): values, ranks of 8 bits, and what ranks."""
    return registers(24 * config.group * config.lanes) + cost(
        f"rank a lane, group {config.group}", config.lanes
    )


def streams(found: Iterable[Stream], bits: dict[str, int]) -> Resources:
    """Raises KeyError for a token whose width is not known."""
    return total(_stream(bits[each.token], each.depth, each.resource) for each in found)


_stream = lru_cache(maxsize=1 << 12)(stream)


@lru_cache(maxsize=1 << 8)
def adapters(ports: tuple[Port, ...], word_bits: int) -> Resources:
    """The m_axi adapters of a kernel: one a bundle, with a buffer of outstanding x burst words for
    each direction (UG1399, AXI4 Master Interface), and the control registers."""
    base, more = cost("m_axi adapter, 64 bits"), cost("m_axi adapter, a bit more")
    amount = cost("s_axilite control")
    for bundle in dict.fromkeys(port.bundle for port in ports):
        amount += base + more * max(0, _bits(bundle, word_bits) - 64)
    for port in ports:
        amount += block_ram(_bits(port.bundle, word_bits), port.burst * port.outstanding)
    return amount


def _bits(bundle: str, word_bits: int) -> int:
    """Width of a bundle: commands come as beats of 512 bits, the count of faults as one number."""
    return {"commands": 512, "nonfinite": 32}.get(bundle, word_bits)
