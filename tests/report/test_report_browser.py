# SPDX-License-Identifier: Apache-2.0
"""The page in headless Chromium, where there is one: no errors, nothing beyond the edge, and tables
that sort."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from report_bundles import make_bundle, write_run

from hlsgen.report.data import document
from hlsgen.report.inputs import read_inputs
from hlsgen.report.page import page

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "chrome-headless-shell")
BROWSER = next((found for name in NAMES if (found := shutil.which(name))), None)
FLAGS = (
    "--headless", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--enable-logging=stderr",
    "--disable-dev-shm-usage", "--hide-scrollbars",
)  # fmt: skip
LONGEST_SECONDS = 120

# What a reader might do, and what comes of it.
ACTS = """
<script>
const table = document.querySelectorAll("#cycles table")[1];
const column = (n) => Array.from(table.tBodies[0].rows).map((row) => row.cells[n].dataset.v);
const buttons = table.querySelectorAll("button.sort");
buttons[2].click(); const down = column(2);
buttons[2].click(); const up = column(2);
buttons[0].click(); buttons[0].click(); const names = column(0);
const paper = () => getComputedStyle(document.body).backgroundColor;
const before = paper(); document.getElementById("theme").click(); const after = paper();
const shown = (kind) => Array.from(document.querySelectorAll("svg." + kind))
  .filter((each) => each.getBoundingClientRect().width > 0).length;
const out = Array.from(document.querySelectorAll("svg text")).filter(function (each) {
  const box = each.getBoundingClientRect(), all = each.closest("svg").getBoundingClientRect();
  return box.width && (box.left < all.left - 1 || box.right > all.right + 1
    || box.bottom > all.bottom + 1 || box.top < all.top - 1);
}).map((each) => each.textContent);
const found = { down, up, names, before, after, wide: shown("wide"), narrow: shown("narrow"), out,
  inner: window.innerWidth, width: document.documentElement.scrollWidth };
document.body.innerHTML = "";
const told = document.createElement("pre");
told.id = "told"; told.textContent = JSON.stringify(found);
document.body.appendChild(told);
</script>
</body>"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine"),
]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    bundle = make_bundle(tmp_path_factory.mktemp("browser") / "b")
    write_run(bundle / "one.jsonl", [0.5, 0.875])
    write_run(bundle / "two.jsonl", [0.25, 0.375], method="dense")
    return document(read_inputs(bundle))


def browse(file: Path, width: int, *flags: str) -> str:
    """What the browser prints; what it logs must have no word of the page's own."""
    assert BROWSER is not None
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    profile = file.parent / f"profile-{width}"
    done = subprocess.run(
        [BROWSER, *FLAGS, *sandbox, f"--user-data-dir={profile}", f"--window-size={width},900",
         *flags, file.as_uri()],
        capture_output=True,
        text=True,
        timeout=LONGEST_SECONDS,
        check=True,
    )  # fmt: skip
    errors = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert errors == []
    return done.stdout


@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_works(width: int, told: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    text = page(told)
    file.write_text(text.replace("</body>", ACTS), encoding="utf-8")
    dom = browse(file, width, "--dump-dom")
    match = re.search(r'<pre id="told">(.*?)</pre>', dom, re.DOTALL)
    assert match is not None
    found = json.loads(unescape(match[1]))
    cycles = sorted((each["cycles"] for each in told["cycles"]["layers"]), reverse=True)
    assert [int(value) for value in found["down"]] == cycles
    assert [int(value) for value in found["up"]] == cycles[::-1]
    assert found["names"] == sorted(found["names"])
    assert found["before"] != found["after"]
    assert found["width"] <= found["inner"]
    assert (found["wide"] > 0, found["narrow"] > 0) == (width == 1280, width == 390)
    assert found["out"] == []


@pytest.mark.parametrize("width", [1280, 390])
def test_a_picture_can_be_taken(width: int, told: dict[str, Any], tmp_path: Path) -> None:
    file, picture = tmp_path / "report.html", tmp_path / "page.png"
    file.write_text(page(told), encoding="utf-8")
    browse(file, width, f"--screenshot={picture}")
    content = picture.read_bytes()
    assert content.startswith(b"\x89PNG") and len(content) > 20_000
    assert int.from_bytes(content[16:20], "big") == width
