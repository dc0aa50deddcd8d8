# SPDX-License-Identifier: Apache-2.0
"""`hlsgen time` on the kernel sources: tables, JSON, recordings, depths, and what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from accelerators import changed
from time_calls import MATMUL, SMALL, Said, answer, kept, refusal, time

from hlsgen.render import render
from hlsgen.spec import Spec
from hlsgen.specfile import load_spec
from hlsgen.timing import run

pytestmark = pytest.mark.slow

__all__ = ["kept"]  # a fixture


@pytest.fixture
def plant(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str, str], None]:
    """Changes a piece of the rendered sources."""

    def planted(path: str, before: str, after: str) -> None:
        def spoilt(spec: Spec) -> Any:
            return changed(render(spec), path, before, after)

        monkeypatch.setattr(run, "render", spoilt)

    return planted


def test_a_product_is_told_in_tables(capsys: Said) -> None:
    out, err = time(capsys, SMALL, *MATMUL, "--dataflow", "os")
    assert err == ""
    assert out.startswith("small: matmul 40x30 by 30x50, dense, on a 8x16 array, u50, simulated\n")
    assert re.search(r"^simulated cycles: [\d,]+ \([\d.]+ ms at 200 MHz\)$", out, re.MULTILINE)
    assert re.search(
        r"^modelled cycles: [\d,]+ \([-+][\d.]+ % of the simulated\)$", out, re.MULTILINE
    )
    assert re.search(r"^simulated cycles with endless FIFOs: [\d,]+ ", out, re.MULTILINE)
    for name in ("fetch_commands", "row_0..7", "store_tiles", "sums"):
        assert re.search(rf"^{re.escape(name)} ", out, re.MULTILINE)
    head = out.splitlines()[:10]
    for start in ("busiest process: ", "last process to end: ", "FIFO waited for longest: "):
        assert any(line.startswith(start) for line in head)
    assert max(map(len, out.splitlines())) <= 100
    assert "row_3" not in out and "more lines: --all)" in out
    unfolded, _ = time(capsys, SMALL, *MATMUL, "--dataflow", "os", "--all")
    assert re.search(r"^row_3 ", unfolded, re.MULTILINE) and "packets_3" in unfolded
    short, _ = time(capsys, SMALL, *MATMUL, "--dataflow", "os", "--top", "2")
    assert len(short.splitlines()) < len(out.splitlines()) - 15
    assert "more lines" not in unfolded and "sums_0" in unfolded  # which holds nothing here


def test_json_adds_up(capsys: Said) -> None:
    result = answer(capsys, SMALL, *MATMUL, "--keep", "2")
    assert result["kind"] == "simulated" and result["card"] == "u50"
    assert result["simulated"] == "matmul 40x30 by 30x50, 2:8"
    assert result["cycles"] >= result["endless_cycles"] > 0
    assert result["ms"] == pytest.approx(result["cycles"] / 200e3)
    (product,) = result["products"]
    assert product["cycles"] == result["cycles"]
    assert product["modelled_cycles"] == result["modelled_cycles"]
    rows = [each for each in result["processes"] if each["name"].startswith("row_")]
    assert len(rows) == 8
    for each in result["processes"]:
        blocked = sum(each[f"blocked_on_{what}"] for what in ("read", "write", "memory"))
        assert each["busy"] + blocked + each["idle"] == result["cycles"]
        assert sum(wait["cycles"] for wait in each["waits"]) == blocked
    for stream in result["streams"]:
        assert stream["fill"] <= stream["depth"]


def test_sparse_products_take_less(capsys: Said) -> None:
    sizes = ("--matmul", "128,64,64", "--dataflow", "os")
    assert answer(capsys, SMALL, *sizes, "--keep", "2")["cycles"] < (
        answer(capsys, SMALL, *sizes)["cycles"] / 2
    )


def test_a_step_is_the_sum_of_its_products(capsys: Said) -> None:
    result = answer(capsys, SMALL, "--step")
    names = [(each["layer"], each["stage"]) for each in result["products"]]
    assert names == [
        ("fc1", "FF"), ("fc2", "FF"), ("fc2", "WU"), ("fc2", "BP"), ("fc1", "WU"),
        ("fc2", "update"), ("fc1", "update"),
    ]  # fmt: skip
    for total in ("cycles", "endless_cycles", "modelled_cycles"):
        assert result[total] == sum(each["runs"] * each[total] for each in result["products"])
    layer = answer(capsys, SMALL, "--layer", "fc2")["products"]
    assert layer == [each for each in result["products"] if each["layer"] == "fc2"]
    assert answer(capsys, SMALL, "--layer", "fc2:WU")["products"] == layer[1:2]
    kernels = {each["name"]: each["cycles"] for each in result["kernels"]}
    assert sum(kernels.values()) == result["cycles"]
    for each in result["processes"]:
        parts = ("busy", "blocked_on_read", "blocked_on_write", "blocked_on_memory", "idle")
        assert sum(each[part] for part in parts) == each["cycles"] == kernels[each["kernel"]]


def test_a_step_that_is_kept_has_the_same_figures(tmp_path: Path, capsys: Said) -> None:
    """One that is not is resolved product by product, without its traces."""
    path = str(tmp_path / "step.npz")
    result = answer(capsys, SMALL, "--step")
    assert answer(capsys, SMALL, "--step", "--record", path) == result
    assert answer(capsys, SMALL, "--recorded", path) == result
    out, _ = time(capsys, SMALL, "--step")
    assert max(map(len, out.splitlines())) <= 100
    assert re.search(r"in its kernel's runs \(sat_stce [\d,]+, sat_wuve [\d,]+\):$", out, re.M)


def test_layers_of_other_networks_and_batches(capsys: Said) -> None:
    table = ("--workload", "resnet9_cifar10", "--batch", "1", "--layer", "fc:FF")
    result = answer(capsys, SMALL, *table)
    assert result["simulated"] == "resnet9_cifar10, 1 images: fc:FF"
    model = ("--model", "mlp", "--batch", "8", "--layer", "fc1:FF", "--method", "dense")
    assert answer(capsys, SMALL, *model)["cycles"] > 0


def test_what_was_recorded_is_resolved_again(kept: Path, capsys: Said) -> None:
    """With the same figures, and without a compiler's work or a run."""
    fresh = answer(capsys, SMALL, "--matmul", "64,64,64")
    again = answer(capsys, SMALL, "--recorded", str(kept))
    assert again == fresh
    slow = answer(capsys, SMALL, "--recorded", str(kept), "--bandwidth", "1/8")
    assert slow["cycles"] > fresh["cycles"] and slow["modelled_cycles"] == fresh["modelled_cycles"]
    assert slow["memory"]["bytes_per_cycle"] == fresh["memory"]["bytes_per_cycle"] / 8
    late = answer(capsys, SMALL, "--recorded", str(kept), "--latency", "500")
    assert late["cycles"] > fresh["cycles"]
    endless = answer(capsys, SMALL, "--recorded", str(kept), "--endless")
    assert endless["cycles"] == fresh["endless_cycles"] and endless["loss"] == 0


