# SPDX-License-Identifier: Apache-2.0
"""A modelled training step as a JSON document, and as the cells and lines of a table."""

from __future__ import annotations

from typing import Any

from sat_host.tiling import Tiling

from .choose import Layer
from .step import Step

HEADER = (
    "layer",
    "stage",
    "dataflow",
    "T",
    "Q",
    "buffered",
    "modelled cycles",
    "modelled utilisation",
    "modelled bound",
    "modelled MB",
)
NOTE = (
    "All figures are modelled, none is measured. Dataflow: os is output, ws weight stationary. "
    "T: activation rows of a row unit; Q: column blocks of a tile; buffered: the loader holds a "
    "strip's activations and reads them once. Utilisation: multiplications of kept weights, of "
    "what the array could do in these cycles. Rows stand in the order of execution; the whole "
    "batch goes through the network at once. The piece overlap is negative: cycles of an update "
    "that are hidden behind WU and BP of the layer before. Dynamic loss scaling, which skips a "
    "step when any gradient is not finite, forbids that on the host today: --no-overlap models it. "
    "What the host does (normalisation, transfers) takes no time."
)


def summary(step: Step) -> dict[str, Any]:
    """The totals of a modelled step for programs: cycles, milliseconds, and fractions of one."""
    return {
        "total_cycles": step.cycles,
        "dense_cycles": step.dense_cycles,
        "speedup": step.speedup,
        "ms_per_batch": 1e3 * step.seconds,
        "images_per_s": step.images_per_second,
        "utilisation": step.utilisation,
        "dense_utilisation": step.dense_utilisation,
    }


def document(step: Step) -> dict[str, Any]:
    """The modelled step for programs, layers with their bytes included.

    docs/schedule.md has the keys.
    """
    return {
        **summary(step),
        "gops": step.gops,
        "executed_gops": step.executed_gops,
        "energy": _energy(step),
        "stages": step.stages,
        "pieces": step.pieces,
        "layers": [_layer(layer) for layer in step.layers],
    }


def rows(step: Step) -> list[tuple[str, ...]]:
    """The cells of each product and update, in the columns of HEADER."""
    return [_row(layer) for layer in step.layers]


def totals(step: Step) -> list[str]:
    """The totals, one line each."""
    parts = ", ".join(f"{stage} {100 * n / step.cycles:.1f} %" for stage, n in step.stages.items())
    lines = [
        f"modelled cycles: {step.cycles:,.0f} a batch ({parts})",
        f"modelled time: {1e3 * step.seconds:,.2f} ms a batch of {step.batch}, "
        f"{step.images_per_second:,.1f} images/s",
        f"modelled throughput: {step.gops:,.1f} GOPS dense-equivalent, "
        f"{step.executed_gops:,.1f} executed",
        f"modelled utilisation: {100 * step.utilisation:.2f} %, "
        f"{100 * step.dense_utilisation:.2f} % of the dense step",
        f"modelled speedup over dense: {step.speedup:.3f} ({step.dense_cycles:,.0f} cycles)",
    ]
    power = step.hardware.power
    if power is not None:
        lines.append(
            f"modelled GOPS/W at an assumed {power.watts:g} W: {step.gops / power.watts:.2f} "
            f"dense-equivalent, {step.executed_gops / power.watts:.2f} executed ({power.source})"
        )
    return lines


def lost(step: Step) -> str:
    """Where the cycles go, piece by piece, in one line."""
    shares = (f"{name} {100 * n / step.cycles:.2f} %" for name, n in step.pieces.items() if n)
    return f"modelled pieces: {', '.join(shares)}"


def _energy(step: Step) -> dict[str, Any] | None:
    power = step.hardware.power
    if power is None:
        return None
    return {
        "assumed_power_w": power.watts,
        "power_source": power.source,
        "gops_per_w": step.gops / power.watts,
        "executed_gops_per_w": step.executed_gops / power.watts,
    }


def _layer(layer: Layer) -> dict[str, Any]:
    return {
        "name": layer.name,
        "stage": layer.stage,
        "dataflow": None if layer.tiling is None else layer.tiling.dataflow,
        "tile": None if layer.tiling is None else _tile(layer.tiling),
        "cycles": layer.cycles,
        "utilisation": layer.utilisation,
        "bound": layer.bound,
        "bytes": dict(layer.bytes),
        "pieces": dict(layer.pieces),
    }


def _tile(tiling: Tiling) -> dict[str, Any]:
    return {name: getattr(tiling, name) for name in ("interleave", "blocks", "buffered")}


def _row(layer: Layer) -> tuple[str, ...]:
    tiling = ("-",) * 4 if layer.tiling is None else (
        layer.tiling.dataflow,
        str(layer.tiling.interleave),
        str(layer.tiling.blocks),
        "yes" if layer.tiling.buffered else "no",
    )  # fmt: skip
    used = f"{100 * layer.utilisation:.1f} %" if layer.macs else "-"
    return (
        layer.name,
        layer.stage,
        *tiling,
        f"{layer.cycles:,.0f}",
        used,
        layer.bound,
        f"{sum(layer.bytes.values()) / 1e6:,.1f}",
    )
