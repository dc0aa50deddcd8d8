# SPDX-License-Identifier: Apache-2.0
"""The page in headless Chromium, where there is one: clicked, typed at and pasted from."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import BROWSER, Tab, chromium
from report_bundles import hardware_of, make_bundle, write_deployed, write_run

from hlsgen.report.data import document
from hlsgen.report.inputs import read_inputs
from hlsgen.report.page import page

WIDTHS = (1280, 390)
LARGE = Path(__file__).parents[2] / "specs" / "tinyimagenet_resnet18.yaml"
TABLE = "document.querySelectorAll('#cycles table')[1]"
COPY = f"{TABLE}.closest('details').querySelector('button.copy')"
MODULES = "document.querySelector('#resources .scroll')"
ALL = "document.getElementById('all')"
NO_CLIPBOARD = "Object.defineProperty(navigator, 'clipboard', {value: undefined});"
REFUSED = "navigator.clipboard.writeText = () => Promise.reject(new Error('refused'));"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine's PATH"),
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    bundle = make_bundle(tmp_path_factory.mktemp("browser") / "b", hardware=hardware_of())
    write_run(bundle / "one.jsonl", [0.5, 0.875])
    write_run(bundle / "two.jsonl", [0.25, 0.375], method="dense")
    for seed in range(3):
        write_run(bundle / f"sr{seed}.jsonl", [0.5, 0.75], method="sr_ste", seed=seed)
    write_deployed(bundle.with_name("b.runs") / "deploy.json")
    return document(read_inputs(bundle))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    bundle = make_bundle(folder / "b", text=LARGE.read_bytes())
    file = folder / "large.html"
    file.write_text(page(document(read_inputs(bundle))), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def file(told: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page(told), encoding="utf-8")
    return path


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    with chromium(tmp_path / "profile") as found:
        yield found


def column(tab: Tab, place: int) -> list[str]:
    rows = f"Array.from({TABLE}.tBodies[0].rows)"
    return list(tab.run(f"{rows}.map((row) => row.cells[{place}].dataset.v)"))


def order(tab: Tab, place: int) -> str | None:
    found = tab.run(f"{TABLE}.querySelectorAll('th')[{place}].getAttribute('aria-sort')")
    return None if found is None else str(found)


def button(place: int) -> str:
    return f"{TABLE}.querySelectorAll('button.sort')[{place}]"


def shown(tab: Tab) -> dict[str, Any]:
    """How wide the page is, which figures are seen, and texts that leave theirs."""
    found = tab.run("""(() => {
      const seen = (kind) => Array.from(document.querySelectorAll("svg." + kind))
        .filter((each) => each.getBoundingClientRect().width > 0).length;
      const out = Array.from(document.querySelectorAll("figure svg text")).filter((each) => {
        const box = each.getBoundingClientRect();
        const all = each.closest("svg").getBoundingClientRect();
        return box.width && (box.left < all.left - 1 || box.right > all.right + 1
          || box.bottom > all.bottom + 1 || box.top < all.top - 1);
      }).map((each) => each.textContent);
      return { wide: seen("wide"), narrow: seen("narrow"), out, inner: window.innerWidth,
        width: document.documentElement.scrollWidth };
    })()""")
    return dict(found)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("size", ["small", "large"])
def test_nothing_is_said_asked_for_or_beyond_the_edge(
    size: str, width: int, file: Path, large: Path, tab: Tab
) -> None:
    opened = file if size == "small" else large
    tab.open(opened, width)
    found = shown(tab)
    assert found["width"] <= found["inner"] == width
    assert (found["wide"] > 0, found["narrow"] > 0) == (width == 1280, width == 390)
    assert found["out"] == []
    assert tab.faults == []
    asked = [address for address in tab.requests if not address.startswith("data:")]
    assert asked == [opened.as_uri()]


@pytest.mark.parametrize("size", ["small", "large"])
def test_at_a_desk_no_table_hides_a_column_or_its_totals(
    size: str, file: Path, large: Path, tab: Tab
) -> None:
    tab.open(file if size == "small" else large, 1280)
    hidden = tab.run("""(() => {
      document.querySelectorAll("details").forEach((each) => { each.open = true; });
      return Array.from(document.querySelectorAll(".scroll")).filter((each) => {
        const box = each.getBoundingClientRect();
        const rows = Array.from(each.querySelectorAll("tfoot tr"));
        const below = (row) => row.getBoundingClientRect().bottom > box.bottom + 1;
        return each.scrollWidth > each.clientWidth || rows.some(below);
      }).map((each) => each.getAttribute("aria-label"));
    })()""")
    assert hidden == []
    long = f"""{MODULES}.scrollHeight > {MODULES}.clientHeight"""
    assert tab.run(long) is True, "else its totals need no place of their own"


def test_key_numbers_are_seen(file: Path, told: dict[str, Any], tab: Tab) -> None:
    tab.open(file, 390)
    seen = tab.run("document.body.innerText")
    cycles, device, tools = told["cycles"], told["device"], told["tools"]
    for number in (
        f"{cycles['total_cycles']:,}", f"{cycles['dense_cycles']:,}", f"{cycles['speedup']:.2f}x",
        f"{told['resources']['total']['dsp']:,}", "87.50 %", "best accuracy, bdwp 2:8",
        f"{device['products'][0]['modelled_gops']:,.2f}", tools["clock"],
    ):  # fmt: skip
        assert number in seen


def test_tables_sort_by_the_mouse(file: Path, told: dict[str, Any], tab: Tab) -> None:
    tab.open(file, 1280)
    cycles = sorted((each["cycles"] for each in told["cycles"]["layers"]), reverse=True)
    assert order(tab, 2) is None
    tab.click(button(2))
    assert (order(tab, 2), [int(each) for each in column(tab, 2)]) == ("descending", cycles)
    tab.click(button(2))
    assert (order(tab, 2), [int(each) for each in column(tab, 2)]) == ("ascending", cycles[::-1])
    tab.click(button(0))
    assert (order(tab, 2), order(tab, 0)) == (None, "ascending")
    assert column(tab, 0) == sorted(column(tab, 0))
    assert tab.faults == []


def test_tables_sort_by_the_keyboard(file: Path, told: dict[str, Any], tab: Tab) -> None:
    tab.open(file, 390)
    tab.run(f"{button(1)}.focus()")
    tab.press("Tab")
    assert tab.run(f"document.activeElement === {button(2)}") is True
    tab.press("Enter", "\r")
    cycles = [each["cycles"] for each in told["cycles"]["layers"]]
    assert [int(each) for each in column(tab, 2)] == sorted(cycles, reverse=True)
    tab.press(" ", " ")
    assert [int(each) for each in column(tab, 2)] == sorted(cycles)
    assert order(tab, 2) == "ascending"


def test_what_is_no_number_stays_last(file: Path, tab: Tab) -> None:
    """Updates have no utilisation."""
    tab.open(file, 1280)
    place = tab.run(
        f"Array.from({TABLE}.querySelectorAll('th')).findIndex("
        "(each) => each.textContent.startsWith('utilised'))"
    )
    for _ in range(2):
        tab.click(button(place))
        found = column(tab, place)
        assert "" in found and "" not in found[: found.index("")]
        assert set(found[found.index("") :]) == {""}


@pytest.mark.parametrize("before", ["", NO_CLIPBOARD, REFUSED])
def test_copy_puts_the_plain_table_on_the_clipboard(
    before: str, file: Path, told: dict[str, Any], tab: Tab
) -> None:
    tab.open(file, 1280, before=before)
    tab.click(button(2))
    tab.click(COPY)
    tab.wait(f"{COPY}.textContent === 'copied'")
    head, *rows = [line.split("\t") for line in tab.pasted().rstrip("\n").split("\n")]
    assert head[:4] == ["layer", "stage", "cycles", "dense cycles"]
    layers = sorted(told["cycles"]["layers"], key=lambda each: -each["cycles"])
    assert [row[:4] for row in rows] == [
        [each["layer"], each["stage"], str(each["cycles"]), str(each["dense_cycles"])]
        for each in layers
    ]
    assert tab.faults == []


def test_where_nothing_can_be_copied_the_table_is_selected(file: Path, tab: Tab) -> None:
    tab.open(file, 1280, before=f"{NO_CLIPBOARD} document.execCommand = () => false;")
    tab.click(COPY)
    tab.wait(f"{COPY}.textContent.includes('Ctrl+C')")
    assert tab.run("getSelection().toString()").startswith("layer")


def test_copy_all_gives_the_document(file: Path, told: dict[str, Any], tab: Tab) -> None:
    tab.open(file, 390)
    tab.click(ALL)
    tab.wait(f"{ALL}.textContent === 'copied'")
    assert json.loads(tab.pasted()) == json.loads(json.dumps(told))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark(scheme: str, file: Path, tab: Tab) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    tab.open(file, 1280, scheme)
    before = tab.run(paper)
    assert before == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 23, 26)")
    tab.click("document.getElementById('theme')")
    assert tab.run(paper) != before
    picture = base64.b64decode(tab.call("Page.captureScreenshot")["data"])
    assert picture.startswith(b"\x89PNG") and len(picture) > 20_000


def test_print_is_light_and_opens_what_is_folded(file: Path, tab: Tab) -> None:
    tab.open(file, 1280, "dark")
    folded = "document.querySelectorAll('details:not([open])').length"
    before = tab.run(folded)
    dark = [{"name": "prefers-color-scheme", "value": "dark"}]
    tab.run("document.documentElement.dataset.theme = 'dark'")
    tab.call("Emulation.setEmulatedMedia", media="print", features=dark)
    assert tab.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    tab.run("dispatchEvent(new Event('beforeprint'))")
    assert before > 0 and tab.run(folded) == 0
    tab.run("dispatchEvent(new Event('afterprint'))")
    assert tab.run(folded) == before
    printed = base64.b64decode(tab.call("Page.printToPDF")["data"])
    assert printed.startswith(b"%PDF") and len(printed) < 3_000_000
