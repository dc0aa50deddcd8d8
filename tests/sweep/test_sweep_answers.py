# SPDX-License-Identifier: Apache-2.0
"""What `hlsgen sweep` prints and writes: tables of every width, reasons, the best point's network,
and files that keep apart."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hlsgen.cli.main import main
from hlsgen.specfile import load_spec
from hlsgen.sweep.chosen import name_of
from hlsgen.sweep.columns import DONE, TOO_LARGE
from hlsgen.sweep.report import GROUPS, NOTE, table

pytestmark = pytest.mark.slow

SPEC = Path(__file__).parents[2] / "specs" / "digits.yaml"


def run(*arguments: str, spec: Path = SPEC) -> int:
    return main(["sweep", str(spec), *arguments, "--jobs", "1"])


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert run(*arguments, "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert isinstance(result, dict)
    return result


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "own.yaml"
    file.write_text(f"# A comment.\n{SPEC.read_text(encoding='utf-8')}", encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--best", "own.yaml"), "own.yaml: is what SPEC names too: name another file with --best"),
        (("--best", "link/own.yaml"), "is what SPEC names too"),
        (("--plot", "a.svg", "--best", "link/own.yaml"), "is what SPEC names too"),
        (("-o", "a.csv", "--plot", "a.csv"), "plots are .png"),
        (("-o", "link/t.csv", "--workload", "t.csv"), "is what --workload names too"),
    ],
)
def test_no_file_takes_the_place_of_another(
    options: tuple[str, ...],
    said: str,
    own: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(own.parent)
    (own.parent / "link").symlink_to(own.parent)
    text = own.read_bytes()
    (own.parent / "t.csv").write_text("a table\n")
    before = sorted(own.parent.iterdir())
    assert run("--over", "array.rows=8", *options, spec=Path("own.yaml")) == 2
    out, err = capsys.readouterr()
    assert said in err and err.count("\n") == 1 and out == ""
    assert own.read_bytes() == text and sorted(own.parent.iterdir()) == before
    assert (own.parent / "t.csv").read_text() == "a table\n"


def test_results_and_plot_keep_apart_through_links(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "a.svg").symlink_to("a.csv")
    files = ("-o", str(tmp_path / "a.csv"), "--plot", str(tmp_path / "a.svg"))
    assert run("--over", "array.rows=8", *files) == 2
    assert "a.svg: is what -o names too: name another file with --plot" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "step", "batch"),
    [
        ((), "mlp, batch 64", 64),
        (("--model", "cnn", "--batch", "32"), "cnn, batch 32", 32),
        (("--batch", "16"), "mlp, batch 16", 16),
        (("--workload", "resnet9_cifar10", "--batch", "8"), "resnet9_cifar10, batch 8", 64),
        (("--over", "training.batch=24"), "mlp, batch 24", 24),
        (("--over", "model={name: cnn}"), "cnn, batch 64", 64),
    ],
)
def test_the_best_spec_names_its_network_and_has_its_batch(
    options: tuple[str, ...],
    step: str,
    batch: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "best.yaml"
    assert run("--over", "array.rows=4", *options, "--best", str(file)) == 0
    first = file.read_text(encoding="utf-8").splitlines()[0]
    assert f", on {step}: " in first
    assert f", on {step}: " in " ".join(capsys.readouterr().out.split())
    assert load_spec(file).training.batch == batch


def test_a_batch_that_the_spec_can_not_have_is_refused_with_best_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec, best = tmp_path / "own.yaml", tmp_path / "best.yaml"
    text = SPEC.read_text(encoding="utf-8").replace("  batch: 64", "  micro_batch: 64\n  batch: 64")
    spec.write_text(text, encoding="utf-8")
    options = ("--over", "array.rows=4", "--batch", "48")
    assert run(*options, "--best", str(best), spec=spec) == 2
    out, err = capsys.readouterr()
    assert err.startswith("hlsgen sweep: --batch 48: a spec can't have it: training.")
    assert err.endswith(", or leave out --best\n") and err.count("\n") == 1 and out == ""
    assert run(*options, spec=spec) == 0 and not best.exists()


@pytest.mark.parametrize(
    ("file", "name"),
    [("best.yaml", "best"), ("Own-2.yml", "own_2"), ("8 rows.yaml", "best_8_rows"),
     ("\u00e9.yaml", "best__"), ("x" * 60 + ".yaml", "x" * 40)],
)  # fmt: skip
def test_names_like_files(file: str, name: str) -> None:
    assert name_of(Path("folder") / file) == name


def test_the_first_of_each_kind_that_is_not_modelled_has_its_reason(
    capsys: pytest.CaptureFixture[str],
) -> None:
    over = ("--over", "array.rows=8,64", "--over", "array.lanes=8,32", "--over",
            "sparsity.group=8,16")  # fmt: skip
    found = answer(capsys, *over)["reasons"]
    assert {status: first["point"] for status, first in found.items()} == {
        "illegal": 1,
        TOO_LARGE: 6,
    }
    assert found[TOO_LARGE]["array.rows"] == 64 and " LUT of " in found[TOO_LARGE]["reason"]
    assert run(*over) == 0
    printed = " ".join(capsys.readouterr().out.split())
    said = "not modelled, the first of each kind: illegal: point 1 (array.rows 8, array.lanes 8, "
    assert said in printed and "does not fit: point 6 (array.rows 64, array.lanes 32, " in printed


@pytest.mark.parametrize(("options", "status"), [((), 0), (("--objective", "time"), 1)])
def test_without_a_point_the_status_tells_whether_a_best_one_was_asked_for(
    options: tuple[str, ...], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--over", "array.rows=64", *options) == status
    out, err = capsys.readouterr()
    assert "1 point: 1 does not fit" in out and "no point is left" in out and "needs " in out
    assert err == ("hlsgen sweep: no point: widen --over or the budgets\n" if status else "")
    assert run("--over", "array.rows=64", *options, "--json") == status
    out, err = capsys.readouterr()
    result = json.loads(out)  # one object
    assert list(result["reasons"]) == [TOO_LARGE] and result["front"] == []
    assert result.get("ok") is (False if status else None) and bool(err) == bool(status)


def row(number: int, **changes: Any) -> dict[str, Any]:
    figures = {
        "modelled_ms": 13978.975, "modelled_images_per_s": 36.6, "modelled_utilisation": 0.995,
        "modelled_energy_j": 3145.269, "estimated_within_plan": True, "estimated_dsp": 2246,
        "estimated_bram36": 584.5, "estimated_lut": 492964, "estimated_dsp_share": 0.3825,
        "estimated_bram36_share": 0.374, "estimated_lut_share": None,
    }  # fmt: skip
    return {"point": number, "status": DONE, "reason": "", **figures, **changes}


def test_tables_leave_out_what_is_too_wide() -> None:
    keys = ("array.rows", "a.keep", "b.keep", "x.ms")
    rows = [row(0, **dict.fromkeys(keys, 8)), row(12, **{key: [1, 2] for key in keys})]
    widest = table(rows, keys, None)
    assert widest.header == (
        "point", "rows", "a.keep", "b.keep", "x.ms", "ms", "images/s", "utilised", "J", "DSP",
        "BRAM36", "LUT", "within plan",
    )  # fmt: skip
    assert widest.rows[1] == (
        "12", "[1, 2]", "[1, 2]", "[1, 2]", "[1, 2]", "13,979.0", "36.6", "99.5 %", "3,145.3",
        "2,246 (38 %)", "584.5 (37 %)", "492,964", "yes",
    )  # fmt: skip
    assert table(rows, keys, widest.width) == widest and widest.left_out == ()
    width, left_out = widest.width, []
    while (found := table(rows, keys, width - 1)).width < width:
        width = found.width
        assert set(found.header) | set(found.left_out) >= set(widest.header)
        left_out.append(found.left_out)
    assert left_out == [
        ("amounts",), ("amounts", "images/s", "J"), ("amounts", "images/s", "J", "utilised"),
    ]  # fmt: skip
    assert found.rows[0][-4:] == ("38.2 %", "37.4 %", "492,964", "yes")


@pytest.mark.parametrize(("columns", "left_out"), [(80, True), (100, True), (140, False)])
def test_no_line_is_wider_than_the_terminal(columns: int, left_out: bool) -> None:
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "hlsgen", "sweep", str(SPEC), "--over", "array.rows=8,32,64"]
    options = ["--over", "array.lanes=16,32", "--over", "sparsity.keep=1,2", "--objective", "time"]
    environ = {**os.environ, "COLUMNS": str(columns), "PYTHONPATH": os.pathsep.join(sys.path),
               "TERM": "xterm"}  # fmt: skip
    with subprocess.Popen(
        [*command, *options, "--jobs", "1"], stdout=terminal, stderr=subprocess.DEVNULL, env=environ
    ) as process:
        os.close(terminal)
        written = b""
        while chunk := _chunk(controller):
            written += chunk
    os.close(controller)
    assert process.returncode == 0
    lines = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", written.decode()).splitlines()
    assert max(map(len, lines)) <= columns
    text = " ".join(" ".join(lines).split())
    assert GROUPS in text and NOTE in text and "Accuracy is not considered" in text
    assert ("in a wider terminal" in text) == left_out


def _chunk(controller: int) -> bytes:
    try:
        return os.read(controller, 65536)
    except OSError:  # the other end is closed
        return b""


@pytest.mark.parametrize(
    ("cards", "energy"), [("vcu1525", False), ("vcu1525,u200", False), ("vcu1525,u50", True)]
)
def test_the_plot_names_the_best_and_has_energy_where_powers_differ(
    cards: str, energy: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    # So that the picture's letters are text; the plot begins from the defaults.
    monkeypatch.setitem(matplotlib.rcParamsDefault, "svg.fonttype", "none")
    file = tmp_path / "all.svg"
    options = ("--objective", "lut", "--budget", "dsp<=0.8", "--budget", "lut<=90%")
    over = ("--over", "array.rows=4,8", "--over", f"card={cards}")
    assert run(*over, *options, "--plot", str(file)) == 0
    text = file.read_text(encoding="utf-8")
    assert "best: least lut within dsp&lt;=0.8, lut&lt;=90%" in text
    assert ("modelled energy, J a step" in text) == energy
    assert ("energy of every point: its time at an assumed 225 W" in text) != energy
    assert run("--over", "array.rows=64", "--plot", str(file)) == 0
    assert "no point is left" in file.read_text(encoding="utf-8")


def test_a_workload_that_only_schedule_has_is_not_offered(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run("--over", "array.rows=8", "--workload", "papre") == 2
    assert "paper" not in capsys.readouterr().err
    assert main(["schedule", str(SPEC), "--workload", "papre"]) == 2
    assert "give paper, or a CSV file" in capsys.readouterr().err
