# SPDX-License-Identifier: Apache-2.0
"""The page: one whole file that needs nothing from elsewhere, with the numbers of its document."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from report_bundles import SPEC, Page, make_bundle, write_run

from hlsgen.report.bounds import BOUNDS
from hlsgen.report.charts import accuracy
from hlsgen.report.data import document
from hlsgen.report.inputs import read_inputs
from hlsgen.report.page import embedded, figures, page, tiles
from hlsgen.report.roofline import roofline
from hlsgen.report.svg import NARROW, WIDE, hatching

MOST_BYTES = 3_000_000


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    bundle = make_bundle(tmp_path_factory.mktemp("report") / "b")
    write_run(bundle / "a<b>&c.jsonl", [0.5, 0.875])
    return document(read_inputs(bundle))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    text = SPEC.with_name("tinyimagenet_resnet18.yaml").read_bytes()
    return document(read_inputs(make_bundle(tmp_path_factory.mktemp("large") / "b", text=text)))


@pytest.fixture(scope="module")
def text(told: dict[str, Any]) -> str:
    return page(told)


def at(told: Any, key: str) -> Any:
    for part in key.split("."):
        told = told[int(part)] if isinstance(told, list) else told[part]
    return told


def test_every_element_is_closed_in_order(text: str) -> None:
    assert Page(text).faults == []


def test_nothing_comes_from_elsewhere(text: str) -> None:
    found = Page(text).attributes
    links = [value for _, name, value in found if name in ("href", "src", "action", "srcset")]
    assert links and all(value.startswith("#") or value == "data:," for value in links)
    assert not re.search(r"https?:|//\w|url\(|@import", text.partition("<main>")[0])
    assert not re.search(r"https?:", text)


def test_it_is_small(text: str) -> None:
    assert len(text.encode()) < MOST_BYTES


def test_links_lead_to_sections(text: str) -> None:
    found = Page(text).attributes
    ids = {value for _, name, value in found if name == "id"}
    assert {value[1:] for _, name, value in found if name == "href" and value[0] == "#"} <= ids


def test_key_numbers_are_those_of_the_document(text: str, told: dict[str, Any]) -> None:
    keys = Page(text).keys
    assert keys["runs.0.best_accuracy"] == "0.875"
    assert {"cycles.total_cycles", "cycles.speedup", "resources.total.dsp"} <= set(keys)
    for key, value in keys.items():
        assert float(value) == at(told, key)
    assert f"{told['cycles']['total_cycles']:,}" in Page(text).text


def test_layers_stand_in_the_table(text: str, told: dict[str, Any]) -> None:
    rows = next(rows for rows in Page(text).tables if len(rows) == len(told["cycles"]["layers"]))
    layers = told["cycles"]["layers"]
    assert [row[:3] for row in rows] == [
        [each["layer"], each["stage"], str(each["cycles"])] for each in layers
    ]
    assert [row[3] for row in rows] == [str(each["dense_cycles"]) for each in layers]


def test_the_document_is_in_the_page(text: str, told: dict[str, Any]) -> None:
    assert json.loads(Page(text).data) == json.loads(json.dumps(told))


def test_names_are_no_markup(text: str, told: dict[str, Any]) -> None:
    assert "a<b>" not in text and "a<b>&c" in Page(text).text
    assert "</script" not in embedded({"name": "</script><!--"})


def test_each_kind_of_figure_is_marked(text: str) -> None:
    read = Page(text).text
    for title, kind in (("Roofline", "modelled"), ("Resources", "estimated"),
                        ("Accuracy of the runs", "simulated"), ("FIFOs", "as built")):  # fmt: skip
        assert f"{title} {kind}" in read
    assert "Depths only" in read


def test_same_bound_same_colour(text: str, told: dict[str, Any]) -> None:
    used = {value for _, name, value in Page(text).attributes if name == "class"}
    classes = {part for value in used for part in value.split() if part.startswith("b-")}
    assert classes == {f"b-{each['bound']}" for each in told["timeline"]["segments"]}


def test_bounds_differ_without_colour_too() -> None:
    for of in (lambda look: look.light, lambda look: look.dark, lambda look: look.texture,
               lambda look: look.shape):  # fmt: skip
        assert len({of(look) for look in BOUNDS.values()}) == len(BOUNDS)


@pytest.mark.parametrize("texture", ["/", "b", "|", "-", "/b", "/-", "|-"])
@pytest.mark.parametrize("size", [(3, 9), (9, 3), (40, 12), (7, 300)])
def test_textures_stay_within_their_bars(texture: str, size: tuple[float, float]) -> None:
    w, h = size
    found = re.findall(r"([-\d.]+),([-\d.]+)", hatching(10, 20, w, h, texture))
    assert found
    for x, y in found:
        assert 10 - 0.05 <= float(x) <= 10 + w + 0.05 and 20 - 0.05 <= float(y) <= 20 + h + 0.05


@pytest.mark.slow
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_every_product_is_named_on_the_roofline(width: int, large: dict[str, Any]) -> None:
    figure = roofline(large["roofline"], width)
    texts = {mark["text"] for mark in figure.marks if mark["tag"] == "text"}
    told = dict(figure.key)
    assert {sign for sign in told if sign.isdigit()} <= texts, (
        "each number of the key stands in the figure"
    )
    for each in large["roofline"]["points"]:
        layer, stage = each["layer"], each["stage"]
        keyed = (
            names for names in told.values()
            if f"{layer} {stage}" == names
            or any(
                part.startswith(f"{stage} of ") and layer in part[len(stage) + 4 :].split(", ")
                for part in names.split("; ")
            )
        )  # fmt: skip
        assert f"{layer} {stage}" in texts or next(keyed, None), (layer, stage)


@pytest.mark.slow
def test_every_layer_has_its_bars_and_its_lane(large: dict[str, Any]) -> None:
    layers = {each["layer"] for each in large["cycles"]["layers"]}
    assert len(layers) > 20
    for name in ("cycles", "timeline"):
        pair = figures(large)[name]
        assert pair is not None
        texts = {mark["text"] for mark in pair[0].marks if mark["tag"] == "text"}
        assert layers <= texts


def test_figures_stay_within_their_width(told: dict[str, Any]) -> None:
    for name, pair in figures(told).items():
        if pair is None:
            assert name in ("simulated", "fills")
            continue
        assert [figure.width for figure in pair] == [WIDE, NARROW]
        for figure in pair:
            rects = [m["attributes"] for m in figure.marks if m["tag"] == "rect"]
            assert all(float(a["x"]) >= 0 for a in rects), name
            ends = [float(a["x"]) + float(a["width"]) for a in rects]
            assert max(ends, default=0) <= figure.width + 0.5, name
            heights = [float(a["y"]) + float(a["height"]) for a in rects]
            assert max(heights, default=0) <= figure.height, name


def test_missing_parts_say_so(tmp_path: Path) -> None:
    text = page(document(read_inputs(make_bundle(tmp_path / "b", program=False))))
    found = Page(text)
    assert found.faults == [] and found.text.count("has no program.json") == 4
    assert "no runs in this folder" in found.text


@pytest.mark.parametrize("size", ["rows: 1\n  lanes: 8", "rows: 64\n  lanes: 64"])
def test_arrays_of_all_sizes_are_drawn(size: str, tmp_path: Path) -> None:
    text = b"name: a\ncard: u50\narray:\n  " + size.encode() + b"\n"
    told = document(read_inputs(make_bundle(tmp_path / "b", text=text)))
    assert Page(page(told)).faults == []


def test_the_tile_of_accuracy_is_of_the_specs_own_pruning(tmp_path: Path) -> None:
    bundle = make_bundle(tmp_path / "b")
    write_run(bundle / "dense.jsonl", [0.9], method="dense", keep=8)
    write_run(bundle / "wide.jsonl", [0.8], keep=4)

    def tile() -> tuple[str, float]:
        told = document(read_inputs(bundle))
        found = next(each for each in tiles(told) if "accuracy" in each["name"])
        assert at(told, found["key"]) == found["value"]
        return found["name"], found["value"]

    assert tile() == ("best accuracy, dense", 0.9)
    write_run(bundle / "own.jsonl", [0.5, 0.25])
    write_run(bundle / "own1.jsonl", [0.5, 0.75], seed=1)
    assert tile() == ("best accuracy, bdwp 2:8", 0.75)


def test_the_fullest_resource_has_a_tile(told: dict[str, Any]) -> None:
    total, left = told["resources"]["total"], told["resources"]["available"]
    fullest = max(total, key=lambda name: total[name] / left[name])
    found = [each for each in tiles(told) if each["key"].startswith("resources.")]
    assert fullest == "lut"
    assert [each["key"] for each in found] == ["resources.total.lut", "resources.total.dsp"]
    percent = round(100 * total["lut"] / left["lut"])
    assert found[0]["name"] == f"LUT, {percent} % of what is left for kernels"


@pytest.mark.parametrize(
    ("low", "labels"),
    [(0.05, range(0, 101, 20)), (0.1, range(0, 101, 20)), (0.35, range(20, 101, 20)),
     (0.5, range(50, 101, 10)), (0.97, (90, 100)), (1.0, (90, 100))],
)  # fmt: skip
def test_both_ends_of_the_axis_of_accuracy_are_labelled(low: float, labels: Iterable[int]) -> None:
    epochs = [{"epoch": 1, "test_accuracy": low}, {"epoch": 2, "test_accuracy": 1.0}]
    run = {"name": "a", "method": "dense", "epochs": epochs, "test_accuracy": 1.0}
    texts = [mark["text"] for mark in accuracy([run], WIDE).marks if mark["tag"] == "text"]
    found = [text for text in texts if text.endswith(" %") and "dense" not in text]
    assert sorted(found) == sorted(f"{percent} %" for percent in labels)


def test_the_bound_compute_is_told_with_its_idle_cycles(text: str) -> None:
    assert "products, with idle cycles of short passes" in Page(text).text
