# SPDX-License-Identifier: Apache-2.0
"""WUVE and SORE beside the golden model, bit for bit, on every kind of array.

Examples are derandomized: the same ones in every run.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from accelerators import ARRAYS, EVERY_ARRAY, DeviceFor
from hypothesis import given, settings
from hypothesis import strategies as st
from operands import MIXES, check_padding, extents, halves, keeps_of, singles
from sat_host.config import ArrayConfig
from sat_host.device import Array, Device, PackedMatrix, UpdateScalars
from sat_host.engine import EngineDevice
from sat_host.golden_device import GoldenDevice
from sat_host.selftest import first_difference

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


def packed(
    device: Device,
    weights: Array,
    ff_keep: int | None,
    bp_keep: int | None,
    masked_bp: bool = False,
) -> list[Array]:
    """The packed forms of `weights`, and `weights` as they are afterwards."""
    target = device.matrix(*weights.shape, weights.dtype)
    device.write(target, weights)
    results = forms(device, weights.shape, ff_keep, bp_keep)
    device.pack(target, *results, masked_bp=masked_bp)
    found = [device.read_packed(form) for form in results if form] + [device.read(target)]
    device.free(target, *[form for form in results if form])
    return found


def updated(
    device: Device,
    values: tuple[Array, Array, Array],
    scalars: UpdateScalars,
    ff_keep: int | None,
    bp_keep: int | None,
    masked_bp: bool = False,
) -> list[Array]:
    """w, v, dW and the packed forms after an update of `values`, which are (w, v, dW)."""
    matrices = [device.matrix(*x.shape, np.float32) for x in values]
    for matrix, x in zip(matrices, values, strict=True):
        device.write(matrix, x)
    results = forms(device, values[0].shape, ff_keep, bp_keep)
    device.update_weights(*matrices, scalars, *results, masked_bp=masked_bp)
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
    masked_bp: bool = False,
) -> None:
    """Packed bytes as raw bits: a NaN keeps its own."""
    weights = singles(seed, shape) if single else halves(seed, shape, mix)
    golden = GoldenDevice(device.config)
    got = packed(device, weights, ff_keep, bp_keep, masked_bp)
    agree(got, packed(golden, weights, ff_keep, bp_keep, masked_bp))


def check_update(
    device: EngineDevice,
    shape: Shape,
    ff_keep: int | None,
    bp_keep: int | None,
    seed: int,
    scalars: UpdateScalars = SCALARS,
    masked_bp: bool = False,
) -> None:
    values = (singles(seed, shape), singles(seed + 1, shape), singles(seed + 2, shape))
    golden = GoldenDevice(device.config)
    got = updated(device, values, scalars, ff_keep, bp_keep, masked_bp)
    agree(got, updated(golden, values, scalars, ff_keep, bp_keep, masked_bp))
    assert np.array_equal(got[2].view(np.uint32), values[2].view(np.uint32))


@pytest.mark.parametrize("name", EVERY_ARRAY)
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
        masked=st.booleans(),
    )
    def same(
        shape: Shape,
        ff_keep: int | None,
        bp_keep: int | None,
        mix: str,
        seed: int,
        single: bool,
        masked: bool,
    ) -> None:
        masked = masked and ff_keep is not None
        check_pack(device, shape, ff_keep, bp_keep, mix, seed, single, masked)

    same()


FACTORS = st.sampled_from([0.0, -0.0, 1.0, 0.9, 5e-4, 2.0**-10, 2.0**-126, 1e-40, 3e38, -0.1])


@pytest.mark.parametrize("name", EVERY_ARRAY)
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


@pytest.mark.parametrize("name", EVERY_ARRAY)
def test_any_sr_ste_update_equals_the_golden_model(name: str, device_for: DeviceFor) -> None:
    """Any group's pruned weights decay; BP's form is masked, or pruned, or both."""
    device = device_for(name)
    factors = [FACTORS] * 5

    @settings(max_examples=150)
    @given(
        shape=shapes_of(device.config),
        ff_keep=keeps_of(device.config),
        bp_keep=st.none() | keeps_of(device.config),
        seed=st.integers(0, 1 << 20),
        scalars=st.builds(UpdateScalars, *factors),
        masked=st.booleans(),
    )
    def same(
        shape: Shape,
        ff_keep: int,
        bp_keep: int | None,
        seed: int,
        scalars: UpdateScalars,
        masked: bool,
    ) -> None:
        check_update(device, shape, ff_keep, bp_keep, seed, scalars, masked)

    same()


def by_hand(device: Device, scalars: UpdateScalars, keep: int) -> tuple[Array, Array]:
    """Weights after a step without a gradient, and BP's values, of one group in each of two
    columns. The old magnitudes rise along the group in one column and fall in the other."""
    group = device.config.group
    rising = np.arange(1, group + 1, dtype=np.float32)
    weights = np.stack([rising, -rising[::-1]], axis=1)
    zeros = np.zeros_like(weights)
    values = (weights, zeros, zeros)
    new, _, _, _, bp = updated(device, values, scalars, keep, group, masked_bp=True)
    return new, bp[:, 0, :2, :group].view(np.float16)


@pytest.mark.parametrize("make", [lambda device: device, lambda d: GoldenDevice(d.config)])
def test_pruned_weights_decay_and_leave_bp(
    make: Callable[[Device], Device], device_for: DeviceFor
) -> None:
    """Half of its value comes off each of the pruned ones and nothing off the kept ones."""
    device = make(device_for("4x8_g8"))
    scalars = UpdateScalars(lr=0.5, momentum=0.0, weight_decay=0.0, inv_scale=1.0, sr_decay=1.0)
    new, bp = by_hand(device, scalars, 3)
    rising = np.array([0.5, 1, 1.5, 2, 2.5, 6, 7, 8], np.float32)
    assert np.array_equal(new, np.stack([rising, -rising[::-1]], axis=1))
    kept = np.array([0, 0, 0, 0, 0, 6, 7, 8], np.float16)
    assert np.array_equal(bp[0], np.stack([kept, -kept[::-1]]))


def test_what_decays_is_chosen_before_the_update(device_for: DeviceFor) -> None:
    """The gradient turns the order of a group: decay follows the old one, BP's mask the new one."""
    device = device_for("1x4_g4")
    weights = np.array([[4], [3], [2], [1]], np.float32)
    gradient = np.array([[4], [2], [0], [-2]], np.float32)
    scalars = UpdateScalars(lr=1.0, momentum=0.0, weight_decay=0.0, inv_scale=1.0, sr_decay=0.25)
    for used in (device, GoldenDevice(device.config)):
        zeros = np.zeros_like(weights)
        found = updated(used, (weights, zeros, gradient), scalars, 2, 4, masked_bp=True)
        assert found[0].ravel().tolist() == [0, 1, 1.5, 2.75], used
        bp = found[4][0, 0, 0].view(np.float16)  # the only column, as a row
        assert bp.tolist() == [0, 0, 1.5, 2.75], used


