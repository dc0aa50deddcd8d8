# SPDX-License-Identifier: Apache-2.0
"""Programs: where tensors lie, what the JSON says, and what the checker finds in spoilt ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from jobs import names
from sat_host.config import ArrayConfig
from sat_host.models import build_network
from sat_host.models.workload import workload
from sat_host.tiling import Tiling
from test_checker_lists import PLANTS

from hlsgen import workloads
from hlsgen.cards import CARDS
from hlsgen.errors import InputError
from hlsgen.schedule.checker import check
from hlsgen.schedule.checker_jobs import RULES
from hlsgen.schedule.memory import Memory
from hlsgen.schedule.memory_map import Tensor, memory_map
from hlsgen.schedule.options import Options
from hlsgen.schedule.program import Machine, Program, Training, program_of
from hlsgen.schedule.program_file import dump_program, load_program
from hlsgen.schedule.shapes import layer_shapes

pytestmark = pytest.mark.slow

PAPER = ArrayConfig(32, 32, 8, 16, 8, 8)
SMALL = ArrayConfig(4, 8, 8, 4, 2, 4)
VIT = {"name": "vit", "patch": 4, "dim": 20, "depth": 1, "heads": 2, "mlp": 24}


def machine(config: ArrayConfig = PAPER) -> Machine:
    card = CARDS["vcu1525"]
    return Machine(config, Memory(len(card.banks), 96.0, 64.0), card.bank_bytes, 200)


def small(method: str = "bdwp", options: Options | None = None) -> Program:
    rows = workload(build_network(VIT, (8, 12, 3), 5), 6)
    return program_of(rows, machine(SMALL), Training(method, 2, 6, 3), options or Options())


def named(name: str, batch: int = 512) -> Program:
    return program_of(workloads.load(name), machine(), Training("bdwp", 2, batch, batch))


# Good programs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dataflow", ["os", "ws"])
@pytest.mark.parametrize("method", ["dense", "sr_ste", "sdgp", "bdwp"])
def test_a_small_program_has_no_fault_even_walked_through(method: str, dataflow: str) -> None:
    program = small(method, Options(dataflows=(dataflow,)))
    assert {entry.tiling.dataflow for entry in program.products} == {dataflow}
    assert list(map(str, check(program, exact=True))) == []


@pytest.mark.parametrize("name", ["resnet9_cifar10", "vgg19_cifar100"])
def test_a_workloads_program_has_no_fault(name: str) -> None:
    assert list(map(str, check(named(name)))) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(workloads.NAMES)))
def test_every_workloads_program_has_no_fault(name: str) -> None:
    assert list(map(str, check(named(name)))) == []


def test_equal_shapes_have_equal_tilings() -> None:
    program = small()
    tilings: dict[Any, Tiling] = {}
    for entry in program.products:
        assert tilings.setdefault(entry.product.shape(), entry.tiling) == entry.tiling
    assert len(tilings) < len(program.products)


def test_gradients_of_further_micro_batches_add_up() -> None:
    program = small()
    sums = [entry for entry in program.products if entry.product.accumulate]
    assert {entry.stage for entry in sums} == {"WU"}
    assert len(sums) == sum(entry.stage == "WU" for entry in program.products) / 2
    once = program_of(workload(build_network(VIT, (8, 12, 3), 5), 6), machine(SMALL),
                      Training("bdwp", 2, 6, 6))  # fmt: skip
    assert not any(entry.product.accumulate for entry in once.products)


def test_cycles_are_those_of_all_runs() -> None:
    program = small()
    runs = {(entry.stage, entry.product.accumulate): entry.runs for entry in program.products}
    assert runs == {("FF", False): 2, ("BP", False): 2, ("WU", False): 1, ("WU", True): 1}
    products = sum(entry.runs * entry.modelled.cycles for entry in program.products)
    updates = sum(entry.modelled.cycles for entry in program.updates)
    assert program.cycles == products + updates > 0


# The map ------------------------------------------------------------------------------------------


def test_operands_and_results_lie_in_banks_of_their_own() -> None:
    program = named("resnet9_cifar10")
    for entry in program.products:
        banks = [program.memory[name].bank for name in entry.tensors]
        assert len(set(banks)) == 3, (entry.layer, entry.stage, banks)


def test_a_result_takes_the_place_of_the_next_operand_of_its_size() -> None:
    memory = named("vgg19_cifar100").memory
    assert ("conv2.y", "conv3.x") not in memory.places  # a pooling lies between
    assert memory["conv1.y"] is memory["conv2.x"]
    assert memory["conv2.dx"] is memory["conv1.dy"]


def test_bank_of_every_tensor_begins_where_the_one_before_ends() -> None:
    memory = named("vgg19_cifar100").memory
    for tensor in memory.tensors:
        assert tensor.address // memory.bank_bytes == tensor.bank
        assert tensor.address % 4096 == 0
    assert all(0 < used <= memory.bank_bytes for used in memory.used)


def test_a_tensor_that_does_not_fit_is_named_with_its_bytes_and_its_bank() -> None:
    rows = workloads.load("resnet50_imagenet")
    layers = layer_shapes(rows, PAPER, "bdwp", 2)
    with pytest.raises(InputError) as caught:
        memory_map(layers, PAPER, 4, 1 << 30)
    text = str(caught.value)
    assert text == (
        "layer1.0.conv2.dy: 205,520,896 bytes do not fit bank 2, which has 46,047,232 of "
        "1,073,741,824 bytes free: lower the batch or the layer's sizes"
    )


def test_a_tensor_beyond_what_commands_address_is_refused() -> None:
    config = replace(SMALL, lanes=4, group=4)
    layers = layer_shapes(workload(build_network(VIT, (8, 12, 3), 5), 6), config, "dense", 4)
    with pytest.raises(InputError, match=r"4 lanes address: raise array\.lanes"):
        memory_map(layers, config, 4, 1 << 34)
    memory_map(layers, config, 4, 1 << 33)


def test_narrow_words_leave_the_banks_out_that_they_do_not_reach() -> None:
    config = replace(SMALL, lanes=4, group=4)
    rows = workload(build_network(VIT, (8, 12, 3), 5), 6)
    for bank_bytes, banks in ((1 << 34, 2), (1 << 33, 4), (1 << 36, 1)):
        given = replace(machine(config), bank_bytes=bank_bytes)
        program = program_of(rows, given, Training("dense", 4, 6, 6))
        assert program.memory.banks == banks
        assert check(program) == []


def test_two_banks_hold_everything() -> None:
    config = replace(machine(SMALL), memory=Memory(2, 96.0, 64.0))
    rows = workload(build_network(VIT, (8, 12, 3), 5), 6)
    assert check(program_of(rows, config, Training("bdwp", 2, 6, 6))) == []


# JSON ---------------------------------------------------------------------------------------------


def test_a_program_comes_back_from_its_file() -> None:
    program = small("sr_ste", Options(dataflows=("ws",)))
    assert any(entry.scratch for entry in program.products)
    text = dump_program(program)
    assert load_program(text) == program
    assert dump_program(load_program(text)) == text
    assert dump_program(small("sr_ste", Options(dataflows=("ws",)))) == text


def test_the_file_says_that_its_figures_are_modelled() -> None:
    document = json.loads(dump_program(small()))
    assert document["figures"] == "modelled"
    assert document["format"] == 1
    assert document["cycles"] == small().cycles
    assert {"name", "bank", "address", "bytes"} == set(document["memory"]["tensors"][0])
    assert {"cycles", "bytes", "bound"} == set(document["products"][0]["modelled"])


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "null", '{"format": 2}', '{"format": 1}', "9" * 5000, "[" * 100_000],
    ids=lambda text: text[:14] or "empty",
)
def test_a_file_that_is_no_program(text: str) -> None:
    with pytest.raises(InputError) as caught:
        load_program(text, "x/program.json")
    assert str(caught.value).startswith("x/program.json: no program of format 1 (")
    assert "\n" not in str(caught.value)


# Spoilt programs ----------------------------------------------------------------------------------


def with_tensor(program: Program, name: str, **fields: Any) -> Program:
    """With a tensor changed, and the products' addresses left as they are."""
    tensors = [replace(tensor, **fields) if tensor.name == name else tensor
               for tensor in program.memory.tensors]  # fmt: skip
    return replace(program, memory=replace(program.memory, tensors=tuple(tensors)))


