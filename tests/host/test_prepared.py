# SPDX-License-Identifier: Apache-2.0
"""Command lists that are kept from call to call: the same ones as a new device would make."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sat_host.command_lists import ONE, Copies, command_lists
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution
from sat_host.engine import EngineDevice
from sat_host.heap import OneBank
from sat_host.prepared import Calls, prepare
from sat_host.product import Operand, Product, Source, Target
from sat_host.stored_program import NO_PROGRAM, StoredProgram
from sat_host.strips import default_tiling, stationary_tiling
from sat_host.tiling import Tiling

Fields = list[tuple[int, ...]]

ARRAY = ArrayConfig(4, 8, 8, 4, 2, 4)


class Noting(OneBank):
    """A back end that notes the command lists that it is given."""

    def __init__(self) -> None:
        super().__init__(1 << 16, ARRAY.word_bytes)
        self.lists: list[Any] = []

    def write(self, address: int, values: npt.NDArray[np.uint16]) -> None:
        """Nobody reads it."""

    def stce(self, commands: Any, cycles: int = 0) -> int:
        self.lists.append(commands)
        return 0

    def taken(self) -> list[Fields]:
        """The lists since the last time, field by field: padding is of no meaning."""
        found = [commands.tolist() for commands in self.lists]
        self.lists.clear()
        return found


def plain(address: int = 0, reduction: int = 20) -> Product:
    """A product of 37 x reduction with reduction x 30 elements, its A at an address."""
    a = Source(address, -(-reduction // 8), reduction)
    return Product(37, 30, reduction, a, Operand(2048, False, 8, 4), Target.rows(4096, 4, False))


def engine(program: StoredProgram = NO_PROGRAM) -> tuple[EngineDevice, Noting]:
    memory = Noting()
    return EngineDevice(ARRAY, memory, ("os", "ws"), program), memory  # type: ignore[arg-type]


@pytest.mark.parametrize("dataflow", [None, "os", "ws"])
@pytest.mark.parametrize("copies", [ONE, Copies(3, (512, 256, 1024))])
def test_what_is_prepared_are_the_product_s_command_lists(
    dataflow: str | None, copies: Copies
) -> None:
    product = plain(reduction=200)
    tiling = (stationary_tiling if dataflow == "ws" else default_tiling)(ARRAY, product)
    call = prepare(ARRAY, NO_PROGRAM, [product], copies, dataflow)
    wanted = [command_lists(ARRAY, product, tiling, copies, at) for at in (1 << 13, 1 << 14)]
    if dataflow == "ws":
        (part,) = call.segmented
        assert call.whole is None and part.words > 0
        got = [[one.commands for one in part.lists(at)] for at in (1 << 13, 1 << 14)]
        assert part.lists(1 << 14) is part.lists(1 << 14)
    else:
        assert call.whole is not None and not call.segmented
        got = [[call.whole.commands]] * 2
    assert [[one.tolist() for one in lists] for lists in got] == [
        [one.tolist() for one in lists] for lists in wanted
    ]


def test_equal_calls_run_equal_lists_and_others_their_own() -> None:
    """Of each kind of call, at several addresses, twice: as the first time on a new device."""
    shape = Convolution(2, 6, 5, 12, 9, (3, 3), (2, 1), (1, 1))
    rows = shape.weight_rows(ARRAY.lanes)

    def calls(device: EngineDevice, memory: Noting, times: int) -> list[list[Fields]]:
        x = [device.matrix(shape.in_pixels, 12, "f2") for _ in range(2)]
        y = [device.matrix(shape.out_pixels, 9, "f2") for _ in range(2)]
        dw = device.matrix(rows, 9, "f4")
        ff, bp = device.packed(rows, 9, 2), device.packed(9, rows, 2)
        square = device.matrix(9, 9, "f2")
        found = []
        for _ in range(times):
            for one in range(2):
                device.convolve(y[one], x[one], ff, shape)
                device.convolve_backward(x[one], y[one], bp, shape)
                device.convolve_backward(x[one], y[one], bp, shape, dy_keep=2)
                device.convolve_gradient(dw, x[one], y[one], shape)
                device.convolve_gradient(dw, x[one], y[one], shape, accumulate=True)
                for dataflow in ("os", "ws", None):
                    device.product(y[one], y[1 - one], square, dataflow=dataflow)
                device.product_batch(y[one], y[1 - one], square, 1)
            found.append(memory.taken())
        return found

    first, second = calls(*engine(), times=2)
    assert first == second == calls(*engine(), times=1)[0]
    # But for the product that has the same tiling whether or not it is asked for, and the batch.
    assert len({str(one) for one in first}) >= len(first) - 4


def test_a_program_s_tiling_and_cycles_are_kept_with_the_list() -> None:
    product = plain()
    stored = Tiling("os", 2, 1, buffered=False)
    program = StoredProgram({product.shape(): stored}, {product.shape(): 70})
    call = prepare(ARRAY, program, [product, plain(64)], ONE, None)
    assert call.whole is not None and call.whole.cycles == 140
    assert [work.tiling for work in call.works] == [stored, stored]
    assert prepare(ARRAY, program, [product, plain(0, 21)], ONE, None).whole.cycles == 0  # type: ignore[union-attr]


def test_commands_that_are_kept_can_not_be_changed() -> None:
    call = prepare(ARRAY, NO_PROGRAM, [plain()], ONE, None)
    assert call.whole is not None
    with pytest.raises(ValueError, match="read-only"):
        call.whole.commands["rows"] = 1


def test_the_oldest_calls_go_when_there_are_too_many() -> None:
    made: list[int] = []

    def get(calls: Calls, number: int) -> object:
        def make() -> Any:
            made.append(number)
            return prepare(ARRAY, NO_PROGRAM, [plain(64 * number)], ONE, None)

        return calls.get(number, make)

    size = prepare(ARRAY, NO_PROGRAM, [plain()], ONE, None).bytes
    calls = Calls(3 * size)
    first = get(calls, 0)
    for number in (1, 2, 0, 3):  # 0 is used again before 3 takes the place of the oldest
        get(calls, number)
    assert get(calls, 0) is first and len(calls) == 3
    get(calls, 1)
    assert made == [0, 1, 2, 3, 1]
    lone = Calls(1)
    assert get(lone, 5) is get(lone, 5)  # the last one stays, however large
