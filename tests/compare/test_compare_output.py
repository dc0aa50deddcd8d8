# SPDX-License-Identifier: Apache-2.0
"""The table, the plot and the section of a report, from one document."""

from __future__ import annotations

import io
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest
from compare_samples import document_of, jobs_of, records
from hypothesis import given
from hypothesis import strategies as st
from sat_host.settings import METHODS

from hlsgen.compare import page, plot, table
from hlsgen.compare.plan import Request
from hlsgen.compare.results import make_run, summarize

pytestmark = pytest.mark.slow

BOTH = ("dense", "bdwp")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return document_of(Request(METHODS, 3, epochs=8))


def test_table_as_markdown(document: dict[str, Any]) -> None:
    lines = table.markdown(document).splitlines()
    assert lines[0] == "tiny: mlp on digits, 8 epochs of batch 64, 3 seeds (0 to 2):"
    rows = [line for line in lines if line.startswith("|")]
    assert len(rows) == 2 + len(METHODS)
    assert len({row.count("|") for row in rows}) == 1
    assert re.fullmatch(
        r"\| dense \| \d\d\.\d\d ± \d\.\d\d % \| - \| 3\.00 M \| 75\.0 % \| 8\.5 \|", rows[2]
    )
    assert re.fullmatch(
        r"\| bdwp 2:8 \| \d\d\.\d\d ± \d\.\d\d % \| [+-]\d\.\d\d \| 3\.00 M \| 75\.0 % \| 8\.5 \|",
        rows[-1],
    )
    assert "sample standard deviation" in lines[-1]


def test_table_without_what_is_not_known() -> None:
    (job,) = jobs_of(Request(("bdwp",), 1))
    summary = summarize(("bdwp",), [make_run(job, records(job, macs=None))])
    single = {**document_of(Request(("bdwp",), 1)), "summary": summary}
    (cells,) = table.rows(single)
    assert cells[2:5] == ("-", "-", "-") and "±" not in cells[1]
    assert "standard deviation" not in table.note(single)
    assert "seed 0" in table.title(single)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"), (999, "999"), (999.4, "999"), (1000, "1.00 k"), (9_999, "10.0 k"),
        (12_345_678, "12.3 M"), (999_499_999, "999 M"), (999_600_000, "1.00 G"),
        (4.09e9, "4.09 G"), (1.5e12, "1.50 T"),
    ],
)  # fmt: skip
def test_macs_have_three_digits(count: float, text: str) -> None:
    assert table.macs_text(count) == text


@given(st.lists(st.floats(0, 1), min_size=1, max_size=6))
def test_labels_are_moved_apart_and_keep_their_order(heights: list[float]) -> None:
    gap = 0.06
    places = plot.spread_labels(heights, gap)
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    ordered = [places[index] for index in order]
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(ordered))
    assert ordered[-1] <= 1.0 + 1e-9 and ordered[0] >= min(0.0, 1.0 - gap * len(heights))
    wanted = sorted(heights)
    if all(b - a >= gap for a, b in pairwise(wanted)):
        assert places == pytest.approx(heights)


def test_curves_are_the_mean_and_the_range_over_seeds(document: dict[str, Any]) -> None:
    for curve in plot.curves(document):
        assert curve.epochs == tuple(range(1, 9))
        values = [
            [100 * run["epochs"][4]["test_accuracy"] for run in document["runs"]
             if run["method"] == curve.method]
        ][0]  # fmt: skip
        assert len(values) == 3
        assert curve.means[4] == pytest.approx(sum(values) / 3)
        assert (curve.lows[4], curve.highs[4]) == (min(values), max(values))


def test_axis_shows_all_after_the_climb(document: dict[str, Any]) -> None:
    drawn = plot.curves(document)
    low, high = plot.axis_limits(drawn)
    for curve in drawn:
        assert all(low < value < high for value in (*curve.lows[1:], *curve.highs[1:]))
    assert low > min(curve.lows[0] for curve in drawn)
    perfect = plot.Curve("dense", "dense", (1,), (100.0,), (100.0,), (100.0,))
    low, high = plot.axis_limits([perfect])
    assert low < 100.0 < high < 101.0


def test_what_the_axis_cuts_is_said(document: dict[str, Any]) -> None:
    low, _ = plot.axis_limits(plot.curves(document))
    said = f"The axis begins at {low:.1f} %: what is lower is not shown."
    assert plot.band_text(document).endswith(said) and said in page.section(document)
    assert f"below {low:.1f} % not shown" in plot.svg(document)
    whole = document_of(Request(BOTH, 2, epochs=2))
    assert "not shown" not in page.section(whole)


