# SPDX-License-Identifier: Apache-2.0
"""The work of a training step is what the host runs; tables are read, or refused with a place."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from sat_host.config import ArrayConfig
from sat_host.methods import METHODS, plan_network
from sat_host.models import build_network
from sat_host.models.workload import Row, macs, workload

from hlsgen import workloads
from hlsgen.faults import SpecError
from hlsgen.schedule.work import ProductWork, UpdateWork, plain_product, works
from hlsgen.workloads.table import COLUMNS, parse

CONFIG = ArrayConfig(32, 32, 8, 16, 8, 8)
HEADER = ",".join(COLUMNS)
NETWORKS = {
    "resnet9_cifar10": ({"name": "resnet9"}, (32, 32, 3), 10),
    "vit_cifar100": ({"name": "vit"}, (32, 32, 3), 100),
    "resnet50_imagenet": ({"name": "resnet50"}, (224, 224, 3), 1000),
}


def products(rows: tuple[Row, ...], method: str = "bdwp", keep: int = 2) -> list[ProductWork]:
    return [w for w in works(rows, CONFIG, method, keep) if isinstance(w, ProductWork)]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", NETWORKS)
def test_multiplications_are_the_workloads(name: str, method: str) -> None:
    network = build_network(*NETWORKS[name])
    expected = macs(network, 512, plan_network(network, method, 2, 8), 8)
    found: Counter[str] = Counter()
    for work in products(workloads.load(name), method):
        found[work.stage] += work.macs(8)
    assert dict(found) == {stage: expected[stage] for stage in ("FF", "BP", "WU")}
    assert works(workload(network, 512), CONFIG, method, 2) == works(
        workloads.load(name), CONFIG, method, 2
    )


def row(layer: str, *sizes: int, kind: str = "conv", prunable: int = 1) -> Row:
    return Row(layer, kind, 4, *sizes, prunable)


def test_a_strided_layer_has_a_product_for_each_phase() -> None:
    rows = (row("first", 3, 8, 8, 64, 3, 3, 1, 1, prunable=0), row("b", 64, 8, 8, 96, 3, 3, 2, 1))
    forward, backward, gradient = (
        [work for work in products(rows) if work.layer == "b" and work.stage == stage]
        for stage in ("FF", "BP", "WU")
    )
    assert [(w.rows, w.columns, w.reduction, w.taps, w.keep) for w in forward] == [
        (64, 96, 64, 9, 2)
    ]
    assert sorted(w.taps for w in backward) == [1, 2, 2, 4]
    assert {(w.rows, w.columns, w.reduction, w.keep) for w in backward} == {(64, 64, 96, 2)}
    (work,) = gradient
    assert (work.rows, work.columns, work.reduction, work.taps) == (9 * 64, 96, 64, 1)
    assert work.transposed_a and work.binary32 and not work.packed_b and work.a_channels == 64


def test_the_first_layer_folds_and_has_no_backward_product() -> None:
    found = works((row("first", 3, 8, 8, 64, 3, 3, 1, 1, prunable=0),), CONFIG, "bdwp", 2)
    forward, gradient, update = found
    assert isinstance(forward, ProductWork) and isinstance(gradient, ProductWork)
    assert (forward.taps, forward.reduction, forward.keep) == (1, 27, 8)
    assert (gradient.rows, gradient.a_channels) == (27, 27)
    assert update == UpdateWork("first", 27, 64, 8, 0, number=0)


def test_a_layer_that_is_not_prunable_stays_dense_but_has_a_backward_product() -> None:
    rows = (
        row("first", 8, 1, 1, 64, 1, 1, 1, 0, kind="linear", prunable=0),
        row("head", 64, 1, 1, 64, 1, 1, 1, 0, kind="linear", prunable=0),
    )
    assert [(w.stage, w.keep) for w in products(rows) if w.layer == "head"] == [
        ("FF", 8), ("WU", 8), ("BP", 8),
    ]  # fmt: skip


def test_products_of_activations_are_as_the_host_runs_them() -> None:
    rows = workloads.load("vit_cifar100")
    found = [w for w in products(rows) if w.layer == "blk0.qk"]
    assert {(w.copies, w.keep, w.packed_b) for w in found} == {(4096, 8, False)}
    shapes = [(w.stage, w.rows, w.columns, w.reduction) for w in found]
    assert shapes == [("FF", 65, 65, 64), ("BP", 65, 64, 65), ("BP", 65, 64, 65)]
    assert [(w.transposed_a, w.transposed_b) for w in found] == [
        (False, True), (False, False), (True, False),
    ]  # fmt: skip
    found = [w for w in products(rows) if w.layer == "blk0.av"]
    shapes = [(w.stage, w.rows, w.columns, w.reduction) for w in found]
    assert shapes == [("FF", 65, 64, 65), ("BP", 65, 65, 64), ("BP", 65, 64, 65)]
    assert [(w.transposed_a, w.transposed_b) for w in found] == [
        (False, False), (False, True), (True, False),
    ]  # fmt: skip


def test_the_order_is_that_of_a_step() -> None:
    found = works(workloads.load("resnet9_cifar10"), CONFIG, "bdwp", 2)
    layers = [row.layer for row in workloads.load("resnet9_cifar10")]
    assert [w.layer for w in found if w.stage == "FF"] == layers
    assert [w.layer for w in found if w.stage == "WU"] == layers[::-1]
    assert [w.layer for w in found if w.stage == "BP"] == layers[:0:-1]
    assert [w.layer for w in found if w.stage == "update"] == layers[::-1]
    # The update is behind BP, which reads what it writes, and before the next layer's WU.
    assert [w.stage for w in found[len(layers) : len(layers) + 6]] == 2 * ["WU", "BP", "update"]
    assert [(w.layer, w.number) for w in found[: len(layers)]] == [
        (layer, number) for number, layer in enumerate(layers)
    ]


def test_products_are_the_hosts_at_address_zero() -> None:
    """So that equal ones are equal, whatever their layer; a strided layer's phases differ in their
    taps alone."""
    rows = (row("first", 3, 8, 8, 64, 3, 3, 1, 1, prunable=0), row("b", 64, 8, 8, 96, 3, 3, 2, 1))
    for work in products(rows):
        product = work.product
        assert (product.a.address, product.b.address, product.y.address) == (0, 0, 0)
        assert (work.rows, work.columns, work.keep) == (
            product.rows,
            product.columns,
            product.b.keep,
        )
    phases = {w.product for w in products(rows) if (w.layer, w.stage) == ("b", "BP")}
    assert sorted(phase.a.taps for phase in phases) == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_plain_products_have_the_pitches_of_their_matrices() -> None:
    turned = plain_product(CONFIG, 40, 70, 100, transposed_a=True, binary32=True)
    assert (turned.a.pitch, turned.a.channels, turned.b.pitch, turned.y.pitch) == (2, 40, 3, 6)
    straight = plain_product(CONFIG, 40, 70, 100, transposed_b=True)
    assert (straight.a.pitch, straight.b.pitch, straight.y.pitch) == (4, 4, 3)


GOOD = "conv1,conv,4,3,8,8,16,3,3,1,1,0"


def test_columns_may_stand_in_any_order_with_quotes_and_blanks() -> None:
    turned = ",".join(reversed(COLUMNS))
    cells = ",".join(reversed(GOOD.replace("conv1", '"conv1"').split(",")))
    expected = parse(f"{HEADER}\n{GOOD}\n".encode(), "t")
    assert parse(f"\ufeff{turned}\r\n\r\n{cells.replace(',', ' , ')}\r\n".encode(), "t") == expected


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", f"t:1:1: the table is empty: begin with the line {HEADER}"),
        (HEADER, "t:1:1: the table has no layers: add a line a product"),
        (
            HEADER.replace(",c_out", "") + "\n" + GOOD,
            f"t:1:1: missing columns: c_out: the columns are {', '.join(COLUMNS)}",
        ),
        (
            HEADER + f",batches\n{GOOD},1",
            "t:1:65: batches: unknown column: did you mean batch?",
        ),
        (f"{HEADER},pad\n{GOOD},1", "t:1:65: pad: the column is there twice: remove one"),
        (
            f"{HEADER}\n{GOOD.replace('conv,', 'pool,')}",
            "t:2:7: kind: unknown kind 'pool': use conv, linear, attn",
        ),
        (
            f"{HEADER}\n{GOOD.replace(',16,', ',-16,')}",
            "t:2:20: c_out: got '-16': write a whole number from 1 to 1048576",
        ),
        (
            f"{HEADER}\n\n{GOOD.replace(',16,', ',many,')}",
            "t:3:20: c_out: got 'many': write a whole number from 1 to 1048576",
        ),
        (
            f"{HEADER}\n{GOOD.replace(',16,', ',1_6,')}",
            "t:2:20: c_out: got '1_6': write a whole number from 1 to 1048576",
        ),
        (
            f"{HEADER}\n{GOOD[:-2]}",
            "t:2:1: 11 cells where the header has 12: write a value for each column, without "
            "commas in it",
        ),
        (
            f"{HEADER}\n{GOOD}\n{GOOD}",
            "t:3:1: layer: conv1 is line 2 as well: give each layer a name of its own",
        ),
        (
            f"{HEADER}\n{GOOD}\nfc,linear,5,16,1,1,10,1,1,1,0,1",
            "t:3:11: batch: 5 is not the batch 4 of the first layer: write 4",
        ),
        (
            f"{HEADER}\n{GOOD}\nqk,attn,9,16,1,1,10,1,1,1,0,0",
            "t:3:9: batch: 9 is not the batch 4 of the first layer: write a multiple of 4, images "
            "times heads",
        ),
        (
            f"{HEADER}\nfc,linear,4,16,1,1,10,1,3,1,0,1",
            "t:2:25: kw: got 3 in a row of kind linear: write 1",
        ),
        (
            f"{HEADER}\n{GOOD.replace('3,3,1,1', '33,3,1,1')}",
            "t:2:23: kernel: 33 rows do not fit the 10 of the padded image: check the sizes of the "
            "layer",
        ),
    ],
)
def test_a_faulty_table_is_refused_in_one_line(text: str, fault: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse(text.encode(), "t")
    assert str(caught.value) == fault


def test_all_faults_of_a_table_show_at_once() -> None:
    text = f"{HEADER}\n{GOOD.replace(',3,8,', ',0,x,')}\n{GOOD.replace('conv,', '?,')}\n"
    with pytest.raises(SpecError) as caught:
        parse(text.encode(), "t")
    assert [(f.line, f.column, f.field) for f in caught.value.faults] == [
        (2, 14, "c_in"), (2, 16, "h_in"), (3, 1, "layer"), (3, 7, "kind"),
    ]  # fmt: skip


def test_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(SpecError, match="^t:2:1: the byte 0xff is not UTF-8: save it as UTF-8$"):
        parse(HEADER.encode() + b"\n\xff", "t")


def test_every_table_of_the_package_reads() -> None:
    for name in workloads.NAMES:
        assert {row.batch % 512 for row in workloads.load(name)} == {0}
    with pytest.raises(KeyError):
        workloads.load("../resnet9_cifar10")
    assert (Path(workloads.__file__).parent / "resnet9_cifar10.csv").is_file()
