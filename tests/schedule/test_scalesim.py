# SPDX-License-Identifier: Apache-2.0
"""The cycle model beside SCALE-Sim 3.0.0, a simulator of systolic arrays that shares nothing with
it: dense products [M, K] . [K, N] on 32x32, output (os) and weight stationary (ws), memory that
never makes the array wait.

SCALE-Sim's array takes, for each tile of 32x32 that stays, the length of the stream that passes it
(os: K, ws: M), and then the same number of cycles again and again, to fill and to empty itself:
`overhead`, which the tests take from two of its own runs. What the two say of the streams is equal,
exactly. What they add to it differs, for reasons of the hardware:

* OURS_HIDES. The row units drain a tile while they compute the next, and load the next one's
  weights and activations meanwhile: `fill` comes once in a product, not once in a tile. Short
  streams and many tiles make SCALE-Sim's array slower: os with K not much above 62, ws with M not
  much above 94.
* OURS_FILLS. Once, but more: latencies of commands, memory and processes, 9 stages a row unit, the
  first activations and the last sums; with ws a row adds the products of all its `K / 32` weights,
  one after the other (value-serial), before it hands a sum to the next row, so the first sums wait
  for 31 such rows, where SCALE-Sim's array hands on after one product. The activation words of a
  whole reduction must lie in a row unit; longer ones go in segments, each of which fills anew.
* OURS_WAITS. A sum can't be added to for the adder's latency of 8 cycles; SCALE-Sim adds in one.
  Tiles of fewer than 8 sums a lane (T x Q) wait for it.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from sat_host.config import ArrayConfig
from sat_host.models.workload import Row

from hlsgen.schedule.choose import Layer, schedule
from hlsgen.schedule.memory import Memory
from hlsgen.schedule.options import Options
from hlsgen.schedule.work import works

pytestmark = pytest.mark.slow

Shape = tuple[int, int, int]
"""M, N, K."""

SIDE, LATENCY = 32, 8
CONFIG = ArrayConfig(SIDE, SIDE, 8, 16, 8, LATENCY)
FAST = Memory(4, 1e6, 64.0)
RUNS = Path(__file__).with_name("scalesim_runs.py")
PACKAGES = Path(sys.prefix) / "scalesim"

OURS_HIDES, OURS_FILLS, OURS_WAITS = "hides", "fills", "waits"

# Why the cycles differ by more than a tenth, by dataflow; None: they do not.
SHAPES: dict[Shape, dict[str, str | None]] = {
    (128, 128, 1024): {"os": None, "ws": None},
    (256, 64, 576): {"os": None, "ws": OURS_FILLS},
    (16, 512, 512): {"os": None, "ws": OURS_HIDES},
    (1024, 128, 64): {"os": OURS_HIDES, "ws": None},
    (32, 64, 1024): {"os": OURS_WAITS, "ws": OURS_FILLS},
    (65, 512, 32): {"os": OURS_HIDES, "ws": OURS_HIDES},
    (40, 1024, 32): {"os": OURS_HIDES, "ws": OURS_HIDES},
}
CASES = [(shape, flow) for shape, flows in SHAPES.items() for flow in flows]
# The streams of one and of two lengths, on a single tile, from which the overhead follows.
ONE: Shape = (32, 32, 32)
TWO: dict[str, Shape] = {"os": (32, 32, 64), "ws": (64, 32, 32)}

Simulated = Callable[[Shape, str], int]


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    """Cycles of SCALE-Sim, all of whose runs are made at once."""
    shapes = {"x".join(map(str, shape)) for shape in (*SHAPES, ONE, *TWO.values())}
    done = subprocess.run(
        [*interpreter(), str(SIDE), *sorted(shapes)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    answer = json.loads(done.stdout)
    assert answer["version"] == "3.0.0"
    runs = answer["products"]

    def cycles(shape: Shape, flow: str) -> int:
        run = runs["x".join(map(str, shape))][flow]
        assert run["stalls"] == 0
        return int(run["cycles"])

    return cycles


def interpreter() -> list[str]:
    """The command that runs SCALE-Sim: with packages of its own, or with this environment's."""
    if PACKAGES.is_dir():
        return [sys.executable, "-S", str(RUNS), str(PACKAGES)]
    if importlib.util.find_spec("scalesim") is None:
        pytest.skip("SCALE-Sim is not here: `make test` installs it, or pip install '.[scalesim]'")
    return [sys.executable, str(RUNS), ""]


