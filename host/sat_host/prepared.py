# SPDX-License-Identifier: Apache-2.0
"""Device calls as their command lists, kept from one step to the next.

A training step makes the same calls at the same addresses again and again: what depends on these
alone is worked out once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from .command_lists import Copies, Work, between_words, command_lists
from .config import ArrayConfig
from .descriptor import STCE
from .product import Product
from .program import Commands
from .stored_program import StoredProgram
from .strips import default_tiling, stationary_tiling
from .tiling import Tiling

MOST_BYTES = 1 << 26
"""Of the command lists that a device keeps. A step of ResNet-50 takes less than a tenth of it."""


@dataclass(frozen=True)
class CommandList:
    """Commands that run together, and their modelled cycles, 0 where the program says nothing."""

    commands: Commands
    cycles: int

    def __post_init__(self) -> None:
        self.commands.flags.writeable = False  # the next call gets them too


class Segmented:
    """A product in several lists, one after the other.

    words: of memory for the sums between them, in `bank`, None for any.
    """

    def __init__(self, config: ArrayConfig, work: Work, bank: int | None, cycles: int) -> None:
        self._config, self._work, self._cycles = config, work, cycles
        self.words = between_words(config, work.product, work.tiling, work.copies)
        self.bank = bank
        self._at: int | None = None
        self._lists: list[CommandList] = []

    def lists(self, scratch: int | None) -> list[CommandList]:
        """With the sums between at address `scratch`; those for the last address are kept."""
        scratch = scratch if self.words else None
        if not self._lists or scratch != self._at:
            work = self._work
            found = command_lists(self._config, work.product, work.tiling, work.copies, scratch)
            self._lists = [CommandList(one, self._cycles // len(found)) for one in found]
            self._at = scratch
        return self._lists


@dataclass(frozen=True)
class Prepared:
    """Products that do not depend on each other: first the segmented ones, then the others in one
    list. works: all of them, in the order in which they were asked for. bytes: of all commands."""

    works: tuple[Work, ...]
    segmented: tuple[Segmented, ...]
    whole: CommandList | None
    bytes: int


def prepare(
    config: ArrayConfig,
    program: StoredProgram,
    products: Sequence[Product],
    copies: Copies,
    dataflow: str | None,
) -> Prepared:
    """What the device runs for `products`, each as many times as `copies` says.

    dataflow: of all of them; by default the program's tiling, and for a product that it does not
    know that of default_tiling. Raises ArgumentError for a product that no tiling fits.
    """
    works, segmented, whole, modelled = [], [], [], []
    size = 0
    for product in products:
        shape = product.shape()
        work = Work(product, tiling_of(config, program, shape, dataflow), copies)
        works.append(work)
        cycles = 0 if dataflow else program.cycles.get(shape, 0)
        part = Segmented(config, work, program.scratch.get(shape), cycles)
        lists = part.lists(0)
        size += sum(each.commands.nbytes for each in lists)
        if len(lists) > 1:
            segmented.append(part)
        else:
            whole.append(lists[0].commands)
            modelled.append(cycles)
    one = None
    if whole:
        # The dtype is given, or NumPy would take the padding out of the commands.
        commands = np.concatenate(whole, dtype=STCE.dtype)
        one = CommandList(commands, sum(modelled) if all(modelled) else 0)
    return Prepared(tuple(works), tuple(segmented), one, size)


def tiling_of(
    config: ArrayConfig, program: StoredProgram, shape: Product, dataflow: str | None
) -> Tiling:
    """The program's, unless another dataflow is asked for; else the default one."""
    stored = program.tilings.get(shape)
    if stored is not None and dataflow in (None, stored.dataflow):
        return stored
    if dataflow == "ws":
        return stationary_tiling(config, shape)
    return default_tiling(config, shape)


class Calls:
    """The calls of late, by key: as many as hold `most` bytes of commands, the last one always."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._most = most
        self._held = 0
        self._calls: OrderedDict[Hashable, tuple[Prepared, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._calls)

    def get(self, key: Hashable, make: Callable[[], Prepared]) -> Prepared:
        """The call of `key`, made when it is not there."""
        found = self._calls.get(key)
        if found is not None:
            self._calls.move_to_end(key)
            return found[0]
        call = make()
        size = call.bytes
        self._calls[key] = call, size
        self._held += size
        while self._held > self._most and len(self._calls) > 1:
            self._held -= self._calls.popitem(last=False)[1][1]
        return call
