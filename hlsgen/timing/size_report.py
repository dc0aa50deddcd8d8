# SPDX-License-Identifier: Apache-2.0
"""FIFO depths that were found, with what they cost: a table, JSON, and a file of depths."""

from __future__ import annotations

from typing import Any

from ..cards import CARDS
from ..estimate import fifo_cost
from ..fifos import fifo_resource
from ..resources import RESOURCES, TITLES, Resources, plain, total
from ..spec import Spec
from ..specfifos import depths_text
from .report import percent
from .sizing import Size, Sizing, Weigh

HEADER = ("FIFO", "count", "depth", "endless", "least", "made of", "LUT", "BRAM36")
NUMBERS = {*HEADER[1:5], *HEADER[6:]}
"""Columns that stand to the right."""
TITLE = "least depths, simulated; what the FIFOs take, and would with these, estimated:"
BELOW = "*"
"""Beside a depth that is less than the least."""


def weigher(spec: Spec) -> Weigh:
    """What a family takes of the card, all resources together."""
    limits = CARDS[spec.card].kernels

    def share(family: str, depth: int) -> float:
        cost = fifo_cost(spec, family, depth)
        pairs = zip(cost, limits, strict=True)
        return sum(amount / most for (_, amount), (_, most) in pairs if most)

    return share


def rows(spec: Spec, sizing: Sizing) -> list[tuple[str, ...]]:
    """Cells of HEADER; the last row is their sum."""
    found = [_row(spec, size) for size in sizing.sizes]
    before, after = _before(spec, sizing), _after(spec, sizing)
    sums = (_change(before.lut, after.lut), _change(before.bram36, after.bram36))
    return [*found, ("total", *[""] * 5, *sums)]


def lines(spec: Spec, sizing: Sizing) -> list[str]:
    """What the depths do, and what they change."""
    lost = sizing.cycles / sizing.endless - 1
    changes = [
        f"{plain(abs(amount))} {TITLES[name]} {'less' if amount > 0 else 'more'}"
        for name, amount in _saved(spec, sizing).items()
        if amount
    ]
    below = any(size.shallowest < size.least for size in sizing.sizes)
    return [
        *([f"{BELOW} below the least depth"] if below else []),
        f"simulated cycles with the least depths: {sizing.cycles:,} ({percent(lost)} above endless "
        f"FIFOs), after {sizing.resolves} simulations of one recording",
        f"estimated: {', '.join(changes) or 'as much as now'}",
        "These depths are the least for what was simulated: other products may need deeper FIFOs.",
    ]


def document(spec: Spec, sizing: Sizing) -> dict[str, Any]:
    """For programs."""
    return {
        "endless_cycles": sizing.endless,
        "allowed_cycles": sizing.allowed,
        "cycles": sizing.cycles,
        "given_cycles": sizing.given,
        "saved": _saved(spec, sizing),
        "fifos": [
            {
                "family": size.family,
                "count": size.streams,
                "depth": size.depth,
                "endless_fill": size.fill,
                "least_depth": size.least,
                "below_least": size.shallowest < size.least,
                "resource": size.resource,
                "least_resource": fifo_resource(size.least),
                "estimated": dict(fifo_cost(spec, size.family, size.depth)),
                "estimated_least": dict(fifo_cost(spec, size.family, size.least)),
            }
            for size in sizing.sizes
        ],
    }


def depths_file(spec: Spec, title: str, sizing: Sizing) -> str:
    """The content of a file of depths, as the key `fifos` of a spec names one."""
    comment = f"Least depths for {spec.name}: {title}; simulated, by hlsgen time --size"
    return depths_text({size.family: size.least for size in sizing.sizes}, comment)


def _row(spec: Spec, size: Size) -> tuple[str, ...]:
    before = fifo_cost(spec, size.family, size.depth)
    after = fifo_cost(spec, size.family, size.least)
    made_of, then = size.resource, fifo_resource(size.least)
    return (
        size.family,
        str(size.streams),
        f"{size.shallowest:,}{BELOW}" if size.shallowest < size.least else f"{size.depth:,}",
        f"{size.fill:,}",
        f"{size.least:,}",
        made_of if made_of == then else f"{made_of} to {then}",
        _change(before.lut, after.lut),
        _change(before.bram36, after.bram36),
    )


def _change(before: float, after: float) -> str:
    texts = plain(before), plain(after)
    return texts[0] if texts[0] == texts[1] else " to ".join(texts)


def _before(spec: Spec, sizing: Sizing) -> Resources:
    return total(fifo_cost(spec, size.family, size.depth) for size in sizing.sizes)


def _after(spec: Spec, sizing: Sizing) -> Resources:
    return total(fifo_cost(spec, size.family, size.least) for size in sizing.sizes)


def _saved(spec: Spec, sizing: Sizing) -> dict[str, float]:
    before, after = _before(spec, sizing), _after(spec, sizing)
    return {name: getattr(before, name) - getattr(after, name) for name in RESOURCES}
