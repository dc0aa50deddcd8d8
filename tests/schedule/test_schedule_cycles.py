# SPDX-License-Identifier: Apache-2.0
"""The closed forms beside a small simulation of loaders, row units and store, cycle by cycle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from loader_processes import Engine, StationaryEngine
from sat_host.config import ArrayConfig
from sat_host.product import Operand, Product, Source, Target

from hlsgen.schedule import stationary_segments
from hlsgen.schedule.cycles import product_cycles
from hlsgen.schedule.latencies import ACTIVATIONS, PORT, STORED, row_lag, through_rows
from hlsgen.schedule.memory import Memory
from hlsgen.schedule.options import ALL
from hlsgen.schedule.pieces import Candidates
from hlsgen.schedule.terms import terms
from hlsgen.schedule.work import ProductWork

ENDLESS = Memory(4, 1e12, 0.0)


def tiling(dataflow: str, interleave: int, blocks: int, buffered: bool) -> Candidates:
    return Candidates(dataflow, np.array([interleave]), np.array([blocks]), np.array([buffered]))


def work_of(
    rows: int, columns: int, reduction: int, keep: int, *, taps: int = 1, transposed: bool = False,
    channels: int = 0, form: str = "packed", binary32: bool = False, lanes: int = 32,
) -> ProductWork:  # fmt: skip
    """Matrices at address zero. channels: of a tap, when A is transposed."""
    packed = form == "packed"
    channels = channels if transposed else reduction
    a_taps = rows // channels if transposed else taps
    source = Source(0, -(-channels // lanes), channels, taps=(1, a_taps))
    operand = Operand(0, packed, keep, -(-columns // lanes), form == "columns")
    target = Target.rows(0, -(-columns // lanes) * (2 if binary32 else 1), binary32)
    product = Product(rows, columns, reduction, source, operand, target, transpose_a=transposed)
    return ProductWork("layer", "FF", 1, product)


def modelled(engine: Engine, dataflow: str) -> int:
    """The model's cycles without the latencies that the simulation hasn't."""
    candidate = tiling(dataflow, engine.interleave, engine.blocks, engine.buffered)
    pieces = product_cycles(engine.config, ENDLESS, engine.work, candidate)
    return int(pieces.total[0]) - ACTIVATIONS - through_rows(engine.config) - STORED


@st.composite
def engines(draw: st.DrawFn, kind: type[Engine]) -> Engine:
    rows, lanes, group, latency = (
        draw(st.sampled_from(sizes)) for sizes in ((1, 2, 4, 8), (8, 16), (4, 8), (1, 4, 8))
    )
    config = ArrayConfig(rows, lanes, group, 8, 4, latency, draw(st.integers(1, 2)))
    interleave, blocks = draw(st.integers(1, 8)), draw(st.integers(1, 4))
    transposed = draw(st.booleans())
    form = draw(st.sampled_from(["packed", "matrix", "columns"]))
    taps, channels = draw(st.integers(1, 3)), draw(st.integers(1, 2 * lanes))
    packed = form == "packed"
    work = work_of(
        taps * channels if transposed else draw(st.integers(1, 3 * rows * interleave)),
        draw(st.integers(1, 3 * lanes * blocks)),
        draw(st.integers(1, 6 * lanes)),
        draw(st.integers(1, group)) if packed else group,
        transposed=transposed,
        channels=channels,
        form=form,
        binary32=draw(st.booleans()),
        lanes=lanes,
    )
    return kind(config, work, interleave, blocks, transposed or draw(st.booleans()))


@settings(max_examples=150)
@given(engine=engines(Engine))
def test_no_output_stationary_product_takes_longer_than_modelled(engine: Engine) -> None:
    """Beyond the latencies, which cover the loaders' first turns."""
    slack = PORT + engine.config.rows * row_lag(engine.config)
    assert engine.cycles() <= modelled(engine, "os") + slack


@settings(max_examples=150)
@given(engine=engines(StationaryEngine))
def test_no_weight_stationary_product_takes_longer_than_modelled(engine: Engine) -> None:
    candidate = tiling("ws", engine.interleave, engine.blocks, engine.buffered)
    config, work = engine.config, engine.work
    assume(engine.interleave <= work.rows)
    columns = terms(config, work, ALL, 1)
    assume(stationary_segments.legal(columns, candidate)[0])
    cut = stationary_segments.segments(columns, candidate.interleave, candidate.blocks)
    assume(cut.count[0] == 1)
    # Tiles of a single batch, as transposed ones are, may stall a few cycles more each.
    most = modelled(engine, "ws") * (1.08 if work.transposed_a else 1)
    assert engine.cycles() <= most + PORT


LARGE = {
    "FF 2:8": work_of(512, 256, 288, 2),
    "FF dense": work_of(512, 256, 128, 8),
    "WU": work_of(
        512, 256, 512, 8, transposed=True, channels=128, form="matrix", binary32=True
    ),
    "Q . K^T": work_of(512, 512, 64, 8, form="columns"),
}  # fmt: skip


@pytest.mark.parametrize("tile", [(16, 8), (16, 4), (8, 8), (16, 2), (4, 4)], ids=str)
@pytest.mark.parametrize("name", LARGE)
def test_large_products_take_what_is_modelled(name: str, tile: tuple[int, int]) -> None:
    """Where two processes wait at once, each is counted: up to 3 % more."""
    engine = Engine(ArrayConfig(32, 32, 8, 16, 8, 8), LARGE[name], *tile, True)
    assert 0.97 <= modelled(engine, "os") / engine.cycles() <= 1.03
