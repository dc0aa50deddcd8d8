# SPDX-License-Identifier: Apache-2.0
"""The self-test passes what is right, fails each of many small wrongs, and says where they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sat_host.config import ArrayConfig
from sat_host.device import Device
from sat_host.golden_device import GoldenDevice
from sat_host.selftest import compare_devices, first_difference
from sat_host.selftest.cases import cases

SMALL = ArrayConfig(rows=4, lanes=8, group=4, interleave=2, memory_tile=2, adder_latency=4)


@pytest.mark.parametrize(
    "config", [SMALL, replace(SMALL, group=8), replace(SMALL, rows=1, lanes=32, group=32)]
)
def test_golden_model_passes_beside_itself(config: ArrayConfig) -> None:
    device = GoldenDevice(config)
    checks = compare_devices(device, GoldenDevice(config))
    assert [check for check in checks if not check.passed] == []
    names = [check.name for check in checks]
    assert len(set(names)) == len(names)
    assert all(f"keep {n}:{config.group}" in names for n in range(1, config.group + 1))
    assert {"dense, os", "dense, ws"} <= set(names)
    assert device.live == 0


def test_inputs_are_the_same_every_time() -> None:
    golden = GoldenDevice(SMALL)
    for one, two in zip(cases(SMALL), cases(SMALL), strict=True):
        for left, right in zip(one.run(golden), two.run(golden), strict=True):
            assert left.name == right.name
            assert first_difference(left.values, right.values) is None


class Wrong(GoldenDevice):
    """A golden device with one of its methods bent."""

    def __init__(self, method: str, bend: Callable[..., Any]) -> None:
        super().__init__(SMALL)
        right = getattr(self, method)
        setattr(self, method, lambda *given, **named: bend(right, *given, **named))

    # The golden model prunes by definition, but other devices by what they pack.
    prune = Device.prune


def _raise_one_bit(read: Callable[..., Any], *given: Any) -> npt.NDArray[Any]:
    values: npt.NDArray[Any] = read(*given)
    values.view(np.uint8).flat[-values.dtype.itemsize] ^= 1
    return values


def _skip(work: Callable[..., Any], *given: Any, **named: Any) -> int:
    return 0


def _forget(name: str) -> Callable[..., Any]:
    def bend(work: Callable[..., Any], *given: Any, **named: Any) -> Any:
        return work(*given, **{**named, name: False})

    return bend


def _no_bp(
    work: Callable[..., Any], weights: Any, ff: Any = None, bp: Any = None, **named: Any
) -> None:
    work(weights, ff, None, **named)


def _exact_scale(
    work: Callable[..., Any], w: Any, v: Any, dw: Any, given: Any, *rest: Any, **named: Any
) -> None:
    lr = np.nextafter(np.float32(given.lr), np.float32(1))
    work(w, v, dw, replace(given, lr=lr), *rest, **named)


def _no_decay(
    work: Callable[..., Any], w: Any, v: Any, dw: Any, given: Any, *rest: Any, **named: Any
) -> None:
    work(w, v, dw, replace(given, sr_decay=0.0), *rest, **named)


def _dense_gradient(work: Callable[..., Any], *given: Any, **named: Any) -> Any:
    return work(*given)


def _reversed_batch(work: Callable[..., Any], y: Any, *given: Any, **named: Any) -> Any:
    bad = work(y, *given, **named)
    y.handle.values[:] = y.handle.values[::-1].copy()
    return bad


@pytest.mark.parametrize(
    ("method", "bend", "failing"),
    [
        ("read", _raise_one_bit, "dense"),
        ("read_packed", _raise_one_bit, "packed bytes"),
        ("product", _skip, "keep 1:4"),
        ("product", _forget("accumulate"), "accumulate"),
        ("pack", _skip, "prune along rows"),
        ("pack", _no_bp, "prune along columns"),
        ("update_weights", _exact_scale, "update"),
        ("update_weights", _no_decay, "update, SR-STE"),
        ("update_weights", _forget("masked_bp"), "update, SR-STE"),
        ("convolve", _skip, "convolution"),
        ("convolve_backward", _skip, "strided convolution"),
        ("convolve_backward", _dense_gradient, "pruned output gradient"),
        ("convolve_gradient", _forget("accumulate"), "convolution"),
        ("product_batch", _reversed_batch, "batch, both transposed"),
        ("product_batch", _reversed_batch, "batch, right transposed"),
    ],
)
def test_a_bent_device_fails(method: str, bend: Callable[..., Any], failing: str) -> None:
    checks = compare_devices(Wrong(method, bend), GoldenDevice(SMALL))
    assert failing in [check.name for check in checks if not check.passed]


def test_first_difference_sees_bits_and_takes_nans_as_equal() -> None:
    nan = np.array([0x7FC00000, 0xFFC00001], np.uint32).view(np.float32)
    assert first_difference(nan[:1], nan[1:]) is None
    assert first_difference(nan, np.array([1, np.nan], np.float32)) is not None
    zero = np.zeros((2, 3), np.float32)
    text = first_difference(-zero, zero)
    assert text == ("6 of 6 values differ, first at [0, 0]: 0x80000000, golden model 0x00000000")
    assert first_difference(zero, zero.astype(np.float16)) is not None
    assert first_difference(zero, zero.T) is not None
    assert first_difference(np.array(3), np.array(4)) is not None


def test_a_count_of_infinities_that_is_off_by_one_is_told() -> None:
    def one_more(work: Callable[..., Any], *given: Any, **named: Any) -> int:
        count: int = work(*given, **named)
        return count + 1

    checks = compare_devices(Wrong("product", one_more), GoldenDevice(SMALL))
    dense = next(check for check in checks if check.name == "dense")
    assert dense.detail.startswith("counts of infinities and NaNs: 1 of 1 values differ")
