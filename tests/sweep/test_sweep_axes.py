# SPDX-License-Identifier: Apache-2.0
"""Keys and values of a sweep: what is read, and what is refused with its field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hlsgen.errors import InputError
from hlsgen.sweep.axes import Axis, check_axes, overridden, parse_axes
from hlsgen.sweep.run import document_of

SPEC = Path(__file__).parents[2] / "specs" / "vcu1525.yaml"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("array.rows=8,16,32", (8, 16, 32)),
        ("array.rows=8", (8,)),
        ("sparsity.method=bdwp, dense", ("bdwp", "dense")),
        ("dataflows=[os],[os, ws]", (["os"], ["os", "ws"])),
        ("training.micro_batch=null,4", (None, 4)),
        ('name="1","2"', ("1", "2")),
    ],
)
def test_values_are_yaml(text: str, values: tuple[Any, ...]) -> None:
    (axis,) = parse_axes([text])
    assert axis == Axis(text.partition("=")[0], values)


@pytest.mark.parametrize(
    "texts",
    [
        ["array.rows"], ["array.rows="], ["=8"], ["array..rows=8"], ["array.rows=8,8"],
        ["array.rows=[8"], ["array.rows=8]"], ["array.rows=8", "array.rows=16"],
        ["array={rows: 8}", "array.rows=8"], ["clock_mhz=" + ",".join(map(str, range(1100))),
         "array.rows=" + ",".join(map(str, range(1100)))], ["array.rows=8, *x"],
    ],
)  # fmt: skip
def test_what_is_no_axis_is_refused_in_one_line(texts: list[str]) -> None:
    with pytest.raises(InputError, match="^hlsgen sweep: --over") as caught:
        parse_axes(texts)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("array.rows=8,100", "--over array.rows: array.rows: 100 is above 64: write a whole"),
        ("array.rows=8,x", '--over array.rows: array.rows: the text "x" is not a whole number'),
        ("array.lanes=12", "--over array.lanes: array.lanes: 12 is not a power of two"),
        ("array.row=8", "--over array.row: array.row: unknown field: did you mean rows?"),
        ("arry.rows=8", "--over arry.rows: arry: unknown field: did you mean array?"),
        ("clock_mhz.x=8", "--over clock_mhz.x: clock_mhz.x: clock_mhz is no section"),
        ("card=u9", "--over card: card: the text \"u9\" is not known here"),
        ("training.epochs=3", "training.epochs: changes neither the hardware nor the schedule"),
        ("name=a,b", "name: changes neither the hardware nor the schedule"),
        ("dataflows=[ws]", "dataflows: the dataflows [ws] are not os"),
    ],
)  # fmt: skip
def test_wrong_keys_and_values_are_faults_with_the_field(text: str, said: str) -> None:
    document = document_of(SPEC)
    with pytest.raises(InputError) as caught:
        check_axes(parse_axes([text]), document, str(SPEC), network_given=False)
    assert said in str(caught.value)


def test_what_another_key_may_mend_is_no_fault() -> None:
    axes = parse_axes(["sparsity.keep=1,16", "sparsity.group=8,16,32", "array.lanes=8,32"])
    check_axes(axes, document_of(SPEC), str(SPEC), network_given=True)


def test_keys_of_the_network_are_refused_where_a_table_says_it() -> None:
    axes, document = parse_axes(["model.stem=small,imagenet"]), document_of(SPEC)
    check_axes(axes, document, str(SPEC), network_given=False)
    with pytest.raises(InputError, match="a workload's table says the network"):
        check_axes(axes, document, str(SPEC), network_given=True)


def test_the_document_stays_as_it_is() -> None:
    document = {"array": {"rows": 8}, "fifos": "default"}
    changed = overridden(document, {"array.rows": 4, "sparsity.keep": 1, "fifos.tiles": 9})
    assert changed == {"array": {"rows": 4}, "fifos": {"tiles": 9}, "sparsity": {"keep": 1}}
    assert document == {"array": {"rows": 8}, "fifos": "default"}
