# SPDX-License-Identifier: Apache-2.0
"""The chosen tiling is the fastest legal one, always the same; updates run beside products."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sat_host.config import ArrayConfig
from sat_host.strips import MAX_COUNT, largest_count

from hlsgen import workloads
from hlsgen.errors import InputError
from hlsgen.schedule.candidates import candidates
from hlsgen.schedule.choose import Layer, schedule
from hlsgen.schedule.cycles import product_cycles, product_timing
from hlsgen.schedule.memory import Memory
from hlsgen.schedule.options import Options
from hlsgen.schedule.pieces import PIECES, Candidates, joined, with_memory
from hlsgen.schedule.updates import update_cycles, update_timing
from hlsgen.schedule.work import WU, ProductWork, UpdateWork, plain_product, works

CONFIG = ArrayConfig(32, 32, 8, 16, 8, 8)
MEMORY = Memory(4, 96.0, 64.0)


def product(rows: int, columns: int, reduction: int, keep: int = 2) -> ProductWork:
    plain = plain_product(CONFIG, rows, columns, reduction)
    return ProductWork("a", "FF", 1, replace(plain, b=replace(plain.b, packed=True, keep=keep)))


def legal_one_by_one(work: ProductWork, config: ArrayConfig, options: Options) -> list[Candidates]:
    """Every candidate as a set of its own."""
    return [
        Candidates.of(tilings.at(place))
        for tilings in candidates(config, work, options)
        for place in range(tilings.size)
    ]


@settings(max_examples=30)
@given(
    st.integers(1, 4000), st.integers(1, 600), st.integers(1, 3000),
    st.integers(1, 8), st.sampled_from([1, 4, 8]), st.sampled_from([1, 3, 4]),
    st.sampled_from([("os",), ("os", "ws")]), st.sampled_from([8, 9600, 96]),
)  # fmt: skip
def test_no_other_tiling_is_faster(
    rows: int, columns: int, reduction: int, keep: int, interleave: int, memory_tile: int,
    dataflows: tuple[str, ...], bandwidth: int,
) -> None:  # fmt: skip
    config = replace(CONFIG, interleave=interleave, memory_tile=memory_tile)
    memory = replace(MEMORY, bytes_per_cycle=float(bandwidth))
    work, options = product(rows, columns, reduction, keep), Options(dataflows)
    (layer,) = schedule([work], config, memory, options)
    found = {}
    for one in legal_one_by_one(work, config, options):
        pieces = product_cycles(config, memory, work, one, options)
        moved = sum(int(count[0]) for count in pieces.bytes.values())
        found[one.at(0)] = int(pieces.total[0]), moved
    assert layer.tiling is not None
    assert found[layer.tiling] == min(found.values()) == (layer.cycles, sum(layer.bytes.values()))
    assert layer.tried == len(found)
    assert layer.cycles == sum(layer.pieces.values())
    assert layer.pieces[layer.bound] == max(layer.pieces.values())
    assert layer.macs == work.macs(8)
    assert 0 < layer.utilisation <= 1


def test_all_sizes_are_tried() -> None:
    """Output stationary: T to 16, Q to 8, held or not; weight stationary: the same, as far as
    W x T <= 16 words of the reduction allow, and in segments beyond."""
    (layer,) = schedule([product(4000, 600, 64)], CONFIG, MEMORY)
    assert layer.tried == 2 * (16 * 8 * 2)
    # 40 rows fill 2 rows of a unit; 40 columns 2 blocks.
    (layer,) = schedule([product(40, 40, 64)], CONFIG, MEMORY)
    assert layer.tried == 2 * 2 * 2 + 16 * 2 * 2


def test_only_tilings_whose_counts_fit_are_tried() -> None:
    plain = plain_product(CONFIG, 576, 256, 3 * 10**7, transposed_a=True)
    work = ProductWork("a", "WU", 1, plain)
    (tried,) = candidates(CONFIG, work, Options(("os",)))
    fit = {
        (t, q)
        for t in range(1, 17)
        for q in range(1, 9)
        if largest_count(CONFIG, work.product, t, q) <= MAX_COUNT
    }
    assert set(zip(tried.interleave.tolist(), tried.blocks.tolist(), strict=True)) == fit
    assert 0 < len(fit) < 128


def test_only_strips_that_the_loader_holds_are_buffered() -> None:
    """Rows of 96 words: 3 x 32 output rows are 9216 words."""
    (tried,) = candidates(CONFIG, product(4000, 32, 96 * 32), Options(("os",)))
    held = set(tried.interleave[tried.buffered].tolist())
    assert held == {1, 2}
    assert set(tried.interleave[~tried.buffered].tolist()) == set(range(1, 17))


def test_a_sum_too_long_for_any_tile_is_refused() -> None:
    work = replace(product(40, 1, 1 << 40), layer="fc")
    with pytest.raises(InputError, match="^fc: FF: a sum of 1099511627776 terms is too long"):
        schedule([work], CONFIG, MEMORY)


def test_what_would_overflow_the_model_is_refused() -> None:
    with pytest.raises(InputError, match="^a: FF: more than 2\\^48 multiplications"):
        schedule([product(1 << 20, 1 << 15, 1 << 20, keep=8)], CONFIG, MEMORY)


@pytest.mark.parametrize("dataflows", [(), ("is",), ("os", "is")])
def test_unknown_dataflows_are_refused(dataflows: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="^dataflows: expected some of"):
        Options(dataflows)


def test_an_update_has_no_tiling() -> None:
    (layer,) = schedule([UpdateWork("fc", 512, 256, 2, 2)], CONFIG, MEMORY)
    assert (layer.name, layer.stage, layer.tiling) == ("fc", "update", None)
    assert layer.cycles == sum(layer.pieces.values()) > 0
    assert (layer.macs, layer.utilisation, layer.tried) == (0, 0, 1)


def test_equal_work_gets_the_same_choice_under_its_own_name() -> None:
    first, second = product(512, 128, 256), replace(product(512, 128, 256), layer="b")
    one, other = schedule([first, second], CONFIG, MEMORY)
    assert (one.name, other.name) == ("a", "b") and replace(other, name="a") == one


UPDATE = UpdateWork("fc", 512, 256, 2, 2, number=1)


@pytest.mark.parametrize(("rows", "bandwidth"), [(64, 96.0), (8192, 96.0), (1024, 4.0)])
def test_an_update_runs_beside_the_product_behind_it(rows: int, bandwidth: float) -> None:
    memory = replace(MEMORY, bytes_per_cycle=bandwidth)
    plain = plain_product(CONFIG, 512, 512, rows, transposed_a=True, binary32=True)
    work = ProductWork("b", "WU", 1, plain, 0, WU)
    hidden, beside = schedule([UPDATE, work], CONFIG, memory)
    alone, after = schedule([UPDATE, work], CONFIG, memory, Options(overlap=False))
    assert alone.pieces["overlap"] == after.pieces["overlap"] == beside.pieces["overlap"] == 0
    assert hidden.cycles == sum(hidden.pieces.values()) >= 0
    assert hidden.pieces["overlap"] == hidden.cycles - alone.cycles < 0
    both = hidden.cycles + beside.cycles
    assert max(alone.cycles, after.cycles) <= both <= alone.cycles + after.cycles
    # The longer of the two, or what the busiest bank needs for both: least of all candidates.
    product_part = joined(
        [product_timing(CONFIG, work, one) for one in candidates(CONFIG, work, Options())]
    )
    parts = (product_part, work.places(4)), (update_timing(CONFIG, UPDATE), UPDATE.places(4))
    cycles = [with_memory(timing, memory, places).total for timing, places in parts]
    busy = sum(memory.busy(timing.traffic, places) for timing, places in parts)
    assert both == np.maximum(np.maximum(*cycles), memory.time(busy)).min()
    assert int(update_cycles(CONFIG, memory, UPDATE).total[0]) == alone.cycles


def test_nothing_runs_beside_the_last_update() -> None:
    layers = schedule([product(512, 512, 512), UPDATE], CONFIG, MEMORY)
    assert [layer.pieces["overlap"] for layer in layers] == [0, 0]


def test_without_pregeneration_all_weights_are_read() -> None:
    work, options = product(512, 256, 256), Options(("os",), pregenerated=False)
    one = Candidates("os", np.array([16]), np.array([8]), np.array([True]))
    packed, dense = (
        product_cycles(CONFIG, MEMORY, work, one, each) for each in (Options(("os",)), options)
    )
    # 8 panels x 8 blocks of 10 words, or of 32; the packets are the same.
    assert (packed.bytes["b"][0], dense.bytes["b"][0]) == (64 * 640, 64 * 2048)
    assert packed.compute[0] == dense.compute[0] == 8 * 8 * 128
    (update,) = schedule([UPDATE], CONFIG, MEMORY, options)
    assert update.bytes["ff"] == update.bytes["bp"] == 16 * 8 * 2048


def step(name: str, method: str, keep: int, memory: Memory = MEMORY) -> list[Layer]:
    return schedule(works(workloads.load(name), CONFIG, method, keep), CONFIG, memory)


def cycles(layers: list[Layer]) -> int:
    return sum(layer.cycles for layer in layers)


@pytest.mark.slow
@pytest.mark.parametrize("name", workloads.PAPER)
def test_what_the_paper_workloads_reach(name: str) -> None:
    """Modelled on specs/vcu1525.yaml: dense utilisation, and speedup of BDWP 2:8."""
    dense, pruned = step(name, "dense", 8), step(name, "bdwp", 2)
    for layer in (*dense, *pruned):
        assert layer.cycles == sum(layer.pieces.values()) >= 0
        assert set(layer.pieces) == set(PIECES)
        assert all(count >= 0 for piece, count in layer.pieces.items() if piece != "overlap")
        assert layer.pieces[layer.bound] == max(layer.pieces.values())
    done = sum(layer.macs for layer in dense)
    assert 0.97 <= done / (1024 * cycles(dense)) <= 1
    assert 1.85 <= cycles(dense) / cycles(pruned) < 2


@pytest.mark.slow
def test_mean_speedups_of_the_paper_workloads() -> None:
    """Modelled: over 1.93 as the card is, over 1.75 at a quarter of its bandwidth."""
    for bandwidth, least in ((96.0, 1.93), (24.0, 1.75)):
        memory = replace(MEMORY, bytes_per_cycle=bandwidth)
        found = [
            cycles(step(name, "dense", 8, memory)) / cycles(step(name, "bdwp", 2, memory))
            for name in workloads.PAPER
        ]
        assert np.mean(found) >= least


def test_a_workload_is_scheduled_in_moments() -> None:
    """A work that no test has scheduled: ten times what an idle core takes."""
    memory = replace(MEMORY, bytes_per_cycle=97.0)
    rows = workloads.load("resnet50_imagenet")
    odd = [replace(row, batch=511) for row in rows]
    started = time.process_time()
    layers = schedule(works(odd, CONFIG, "bdwp", 2), CONFIG, memory)
    assert time.process_time() - started < 5
    assert sum(layer.tried for layer in layers) > 50_000