@cache
def modelled(shape: Shape, flow: str) -> Layer:
    rows, columns, reduction = shape
    row = Row("product", "linear", rows, reduction, 1, 1, columns, 1, 1, 1, 0, 1)
    forward = [work for work in works((row,), CONFIG, "dense", 8) if work.stage == "FF"]
    (layer,) = schedule(forward, CONFIG, FAST, Options(dataflows=(flow,)))
    assert layer.tiling is not None and layer.tiling.dataflow == flow
    assert layer.pieces["memory"] <= 0.03 * layer.cycles  # its loader waits between commands
    return layer


def tiles(shape: Shape, flow: str) -> int:
    """Tiles of 32x32 that stay in the array: of Y, or of the weights."""
    rows, columns, reduction = (-(-extent // SIDE) for extent in shape)
    return rows * columns if flow == "os" else reduction * columns


def overhead(simulated: Simulated, flow: str) -> int:
    """Cycles of SCALE-Sim's array for each tile, beside the stream's."""
    one, two = simulated(ONE, flow), simulated(TWO[flow], flow)
    assert two - one == 32  # as much longer as its stream
    return one + 1 - 32  # its cycles count from zero


def streamed(simulated: Simulated, shape: Shape, flow: str) -> int:
    """SCALE-Sim's cycles, less those that fill and empty the array."""
    return simulated(shape, flow) + 1 - tiles(shape, flow) * overhead(simulated, flow)


def passes(shape: Shape, layer: Layer) -> float:
    """Of the row units, over those of SCALE-Sim's array: more where rows fill up the last T of
    them, or where a pass over the T x Q sums of a tile is shorter than the adder's latency."""
    assert layer.tiling is not None
    interleave, most = layer.tiling.interleave, layer.tiling.blocks
    units = -(-shape[0] // SIDE) if layer.tiling.dataflow == "os" else shape[0]
    blocks = -(-shape[1] // SIDE)
    held = [min(most, blocks - first) for first in range(0, blocks, most)]
    row = sum(max(interleave * count, LATENCY) for count in held)
    return -(-units // interleave) * row / (units * blocks)


def near(one: float, other: float) -> bool:
    return abs(one - other) <= 0.1 * other


@pytest.mark.parametrize(("shape", "flow"), CASES)
def test_the_streams_are_as_long(simulated: Simulated, shape: Shape, flow: str) -> None:
    """Exactly, but for the passes that our row units make longer."""
    layer = modelled(shape, flow)
    theirs = streamed(simulated, shape, flow)
    assert layer.pieces["compute"] == pytest.approx(theirs * passes(shape, layer), rel=1e-12)


@pytest.mark.parametrize(("shape", "flow"), CASES)
def test_the_cycles_are_as_many_or_it_is_known_why(
    simulated: Simulated, shape: Shape, flow: str
) -> None:
    layer, theirs = modelled(shape, flow), simulated(shape, flow)
    reason = SHAPES[shape][flow]
    assert near(layer.cycles, theirs) == (reason is None), (layer, theirs)
    added = tiles(shape, flow) * overhead(simulated, flow)
    if reason == OURS_HIDES:
        assert layer.cycles < theirs and added > 0.1 * theirs
        assert layer.cycles - layer.pieces["compute"] < added
    elif reason == OURS_WAITS:
        assert passes(shape, layer) >= 2
    elif reason is not None:
        assert layer.cycles > theirs and layer.pieces["fill"] > 0.1 * theirs


@pytest.mark.parametrize("shape", SHAPES)
def test_the_faster_dataflow_is_the_same(simulated: Simulated, shape: Shape) -> None:
    """Where the streams are equally long, only what fills the array decides, which is what differs:
    SCALE-Sim then takes the dataflow of fewer tiles."""
    ours = modelled(shape, "os").cycles < modelled(shape, "ws").cycles
    theirs = simulated(shape, "os") < simulated(shape, "ws")
    if ours != theirs:
        assert streamed(simulated, shape, "os") == streamed(simulated, shape, "ws")
        fewest = min(("os", "ws"), key=lambda flow: tiles(shape, flow) * overhead(simulated, flow))
        assert theirs == (fewest == "os")


def test_both_dataflows_are_the_faster_one_somewhere(simulated: Simulated) -> None:
    """And on the same products, so that the comparison above says something."""
    agreed = {
        (modelled(shape, "os").cycles < modelled(shape, "ws").cycles)
        for shape in SHAPES
        if streamed(simulated, shape, "os") != streamed(simulated, shape, "ws")
    }
    assert agreed == {True, False}
