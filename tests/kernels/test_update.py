# SPDX-License-Identifier: Apache-2.0
"""WUVE and SORE beside the golden model, bit for bit, on every kind of array.

Examples are derandomized: the same ones in every run.
"""

from __future__ import annotations

import numpy as np
import pytest
from accelerators import ARRAYS, DeviceFor
from hypothesis import given, settings
from hypothesis import strategies as st
from operands import MIXES, check_padding, extents, halves, keeps_of, singles
from sat_host.config import ArrayConfig
from sat_host.device import Array, Device, PackedMatrix, UpdateScalars
from sat_host.engine import EngineDevice
from sat_host.golden_device import GoldenDevice

from hlsgen.selftest import first_difference

Shape = tuple[int, int]

SCALARS = UpdateScalars(lr=0.05, momentum=0.9, weight_decay=5e-4, inv_scale=1 / 1024)


def shapes_of(config: ArrayConfig) -> st.SearchStrategy[Shape]:
    edges = (config.group, config.lanes, 2 * config.lanes)
    extent = extents(edges, 2 * config.lanes + 3)
    return st.tuples(extent, extent)


def forms(
    device: Device, shape: Shape, ff_keep: int | None, bp_keep: int | None
) -> tuple[PackedMatrix | None, PackedMatrix | None]:
    rows, columns = shape
    ff = device.packed(rows, columns, ff_keep) if ff_keep else None
    bp = device.packed(columns, rows, bp_keep) if bp_keep else None
    return ff, bp


def packed(device: Device, weights: Array, ff_keep: int | None, bp_keep: int | None) -> list[Array]:
    """The packed forms of `weights`, and `weights` as they are afterwards."""
    target = device.matrix(*weights.shape, weights.dtype)
    device.write(target, weights)
    results = forms(device, weights.shape, ff_keep, bp_keep)
    device.pack(target, *results)
    found = [device.read_packed(form) for form in results if form] + [device.read(target)]
    device.free(target, *[form for form in results if form])
    return found


def updated(
    device: Device,
    values: tuple[Array, Array, Array],
    scalars: UpdateScalars,
    ff_keep: int | None,
    bp_keep: int | None,
) -> list[Array]:
    """w, v, dW and the packed forms after an update of `values`, which are (w, v, dW)."""
    matrices = [device.matrix(*x.shape, np.float32) for x in values]
    for matrix, x in zip(matrices, values, strict=True):
        device.write(matrix, x)
    results = forms(device, values[0].shape, ff_keep, bp_keep)
    device.update_weights(*matrices, scalars, *results)
    if isinstance(device, EngineDevice):
        for matrix in matrices:
            region = matrix.handle
            check_padding(device._backend.read(region.address, region.words), matrix)
    found = [device.read(matrix) for matrix in matrices]
    found += [device.read_packed(form) for form in results if form]
    device.free(*matrices, *[form for form in results if form])
    return found


def agree(got: list[Array], want: list[Array]) -> None:
    differences = [first_difference(*pair) for pair in zip(got, want, strict=True)]
    assert not any(differences), differences


def check_pack(
    device: EngineDevice,
    shape: Shape,
    ff_keep: int | None,
    bp_keep: int | None,
    mix: str,
    seed: int,
    single: bool = False,
) -> None:
    """Packed bytes as raw bits: a NaN keeps its own."""
    weights = singles(seed, shape) if single else halves(seed, shape, mix)
    golden = GoldenDevice(device.config)
    agree(packed(device, weights, ff_keep, bp_keep), packed(golden, weights, ff_keep, bp_keep))


def check_update(
    device: EngineDevice,
    shape: Shape,
    ff_keep: int | None,
    bp_keep: int | None,
    seed: int,
    scalars: UpdateScalars = SCALARS,
) -> None:
    values = (singles(seed, shape), singles(seed + 1, shape), singles(seed + 2, shape))
    golden = GoldenDevice(device.config)
    got = updated(device, values, scalars, ff_keep, bp_keep)
    agree(got, updated(golden, values, scalars, ff_keep, bp_keep))
    assert np.array_equal(got[2].view(np.uint32), values[2].view(np.uint32))


@pytest.mark.parametrize("name", ARRAYS)
def test_any_packed_form_equals_the_golden_model(name: str, device_for: DeviceFor) -> None:
    device = device_for(name)
    keeps = st.none() | keeps_of(device.config)

    @settings(max_examples=150)
    @given(
        shape=shapes_of(device.config),
        ff_keep=keeps,
        bp_keep=keeps,
        mix=st.sampled_from(sorted(MIXES)),
        seed=st.integers(0, 1 << 20),
        single=st.booleans(),
    )
    def same(
        shape: Shape, ff_keep: int | None, bp_keep: int | None, mix: str, seed: int, single: bool
    ) -> None:
        check_pack(device, shape, ff_keep, bp_keep, mix, seed, single)

    same()


FACTORS = st.sampled_from([0.0, -0.0, 1.0, 0.9, 5e-4, 2.0**-10, 2.0**-126, 1e-40, 3e38, -0.1])


