# SPDX-License-Identifier: Apache-2.0
"""On a device with banks, every tensor of a step lies in the bank that the program names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from recording import Recorder, of_micro_batch
from sat_host.descriptor import STCE
from sat_host.errors import DeviceError
from sat_host.heap import Heap
from test_program_executed import ARRAY, BATCH, NETWORKS, PIECE, program_for, step

from hlsgen.schedule.program import Program

BANK_WORDS = 1 << 14


class Banked(Recorder):
    """Four banks, one after the other in the address space."""

    banked = True

    def __init__(self) -> None:
        super().__init__(ARRAY.lanes)
        self._heaps = [Heap(BANK_WORDS, 8) for _ in range(4)]

    def allocate(self, words: int, bank: int | None) -> int:
        number = 3 if bank is None else bank
        return number * BANK_WORDS + self._heaps[number].take(words)

    def release(self, address: int, words: int) -> None:
        self._heaps[address // BANK_WORDS].give(address % BANK_WORDS, words)


def banks_of(program: Program, names: tuple[str, ...]) -> list[int]:
    return [program.memory[name].bank for name in names]


@pytest.mark.parametrize("method", ["dense", "bdwp"])
@pytest.mark.parametrize("name", NETWORKS)
def test_products_read_and_write_the_programs_banks(name: str, method: str) -> None:
    program, recorder = program_for(NETWORKS[name], method), Banked()
    step(recorder, NETWORKS[name], program)
    given = np.concatenate(recorder.stce_lists, dtype=STCE.dtype)
    place, seen = 0, set()
    for number in range(BATCH // PIECE):
        for entry in of_micro_batch(program, number):
            wanted = program.commands(entry)
            got = given[place : place + sum(map(len, wanted))]
            place += len(got)
            banks = banks_of(program, entry.tensors)
            seen |= set(banks)
            for field, bank in zip(("a_address", "b_address", "y_address"), banks, strict=True):
                there = inside(got, field) // BANK_WORDS
                between = field == "y_address" and entry.scratch is not None
                allowed = {bank, program.memory[entry.scratch].bank} if between else {bank}
                assert set(there.tolist()) <= allowed, (number, entry.layer, entry.stage, field)
    assert place == len(given) and seen == {0, 1, 2, 3}


def inside(commands: Any, field: str) -> Any:
    """Where each command's operand begins; one that begins before its matrix, as those of padded
    convolutions do, counts as there."""
    margin = 256 if field == "a_address" else 0
    return (commands[field].astype(np.int64) + margin) % (1 << 32)


@pytest.mark.parametrize("name", NETWORKS)
def test_updates_read_and_write_the_programs_banks(name: str) -> None:
    program, recorder = program_for(NETWORKS[name]), Banked()
    step(recorder, NETWORKS[name], program)
    roles = ("weights", "velocity", "gradient", "ff", "bp")
    found = {tuple(int(c[f"{role}_address"][0]) // BANK_WORDS for role in roles)
             for c in recorder.wuve_lists if c["ff_keep"][0]}  # fmt: skip
    wanted = {
        tuple(
            program.memory[f"{entry.layer}.{role}"].bank
            if f"{entry.layer}.{role}" in program.memory else 0
            for role in roles
        )
        for entry in program.updates
    }  # fmt: skip
    assert found == wanted


def test_a_bank_without_room_is_told() -> None:
    with pytest.raises(DeviceError, match="do not fit"):
        Banked().allocate(BANK_WORDS + 1, 0)
