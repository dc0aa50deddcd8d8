# SPDX-License-Identifier: Apache-2.0
"""Products on the accelerator beside the golden model, bit for bit, on every kind of array.

Examples are derandomized: the same ones in every run.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from accelerators import ARRAYS, EVERY_ARRAY, DeviceFor
from hypothesis import given, settings
from hypothesis import strategies as st
from operands import (
    MIXES,
    check_padding,
    columns_of,
    halves,
    keeps_of,
    reductions_of,
    rows_of,
    starts,
)
from sat_host.config import ArrayConfig
from sat_host.csim import CsimBackend
from sat_host.device import Device, Matrix
from sat_host.engine import EngineDevice
from sat_host.golden_device import GoldenDevice
from sat_host.selftest import first_difference


@dataclass(frozen=True)
class Case:
    """One product. keep None: b as it is, row-major. spare: rows behind the views of a, b and y."""

    rows: int
    reduction: int
    columns: int
    keep: int | None = None
    transpose: bool = False
    accumulate: bool = False
    half: bool = False
    a_mix: str = "normal"
    b_mix: str = "normal"
    spare: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """What a device made of a case; y with its spare rows."""

    y: npt.NDArray[np.floating]
    nonfinite: int


@st.composite
def cases(draw: st.DrawFn, config: ArrayConfig) -> Case:
    half = draw(st.booleans())
    return Case(
        rows=draw(rows_of(config)),
        reduction=draw(reductions_of(config)),
        columns=draw(columns_of(config)),
        keep=draw(st.none() | keeps_of(config)),
        transpose=draw(st.booleans()),
        accumulate=draw(st.just(False) if half else st.booleans()),
        half=half,
        a_mix=draw(st.sampled_from(sorted(MIXES))),
        b_mix=draw(st.sampled_from(sorted(MIXES))),
        spare=draw(st.sampled_from([0, 0, 1, 3])),
        seed=draw(st.integers(0, 1 << 20)),
    )


def upload(device: Device, values: npt.NDArray[np.floating], spare: int) -> Matrix:
    """The head of a matrix whose other rows are all NaN."""
    rows, columns = values.shape
    whole = device.matrix(rows + spare, columns, values.dtype)
    garbage = np.full((spare, columns), np.nan, values.dtype)
    device.write(whole, np.concatenate([values, garbage]))
    return whole.head(rows)


def whole_of(view: Matrix, spare: int) -> Matrix:
    return Matrix(view.handle, view.rows + spare, view.columns, view.dtype)


def memory(device: EngineDevice, y: Matrix) -> tuple[npt.NDArray[np.uint16], slice]:
    """All words up to a page beyond the last allocation, and where y lies in them."""
    backend, region = device._backend, y.handle
    assert isinstance(backend, CsimBackend)
    used = backend.heap.words - backend.heap.free_words
    return backend.read(0, used + 4096), slice(region.address, region.address + region.words)


def run(device: Device, case: Case) -> Outcome:
    shape_a = (case.reduction, case.rows) if case.transpose else (case.rows, case.reduction)
    a = upload(device, halves(case.seed, shape_a, case.a_mix), case.spare)
    weights = halves(case.seed + 1, (case.reduction, case.columns), case.b_mix)
    dense = upload(device, weights, case.spare if case.keep is None else 0)
    packed = None
    if case.keep is not None:
        packed = device.packed(case.reduction, case.columns, case.keep)
        device.pack(dense, ff=packed)
    start = starts(case.seed + 2, (case.rows, case.columns), case.b_mix)
    with np.errstate(all="ignore"):
        stored = start.astype(np.float16) if case.half else start
    y = upload(device, stored, case.spare)
    before = memory(device, y) if isinstance(device, EngineDevice) else None
    nonfinite = device.product(
        y, a, packed or dense, transpose_a=case.transpose, accumulate=case.accumulate
    )
    if before is not None and isinstance(device, EngineDevice):
        old, place = before
        new, _ = memory(device, y)
        check_padding(new[place], y)
        new[place] = old[place]
        assert np.array_equal(new, old), "words outside of y were written"
    result = device.read(whole_of(y, case.spare))
    device.free(a, dense, y, *([packed] if packed else []))
    return Outcome(result, nonfinite)


def check(device: EngineDevice, case: Case) -> Outcome:
    got = run(device, case)
    want = run(GoldenDevice(device.config), case)
    assert first_difference(got.y, want.y) is None, (case, first_difference(got.y, want.y))
    assert got.nonfinite == want.nonfinite
    return got


@pytest.mark.parametrize("name", EVERY_ARRAY)
def test_any_product_equals_the_golden_model(name: str, device_for: DeviceFor) -> None:
    device = device_for(name)

    @settings(max_examples=120)
    @given(case=cases(device.config))
    def agree(case: Case) -> None:
        check(device, case)

    agree()


@pytest.mark.parametrize("name", EVERY_ARRAY)
def test_sums_may_stay_minus_zero(name: str, device_for: DeviceFor) -> None:
    """What pads a group is multiplied too, and must not turn a sum of -0 into +0."""
    device = device_for(name)
    group, lanes = device.config.group, device.config.lanes
    for reduction in (1, group - 1, group + 1, lanes - 1, 2 * lanes + 1):
        for keep in (None, 1, group - 1, group):
            check_minus_zero(device, reduction, keep, transpose=False, a_value=1.0, b_value=-0.0)
            check_minus_zero(device, reduction, keep, transpose=True, a_value=-0.0, b_value=1.0)


def check_minus_zero(
    device: EngineDevice,
    reduction: int,
    keep: int | None,
    *,
    transpose: bool,
    a_value: float,
    b_value: float,
) -> None:
    y = device.matrix(3, 5, np.float32)
    device.write(y, np.full((3, 5), -0.0, np.float32))
    shape = (reduction, 3) if transpose else (3, reduction)
    a = upload(device, np.full(shape, a_value, np.float16), spare=2)
    dense = upload(device, np.full((reduction, 5), b_value, np.float16), spare=0)
    packed = device.packed(reduction, 5, keep or device.config.group)
    device.pack(dense, ff=packed)
    b = dense if keep is None else packed
    assert device.product(y, a, b, transpose_a=transpose, accumulate=True) == 0
    assert (device.read(y).view(np.uint32) == 0x80000000).all()
    assert device.product(y, a, b, transpose_a=transpose) == 0
    assert not device.read(y).view(np.uint32).any()
    device.free(y, a, dense, packed)


SAME = [
    Case(33, 70, 65, keep=None, a_mix="few special", b_mix="few special", seed=11),
    Case(70, 33, 130, keep=None, transpose=True, accumulate=True, a_mix="subnormal", seed=12),
    Case(1, 257, 3, keep=None, half=True, a_mix="overflow", seed=13),
    Case(129, 65, 33, keep=None, spare=2, b_mix="any bits", seed=14),
]


@pytest.mark.slow
@pytest.mark.parametrize("case", SAME, ids=lambda case: f"{case.rows}x{case.columns}")
def test_dense_results_do_not_depend_on_the_array(case: Case, device_for: DeviceFor) -> None:
    outcomes = [run(device_for(name), case) for name in ARRAYS]
    for outcome in outcomes[1:]:
        assert first_difference(outcome.y, outcomes[0].y) is None
        assert outcome.nonfinite == outcomes[0].nonfinite


@pytest.mark.slow
@pytest.mark.parametrize("keep", [1, 2, 3, 7, 8])
def test_pruned_results_depend_on_the_group_alone(keep: int, device_for: DeviceFor) -> None:
    names = [name for name, config in ARRAYS.items() if config.group == 8]
    case = Case(
        37, 67, 66, keep=keep, a_mix="few special", b_mix="ties", accumulate=True, seed=keep
    )
    outcomes = [run(device_for(name), case) for name in names]
    for outcome in outcomes[1:]:
        assert first_difference(outcome.y, outcomes[0].y) is None


@pytest.mark.slow
def test_several_tiles_in_both_directions(device_for: DeviceFor) -> None:
    device = device_for("32x32_g8")
    config = device.config
    rows = 2 * config.rows * config.interleave + 1
    columns = 2 * config.lanes * config.memory_tile + 1
    check(device, Case(rows, 41, columns, keep=3, accumulate=True, b_mix="few special"))
    check(device, Case(rows, 41, columns, transpose=True, half=True, a_mix="few special"))
    check(device, Case(17, 2049, 33, keep=2, b_mix="ties"))


@pytest.mark.slow
def test_a_product_may_be_of_one_matrix_with_itself(device_for: DeviceFor) -> None:
    for name in ARRAYS:
        results = []
        for device in (device_for(name), GoldenDevice(ARRAYS[name])):
            a = upload(device, halves(5, (9, 21), "few special"), spare=3)
            y = device.matrix(21, 21, np.float32)
            device.product(y, a, a, transpose_a=True)
            results.append(device.read(y))
            device.free(a, y)
        assert first_difference(*results) is None
