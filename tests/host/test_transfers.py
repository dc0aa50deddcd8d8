# SPDX-License-Identifier: Apache-2.0
"""Transfers with their rounding, in one pass where the host reaches the device's memory: the same
bits as rounding first and writing then."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from sat_host.backend import Reachable
from sat_host.binary16 import round_binary16, widen_binary16
from sat_host.config import ArrayConfig
from sat_host.device import Device
from sat_host.engine import EngineDevice
from sat_host.errors import ArgumentError
from sat_host.golden_device import GoldenDevice
from sat_host.heap import OneBank

CONFIG = ArrayConfig(4, 8, 8, 4, 2, 8)
Words = npt.NDArray[np.uint16]
Make = Callable[[], Device]


class Far(OneBank):
    """A back end that only stores."""

    def __init__(self) -> None:
        super().__init__(1 << 12, CONFIG.word_bytes)
        self.content = np.zeros((1 << 12, CONFIG.lanes), np.uint16)

    def write(self, address: int, values: Words) -> None:
        self.content[address : address + len(values)] = values

    def read(self, address: int, words: int) -> Words:
        return self.content[address : address + words].copy()


class Near(Far):
    """One whose memory is the host's."""

    def view(self, address: int, words: int) -> Words:
        return self.content[address : address + words]


def far() -> EngineDevice:
    return EngineDevice(CONFIG, Far(), ("os",))  # type: ignore[arg-type]


def near() -> EngineDevice:
    return EngineDevice(CONFIG, Near(), ("os",))  # type: ignore[arg-type]


every = pytest.mark.parametrize("make", [far, near, lambda: GoldenDevice(CONFIG)])


def numbers(count: int) -> npt.NDArray[np.float32]:
    """Of all sizes, with infinities, NaN and zeros of both signs among them."""
    bits = np.random.default_rng(count).integers(0, 1 << 32, count, dtype=np.uint32)
    bits[:4] = (0x7F800000, 0xFFC00001, 0x80000000, 0)
    return bits.view(np.float32)


def test_which_back_ends_are_reachable() -> None:
    assert isinstance(Near(), Reachable) and not isinstance(Far(), Reachable)


@every
@pytest.mark.parametrize(("rows", "columns"), [(6, 16), (5, 11), (1, 8)])
def test_one_pass_gives_the_bits_of_two(make: Make, rows: int, columns: int) -> None:
    device = make()
    one, two, after = (device.matrix(rows, columns, "f2") for _ in range(3))
    values = numbers(rows * columns)
    device.write_rounded(one, values.reshape(1, rows, columns))
    device.write(two, round_binary16(values).reshape(rows, columns))
    assert device.read(one).tobytes() == device.read(two).tobytes()
    assert device.read_widened(one).tobytes() == widen_binary16(device.read(two)).tobytes()
    assert not device.read(after).any()  # what lies behind stays as it was
    got = device.read_widened(one)
    got[...] = 7  # is the caller's
    assert device.read(one).tobytes() == device.read(two).tobytes()


@every
def test_a_part_of_a_matrix_and_values_of_any_layout(make: Make) -> None:
    device = make()
    matrix = device.matrix(4, 8, "f2")
    values = np.arange(24, dtype=np.float32).reshape(8, 3).T
    device.write_rounded(matrix.head(3), values)
    wanted = np.vstack([values, np.zeros((1, 8))])
    assert np.array_equal(device.read(matrix), wanted)
    assert np.array_equal(device.read_widened(matrix.head(3)), values)


@every
def test_what_does_not_fit_is_refused(make: Make) -> None:
    device = make()
    matrix, freed = device.matrix(2, 8, "f2"), device.matrix(2, 8, "f2")
    device.free(freed)
    for values in (np.zeros((2, 8)), np.zeros((3, 8), np.float32), np.zeros((2, 8), np.float16)):
        with pytest.raises(ArgumentError, match="values: expected a float32 array of 16 values"):
            device.write_rounded(matrix, values)
    with pytest.raises(ArgumentError, match="this matrix was freed"):
        device.write_rounded(freed, np.zeros((2, 8), np.float32))
    with pytest.raises(ArgumentError, match="this matrix was freed"):
        device.read_widened(freed)
    with pytest.raises(ArgumentError, match="values: expected a float32 array"):
        device.write(device.matrix(2, 8, "f4"), np.zeros((2, 8), np.float16))
