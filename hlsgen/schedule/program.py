# SPDX-License-Identifier: Apache-2.0
"""The program of a training step: every product and update with its tiling, its place in device
memory and its modelled cycles; what the host harness executes (sat_host.stored_program).

Two products of one shape have one tiling, that of the first of them, so that the host knows a
product by its shape. Updates do not overlap with products: dynamic loss scaling lets the host
apply gradients when all of a step's are known to be finite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from sat_host.command_lists import ONE, Copies, between_words, command_lists
from sat_host.config import ArrayConfig
from sat_host.layer_shapes import LayerShape, WeightedLayer
from sat_host.models.workload import Row
from sat_host.product import Product
from sat_host.program import MAX_ADDRESS, Update, update_command
from sat_host.tiling import Tiling

from .choose import schedule
from .cycles import product_timing
from .memory import Memory
from .memory_map import MemoryMap, Room, memory_map
from .options import ALL, Options
from .pieces import Candidates, Pieces, Timing, with_memory
from .placement import bank_of
from .shapes import at_images, layer_shapes
from .updates import update_cycles
from .work import ProductWork, UpdateWork, works_at

Commands = npt.NDArray[Any]


@dataclass(frozen=True)
class Modelled:
    """Of one run: the cycles, the bytes by operand, and the largest piece of the cycles."""

    cycles: int
    bytes: tuple[tuple[str, int], ...]
    bound: str


@dataclass(frozen=True)
class ProductEntry:
    """A product of the step, at its place in memory, and how often the step runs it.

    tensors: names of those of A, B and Y. scratch: the tensor of the sums between the segments of a
    reduction, if there are some that need one.
    """

    layer: str
    stage: str
    runs: int
    copies: Copies
    tensors: tuple[str, str, str]
    product: Product
    tiling: Tiling
    modelled: Modelled
    scratch: str | None = None


@dataclass(frozen=True)
class UpdateEntry:
    """The update of a layer's weights, without the step's learning rate and other factors."""

    layer: str
    update: Update
    modelled: Modelled


@dataclass(frozen=True)
class Program:
    """A training step of `batch` images, `micro_batch` at a time: FF; then, from the last layer to
    the first, WU, WU of the further micro-batches, BP and the update.

    Only whole micro-batches are in it; method, keep: as the host trains. clock_mhz: of the cycles.
    """

    config: ArrayConfig
    clock_mhz: float
    method: str
    keep: int
    batch: int
    micro_batch: int
    layers: tuple[LayerShape, ...]
    memory: MemoryMap
    products: tuple[ProductEntry, ...]
    updates: tuple[UpdateEntry, ...]

    @property
    def cycles(self) -> int:
        """Modelled, of all runs."""
        products = sum(entry.runs * entry.modelled.cycles for entry in self.products)
        return products + sum(entry.modelled.cycles for entry in self.updates)

    def command_bank(self, entry: ProductEntry | UpdateEntry) -> int:
        """The bank of an entry's command lists."""
        number = [layer.name for layer in self.layers].index(entry.layer)
        return bank_of("commands", number, self.memory.banks)

    def commands(self, entry: ProductEntry) -> list[Commands]:
        """A product's command lists, one for each segment of its reduction, to run one after the
        other."""
        scratch = None
        if entry.scratch is not None:
            scratch = self.memory[entry.scratch].address // self.config.word_bytes
        return command_lists(self.config, entry.product, entry.tiling, entry.copies, scratch)

    def update_command(self, entry: UpdateEntry) -> Commands:
        """An update's list of one command."""
        return update_command(entry.update)


@dataclass(frozen=True)
class Training:
    """What a program is for. micro_batch: images of one, at most those of the batch."""

    method: str
    keep: int
    batch: int
    micro_batch: int


@dataclass(frozen=True)
class Machine:
    """What a program runs on. bank_bytes: that each of the memory's banks holds."""

    config: ArrayConfig
    memory: Memory
    bank_bytes: int
    clock_mhz: float


def program_of(
    rows: Sequence[Row], machine: Machine, training: Training, options: Options = ALL
) -> Program:
    """The program of a workload's training step.

    rows: of any number of images. Raises InputError for a tensor that does not fit its bank and for
    a product that the array or the model can't hold.
    """
    machine, config = addressable(machine), machine.config
    layers, memory = _placed(rows, machine, training)
    maker = _Maker(machine, replace(options, overlap=False), layers, memory, training)
    work = works_at(layers, config, maker.word)
    products = [
        entry for each in work if isinstance(each, ProductWork) for entry in maker.products(each)
    ]
    updates = [maker.update(each) for each in work if isinstance(each, UpdateWork)]
    products, memory = _with_scratch(products, memory, config)
    return Program(
        config, machine.clock_mhz, training.method, training.keep, training.batch,
        training.micro_batch, layers, memory, tuple(products), tuple(updates),
    )  # fmt: skip


def map_of(rows: Sequence[Row], machine: Machine, training: Training) -> MemoryMap:
    """Where the tensors of a workload's training step lie, without its program; for a question
    whether they fit. Raises InputError for the first that does not fit its bank."""
    return _placed(rows, addressable(machine), training)[1]


def _placed(
    rows: Sequence[Row], machine: Machine, training: Training
) -> tuple[tuple[LayerShape, ...], MemoryMap]:
    rows = [at_images(row, training.micro_batch, rows[0].batch) for row in rows]
    layers = layer_shapes(rows, machine.config, training.method, training.keep)
    banks = machine.memory.banks
    return layers, memory_map(layers, machine.config, banks, machine.bank_bytes)


