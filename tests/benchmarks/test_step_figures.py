# SPDX-License-Identifier: Apache-2.0
"""The benchmarks of a training step's parts run, at sizes that take moments."""

from __future__ import annotations

from pathlib import Path

import pytest
from sat_host.convolution import Convolution
from sat_host.csim import CsimBackend
from sat_host.golden_device import GoldenDevice

from benchmarks import build_time, convolution_speed, network_step, step_overhead
from benchmarks.step_overhead import CALLS, KERNELS, WARM_UP, Overhead

SPEC = """\
name: small
array: {rows: 2, lanes: 8, interleave: 2, memory_tile: 4}
model: {hidden: [16]}
training: {epochs: 1}
"""


@pytest.mark.slow
def test_figures_of_a_small_array(tmp_path: Path) -> None:
    spec = tmp_path / "small.yaml"
    spec.write_text(SPEC)
    build_time.measure(spec, tmp_path)
    bundle = tmp_path / "bundle"
    shapes = (Convolution(1, 6, 6, 8, 16, (3, 3), (2, 2), (1, 1)), Convolution(2, 4, 4, 8, 8))
    figures = convolution_speed.measure(bundle, shapes, rounds=1)
    assert [figure.what.partition(" ")[0] for figure in figures] == ["csim"] * 4 + ["..."] * 2
    assert all(" x the time (" in figure.value for figure in figures)
    found = step_overhead.digits_cnn(bundle, 3)
    assert 0 < found.kernels <= found.calls < found.step
    device, steps = network_step.training_steps(bundle, "cnn", 8, 2)
    found = step_overhead.overhead(device, steps, 2)
    assert 0 < found.share < 1


def test_time_in_calls_is_told_from_the_rest() -> None:
    """By a clock that only the calls and the steps move."""
    now = [0.0]

    class Slow:
        def __getattr__(self, name: str) -> object:
            assert name in CALLS

            def call(seconds: float) -> None:
                now[0] += seconds

            return call

    device, taken = Slow(), iter(range(100))

    def steps() -> object:
        for number in taken:
            device.update_weights(3.0)  # type: ignore[operator]
            now[0] += 1.0 + (number == WARM_UP)  # a slow one, which a median leaves out
            yield

    found = step_overhead.overhead(device, steps(), 3, lambda: now[0])  # type: ignore[arg-type]
    assert found == Overhead(4.0, 3.0, 0.0) and found.share == 0.25


def test_every_call_is_a_device_s() -> None:
    assert all(callable(getattr(GoldenDevice, name)) for name in CALLS)
    assert all(callable(getattr(CsimBackend, name)) for name in KERNELS)
