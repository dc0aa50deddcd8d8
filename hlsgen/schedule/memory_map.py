# SPDX-License-Identifier: Apache-2.0
"""Where every tensor of a training step lies in device memory: bank, address, size.

Banks follow each other in the address space. Y of a layer lies in the place of the next layer's X
where both are matrices of the same extents, and so does dX in that of the previous layer's dY: the
host takes a result before it writes the operand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sat_host.config import ArrayConfig
from sat_host.heap import ALIGN_BYTES
from sat_host.layer_shapes import LayerShape
from sat_host.program import MAX_ADDRESS

from ..errors import InputError
from .placement import bank_of
from .shapes import Demand, demands


@dataclass(frozen=True)
class Tensor:
    """name: `<layer>.<role>`. address: in bytes, from the start of device memory. bytes: without
    what aligns the next one."""

    name: str
    bank: int
    address: int
    bytes: int


@dataclass(frozen=True)
class MemoryMap:
    """bank_bytes: of each of `banks` banks; bank n begins at n x bank_bytes. places: the tensor in
    whose place `<layer>.<role>` lies, where it has none of its own."""

    banks: int
    bank_bytes: int
    tensors: tuple[Tensor, ...]
    places: tuple[tuple[str, str], ...] = ()
    _named: dict[str, Tensor] = field(
        default_factory=dict, init=False, repr=False, compare=False, hash=False
    )

    def __post_init__(self) -> None:
        self._named.update((tensor.name, tensor) for tensor in self.tensors)
        self._named.update((name, self._named[place]) for name, place in self.places)

    def __getitem__(self, name: str) -> Tensor:
        """The tensor of `<layer>.<role>`. Raises KeyError."""
        return self._named[name]

    def __contains__(self, name: object) -> bool:
        return name in self._named

    @property
    def used(self) -> tuple[int, ...]:
        """Bytes of each bank from its start to the end of its last tensor."""
        ends = [bank * self.bank_bytes for bank in range(self.banks)]
        for tensor in self.tensors:
            ends[tensor.bank] = max(ends[tensor.bank], tensor.address + tensor.bytes)
        return tuple(end - bank * self.bank_bytes for bank, end in enumerate(ends))


def memory_map(
    layers: Sequence[LayerShape], config: ArrayConfig, banks: int, bank_bytes: int
) -> MemoryMap:
    """The map of a training step's tensors, each in the bank that hlsgen.schedule.placement says.

    Raises InputError for the first tensor that does not fit its bank.
    """
    room = Room(config, banks, bank_bytes)
    places: list[tuple[str, str]] = []
    wanted = [list(demands(layer, config)) for layer in layers]
    for number, (layer, found) in enumerate(zip(layers, wanted, strict=True)):
        for demand in found:
            name = f"{layer.name}.{demand.role}"
            shared = _shared(demand, number, layers, wanted)
            if shared is None:
                room.take(name, bank_of(demand.role, number, banks), demand.words)
            else:
                places.append((name, shared))
    return MemoryMap(banks, bank_bytes, tuple(room.tensors), tuple(places))


def _shared(
    demand: Demand, number: int, layers: Sequence[LayerShape], wanted: Sequence[Sequence[Demand]]
) -> str | None:
    """The other layer's tensor whose place a result takes; None where it has its own."""
    other, role = {"y": (number + 1, "x"), "dx": (number - 1, "dy")}.get(demand.role, (-1, ""))
    if not 0 <= other < len(layers):
        return None
    same = (each.extents == demand.extents for each in wanted[other] if each.role == role)
    return f"{layers[other].name}.{role}" if any(same) else None


class Room:
    """Banks that fill up from their start."""

    def __init__(self, config: ArrayConfig, banks: int, bank_bytes: int) -> None:
        self._config, self._bytes = config, bank_bytes
        self._next = [bank * bank_bytes for bank in range(banks)]
        self.tensors: list[Tensor] = []

    @classmethod
    def behind(cls, config: ArrayConfig, memory: MemoryMap) -> Room:
        """What a map leaves free."""
        room = cls(config, memory.banks, memory.bank_bytes)
        room.tensors = list(memory.tensors)
        for bank, used in enumerate(memory.used):
            room._next[bank] += -(-used // ALIGN_BYTES) * ALIGN_BYTES
        return room

    def take(self, name: str, bank: int, words: int) -> Tensor:
        """A place for a tensor. Raises InputError."""
        start, size = self._next[bank], words * self._config.word_bytes
        free = max(0, (bank + 1) * self._bytes - start)
        if size > free:
            raise InputError(
                f"{name}: {size:,} bytes do not fit bank {bank}, which has {free:,} of "
                f"{self._bytes:,} bytes free: lower the batch or the layer's sizes"
            )
        reach = MAX_ADDRESS * self._config.word_bytes
        if start + size > reach:
            raise InputError(
                f"{name}: {size:,} bytes in bank {bank} end beyond the {reach:,} bytes that "
                f"{self._config.lanes} lanes address: raise array.lanes or lower the batch"
            )
        tensor = Tensor(name, bank, start, size)
        self._next[bank] = start + -(-size // ALIGN_BYTES) * ALIGN_BYTES
        self.tensors.append(tensor)
        return tensor
