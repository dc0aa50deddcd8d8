# SPDX-License-Identifier: Apache-2.0
"""A bundle's program as the host reads it: the tilings of products by their shape."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sat_host.product import Operand, Product, Source, Target
from sat_host.stored_program import (
    FORMAT,
    NO_PROGRAM,
    UpdateKey,
    product_fields,
    product_of,
    read_program,
    tiling_of,
)
from sat_host.tiling import Tiling

TILING = {"dataflow": "os", "interleave": 4, "blocks": 2, "buffered": True}
PRODUCT = Product(
    40, 20, 30, Source(7, 5, 30), Operand(300, False, 8, 4), Target.rows(500, 4, False)
)
SMALL = st.integers(0, 1 << 33)
PAIRS = st.tuples(SMALL, SMALL)


def text(*entries: Any, **fields: Any) -> str:
    return json.dumps({"format": FORMAT, "products": entries, **fields})


def entry(product: Product = PRODUCT, **tiling: Any) -> dict[str, Any]:
    return {"product": product_fields(product), "tiling": {**TILING, **tiling}, "layer": "fc"}


@st.composite
def products(draw: st.DrawFn) -> Product:
    flags = st.booleans()
    return Product(
        draw(SMALL), draw(SMALL), draw(SMALL),
        Source(draw(SMALL), draw(SMALL), draw(SMALL), draw(PAIRS), draw(PAIRS), draw(PAIRS),
               draw(PAIRS), draw(PAIRS), draw(flags)),
        Operand(draw(SMALL), draw(flags), draw(SMALL), draw(SMALL), draw(flags), draw(SMALL)),
        Target(draw(SMALL), draw(SMALL), draw(SMALL), draw(SMALL), draw(flags)),
        draw(flags), draw(flags), draw(SMALL), draw(st.none() | SMALL), draw(SMALL),
    )  # fmt: skip


@given(product=products())
def test_a_product_comes_back_from_json(product: Product) -> None:
    assert product_of(json.loads(json.dumps(product_fields(product)))) == product


@given(product=products())
def test_a_tiling_is_found_by_the_products_shape(product: Product) -> None:
    (shape, tiling), *others = read_program(text(entry(product))).tilings.items()
    assert not others and tiling == Tiling("os", 4, 2, buffered=True)
    moved = replace(product, a=replace(product.a, address=3), y=replace(product.y, address=1))
    assert shape == product.shape() == replace(moved, sums=None).shape()


def test_equal_shapes_have_one_entry_and_others_their_own() -> None:
    moved = replace(PRODUCT, b=replace(PRODUCT.b, address=9))
    taller = replace(PRODUCT, rows=41)
    found = read_program(text(entry(), entry(moved), entry(taller, interleave=2))).tilings
    assert [tiling.interleave for tiling in found.values()] == [4, 2]


def test_a_program_without_products_has_no_tilings() -> None:
    assert read_program(text()) == NO_PROGRAM


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("[]", "not a program of format 1"),
        ('{"format": 2, "products": []}', "not a program of format 1"),
        ('{"format": 1}', "products: expected a list"),
        (text(3), "products[0]: expected an object"),
        (text({}), "products[0].product: expected an object"),
        (text(entry() | {"product": {}}), "products[0].product.a: expected an object"),
        (text(entry() | {"tiling": 3}), "products[0].tiling: expected an object"),
        (text(entry(interleave="4")), "products[0].tiling.interleave: expected int"),
        (text(entry(interleave=True)), "products[0].tiling.interleave: expected int"),
        (text(entry(buffered=1)), "products[0].tiling.buffered: expected bool"),
        (text(entry(size=1)), "products[0].tiling: 'size' is not known"),
        (text(entry(dataflow="xs")), "products[0].tiling.dataflow: the array has os, ws"),
        (text(entry(), entry(interleave=2)),
         "products[1].tiling: another one than that of an equal product"),
    ],
)  # fmt: skip
def test_what_is_no_program(content: str, reason: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        read_program(content)
    assert str(caught.value) == reason


MEMORY = {
    "tensors": [{"name": "fc.x", "bank": 2, "address": 0}, {"name": "sums.1", "bank": 1}],
    "places": {"conv.y": "fc.x"},
}
UPDATE = {"rows": 8, "columns": 9, "ff_keep": 2, "bp_keep": 0, "pitch": 4}


def test_banks_and_modelled_cycles_are_found() -> None:
    modelled = {"modelled": {"cycles": 70}, "scratch": "sums.1"}
    slower = {"modelled": {"cycles": 90}, "scratch": None}
    updates = [{"layer": "fc", "update": UPDATE, "modelled": {"cycles": 5}}]
    found = read_program(text(entry() | modelled, entry() | slower, memory=MEMORY, updates=updates))
    shape = PRODUCT.shape()
    assert dict(found.banks) == {"fc.x": 2, "sums.1": 1, "conv.y": 2}
    assert (dict(found.cycles), dict(found.scratch)) == ({shape: 90}, {shape: 1})
    assert dict(found.updates) == {UpdateKey(8, 9, 2, 0): 5}


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"memory": 3}, "memory: expected an object"),
        ({"memory": {"tensors": [3]}}, "memory.tensors[0]: expected an object"),
        ({"memory": {"tensors": [{"name": "x"}]}}, "memory.tensors[0]: expected a name and a bank"),
        ({"memory": {"tensors": [{"name": "x", "bank": True}]}},
         "memory.tensors[0]: expected a name and a bank"),
        ({"memory": {"tensors": [{"name": "x", "bank": -1}]}},
         "memory.tensors[0]: expected a name and a bank"),
        ({"memory": {"places": []}}, "memory.places: expected an object"),
        ({"memory": {"places": {"y": "x"}}}, "memory.places.y: no tensor of memory.tensors"),
        ({"updates": {}}, "updates: expected a list"),
        ({"updates": [{}]}, "updates[0].update: expected an object"),
        ({"updates": [{"update": {"rows": 1}}]}, "updates[0].update.columns: missing"),
        ({"updates": [{"update": UPDATE}]},
         "updates[0].modelled.cycles: expected an integer of at least 0"),
    ],
)  # fmt: skip
def test_what_is_no_part_of_a_program(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=r"^[^\n]+$") as caught:
        read_program(text(**fields))
    assert str(caught.value) == reason


def test_a_product_with_cycles_or_sums_that_are_none() -> None:
    with pytest.raises(ValueError, match=r"^products\[0\]\.modelled\.cycles: expected an integer"):
        read_program(text(entry() | {"modelled": {"cycles": 1.5}}))
    with pytest.raises(ValueError, match=r"^products\[0\]\.scratch: no tensor of memory.tensors$"):
        read_program(text(entry() | {"scratch": "sums.0"}))


def test_a_field_that_is_missing_or_no_pair() -> None:
    given = product_fields(PRODUCT)
    for field in ("rows", "columns", "reduction", "a", "b", "y"):
        with pytest.raises(ValueError, match=f"^product.{field}: "):
            product_of({name: value for name, value in given.items() if name != field})
    for pair in (3, [1], [1, 2, 3], [1, "2"], [1, 2.0], None):
        with pytest.raises(ValueError, match=r"^product\.a\.size: expected two integers$"):
            product_of({**given, "a": {**given["a"], "size": pair}})


def test_a_dataflow_that_the_array_lacks() -> None:
    content = text(entry(dataflow="ws"))
    assert next(iter(read_program(content).tilings.values())).dataflow == "ws"
    with pytest.raises(ValueError, match=r"products\[0\]\.tiling\.dataflow: the array has os$"):
        read_program(content, ("os",))


def test_a_tiling_lacks_nothing() -> None:
    for field in TILING:
        with pytest.raises(ValueError, match=f"^tiling.{field}: missing$"):
            tiling_of({name: value for name, value in TILING.items() if name != field})