@pytest.mark.parametrize("name", ARRAYS)
def test_any_update_equals_the_golden_model(name: str, device_for: DeviceFor) -> None:
    device = device_for(name)
    keeps = st.none() | keeps_of(device.config)

    @settings(max_examples=150)
    @given(
        shape=shapes_of(device.config),
        ff_keep=keeps,
        bp_keep=keeps,
        seed=st.integers(0, 1 << 20),
        scalars=st.builds(UpdateScalars, FACTORS, FACTORS, FACTORS, FACTORS),
    )
    def same(
        shape: Shape,
        ff_keep: int | None,
        bp_keep: int | None,
        seed: int,
        scalars: UpdateScalars,
    ) -> None:
        check_update(device, shape, ff_keep, bp_keep, seed, scalars)

    same()


def step_down(value: float, steps: int) -> np.float32:
    bits = np.float32(value).view(np.uint32) - np.uint32(steps)
    return np.uint32(bits).view(np.float32)


def test_products_at_the_edge_of_the_normal_range(device_for: DeviceFor) -> None:
    """dW x inv_scale exactly, and just below and above, 2^-126 (1 - 2^-25): there the CPU's
    flush, which looks at the rounded value, and a flush of the exact value part."""
    device = device_for("4x8_g8")
    below_one = step_down(1.0, 1)
    factors = [np.float32(x) for x in (1.5, 0.75, 3.0, 1 / 3, below_one, 1 + 2.0**-23)]
    for factor in factors:
        # Every gradient around the one whose product is 2^-126.
        middle = np.float32(2.0**-126 * 2.0**30 / factor)
        bits = middle.view(np.uint32) + np.arange(-60, 60, dtype=np.int64)
        gradient = bits.astype(np.uint32).view(np.float32).reshape(8, 15)
        gradient[1::2] *= -1
        zeros = np.zeros_like(gradient)
        scalars = UpdateScalars(1.0, 0.0, 0.0, float(factor) * 2.0**-30)
        got = updated(device, (zeros, zeros, gradient), scalars, 1, None)
        golden = GoldenDevice(device.config)
        agree(got, updated(golden, (zeros, zeros, gradient), scalars, 1, None))
        velocity = np.abs(got[1])
        assert not ((velocity > 0) & (velocity < np.float32(2.0**-126))).any()
        assert (velocity == 0).any() or factor == 1.0
        assert (velocity == np.float32(2.0**-126)).any()


def test_a_tie_at_the_edge_rounds_up_to_the_smallest_normal(device_for: DeviceFor) -> None:
    """(1 - 2^-24) x (1 + 2^-23) 2^-126 lies above 2^-126 (1 - 2^-25) and is kept;
    (1 - 2^-24) x 2^-126 is exactly representable with an unbounded exponent and is flushed."""
    device = device_for("1x4_g4")
    below_one = float(step_down(1.0, 1))
    for gradient, kept in ((1 + 2.0**-23, True), (1.0, False)):
        dw = np.full((1, 1), gradient * 2.0**-126, np.float32)
        zero = np.zeros((1, 1), np.float32)
        scalars = UpdateScalars(1.0, 0.0, 0.0, below_one)
        for used in (device, GoldenDevice(device.config)):
            velocity = updated(used, (zero, zero, dw), scalars, None, None)[1]
            assert velocity[0, 0] == (np.float32(2.0**-126) if kept else 0), used


def test_the_caller_keeps_its_subnormals(device_for: DeviceFor) -> None:
    device = device_for("1x4_g4")
    small = np.full(64, 2.0**-127, np.float32)
    tiny = np.float32(2.0**-140)
    check_update(device, (5, 5), 1, 1, 3)
    assert ((small * np.float32(0.5)).view(np.uint32) == 1 << 21).all()
    assert (small + tiny > small).all()


def test_packing_leaves_weights_and_takes_one_direction(device_for: DeviceFor) -> None:
    device = device_for("8x16_g4")
    weights = halves(3, (21, 35), "any bits")
    for keeps in ((2, None), (None, 2), (None, None), (1, 4)):
        got = packed(device, weights, *keeps)
        assert np.array_equal(got[-1].view(np.uint16), weights.view(np.uint16))
        assert len(got) == 1 + sum(keep is not None for keep in keeps)
        agree(got, packed(GoldenDevice(device.config), weights, *keeps))


def test_packed_bytes_scale_with_keep(device_for: DeviceFor) -> None:
    """The values of N:M take N/M of the dense bytes; indices add one 16-bit place a lane for every
    8 to 3 values, by the group, and no more than one started word a record."""
    for name, config in ARRAYS.items():
        device, group = device_for(name), config.group
        weights = np.ones((2 * config.lanes, 2 * config.lanes), np.float16)
        dense = packed(device, weights, group, None)[0].nbytes
        assert dense == weights.nbytes
        per_place = {4: 8, 8: 5, 16: 4, 32: 3}[group]
        for keep in range(1, group):
            values = dense * keep // group
            indices = packed(device, weights, keep, None)[0].nbytes - values
            assert values / per_place <= indices < values / per_place + 4 * config.word_bytes
    two_of_eight = packed(device_for("32x32_g8"), np.ones((32, 32), np.float16), 2, None)[0]
    assert two_of_eight.nbytes == 640  # and 2048 dense


def test_lanes_beyond_the_columns_stay_plus_zero(device_for: DeviceFor) -> None:
    """Factors below zero would leave -0 there, which the next product would read."""
    for name in ARRAYS:
        check_update(device_for(name), (3, 5), 1, 1, 8, UpdateScalars(-1.0, -1.0, -1.0, -1.0))