def test_what_was_recorded_has_the_depths_of_the_spec(
    kept: Path, tmp_path: Path, capsys: Said
) -> None:
    """Not those that it was recorded with; --depth counts before both."""
    spec = tmp_path / "shallow.yaml"
    text = Path(SMALL).read_text(encoding="utf-8")
    spec.write_text(text + "\nfifos: {packets: 1}\n", encoding="utf-8")
    _, err = time(capsys, str(spec), "--recorded", str(kept), status=1)
    assert "(full: 1 of 1)" in err
    mend = r"^packets with depth (\d+) ends it; in the spec: `fifos: {packets: \1}`$"
    assert re.search(mend, err, re.MULTILINE)
    wanted = answer(capsys, SMALL, "--recorded", str(kept))
    given = (str(spec), "--recorded", str(kept), "--depth", "packets=32")
    assert answer(capsys, *given) == wanted
    endless = answer(capsys, str(spec), "--recorded", str(kept), "--endless")
    assert endless["cycles"] == wanted["endless_cycles"]
    assert all(stream["depth"] is None for stream in endless["streams"])
    sizing = answer(capsys, str(spec), "--recorded", str(kept), "--size", "--depth", "packets=2",
                    "--bandwidth", "1")["sizing"]  # fmt: skip
    packets = next(each for each in sizing["fifos"] if each["family"] == "packets")
    assert packets["depth"] == 2 < packets["least_depth"] and packets["below_least"]
    table, _ = time(capsys, SMALL, "--recorded", str(kept), "--size", "--depth", "packets=2")
    assert re.search(r"^packets +8 +2\* ", table, re.MULTILINE)
    assert "* below the least depth" in table and max(map(len, table.splitlines())) <= 100


