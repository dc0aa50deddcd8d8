# SPDX-License-Identifier: Apache-2.0
"""What the cycle model must know of a card."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """banks: of the card's memory. bank_bandwidth: peak bytes a second of each. source: of both."""

    banks: int
    bank_bandwidth: float
    source: str


CARDS = {
    "vcu1525": Card(4, 19.2e9, "DDR4-2400 of 64 bits a bank: 2400e6 transfers/s x 8 bytes"),
}
"""By the spec's name; a card that is not here has no memory model."""