def with_products(program: Program, change: Callable[[Sequence[Any]], Sequence[Any]]) -> Program:
    return replace(program, products=tuple(change(program.products)))


def first(program: Program) -> Tensor:
    return program.memory.tensors[0]


SPOILT: dict[str, Callable[[Program], Program]] = {
    "overlap": lambda p: with_tensor(p, p.memory.tensors[1].name, address=first(p).address),
    "capacity": lambda p: with_tensor(p, first(p).name, bank=1),
    "alignment": lambda p: with_tensor(p, first(p).name, address=first(p).address + 16),
    "addressable": lambda p: with_tensor(p, first(p).name, address=1 << 60),
    "tensor": lambda p: with_products(
        p, lambda e: (replace(e[0], tensors=(*e[1].tensors[:2], e[0].tensors[2])), *e[1:])
    ),
    "missing": lambda p: with_products(p, lambda entries: entries[1:]),
}


@pytest.mark.parametrize("rule", SPOILT)
def test_a_spoilt_program_is_named(rule: str) -> None:
    faults = check(SPOILT[rule](small()))
    assert rule in names(faults), faults


def test_every_rule_has_a_planted_fault() -> None:
    assert set(PLANTS) | set(SPOILT) == set(RULES)


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("missing", lambda p: replace(p, updates=p.updates[1:])),
        ("missing", lambda p: with_products(p, lambda e: (replace(e[0], runs=1), *e[1:]))),
        ("missing", lambda p: with_products(p, lambda e: (*e, replace(e[0], layer="other")))),
        ("missing", lambda p: with_products(p, lambda e: (*e[1:], replace(e[0], stage="WU")))),
        ("tensor", lambda p: with_tensor(p, first(p).name, bytes=first(p).bytes + 4096)),
        ("covered_twice", lambda p: with_products(p, lambda e: (*e, e[0]))),
        ("tensor", lambda p: replace(p, updates=(
            replace(p.updates[0], update=replace(p.updates[0].update, bp_address=1, bp_keep=0,
                                                 ff_address=p.updates[0].update.ff_address + 1)),
            *p.updates[1:]))),
        ("shape", lambda p: replace(p, updates=(
            replace(p.updates[0], update=replace(p.updates[0].update, ff_keep=1)),
            *p.updates[1:]))),
    ],
)  # fmt: skip
def test_what_is_missing_too_much_or_wrong(rule: str, change: Callable[[Program], Program]) -> None:
    faults = check(change(small()))
    assert rule in names(faults), faults


def test_a_product_moved_within_memory_is_found() -> None:
    """Every product at another address than its tensors': no list passes."""

    def moved(entries: Sequence[Any]) -> list[Any]:
        return [
            replace(entry, product=replace(
                entry.product, a=replace(entry.product.a, address=entry.product.a.address + 1)))
            for entry in entries
        ]  # fmt: skip

    program = small()
    groups = {(entry.layer, entry.stage) for entry in program.products}
    wheres = {fault.where for fault in check(with_products(program, moved))}
    assert wheres == {f"{layer} {stage}" for layer, stage in groups}


def test_the_map_of_a_large_batch_is_made_at_once() -> None:
    memory = named("resnet50_imagenet").memory
    assert sum(tensor.bytes for tensor in memory.tensors) > 20e9
    assert np.all(np.array(memory.used) <= memory.bank_bytes)
