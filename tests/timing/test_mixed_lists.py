# SPDX-License-Identifier: Apache-2.0
"""Lists of many small commands of both dataflows: no deadlock at the rendered depths."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from accelerators import ARRAYS, library_of, project_of
from sat_host.config import ArrayConfig
from sat_host.engine import EngineDevice
from sat_host.heap import OneBank
from sat_host.program import Commands

from hlsgen.timing.families import depths_of
from hlsgen.timing.library import TimedLibrary, device_memory
from hlsgen.timing.resolve import BankTiming, resolve
from hlsgen.timing.run import INCLUDE_DIRS, TIMED_UNITS
from hlsgen.timing.trace import Trace

WORDS = 1 << 18
PRODUCTS = 40
MEMORY = BankTiming(Fraction(64), 0, 64, 30)


class _Lists(OneBank):
    """A memory that keeps the command lists."""

    def __init__(self, config: ArrayConfig) -> None:
        super().__init__(WORDS, config.word_bytes)
        self.lists: list[Commands] = []

    def write(self, address: int, values: object) -> None:
        pass

    def stce(self, commands: Commands, cycles: int = 0) -> int:
        self.lists.append(commands.copy())
        return 0


def mixed(name: str, seed: int) -> Trace:
    """The recording of one list of small products, of random dataflows."""
    config, rng = ARRAYS[name], np.random.default_rng(seed)
    backend = _Lists(config)
    device = EngineDevice(config, backend, ("os", "ws"))  # type: ignore[arg-type]
    for _ in range(PRODUCTS):
        rows, reduction, columns = (
            int(rng.choice([1, 2, 3, 5, 9])),
            int(rng.integers(1, 130)),
            int(rng.integers(1, 200)),
        )
        a = device.matrix(rows, reduction, "f2")
        b = device.matrix(reduction, columns, "f2")
        y = device.matrix(rows, columns, str(rng.choice(["f2", "f4"])))
        device.product(y, a, b, dataflow=str(rng.choice(["ws", "ws", "ws", "os"])))
    together = np.empty(sum(map(len, backend.lists)), backend.lists[0].dtype)
    np.concatenate(backend.lists, out=together)
    library = TimedLibrary(library_of(project_of(name), TIMED_UNITS, INCLUDE_DIRS))
    return library.stce(together, device_memory(WORDS, config.lanes))[0]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [6, 9, 15])
def test_short_periods_need_plans_ahead_of_sums(seed: int) -> None:
    """With an adder of one cycle periods last one: plans run ahead of the sums behind them. With
    four places for plans, these lists hang."""
    trace = mixed("3x64_g8", seed)
    places = [0] * len(trace.ports)
    assert resolve(trace, MEMORY, places).deadlock is None
    shallow = depths_of(trace.streams, {"plans": 4})
    deadlock = resolve(trace, MEMORY, places, shallow).deadlock
    assert deadlock is not None
    assert "plans" in {trace.streams[each.stream].name.split("_")[0] for each in deadlock.cycle}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["1x4_g4", "2x4_g4", "4x8_g8", "8x16_g16"])
def test_mixed_lists_go_through(name: str) -> None:
    for seed in range(6):
        trace = mixed(name, seed)
        assert resolve(trace, MEMORY, [0] * len(trace.ports)).deadlock is None
