# SPDX-License-Identifier: Apache-2.0
"""A back end that keeps the command lists it gets, and what a program says they must be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from sat_host.csim import CsimBackend
from sat_host.descriptor import STCE, WUVE
from sat_host.heap import OneBank

from hlsgen.schedule.program import ProductEntry, Program

Words = npt.NDArray[np.uint16]
ADDRESSES = ("a_address", "b_address", "y_address", "strip_address", "sums_address")
FACTORS = ("lr", "momentum", "weight_decay", "inv_scale", "sr_decay")


class Recorder(OneBank):
    """Stands for a back end, or for a memory without one, on which every product is zero."""

    def __init__(self, lanes: int, inner: CsimBackend | None = None) -> None:
        words = 1 << 16
        super().__init__(words, 2 * lanes)
        self._inner = inner
        if inner:
            self.heap = inner.heap
        self._memory = np.zeros((0 if inner else words, lanes), np.uint16)
        self.stce_lists: list[Any] = []
        self.wuve_lists: list[Any] = []

    def write(self, address: int, values: Words) -> None:
        if self._inner:
            self._inner.write(address, values)
        else:
            self._memory[address : address + len(values)] = values

    def read(self, address: int, words: int) -> Words:
        if self._inner:
            return self._inner.read(address, words)
        return self._memory[address : address + words].copy()

    def stce(self, commands: Any, cycles: int = 0) -> int:
        self.stce_lists.append(commands.copy())
        return self._inner.stce(commands) if self._inner else 0

    def wuve(self, commands: Any, cycles: int = 0) -> None:
        self.wuve_lists.append(commands.copy())
        if self._inner:
            self._inner.wuve(commands)


def of_micro_batch(program: Program, number: int) -> Iterator[ProductEntry]:
    """The products of a whole micro-batch in the order in which the host runs them: those of a BP
    that have several lists, which can't be joined, before the others."""
    entries = [
        entry
        for entry in program.products
        if entry.stage != "WU" or entry.product.accumulate == (number > 0)
    ]
    while entries:
        first = entries[0]
        group = [e for e in entries if (e.layer, e.stage) == (first.layer, first.stage)]
        if first.copies.count == 1:
            group.sort(key=lambda entry: len(program.commands(entry)) == 1)
        yield from group
        entries = [entry for entry in entries if entry not in group]


def differences(program: Program, recorded: list[Any], micro_batches: int) -> list[str]:
    """Where the commands of whole micro-batches are not the program's, up to base addresses."""
    given = np.concatenate(recorded, dtype=STCE.dtype)
    place, found = 0, []
    for number in range(micro_batches):
        for entry in of_micro_batch(program, number):
            for wanted in program.commands(entry):
                got = given[place : place + len(wanted)]
                place += len(wanted)
                name = f"{number} {entry.layer} {entry.stage}"
                found += [f"{name}: {text}" for text in _different(got, wanted)]
    return found + ([f"{len(given) - place} more commands"] if place != len(given) else [])


def _different(got: Any, wanted: Any) -> Iterator[str]:
    if len(got) != len(wanted):
        yield f"{len(got)} commands, expected {len(wanted)}"
        return
    accumulates = wanted["flags"][0] & STCE.flag("accumulate")
    for name in wanted.dtype.names:
        apart = got[name].astype(np.int64) - wanted[name]
        if name in ADDRESSES:
            used = {"strip_address": wanted["strip_words"][0], "sums_address": accumulates}
            if used.get(name, 1) and len(np.unique(apart % (1 << 32))) > 1:
                yield f"{name} does not follow"
        elif apart.any():
            yield f"{name}: {got[name][:3]}, expected {wanted[name][:3]}"


def update_differences(program: Program, recorded: list[Any]) -> list[str]:
    """Where the updates' commands are not the program's, up to addresses and a step's factors."""
    found = []
    wanted = {entry.layer: program.update_command(entry)[0] for entry in program.updates}
    names = [field.name for field in WUVE.fields
             if field.name not in FACTORS and not field.name.endswith("_address")]  # fmt: skip
    given = [tuple(int(commands[0][name]) for name in names) for commands in recorded]
    for layer, command in wanted.items():
        if tuple(int(command[name]) for name in names) not in given:
            found.append(layer)
    return found