def test_section_scrolls_where_it_is_narrow(document: dict[str, Any]) -> None:
    text = page.section(document)
    for inner in ("<table", "<svg"):
        assert re.search(rf'<div class="scroll" tabindex="0"[^>]*>\s*{inner}', text)
    assert re.search(r"svg {[^}]*min-width: 42rem", text)


def test_stopped_run_of_fewer_epochs_and_a_single_epoch_are_drawn() -> None:
    shorter = document_of(Request(BOTH, 2, epochs=4))
    del shorter["runs"][0]["epochs"][2:]
    assert plot.curves(shorter)[0].epochs == (1, 2, 3, 4)
    for drawn in (shorter, document_of(Request(BOTH, 1, epochs=1))):
        assert plot.png(drawn).startswith(b"\x89PNG\r\n")
        assert "</svg>" in plot.svg(drawn)


def test_png_is_the_same_each_time_whatever_the_users_style(
    document: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import matplotlib
    from matplotlib.image import imread

    first = plot.png(document)
    # As a matplotlibrc would.
    monkeypatch.setitem(matplotlib.rcParams, "lines.linewidth", 9.0)
    monkeypatch.setitem(matplotlib.rcParams, "axes.labelsize", 30.0)
    assert plot.png(document) == first
    assert imread(io.BytesIO(first)).shape[:2] == (675, 1200)


def test_svg_takes_its_colours_from_the_page(document: dict[str, Any]) -> None:
    text = plot.svg(document)
    assert text == plot.svg(document)
    ET.fromstring(text)
    assert set(re.findall(r"var\((--\w+)\)", text)) == {
        "--ink", "--grid", *(f"--{method}" for method in METHODS),
    }  # fmt: skip
    assert not re.search(r"(?:fill|stroke): #", text)
    assert "<style" not in text and "font-family" not in text and "<metadata" not in text
    ids = re.findall(r'\bid="([^"]*)"', text)
    assert len(ids) == len(set(ids)) and all(name.startswith("c0123456789ab-") for name in ids)
    used = re.findall(r'(?:url\(#|href="#)([^)"]*)', text)
    assert used and set(used) <= set(ids)
    for summary in document["summary"]:
        assert f">{table.method_label(summary)}  " in text  # letters, not outlines


class _Tags(HTMLParser):
    """Refuses tags that do not nest, and gathers what tables say."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("td", "th"):
            self.text.append(data)


def test_section_is_whole_and_alone(document: dict[str, Any]) -> None:
    text = page.section(document)
    assert text.isascii() and text.startswith("<section ") and text.endswith("</section>\n")
    tags = _Tags()
    tags.feed(text)
    tags.close()
    assert tags.open == []
    assert tags.text == [*table.HEADER, *(cell for row in table.rows(document) for cell in row)]
    assert not re.search(r'(?:src|href)="(?!#)', text)
    assert not re.search(r"@import|url\((?!#)", text)


def test_section_has_every_colour_for_light_and_dark(document: dict[str, Any]) -> None:
    text = page.section(document)
    used = set(re.findall(r"var\((--\w+)\)", text)) - {"--own"}
    for theme in ("{", "(prefers-color-scheme: dark)", '"light"]', '"dark"]'):
        block = text[text.index(theme) :].partition("}")[0]
        assert used <= set(re.findall(r"(--\w+): #", block)), theme


def test_section_escapes_what_the_spec_says(document: dict[str, Any]) -> None:
    evil = {**document, "spec": {**document["spec"], "name": "<script>&"}}
    text = page.section(evil)
    assert "<script" not in text and "&lt;script&gt;&amp;" in text


@pytest.mark.parametrize("theme", [0, 1])
def test_colours_stand_out_of_the_page(theme: int) -> None:
    """At least 3 to 1, as WCAG asks of graphics, and 4.5 to 1 for letters in ink."""
    paper = plot.PAPER[theme]
    assert set(plot.COLOURS) >= set(METHODS)
    for pair in plot.COLOURS.values():
        assert contrast(pair[theme], paper) >= 3.0
    assert contrast(plot.INK[theme], paper) >= 4.5


def contrast(first: str, second: str) -> float:
    """WCAG's contrast ratio of two colours `#rrggbb`."""

    def luminance(colour: str) -> float:
        parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)
