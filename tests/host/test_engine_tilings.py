# SPDX-License-Identifier: Apache-2.0
"""Which tiling a product gets: the program's, the one that is asked for, or the default."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sat_host.command_lists import command_lists
from sat_host.config import ArrayConfig
from sat_host.descriptor import STCE
from sat_host.device import Matrix
from sat_host.engine import EngineDevice
from sat_host.errors import ArgumentError
from sat_host.heap import OneBank
from sat_host.product import Operand, Product, Source, Target
from sat_host.stored_program import StoredProgram
from sat_host.strips import default_tiling, stationary_tiling
from sat_host.tiling import Tiling

ARRAY = ArrayConfig(4, 8, 8, 4, 2, 4)
ROWS, REDUCTION, COLUMNS = 37, 20, 30
STORED = Tiling("ws", 1, 2, buffered=True)


class Memory(OneBank):
    """A back end on which every result is zero; `lists` holds the command lists."""

    def __init__(self) -> None:
        super().__init__(1 << 14, ARRAY.word_bytes)
        self.values = np.zeros((1 << 14, ARRAY.lanes), np.uint16)
        self.lists: list[Any] = []
        self.cycles: list[int] = []

    def write(self, address: int, values: npt.NDArray[np.uint16]) -> None:
        self.values[address : address + len(values)] = values

    def read(self, address: int, words: int) -> npt.NDArray[np.uint16]:
        return self.values[address : address + words]

    def stce(self, commands: Any, cycles: int = 0) -> int:
        self.lists.append(commands)
        self.cycles.append(cycles)
        return 1

    def wuve(self, commands: Any, cycles: int = 0) -> None:
        raise AssertionError("no update is asked for")


def product() -> Product:
    """That of `operands`, at address zero."""
    return Product(
        ROWS, COLUMNS, REDUCTION, Source(0, 3, REDUCTION), Operand(0, False, 8, 4),
        Target.rows(0, 4, False),
    )  # fmt: skip


def operands(device: EngineDevice) -> tuple[Matrix, Matrix, Matrix]:
    half = np.float16
    shapes = ((ROWS, COLUMNS), (ROWS, REDUCTION), (REDUCTION, COLUMNS))
    y, a, b = (device.matrix(*shape, half) for shape in shapes)
    return y, a, b


def issued(dataflow: str | None, stored: Tiling | None) -> tuple[list[Any], int]:
    """The lists of one product, and what the call returned."""
    memory = Memory()
    tilings = {} if stored is None else {product(): stored}
    device = EngineDevice(ARRAY, memory, ("os", "ws"), StoredProgram(tilings))
    returned = device.product(*operands(device), dataflow=dataflow)
    return memory.lists, returned


@pytest.mark.parametrize(
    ("dataflow", "stored", "expected"),
    [
        (None, None, default_tiling(ARRAY, product())),
        (None, STORED, STORED),
        ("ws", STORED, STORED),
        ("os", STORED, default_tiling(ARRAY, product())),
        ("os", None, default_tiling(ARRAY, product())),
        ("ws", None, stationary_tiling(ARRAY, product())),
    ],
)
def test_the_tiling_of_a_product(
    dataflow: str | None, stored: Tiling | None, expected: Tiling
) -> None:
    lists, _ = issued(dataflow, stored)
    wanted = command_lists(ARRAY, product(), expected, scratch=0)
    assert [len(commands) for commands in lists] == [len(commands) for commands in wanted]
    for got, want in zip(lists, wanted, strict=True):
        for name in ("rows", "columns", "reduction", "interleave", "blocks", "flags"):
            assert (got[name] == want[name]).all(), name


def test_parts_of_a_reduction_are_lists_of_their_own_and_count_once() -> None:
    lists, returned = issued(None, STORED)
    assert len(lists) > 1 and returned == 1
    binary32 = [bool(commands["flags"][0] & STCE.flag("binary32")) for commands in lists]
    assert binary32 == [True] * (len(lists) - 1) + [False]


@pytest.mark.parametrize("stored", [STORED, default_tiling(ARRAY, product())])
def test_the_back_end_is_told_the_modelled_cycles(stored: Tiling) -> None:
    shape = product().shape()
    for cycles, dataflow in (({shape: 90}, None), ({shape: 90}, stored.dataflow), ({}, None)):
        memory = Memory()
        program = StoredProgram({shape: stored}, cycles)
        device = EngineDevice(ARRAY, memory, ("os", "ws"), program)
        device.product(*operands(device), dataflow=dataflow)
        told = 90 // len(memory.lists) if cycles and not dataflow else 0
        assert memory.cycles == [told] * len(memory.lists)


def test_memory_of_sums_between_parts_is_given_back() -> None:
    memory = Memory()
    device = EngineDevice(ARRAY, memory, ("os", "ws"), StoredProgram({product(): STORED}))
    matrices = operands(device)
    free = memory.heap.free_words
    device.product(*matrices)
    assert memory.heap.free_words == free


def test_a_dataflow_that_the_array_lacks_is_refused_before_anything_is_done() -> None:
    memory = Memory()
    device = EngineDevice(ARRAY, memory, ("os",))
    with pytest.raises(ArgumentError, match="^dataflow: this device offers os, got 'ws'$"):
        device.product(*operands(device), dataflow="ws")
    with pytest.raises(ArgumentError, match="^dataflow: this device offers os, got 'ws'$"):
        device.matmul(np.ones((1, 1), np.float16), np.ones((1, 1), np.float16), dataflow="ws")
    assert memory.lists == []