@pytest.mark.parametrize(("before", "after", "name"), [
    ("card: u50", "card: u280", "card"),
    ("clock_mhz: 200", "clock_mhz: 150", "clock_mhz"),
])  # fmt: skip
def test_a_recording_belongs_to_card_and_clock(
    before: str, after: str, name: str, kept: Path, tmp_path: Path, capsys: Said
) -> None:
    text = Path(SMALL).read_text(encoding="utf-8")
    spec = tmp_path / "other.yaml"
    assert before in text
    spec.write_text(text.replace(before, after), encoding="utf-8")
    said = refusal(capsys, str(spec), "--recorded", str(kept))
    assert f"recorded with {name} " in said and "give the spec that it was recorded with" in said


def test_a_fifo_below_its_need_is_named(kept: Path, capsys: Said) -> None:
    """A row's sums come out long after its packets went in, so packets_3 must hold several."""
    arguments = (SMALL, "--recorded", str(kept), "--depth", "packets_3=1")
    out, err = time(capsys, *arguments, status=1)
    first, ring, mend = err.splitlines()
    assert out == "" and first.startswith("64x64x64 matmul: deadlock at simulated cycle ")
    assert "row_2 waits to write packets_3 (full: 1 of 1), which row_3 reads" in ring
    assert "row_3 waits to read sums_3 (empty), which row_2 writes" in ring
    found = re.fullmatch(
        r"packets_3 with depth (\d+) ends it; in the spec: `fifos: {packets: (\d+)}`", mend
    )
    assert found is not None
    whole = int(found[2])
    time(capsys, SMALL, "--recorded", str(kept), "--depth", f"packets={whole}")
    time(capsys, SMALL, "--recorded", str(kept), "--depth", f"packets={whole - 1}", status=1)
    least = int(found[1])
    time(capsys, SMALL, "--recorded", str(kept), "--depth", f"packets_3={least}")
    time(capsys, SMALL, "--recorded", str(kept), "--depth", f"packets_3={least - 1}", status=1)
    out, _ = time(capsys, *arguments, "--json", status=1)
    error = json.loads(out)["errors"][0]
    assert error["deadlock"]["remedy"] == {
        "fifo": "packets_3", "depth": least, "family": "packets", "family_depth": whole,
    }  # fmt: skip


@pytest.mark.slow
def test_a_fifo_shrunk_in_the_rendered_kernel_deadlocks(
    plant: Callable[[str, str, str], None], capsys: Said
) -> None:
    plant("sat_stce.cpp", "(PacketT, packets_3, 32, srl)", "(PacketT, packets_3, 1, srl)")
    _, err = time(capsys, SMALL, "--matmul", "64,64,64", status=1)
    assert "row_2 waits to write packets_3 (full: 1 of 1), which row_3 reads" in err
    assert "row_3 waits to read sums_3 (empty), which row_2 writes" in err


@pytest.mark.slow
def test_depths_of_a_spec_are_those_that_are_simulated(tmp_path: Path, capsys: Said) -> None:
    spec = tmp_path / "shallow.yaml"
    spec.write_text(Path(SMALL).read_text(encoding="utf-8") + "\nfifos: {packets: 1}\n")
    _, err = time(capsys, str(spec), "--matmul", "64,64,64", status=1)
    assert "(full: 1 of 1)" in err
    assert re.search(r"^packets with depth \d+ ends it; ", err, re.MULTILINE)


