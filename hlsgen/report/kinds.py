# SPDX-License-Identifier: Apache-2.0
"""The words that say of each figure of a report what it is: of its page, its help and its docs."""

from __future__ import annotations

from collections.abc import Iterable

KINDS = {
    "modelled": "by the cycle model",
    "simulated": "by running the kernel sources on this machine, or the card in XRT's emulator",
    "estimated": "from the costs of operators",
    "reported": "by the vendor's tools",
    "measured": "on a card",
    "host time": "of the machine that simulates, no measurement of a card",
    "as built": "what the spec sets",
}
"""Each word with where such a figure comes from."""


def listed(words: Iterable[str], last: str = "or") -> str:
    """`a, b or c`."""
    *first, end = words
    return f"{', '.join(first)} {last} {end}" if first else end
