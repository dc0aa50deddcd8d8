# SPDX-License-Identifier: Apache-2.0
"""The program of a training step: every product and update with its tiling, its place in device
memory and its modelled cycles; what the host harness executes (sat_host.stored_program).

Two products of one shape have one tiling, that of the first of them, so that the host knows a
product by its shape. Updates do not overlap with products: dynamic loss scaling lets the host
apply gradients when all of a step's are known to be finite.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from sat_host import convolution_program
from sat_host.command_lists import Copies, between_words, command_lists
from sat_host.config import ArrayConfig
from sat_host.models.workload import Row
from sat_host.product import Product
from sat_host.program import Update, update_command
from sat_host.tiling import Tiling

from .choose import schedule
from .cycles import product_timing, update_cycles
from .memory import Memory
from .memory_map import MAX_WORDS, MemoryMap, Room, memory_map
from .options import ALL, Options
from .pieces import Candidates, Pieces, with_memory
from .shapes import ActivationLayer, LayerShape, WeightedLayer, at_images, layer_shapes
from .work import ProductWork, UpdateWork, works

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

    tensors: names of those of A, B and Y. scratch: the tensor of the sums between the parts of a
    reduction, if there are parts that need one.
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
    """A training step of `batch` images in micro-batches of `piece`: FF; then, from the last layer
    to the first, WU, WU of the further micro-batches, BP and the update.

    Only whole micro-batches are in it; method, keep: as the host trains. clock_mhz: of the cycles.
    """

    config: ArrayConfig
    clock_mhz: float
    method: str
    keep: int
    batch: int
    piece: int
    layers: tuple[LayerShape, ...]
    memory: MemoryMap
    products: tuple[ProductEntry, ...]
    updates: tuple[UpdateEntry, ...]

    @property
    def cycles(self) -> int:
        """Modelled, of all runs."""
        products = sum(entry.runs * entry.modelled.cycles for entry in self.products)
        return products + sum(entry.modelled.cycles for entry in self.updates)

    def commands(self, entry: ProductEntry) -> list[Commands]:
        """A product's command lists, one for each part of its reduction, to run one after the
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
    """What a program is for. piece: images of a micro-batch, at most those of the batch."""

    method: str
    keep: int
    batch: int
    piece: int


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
    machine, config = _addressable(machine), machine.config
    layers, memory = _placed(rows, machine, training)
    options = replace(options, overlap=False)
    rows = [at_images(row, training.piece, rows[0].batch) for row in rows]
    work = works(rows, config, training.method, training.keep)
    maker = _Maker(machine, options, layers, memory, training.batch // training.piece)
    products = maker.products([each for each in work if isinstance(each, ProductWork)])
    updates = maker.updates([each for each in work if isinstance(each, UpdateWork)])
    products, memory = _with_scratch(products, memory, config)
    return Program(
        config, machine.clock_mhz, training.method, training.keep, training.batch, training.piece,
        layers, memory, tuple(products), tuple(updates),
    )  # fmt: skip


def map_of(rows: Sequence[Row], machine: Machine, training: Training) -> MemoryMap:
    """Where the tensors of a workload's training step lie, without its program; for a question
    whether they fit. Raises InputError for the first that does not fit its bank."""
    return _placed(rows, _addressable(machine), training)[1]


def _placed(
    rows: Sequence[Row], machine: Machine, training: Training
) -> tuple[tuple[LayerShape, ...], MemoryMap]:
    rows = [at_images(row, training.piece, rows[0].batch) for row in rows]
    layers = layer_shapes(rows, machine.config, training.method, training.keep)
    banks = machine.memory.banks
    return layers, memory_map(layers, machine.config, banks, machine.bank_bytes)


def _addressable(machine: Machine) -> Machine:
    """With those banks alone that commands can address: narrow words do not reach all of a card."""
    reach = MAX_WORDS * machine.config.word_bytes
    banks = min(machine.memory.banks, max(1, reach // machine.bank_bytes))
    memory = replace(machine.memory, banks=banks)
    return replace(machine, memory=memory, bank_bytes=min(machine.bank_bytes, reach))


class _Maker:
    """Places and tiles the work of a step. pieces: whole micro-batches of the step."""

    def __init__(
        self,
        machine: Machine,
        options: Options,
        layers: Sequence[LayerShape],
        memory: MemoryMap,
        pieces: int,
    ) -> None:
        self.machine, self.options, self.layers = machine, options, layers
        self.map, self.pieces = memory, pieces
        self.tilings: dict[Product, Tiling] = {}

    def products(self, work: Sequence[ProductWork]) -> list[ProductEntry]:
        """The entries of all products, in order."""
        placed = {n: self._placed(layer, n, work) for n, layer in enumerate(self.layers)}
        found: list[ProductEntry] = []
        for each in work:
            product = next(placed[each.number])
            later = self.pieces - 1
            if each.stage != "WU" or not later:
                found.append(self._entry(each, product, self.pieces))
                continue
            found.append(self._entry(each, product, 1))
            found.append(self._entry(each, replace(product, accumulate=True), later))
        return found

    def updates(self, work: Sequence[UpdateWork]) -> list[UpdateEntry]:
        """The entries of all updates, in order."""
        config, memory = self.machine.config, self.machine.memory
        found = []
        for each in work:
            layer = self.layers[each.number]
            masked = isinstance(layer, WeightedLayer) and layer.masked
            addresses = {
                f"{name}_address": self._words(f"{each.layer}.{role}")
                for name, role in (("weights", "weights"), ("velocity", "velocity"),
                                   ("gradient", "gradient"), ("ff", "ff"), ("bp", "bp"))
                if role != "bp" or each.bp_keep
            }  # fmt: skip
            update = Update(
                rows=each.rows,
                columns=each.columns,
                pitch=2 * config.blocks(each.columns),
                ff_keep=each.ff_keep,
                bp_keep=each.bp_keep,
                update=True,
                binary16_weights=False,
                decay_pruned=masked,
                masked_bp=masked and each.bp_keep > 0,
                **{"bp_address": 0, **addresses},
            )
            pieces = update_cycles(config, memory, each)
            found.append(UpdateEntry(each.layer, update, _modelled(pieces)))
        return found

    def _words(self, name: str) -> int:
        return self.map[name].address // self.machine.config.word_bytes

    def _placed(
        self, layer: LayerShape, number: int, work: Sequence[ProductWork]
    ) -> Iterator[Product]:
        """The products of a layer in the order of its work: by stage, then as they are made."""
        if isinstance(layer, ActivationLayer):
            for each in (each for each in work if each.number == number):
                a, b, y = (self._words(f"{layer.name}.{role}") for role in each.tensors)
                product = each.product
                yield replace(
                    product,
                    a=replace(product.a, address=a),
                    b=replace(product.b, address=b),
                    y=replace(product.y, address=y),
                )
            return
        at = {role: self._words(f"{layer.name}.{role}") for role in ("x", "ff", "y", "dy")}
        config, shape = self.machine.config, layer.shape
        yield convolution_program.forward(
            config, shape, at["x"], (at["ff"], layer.ff_keep), at["y"]
        )
        gradient = self._words(f"{layer.name}.gradient")
        yield convolution_program.gradient(config, shape, at["x"], at["dy"], gradient, False)
        if layer.bp_keep:
            weights = self._words(f"{layer.name}.bp"), layer.bp_keep
            dx = self._words(f"{layer.name}.dx")
            yield from convolution_program.backward(
                config, shape, at["dy"], weights, dx, layer.dy_keep
            )

    def _entry(self, work: ProductWork, product: Product, runs: int) -> ProductEntry:
        config, memory = self.machine.config, self.machine.memory
        shape = product.shape()
        work = replace(work, product=shape)
        if shape not in self.tilings:
            (layer,) = schedule([work], config, memory, self.options)
            assert layer.tile is not None and layer.dataflow is not None
            tile = layer.tile
            self.tilings[shape] = Tiling(
                layer.dataflow, tile["interleave"], tile["blocks"], bool(tile["buffered"])
            )
        tiling = self.tilings[shape]
        names = tuple(self.map[f"{work.layer}.{role}"].name for role in work.tensors)
        pieces = with_memory(
            _timing(replace(work, layer="", stage="", number=0), tiling, config, self.options),
            memory,
            work.places(memory.banks),
        )
        return ProductEntry(
            work.layer, work.stage, runs, Copies(work.copies, self._steps(work, product)),
            (names[0], names[1], names[2]), product, tiling, _modelled(pieces),
        )  # fmt: skip

    def _steps(self, work: ProductWork, product: Product) -> tuple[int, int, int]:
        """Words from one of equal products to the next: of A, B and Y."""
        if work.copies == 1:
            return 0, 0, 0
        pixels = product.reduction if product.transpose_a else product.rows
        b_rows = product.columns if product.b.transposed else product.reduction
        return (
            pixels * product.a.pitch, b_rows * product.b.pitch, product.rows * product.y.pitch
        )  # fmt: skip


@lru_cache(maxsize=1 << 10)
def _timing(work: ProductWork, tiling: Tiling, config: ArrayConfig, options: Options) -> Any:
    one = Candidates(
        tiling.dataflow,
        np.array([tiling.interleave]),
        np.array([tiling.blocks]),
        np.array([tiling.buffered]),
    )
    return product_timing(config, work, one, options)


def _modelled(pieces: Pieces) -> Modelled:
    moved = tuple((name, int(np.ravel(count)[0])) for name, count in pieces.bytes.items())
    return Modelled(int(pieces.total[0]), moved, str(pieces.bound[0]))


def _with_scratch(
    products: Sequence[ProductEntry], memory: MemoryMap, config: ArrayConfig
) -> tuple[list[ProductEntry], MemoryMap]:
    """With a tensor in each bank for the sums between parts of reductions whose Y lies there."""
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
