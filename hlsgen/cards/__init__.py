# SPDX-License-Identifier: Apache-2.0
"""The cards that a design may be built for, as data: `CARDS["u200"].part`."""

from .card import Bank, Card, Channels, Platform, Slr, Source
from .load import FOLDER, Cards, read_card

__all__ = [
    "CARDS",
    "Bank",
    "Card",
    "Cards",
    "Channels",
    "Platform",
    "Slr",
    "Source",
    "read_card",
]

CARDS = Cards(FOLDER)
"""Every card, by the name that a spec gives."""
