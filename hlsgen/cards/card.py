# SPDX-License-Identifier: Apache-2.0
"""What is known of a card; each of its files in this folder holds one, with the sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from pydantic import ConfigDict

from ..resources import Resources, total

_STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)


@dataclass(frozen=True)
class Source:
    """of: what it is the source of. where: document and page. verified: False for what no document
    that we have read says; such a figure must be checked before it is relied on."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    of: str
    where: str
    verified: bool = True


@dataclass(frozen=True)
class Platform:
    """A vendor's platform ("shell") for a card.

    vitis_from: first Vitis that takes it, "2021.1": a platform that a newer tool made is refused.
    vitis_until: last that does; None for not known to have ended. Both None: no Vitis takes it.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    name: str
    note: str = ""
    vitis_from: str | None = None
    vitis_until: str | None = None


@dataclass(frozen=True)
class Slr:
    """A die of the FPGA. total: all of it. kernels: what a platform leaves of it."""

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    name: str
    total: Resources
    kernels: Resources


@dataclass(frozen=True)
class Channels:
    """The device memory: equal channels, each a controller (DDR) or a pseudo-channel (HBM).

    channel_bytes: capacity of one. channel_bandwidth: its peak in bytes a second. latency_ns: from
    the end of an access to the kernel's port. run_overhead_bytes: time that a run of consecutive
    words takes beyond its own, as bytes at the peak. slrs: where each channel's port is. per_bank:
    channels that the program's memory map takes as one bank.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    kind: Literal["DDR", "HBM"]
    channels: int
    channel_bytes: int
    channel_bandwidth: float
    latency_ns: float
    run_overhead_bytes: int
    slrs: tuple[str, ...]
    per_bank: int = 1


@dataclass(frozen=True)
class Bank:
    """A bank of the program's memory map. tags: its channels as the tools name them. bytes: of all
    of them. bandwidth: peak, bytes a second, that one tensor gets: a tensor lies at consecutive
    addresses, so mostly in one channel, and gets one channel's."""

    tags: tuple[str, ...]
    bytes: int
    bandwidth: float


@dataclass(frozen=True)
class Card:
    """title: the maker's name. part: for HLS. silicon: the FPGA behind the part.

    assumed_power_w: watts that a figure by energy divides by, None for none; power_source says what
    it is, since no design was measured. default_clock_mhz: of kernels when nobody says otherwise.
    note: what an owner must know, the platform above all.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    name: str
    title: str
    part: str
    silicon: str
    slrs: tuple[Slr, ...]
    memory: Channels
    platforms: tuple[Platform, ...]
    default_platform: str | None
    default_clock_mhz: float
    assumed_power_w: float | None
    power_source: str
    sources: tuple[Source, ...]
    note: str = ""

    @property
    def banks(self) -> tuple[Bank, ...]:
        """The banks 0, 1, ... of the program's memory map."""
        memory = self.memory
        tags = [f"{memory.kind}[{channel}]" for channel in range(memory.channels)]
        return tuple(
            Bank(
                tuple(tags[first : first + memory.per_bank]),
                memory.per_bank * memory.channel_bytes,
                memory.channel_bandwidth,
            )
            for first in range(0, memory.channels, memory.per_bank)
        )

    @property
    def bank_bytes(self) -> int:
        """Capacity of a bank."""
        return self.banks[0].bytes

    @property
    def bank_bandwidth(self) -> float:
        """Peak bytes a second of a bank, as modelled."""
        return self.banks[0].bandwidth

    @property
    def port_memory(self) -> str:
        """What a kernel port is linked to so that it reaches every bank: `DDR[0:3]`."""
        return f"{self.memory.kind}[0:{self.memory.channels - 1}]"

    def takes_platforms_of(self, other: Card) -> bool:
        """Whether this card may be built for with a platform of `other`: its own, or, where no
        Vitis has one for it, that of a card with the same dies."""
        if self.name == other.name:
            return True
        return self.default_platform is None and _dies(self) == _dies(other)

    @property
    def total(self) -> Resources:
        """The whole FPGA."""
        return total(slr.total for slr in self.slrs)

    @property
    def kernels(self) -> Resources:
        """What a platform leaves of it."""
        return total(slr.kernels for slr in self.slrs)


def _dies(card: Card) -> tuple[object, ...]:
    return tuple((slr.name, slr.total) for slr in card.slrs)