@pytest.mark.slow
def test_a_missing_token_is_named(plant: Callable[[str, str, str], None], capsys: Said) -> None:
    """fetch_commands no longer tells that there are no more tiles."""
    plant("kernels/fetch.h", "  to_rows.write(end_of_tiles());", "")
    out, err = time(capsys, SMALL, *MATMUL, status=1)
    assert out == "" and err.count("\n") == 1
    assert "'tiles'" in err and "'plan_periods'" in err and "empty" in err


@pytest.mark.slow
def test_a_leftover_token_is_named(plant: Callable[[str, str, str], None], capsys: Said) -> None:
    line = "      to_sums.write(command);"
    plant("kernels/fetch.h", line, 2 * line)
    _, err = time(capsys, SMALL, *MATMUL, status=1)
    assert err.count("\n") == 1
    assert "'sum_commands'" in err and "'fetch_commands'" in err and "still holds" in err


def sized_spec(fifos: Path) -> Path:
    """The small spec with the depths of a file beside it."""
    spec = fifos.with_name("sized.yaml")
    text = Path(SMALL).read_text(encoding="utf-8")
    spec.write_text(f"{text}\nfifos: {fifos.name}\n", encoding="utf-8")
    return spec


def test_least_depths_keep_the_speed(kept: Path, tmp_path: Path, capsys: Said) -> None:
    recorded = (SMALL, "--recorded", str(kept))
    sizing = answer(capsys, *recorded, "--size")["sizing"]
    assert sizing["cycles"] == sizing["endless_cycles"] == sizing["allowed_cycles"]
    given = [f"--depth={each['family']}={each['least_depth']}" for each in sizing["fifos"]]
    assert answer(capsys, *recorded, *given)["cycles"] == sizing["cycles"]
    path = tmp_path / "fifos.yaml"
    looser = answer(capsys, *recorded, "--size", "--within", "2%", "-o", str(path))["sizing"]
    assert looser["cycles"] <= looser["allowed_cycles"] == int(1.02 * looser["endless_cycles"])
    places = [sum(e["count"] * e["least_depth"] for e in s["fifos"]) for s in (sizing, looser)]
    assert places[1] < places[0]
    depths = {each["family"]: each["least_depth"] for each in looser["fifos"]}
    assert load_spec(sized_spec(path)).fifos.given() == depths
    table, _ = time(capsys, *recorded, "--size")
    assert re.search(r"^packets +8 +32 ", table, re.MULTILINE) and "below" not in table
    assert "simulated cycles with the least depths: " in table


@pytest.mark.slow
def test_a_spec_of_least_depths_has_their_cycles(kept: Path, tmp_path: Path, capsys: Said) -> None:
    path = tmp_path / "fifos.yaml"
    size = ("--recorded", str(kept), "--size", "--within", "2%", "-o", str(path))
    sizing = answer(capsys, SMALL, *size)["sizing"]
    again = answer(capsys, str(sized_spec(path)), "--matmul", "64,64,64")
    assert again["cycles"] == sizing["cycles"]


def test_a_timeline_is_written(kept: Path, tmp_path: Path, capsys: Said) -> None:
    path = tmp_path / "view.json"
    out, _ = time(capsys, SMALL, "--recorded", str(kept), "--view", str(path))
    assert out.endswith(f"written: {path}\n")
    events = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    named = [each["args"]["name"] for each in events if each["name"] == "thread_name"]
    assert "row_7" in named and "store_tiles" in named
    cycles = answer(capsys, SMALL, "--recorded", str(kept))["cycles"]
    assert max(each["ts"] + each.get("dur", 0) for each in events if "ts" in each) == cycles
    assert not list(tmp_path.glob(".*"))


def test_a_tile_by_hand_is_the_faster_one_and_says_how(capsys: Said) -> None:
    """Whether the loader holds A stands in the label, so equal labels have equal cycles."""
    chosen = answer(capsys, SMALL, "--matmul", "64,64,64", "--dataflow", "os")["products"][0]
    tiling = re.fullmatch(r"os T (\d+) Q (\d+)(, A held)?", chosen["tiling"])
    assert tiling is not None
    tile = f"{tiling[1]},{tiling[2]}"
    arguments = ("--matmul", "64,64,64", "--dataflow", "os", "--tile", tile)
    assert answer(capsys, SMALL, *arguments)["products"][0] == chosen
