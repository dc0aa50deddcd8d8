# SPDX-License-Identifier: Apache-2.0
"""What the cycle model must know of a card."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """banks: of the card's memory. bank_bandwidth: peak bytes a second of each. bank_bytes: that
    each holds. source: of the three.

    assumed_power_w: watts that a figure by energy divides by, None for none; power_source says what
    it is, since no design was measured.
    """

    banks: int
    bank_bandwidth: float
    source: str
    bank_bytes: int
    assumed_power_w: float | None = None
    power_source: str = ""


CARDS = {
    "vcu1525": Card(
        4,
        19.2e9,
        "DDR4-2400 of 64 bits a bank: 2400e6 transfers/s x 8 bytes; four modules of 16 GiB",
        bank_bytes=16 << 30,
        assumed_power_w=225.0,
        power_source="the card's 225 W board limit, assumed; not a measurement of this design",
    ),
}
"""By the spec's name; a card that is not here has no memory model."""
