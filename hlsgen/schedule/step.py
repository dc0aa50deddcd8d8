# SPDX-License-Identifier: Apache-2.0
"""A training step on an array, as it is modelled, beside the same step without pruning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from sat_host.config import ArrayConfig
from sat_host.models.workload import Row

from .choose import Layer, schedule
from .memory import Memory
from .options import ALL, Options
from .work import works

STAGES = ("FF", "BP", "WU", "update")


@dataclass(frozen=True)
class Pruning:
    """method: one of sat_host.methods.METHODS. keep: weights kept of each of the array's groups."""

    method: str
    keep: int


@dataclass(frozen=True)
class Power:
    """watts: that the card is assumed to draw. source: where the figure is from."""

    watts: float
    source: str


@dataclass(frozen=True)
class Hardware:
    """What a step runs on. clock_mhz: of array and ports. power: None where none is stated."""

    config: ArrayConfig
    memory: Memory
    clock_mhz: float
    power: Power | None = None


@dataclass(frozen=True)
class Step:
    """A training step of `batch` images: the choices for a method, and those for dense.

    cycles: of the array's clock. speedup: over dense, on the same array. utilisation: the part of
    the multiplications that the array could do in a step which it does, updates included. gops:
    billions of operations a second, two for each multiplication; dense-equivalent ones are those of
    the dense step, in the time of this one.
    """

    layers: Sequence[Layer]
    dense: Sequence[Layer]
    hardware: Hardware
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
        return self.cycles / (self.hardware.clock_mhz * 1e6)

    @property
    def utilisation(self) -> float:
        """Of the array, 0 to 1."""
        return self._utilisation(self.layers)

    @property
    def dense_utilisation(self) -> float:
        """Of the array in the dense step, 0 to 1."""
        return self._utilisation(self.dense)

    @property
    def images_per_second(self) -> float:
        """Of the whole step."""
        return self.batch / self.seconds

    @property
    def gops(self) -> float:
        """Dense-equivalent."""
        return 2 * _macs(self.dense) / self.seconds / 1e9

    @property
    def executed_gops(self) -> float:
        """Of the kept weights alone."""
        return 2 * _macs(self.layers) / self.seconds / 1e9

    @property
    def stages(self) -> dict[str, int]:
        """Cycles of each of STAGES."""
        return {
            stage: _cycles([layer for layer in self.layers if layer.stage == stage])
            for stage in STAGES
        }

    @property
    def pieces(self) -> dict[str, int]:
        """Cycles by cause, summed over the layers; they add up to `cycles`."""
        found: dict[str, int] = {}
        for layer in self.layers:
            for name, cycles in layer.pieces.items():
                found[name] = found.get(name, 0) + cycles
        return found

    def _utilisation(self, layers: Sequence[Layer]) -> float:
        config = self.hardware.config
        return _macs(layers) / (_cycles(layers) * config.rows * config.lanes)


def model_step(
    rows: Sequence[Row],
    hardware: Hardware,
    pruning: Pruning,
    options: Options = ALL,
) -> Step:
    """The step of a workload's rows, each product with its fastest tile.

    options: what the scheduler may do, for both methods. Raises InputError for a
    product that the array or the model can't hold.
    """
    config, memory = hardware.config, hardware.memory
    pruned, dense = (
        schedule(works(rows, config, method, keep), config, memory, options)
        for method, keep in ((pruning.method, pruning.keep), ("dense", config.group))
    )
    return Step(pruned, dense, hardware, rows[0].batch)


def with_bandwidth(hardware: Hardware, factor: Fraction) -> Hardware:
    """With banks of `factor` times the bandwidth."""
    memory = hardware.memory
    scaled = replace(memory, bytes_per_cycle=float(memory.bytes_per_cycle * factor))
    return replace(hardware, memory=scaled)


def _cycles(layers: Sequence[Layer]) -> int:
    return sum(layer.cycles for layer in layers)


def _macs(layers: Sequence[Layer]) -> int:
    return sum(layer.macs for layer in layers)
