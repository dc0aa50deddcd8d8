# SPDX-License-Identifier: Apache-2.0
"""An estimate as a JSON document, and as the cells of tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sat_host.kernels import masters

from ..cards import CARDS, Card
from ..resources import RESOURCES, TITLES, Resources, plain
from ..spec import Spec
from .operators import ADDER_CYCLES, OPERATORS
from .result import Estimate, SlrUse

MODULES_HEADER = ("kernel", "module", "count", *TITLES.values())
SLRS_HEADER = ("SLR", "row units", *TITLES.values())
NOTE = (
    "All figures are estimated from the sources and the costs of operators, nothing was "
    "synthesised; those of control logic, m_axi adapters and divisions are the least certain. "
    "Planned: the share of what the platform leaves beyond which timing is hard to close. Where "
    "parts lie is our order of filling the SLRs; the tools may place them otherwise."
)


def notes(spec: Spec) -> tuple[str, ...]:
    """What to know of the figures of a spec's estimate, a line each."""
    return (NOTE, _memory_note(CARDS[spec.card]), *_adder_note(spec.array.adder_latency))


def _memory_note(card: Card) -> str:
    if card.memory.kind == "HBM":
        return (
            "HBM ports: each is taken to need what Xilinx/finn reckons with for HBM; unverified "
            "for ports that reach all banks."
        )
    return (
        f"What the switch between the kernels' {masters()} AXI masters and the "
        f"{card.memory.channels} DDR banks takes is unknown, not counted; the DDR controllers are "
        "already taken out of what the platform leaves."
    )


def _adder_note(adder_latency: int) -> Iterator[str]:
    cycles = min(12, max(0, adder_latency - 2))  # Geometry::kAddLatency, kernels/types.h
    if cycles != ADDER_CYCLES:
        yield (
            f"LUT and FF of a row unit's additions are those of an adder of {ADDER_CYCLES} cycles, "
            f"whatever array.adder_latency is: with {adder_latency} it has {cycles}, and other "
            "figures."
        )


def document(found: Estimate) -> dict[str, Any]:
    """For programs; resources are objects with the keys lut, ff, dsp, bram36 and uram."""
    return {
        "kind": "estimated",
        "card": found.card,
        "fits": found.fits,
        "faults": list(found.faults),
        "remarks": list(found.remarks),
        "total": amounts(found.total),
        "available": amounts(CARDS[found.card].kernels),
        "modules": [
            {
                "kernel": module.kernel,
                "name": module.name,
                "count": module.count,
                "each": amounts(module.each),
                "total": amounts(module.total),
            }
            for module in found.modules
        ],
        "slrs": [_slr(slr) for slr in found.slrs],
        "unplaced_rows": found.unplaced,
        "kernel_slrs": dict(found.kernel_slrs),
        "unverified": [each.name for each in OPERATORS.values() if not each.verified],
    }


def amounts(resources: Resources) -> dict[str, float]:
    """By name."""
    return dict(resources)


def module_rows(found: Estimate) -> list[tuple[str, ...]]:
    """Cells of MODULES_HEADER: each module's total, then the sum and what there is."""
    rows = [
        (module.kernel, module.name, f"{module.count:,}", *_cells(module.total))
        for module in found.modules
    ]
    available = CARDS[found.card].kernels
    rows.append(("", "total", "", *_cells(found.total)))
    rows.append(("", _left(CARDS[found.card]), "", *_cells(available)))
    rows.append(("", "share", "", *_shares(found.total, available)))
    return rows


def slr_rows(found: Estimate) -> list[tuple[str, ...]]:
    """Cells of SLRS_HEADER: what is used of each SLR, with the share."""
    rows = []
    for slr in found.slrs:
        used = zip(_cells(slr.use), _shares(slr.use, slr.limit), strict=True)
        span = f"{slr.rows[0]}-{slr.rows[-1]}" if slr.rows else "none"
        rows.append((slr.name, span, *(f"{amount} ({share})" for amount, share in used)))
    return rows


def _slr(slr: SlrUse) -> dict[str, Any]:
    return {
        "name": slr.name,
        "rows": list(slr.rows),
        "use": amounts(slr.use),
        "limit": amounts(slr.limit),
        "planned": amounts(slr.planned),
    }


def _left(card: Card) -> str:
    if card.default_platform is not None:
        return f"left by {card.name}'s platform"
    like = [other.name for other in CARDS.values() if card.takes_platforms_of(other)]
    others = " or ".join(CARDS[name].title for name in like if name != card.name)
    return f"left for kernels, as on the {others}" if others else "left for kernels"


def _cells(resources: Resources) -> tuple[str, ...]:
    return tuple(plain(getattr(resources, name)) for name in RESOURCES)


def _shares(use: Resources, limit: Resources) -> tuple[str, ...]:
    pairs = zip(use, limit, strict=True)
    return tuple(
        f"{100 * amount / most:.0f} %" if most else "-" for (_, amount), (_, most) in pairs
    )
