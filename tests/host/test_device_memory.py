# SPDX-License-Identifier: Apache-2.0
"""Memory of both kinds of device: whose it is, what is freed, and what a failure leaves behind."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution
from sat_host.device import Device, Matrix, UpdateScalars
from sat_host.engine import EngineDevice
from sat_host.errors import ArgumentError, DeviceError
from sat_host.golden_device import GoldenDevice
from sat_host.heap import OneBank
from sat_host.program import Commands

CONFIG = ArrayConfig(4, 8, 8, 4, 2, 8)
WORDS = 1 << 12


class Memory(OneBank):
    """A back end that only stores; `full` makes the next write fail."""

    def __init__(self) -> None:
        super().__init__(WORDS, CONFIG.word_bytes)
        self.content = np.zeros((WORDS, CONFIG.lanes), np.uint16)
        self.full = False
        self.ran = 0

    def write(self, address: int, values: npt.NDArray[np.uint16]) -> None:
        if self.full:
            raise MemoryError
        self.content[address : address + len(values)] = values

    def read(self, address: int, words: int) -> npt.NDArray[np.uint16]:
        return self.content[address : address + words].copy()

    def stce(self, commands: Commands, cycles: int = 0) -> int:
        self.ran += 1
        return 0

    def wuve(self, commands: Commands, cycles: int = 0) -> None:
        self.ran += 1


def engine() -> EngineDevice:
    return EngineDevice(CONFIG, Memory(), ("os",))


def in_use(device: Device) -> int:
    """Whatever the device counts as taken."""
    if isinstance(device, EngineDevice):
        assert isinstance(device._backend, Memory)
        return WORDS - device._backend.heap.free_words
    assert isinstance(device, GoldenDevice)
    return device.live


both = pytest.mark.parametrize("make", [engine, lambda: GoldenDevice(CONFIG)], ids=["engine", "np"])
Make = Callable[[], Device]


@both
def test_what_was_written_is_read(make: Make) -> None:
    device = make()
    values = np.arange(33, dtype=np.float32).reshape(3, 11)
    matrix = device.matrix(np.int64(3), np.int32(11), "f4")
    assert isinstance(matrix.rows, int)
    device.write(matrix, values)
    assert np.array_equal(device.read(matrix), values)
    assert device.read_packed(device.packed(9, 9, np.int8(2))).shape == (2, 2, 3, 8)
    with pytest.raises(ArgumentError, match=r"values: expected a float32 array \(3, 11\), got f"):
        device.write(matrix, values.astype(np.float16))


@both
def test_freed_memory_is_gone(make: Make) -> None:
    device = make()
    matrix, packed = device.matrix(2, 1, "f2"), device.packed(8, 8, 2)
    view = matrix.head(1)
    device.free(matrix, packed)
    assert in_use(device) == 0
    for use in (
        lambda: device.read(matrix),
        lambda: device.write(view, np.zeros((1, 1), np.float16)),
        lambda: device.read_packed(packed),
        lambda: device.free(view),
    ):
        with pytest.raises(ArgumentError, match="this matrix was freed"):
            use()


@both
def test_a_matrix_of_another_device_is_refused(make: Make) -> None:
    device, scalars = make(), UpdateScalars(0.1, 0.9, 0.0, 1.0)
    mine = [device.matrix(8, 8, "f2"), *(device.matrix(8, 8, "f4") for _ in range(3))]
    half, *single = mine
    form, pairs = device.packed(8, 8, 2), device.matrix(8, 4, "f4")
    shape = Convolution.linear(8, 8, 8)
    single_values = np.full((8, 8), 3, np.float32)
    for matrix in single:
        device.write(matrix, single_values)
    taken = in_use(device)
    for other in (make(), engine(), GoldenDevice(CONFIG)):
        a, w, ff = other.matrix(8, 8, "f2"), other.matrix(8, 8, "f4"), other.packed(8, 8, 2)
        y = other.matrix(8, 4, "f4")
        theirs = in_use(other)
        for use in (
            lambda a=a: device.read(a),
            lambda a=a: device.write(a, np.zeros((8, 8), np.float16)),
            lambda ff=ff: device.read_packed(ff),
            lambda a=a: device.product(single[0], half, a),
            lambda a=a: device.product(single[0], a, half),
            lambda w=w: device.product(w, half, half),
            lambda ff=ff: device.product(single[0], half, ff),
            lambda a=a: device.product_batch(pairs, half, a, 2, transpose_b=True),
            lambda a=a: device.product_batch(pairs, a, half, 2, transpose_b=True),
            lambda y=y: device.product_batch(y, half, half, 2, transpose_b=True),
            lambda ff=ff: device.convolve(half, half, ff, shape),
            lambda a=a: device.convolve(half, a, form, shape),
            lambda a=a: device.convolve(a, half, form, shape),
            lambda ff=ff: device.convolve_backward(half, half, ff, shape),
            lambda a=a: device.convolve_backward(half, a, form, shape, dy_keep=2),
            lambda a=a: device.convolve_backward(a, half, form, shape),
            lambda a=a: device.convolve_gradient(single[0], half, a, shape),
            lambda a=a: device.convolve_gradient(single[0], a, half, shape, accumulate=True),
            lambda w=w: device.convolve_gradient(w, half, half, shape),
            lambda ff=ff: device.pack(half, ff),
            lambda ff=ff: device.pack(half, form, ff),
            lambda w=w: device.update_weights(single[0], single[1], w, scalars),
            lambda ff=ff: device.update_weights(*single, scalars, form, ff),
            lambda a=a: device.free(half, a),
            lambda ff=ff: device.free(ff, half),
        ):
            with pytest.raises(ArgumentError, match="this matrix belongs to another device"):
                use()
        assert (in_use(device), in_use(other)) == (taken, theirs)
        other.free(a, w, ff, y)
    assert not device.read_packed(form).any()
    assert not device.read(half).any()
    assert not device.read(pairs).any()
    assert all(np.array_equal(device.read(matrix), single_values) for matrix in single)
    device.free(*mine, form, pairs)
    assert in_use(device) == 0


@both
def test_memory_given_twice_in_one_call_is_not_freed(make: Make) -> None:
    device = make()
    matrix = device.matrix(3, 1, "f2")
    taken = in_use(device)
    with pytest.raises(ArgumentError, match="free: the same matrix was given twice"):
        device.free(matrix, matrix.head(1))
    assert in_use(device) == taken
    device.free(matrix)


@both
def test_a_handle_that_is_none_is_refused(make: Make) -> None:
    with pytest.raises(ArgumentError, match="belongs to another device"):
        make().read(Matrix(None, 1, 1, np.dtype(np.float16)))


def test_an_allocation_that_cannot_be_cleared_is_given_back() -> None:
    memory = Memory()
    device = EngineDevice(CONFIG, memory, ("os",))
    memory.full = True
    for take in (lambda: device.matrix(9, 9, "f4"), lambda: device.packed(9, 9, 2)):
        with pytest.raises(MemoryError):
            take()
        assert in_use(device) == 0


def test_a_full_memory_is_no_wrong_argument() -> None:
    device = engine()
    with pytest.raises(DeviceError, match="device memory: .* words do not fit") as caught:
        device.matrix(WORDS, 9, "f2")
    assert caught.value.exit_code == 1
    assert in_use(device) == 0
