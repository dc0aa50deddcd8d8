# SPDX-License-Identifier: Apache-2.0
"""docs/report.md: every command of it, in order, with a small network, and its words; and what a
report without any run advises."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from report_bundles import SPEC, Page, hardware_of, make_bundle, write_deployed, write_run
from standins.shell_pages import DOCS, changed_spec, page_environ, run_block, shell_blocks

from hlsgen.cli.main import main
from hlsgen.report.data import document
from hlsgen.report.inputs import read_inputs
from hlsgen.report.kinds import KINDS
from hlsgen.report.page import page

SMALL = {"test_fraction": "0.9", "batch": "25", "warmup_epochs": "0"}
"""Fields of the spec; so an epoch has 8 steps. The array is the one that others compile too."""


@pytest.mark.slow
def test_every_command_of_the_page_makes_its_file(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    (tmp_path / "specs").mkdir()
    text = changed_spec(SPEC, SMALL)
    (tmp_path / "specs" / SPEC.name).write_text(text, encoding="utf-8")
    (block,) = shell_blocks("report.md")
    printed = run_block(block, tmp_path, page_environ())
    assert "written: build/digits_cnn/report.html\nwritten: page.html\n{" in printed
    told = json.loads(printed[printed.index("\n{") :])
    made = tmp_path / "build" / "digits_cnn" / "report.html"
    assert json.loads(Page(made.read_text(encoding="utf-8")).data) == told
    assert told["remarks"] == []
    missing = [key for key, each in told.items() if isinstance(each, dict) and "missing" in each]
    assert missing == ["tools"]
    assert (told["simulated"]["title"], told["simulated"]["file"]) == (
        "cnn, training step of 25 images", "step.npz",
    )  # fmt: skip
    assert (told["device"]["kind"], len(told["runs"])) == ("host time", 1)


@pytest.mark.slow
def test_the_advice_of_a_bundle_without_runs_works(tmp_path: Path) -> None:
    """As it stands, with the names of a spec and a bundle."""
    spec = tmp_path / "spec.yaml"
    spec.write_bytes(SPEC.with_name("digits.yaml").read_bytes())
    assert main(["build", str(spec), "-o", str(tmp_path / "b")]) == 0
    told = document(read_inputs(tmp_path / "b"))
    for section in ("simulated", "device"):
        commands = re.findall("`([^`]+)`", told[section]["missing"])
        block = "\n".join(commands).replace("BUNDLE", "b").replace("SPEC", spec.name)
        run_block(block, tmp_path, page_environ())
    again = document(read_inputs(tmp_path / "b"))
    assert "missing" not in again["simulated"] and again["device"]["kind"] == "host time"


def test_the_words_are_the_same_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the page's header, the help and the table of the documentation; and no other is used."""
    bundle = make_bundle(tmp_path / "b", hardware=hardware_of())
    write_run(bundle / "a.jsonl", [0.5])
    write_run(bundle / "card.jsonl", [0.5], device="xrt:0")
    write_deployed(bundle / "deploy.json", target="csim")
    text = page(document(read_inputs(bundle)))
    header = " ".join(Page(text.partition("<nav")[0]).text.split())
    table = re.findall(r"^\| ([a-z ]+) \| (.*) \|$", (DOCS / "report.md").read_text(), re.MULTILINE)
    rows = dict(row for row in table if row[0] in KINDS)
    assert list(rows) == list(KINDS)
    for kind, origin in KINDS.items():
        assert f"{kind} {origin}" in header and rows[kind].startswith(origin)
    assert main(["report", "--help"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert f"what it is: {', '.join([*KINDS][:-1])} or {[*KINDS][-1]}." in told
    marks = re.findall(r'<span class="kind">([^<]+)</span>', text)
    used = {word for mark in marks for word in re.split(" beside | and ", mark)}
    assert used <= set(KINDS) and {"host time", "as built", "measured"} <= used
