# SPDX-License-Identifier: Apache-2.0
"""A modelled training step as a JSON document, and as the cells and lines of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sat_host.config import ArrayConfig

from .choose import Layer

STAGES = ("FF", "BP", "WU", "update")
HEADER = (
    "layer",
    "stage",
    "dataflow",
    "T",
    "Q",
    "modelled cycles",
    "modelled utilisation",
    "modelled bound",
    "modelled MB",
)
NOTE = (
    "All figures are modelled, none is measured. Dataflow os is output stationary, the only one "
    "that the array has today. T: activation rows of a row unit; Q: column blocks of a tile. "
    "The tiles are those of fewest modelled cycles; the host still takes the largest. "
    "Utilisation: multiplications of kept weights, of what the array could do in these cycles. "
    "The whole batch goes through the network at once; layers follow each other without overlap; "
    "what the host does (normalisation, transfers) takes no time."
)


@dataclass(frozen=True)
class Step:
    """A training step of `batch` images: the choices for a method, and those for dense."""

    layers: Sequence[Layer]
    dense: Sequence[Layer]
    config: ArrayConfig
    clock_mhz: float
    batch: int

    @property
    def cycles(self) -> int:
        """Of the whole step."""
        return _cycles(self.layers)

    @property
    def dense_cycles(self) -> int:
        """Of the same step without pruning."""
        return _cycles(self.dense)

    @property
    def speedup(self) -> float:
        """Over dense, on the same array."""
        return self.dense_cycles / self.cycles

    @property
    def seconds(self) -> float:
        """Of the whole step."""
        return self.cycles / (self.clock_mhz * 1e6)

    @property
    def utilisation(self) -> float:
        """Part of the multiplications that the array could do which it does, updates included."""
        return _macs(self.layers) / (self.cycles * self.config.rows * self.config.lanes)

    @property
    def stages(self) -> dict[str, int]:
        """Cycles of each of STAGES."""
        return {
            stage: _cycles([layer for layer in self.layers if layer.stage == stage])
            for stage in STAGES
        }


def document(step: Step) -> dict[str, Any]:
    """The modelled step for programs: cycles, milliseconds, bytes, and fractions of one."""
    return {
        "total_cycles": step.cycles,
        "dense_cycles": step.dense_cycles,
        "speedup": step.speedup,
        "ms_per_batch": 1e3 * step.seconds,
        "utilisation": step.utilisation,
        "stages": step.stages,
        "layers": [
            {
                "name": layer.name,
                "stage": layer.stage,
                "dataflow": layer.dataflow,
                "tile": _copied(layer.tile),
                "cycles": layer.cycles,
                "bound": layer.bound,
                "bytes": dict(layer.bytes),
                "pieces": dict(layer.pieces),
            }
            for layer in step.layers
        ],
    }


def rows(step: Step) -> list[tuple[str, ...]]:
    """The cells of each product and update, in the columns of HEADER."""
    return [_row(layer) for layer in step.layers]


def totals(step: Step) -> list[str]:
    """The totals, one line each."""
    parts = ", ".join(f"{stage} {100 * n / step.cycles:.1f} %" for stage, n in step.stages.items())
    dense = 2 * _macs(step.dense) / step.seconds / 1e9
    executed = 2 * _macs(step.layers) / step.seconds / 1e9
    return [
        f"modelled cycles: {step.cycles:,.0f} a batch ({parts})",
        f"modelled time: {1e3 * step.seconds:,.2f} ms a batch of {step.batch}, "
        f"{step.batch / step.seconds:,.1f} images/s",
        f"modelled throughput: {dense:,.1f} GOPS dense-equivalent, {executed:,.1f} executed",
        f"modelled utilisation: {100 * step.utilisation:.2f} %",
        f"modelled speedup over dense: {step.speedup:.3f} ({step.dense_cycles:,.0f} cycles)",
    ]


def lost(step: Step) -> str:
    """Where the cycles go, piece by piece, in one line."""
    pieces: dict[str, int] = {}
    for layer in step.layers:
        for name, cycles in layer.pieces.items():
            pieces[name] = pieces.get(name, 0) + cycles
    shares = (f"{name} {100 * n / step.cycles:.2f} %" for name, n in pieces.items() if n)
    return f"modelled pieces: {', '.join(shares)}"


def _row(layer: Layer) -> tuple[str, ...]:
    tile = layer.tile or {}
    used = f"{100 * layer.utilisation:.1f} %" if layer.macs else "-"
    return (
        layer.name,
        layer.stage,
        layer.dataflow or "-",
        str(tile.get("interleave", "-")),
        str(tile.get("blocks", "-")),
        f"{layer.cycles:,.0f}",
        used,
        layer.bound,
        f"{sum(layer.bytes.values()) / 1e6:,.1f}",
    )


def _cycles(layers: Sequence[Layer]) -> int:
    return sum(layer.cycles for layer in layers)


def _macs(layers: Sequence[Layer]) -> int:
    return sum(layer.macs for layer in layers)


def _copied(tile: Mapping[str, int] | None) -> dict[str, int] | None:
    return None if tile is None else dict(tile)