def addressable(machine: Machine) -> Machine:
    """With those banks alone that commands can address: narrow words do not reach all of a card."""
    reach = MAX_ADDRESS * machine.config.word_bytes
    banks = min(machine.memory.banks, max(1, reach // machine.bank_bytes))
    memory = replace(machine.memory, banks=banks)
    return replace(machine, memory=memory, bank_bytes=min(machine.bank_bytes, reach))


class _Maker:
    """Tiles and counts the work of a step."""

    def __init__(
        self,
        machine: Machine,
        options: Options,
        layers: Sequence[LayerShape],
        memory: MemoryMap,
        training: Training,
    ) -> None:
        self.machine, self.options, self.layers = machine, options, layers
        self.map, self.micro_batches = memory, training.batch // training.micro_batch
        self.tilings: dict[Product, Tiling] = {}

    def word(self, layer: str, role: str) -> int:
        """The first word of a layer's tensor."""
        return self.map[f"{layer}.{role}"].address // self.machine.config.word_bytes

    def products(self, work: ProductWork) -> list[ProductEntry]:
        """The entry of a product; of WU, also that of the further micro-batches."""
        later = self.micro_batches - 1
        if work.stage != "WU" or not later:
            return [self._entry(work, self.micro_batches)]
        added = replace(work, product=replace(work.product, accumulate=True))
        return [self._entry(work, 1), self._entry(added, later)]

    def update(self, work: UpdateWork) -> UpdateEntry:
        """The entry of an update."""
        config, layer = self.machine.config, self.layers[work.number]
        masked = isinstance(layer, WeightedLayer) and layer.masked
        update = Update(
            rows=work.rows,
            columns=work.columns,
            weights_address=self.word(work.layer, "weights"),
            velocity_address=self.word(work.layer, "velocity"),
            gradient_address=self.word(work.layer, "gradient"),
            pitch=2 * config.blocks(work.columns),
            ff_address=self.word(work.layer, "ff"),
            ff_keep=work.ff_keep,
            bp_address=self.word(work.layer, "bp") if work.bp_keep else 0,
            bp_keep=work.bp_keep,
            update=True,
            binary16_weights=False,
            decay_pruned=masked,
            masked_bp=masked and work.bp_keep > 0,
        )
        pieces = update_cycles(config, self.machine.memory, work)
        return UpdateEntry(work.layer, update, _modelled(pieces))

    def _entry(self, work: ProductWork, runs: int) -> ProductEntry:
        config, memory, product = self.machine.config, self.machine.memory, work.product
        shape = product.shape()
        work = replace(work, product=shape)
        if shape not in self.tilings:
            (layer,) = schedule([work], config, memory, self.options)
            assert layer.tiling is not None
            self.tilings[shape] = layer.tiling
        tiling = self.tilings[shape]
        a, b, y = (self.map[f"{work.layer}.{role}"].name for role in work.tensors)
        modelled = product_modelled(config, memory, work, tiling, self.options)
        return ProductEntry(
            work.layer, work.stage, runs, _copies(work.copies, product), (a, b, y), product, tiling,
            modelled,
        )  # fmt: skip


def product_modelled(
    config: ArrayConfig, memory: Memory, work: ProductWork, tiling: Tiling, options: Options
) -> Modelled:
    """A product as modelled with a tiling, in the banks that its tensors lie in. Raises ValueError
    for a tiling beyond the array's."""
    timing = _timing(replace(work, layer="", stage="", number=0), tiling, config, options)
    return _modelled(with_memory(timing, memory, work.places(memory.banks)))


def _copies(count: int, product: Product) -> Copies:
    """Equal products whose A, B and Y are matrices that follow each other."""
    if count == 1:
        return ONE
    pixels = product.reduction if product.transpose_a else product.rows
    b_rows = product.columns if product.b.transposed else product.reduction
    steps = pixels * product.a.pitch, b_rows * product.b.pitch, product.rows * product.y.pitch
    return Copies(count, steps)


@lru_cache(maxsize=1 << 10)
def _timing(work: ProductWork, tiling: Tiling, config: ArrayConfig, options: Options) -> Timing:
    return product_timing(config, work, Candidates.of(tiling), options)


def _modelled(pieces: Pieces) -> Modelled:
    moved = tuple((name, int(np.ravel(count)[0])) for name, count in pieces.bytes.items())
    return Modelled(int(pieces.total[0]), moved, str(pieces.bound[0]))


def _with_scratch(
    products: Sequence[ProductEntry], memory: MemoryMap, config: ArrayConfig
) -> tuple[list[ProductEntry], MemoryMap]:
    """With a tensor in each bank for the sums between segments of reductions whose Y lies there."""
    words: dict[int, int] = {}
    found = []
    for entry in products:
        bank = memory[entry.tensors[2]].bank
        needed = between_words(config, entry.product, entry.tiling, entry.copies)
        if needed:
            words[bank] = max(words.get(bank, 0), needed)
            entry = replace(entry, scratch=f"sums.{bank}")
        found.append(entry)
    room = Room.behind(config, memory)
    for bank, count in sorted(words.items()):
        room.take(f"sums.{bank}", bank, count)
    return found, replace(memory, tensors=tuple(room.tensors))
