# SPDX-License-Identifier: Apache-2.0
"""The chosen tile is the fastest legal one, always the same; totals are sums of their parts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sat_host.config import ArrayConfig
from sat_host.program import MAX_COUNT, largest_count

from hlsgen import workloads
from hlsgen.errors import InputError
from hlsgen.schedule.choose import candidates, schedule
from hlsgen.schedule.cycles import product_cycles
from hlsgen.schedule.memory import ASSUMED_BURST_OVERHEAD_BYTES, Memory
from hlsgen.schedule.report import Step
from hlsgen.schedule.work import ProductWork, UpdateWork, works

CONFIG = ArrayConfig(32, 32, 8, 16, 8, 8)
MEMORY = Memory(4, 96.0, ASSUMED_BURST_OVERHEAD_BYTES)


def product(rows: int, columns: int, reduction: int, keep: int = 2) -> ProductWork:
    return ProductWork("a", "FF", 1, rows, columns, reduction, 1, keep, a_channels=reduction)


@given(
    st.integers(1, 4000), st.integers(1, 600), st.integers(1, 3000),
    st.integers(1, 8), st.sampled_from([1, 4, 8, 16]), st.sampled_from([1, 3, 8]),
)  # fmt: skip
def test_no_other_tile_is_faster(
    rows: int, columns: int, reduction: int, keep: int, interleave: int, memory_tile: int
) -> None:
    config = replace(CONFIG, interleave=interleave, memory_tile=memory_tile)
    work = product(rows, columns, reduction, keep)
    (layer,) = schedule([work], config, MEMORY)
    best = None
    for t in range(1, min(interleave, -(-rows // 32)) + 1):
        for q in range(1, min(memory_tile, -(-columns // 32)) + 1):
            one = np.array([t]), np.array([q])
            order = (int(product_cycles(config, MEMORY, work, *one).total[0]), -t, -q)
            best = order if best is None else min(best, order)
    assert layer.tile is not None
    assert best == (layer.cycles, -layer.tile["interleave"], -layer.tile["blocks"])
    assert layer.cycles == sum(layer.pieces.values())
    assert layer.pieces[layer.bound] == max(layer.pieces.values())
    assert layer.macs == work.macs(8)
    assert 0 < layer.utilisation <= 1


def test_only_tiles_whose_counts_fit_are_tried() -> None:
    work = ProductWork(
        "a", "WU", 1, 576, 256, 10**8, 1, 8, transposed_a=True, packed_b=False, a_channels=64
    )
    tiles = set(zip(*(axis.tolist() for axis in candidates(work, CONFIG)), strict=True))
    fit = {
        (t, q)
        for t in range(1, 17)
        for q in range(1, 9)
        if largest_count(CONFIG, work.product(), t, q) <= MAX_COUNT
    }
    assert tiles == fit and 0 < len(fit) < 128


def test_a_sum_too_long_for_any_tile_is_refused() -> None:
    work = replace(product(40, 1, 1 << 40), layer="fc")
    with pytest.raises(InputError, match="^fc: FF: a sum of 1099511627776 terms is too long"):
        schedule([work], CONFIG, MEMORY)


def test_what_would_overflow_the_model_is_refused() -> None:
    with pytest.raises(InputError, match="^a: FF: more than 2\\^48 multiplications"):
        schedule([product(1 << 20, 1 << 15, 1 << 20, keep=8)], CONFIG, MEMORY)


def test_an_update_has_neither_dataflow_nor_tile() -> None:
    (layer,) = schedule([UpdateWork("fc", 512, 256, 2, 2)], CONFIG, MEMORY)
    assert (layer.name, layer.stage, layer.dataflow, layer.tile) == ("fc", "update", None, None)
    assert layer.cycles == sum(layer.pieces.values()) > 0
    assert (layer.macs, layer.utilisation) == (0, 0)


def test_equal_work_gets_the_same_choice_under_its_own_name() -> None:
    first, second = product(512, 128, 256), replace(product(512, 128, 256), layer="b")
    one, other = schedule([first, second], CONFIG, MEMORY)
    assert (one.name, other.name) == ("a", "b") and replace(other, name="a") == one


@pytest.mark.parametrize("name", ["resnet9_cifar10", "vit_cifar100"])
def test_a_step_is_the_sum_of_its_parts_and_pruning_makes_it_faster(name: str) -> None:
    rows = workloads.load(name)
    pruned, dense = (schedule(works(rows, CONFIG, "bdwp", keep), CONFIG, MEMORY) for keep in (2, 8))
    step = Step(pruned, dense, CONFIG, 200.0, 512)
    assert sum(step.stages.values()) == step.cycles == sum(layer.cycles for layer in pruned)
    assert 1 < step.speedup < 2
    done = sum(layer.macs for layer in pruned)
    assert step.utilisation == pytest.approx(done / (32 * 32 * step.cycles))
    less = schedule(works(rows, CONFIG, "bdwp", 1), CONFIG, MEMORY)
    slow = schedule(works(rows, CONFIG, "bdwp", 2), CONFIG, replace(MEMORY, bytes_per_cycle=9.6))
    assert Step(less, dense, CONFIG, 200.0, 512).speedup > step.speedup
    assert Step(slow, dense, CONFIG, 200.0, 512).speedup < step.speedup
