# SPDX-License-Identifier: Apache-2.0
"""Amounts of the five resources of an FPGA that a design is measured in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import ClassVar

from pydantic import ConfigDict


@dataclass(frozen=True)
class Resources:
    """lut: 6-input look-up tables, those used as memory included. ff: flip-flops. dsp: DSP48E2.
    bram36: block RAMs of 36 Kbit; a half is one of 18 Kbit. uram: UltraRAMs of 288 Kbit."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    lut: int = 0
    ff: int = 0
    dsp: int = 0
    bram36: float = 0
    uram: int = 0

    def __add__(self, other: Resources) -> Resources:
        return Resources(
            self.lut + other.lut,
            self.ff + other.ff,
            self.dsp + other.dsp,
            self.bram36 + other.bram36,
            self.uram + other.uram,
        )

    def __mul__(self, count: int) -> Resources:
        return Resources(
            self.lut * count,
            self.ff * count,
            self.dsp * count,
            self.bram36 * count,
            self.uram * count,
        )

    __rmul__ = __mul__

    def share(self, percent: Resources) -> Resources:
        """That many hundredths of each, rounded down; block RAM by halves."""
        return Resources(
            self.lut * percent.lut // 100,
            self.ff * percent.ff // 100,
            self.dsp * percent.dsp // 100,
            self.bram36 * 2 * percent.bram36 // 100 / 2,
            self.uram * percent.uram // 100,
        )

    def within(self, limit: Resources) -> bool:
        """No resource is above the limit's."""
        return (
            self.lut <= limit.lut
            and self.ff <= limit.ff
            and self.dsp <= limit.dsp
            and self.bram36 <= limit.bram36
            and self.uram <= limit.uram
        )

    def __iter__(self) -> Iterator[tuple[str, float]]:
        """Name and amount, in the order of the fields."""
        return ((name, getattr(self, name)) for name in RESOURCES)


RESOURCES: tuple[str, ...] = tuple(field.name for field in fields(Resources))
"""The names, in the order in which they are shown."""

TITLES = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram36": "BRAM36", "uram": "URAM"}
"""What reports call them."""


def total(amounts: Iterable[Resources]) -> Resources:
    """The sum, nothing for none."""
    bram36: float = 0
    lut = ff = dsp = uram = 0
    for each in amounts:
        lut += each.lut
        ff += each.ff
        dsp += each.dsp
        bram36 += each.bram36
        uram += each.uram
    return Resources(lut, ff, dsp, bram36, uram)


def plain(amount: float) -> str:
    """`1,234` or, with half a block RAM, `1,234.5`."""
    return f"{amount:,.1f}".removesuffix(".0")