def test_without_the_term_a_sum_keeps_its_zero(device_for: DeviceFor) -> None:
    """A factor of 0 leaves the addition out: -0 would become +0 by it."""
    device = device_for("1x4_g4")
    minus, one = np.full((4, 1), -0.0, np.float32), np.ones((4, 1), np.float32)
    for factor, sign in ((0.0, True), (1e-60, True), (1e-44, False)):
        scalars = UpdateScalars(1.0, -1.0, -0.0, 1.0, factor)
        for used in (device, GoldenDevice(device.config)):
            velocity = updated(used, (one, -minus, minus), scalars, 1, None)[1]
            assert np.signbit(velocity).ravel().tolist() == [True, sign, sign, sign], used


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
    device = device_for("1x4_g4")
    weights = halves(3, (21, 35), "any bits")
    for keeps in ((2, None), (None, 2), (None, None), (1, 4)):
        got = packed(device, weights, *keeps)
        assert np.array_equal(got[-1].view(np.uint16), weights.view(np.uint16))
        assert len(got) == 1 + sum(keep is not None for keep in keeps)
        agree(got, packed(GoldenDevice(device.config), weights, *keeps))


@pytest.mark.slow
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


@pytest.mark.slow
def test_lanes_beyond_the_columns_stay_plus_zero(device_for: DeviceFor) -> None:
    """Factors below zero would leave -0 there, which the next product would read."""
    for name in ARRAYS:
        check_update(device_for(name), (3, 5), 1, 1, 8, UpdateScalars(-1.0, -1.0, -1.0, -1.0))
