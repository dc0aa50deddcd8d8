# SPDX-License-Identifier: Apache-2.0
"""Memories and streams: from width and depth to what they are made of. Pure functions.

Shapes are those of UG573 (block RAM, UltraRAM) and UG574 and UG974 (LUTs as memory, as shift
registers). A memory is taken as whole words: all lanes of a word side by side.
"""

from __future__ import annotations

from ..resources import Resources
from .operators import cost

_BRAM18 = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))


def _up(value: int, unit: int) -> int:
    return -(-value // unit)


def block_ram(bits: int, depth: int) -> Resources:
    """Simple dual-port block RAM: halves of 512 x 36 and its narrower, deeper shapes (UG573)."""
    shapes = [_up(bits, width) * _up(depth, deep) for deep, width in _BRAM18]
    return Resources(bram36=min(shapes) / 2)


def ultra_ram(bits: int, depth: int) -> Resources:
    """UltraRAM: 4,096 x 72 each (UG573)."""
    return Resources(uram=_up(bits, 72) * _up(depth, 4096))


def lut_ram(bits: int, depth: int) -> Resources:
    """Simple dual-port memory of LUTs: 8 of them hold 32 words of 14 bits, or 64 of 7 (RAM32M16,
    RAM64M8: UG974); deeper ones are put together, with a multiplexer; and a register a bit."""
    if depth <= 32:
        return Resources(lut=8 * _up(bits, 14), ff=bits)
    parts = _up(depth, 64)
    joined = bits * _up(parts, 4) if parts > 1 else 0
    return Resources(lut=8 * _up(bits, 7) * parts + joined, ff=bits)


def shift_register(bits: int, depth: int) -> Resources:
    """A LUT is a shift register of 32 places, or two of 16 (UG574, Shift Registers)."""
    return Resources(lut=_up(bits, 2) if depth <= 16 else bits * _up(depth, 32))


_MADE_OF = {
    "srl": shift_register,
    "lutram": lut_ram,
    "bram": block_ram,
    "uram": ultra_ram,
}


def memory(bits: int, depth: int, resource: str) -> Resources:
    """A memory of what BIND_STORAGE names. Raises KeyError for another name."""
    return _MADE_OF[resource](bits, depth)


def stream(bits: int, depth: int, resource: str) -> Resources:
    """A FIFO of what BIND_STORAGE names, with its pointers."""
    return memory(bits, depth, resource) + cost("stream's pointers")
