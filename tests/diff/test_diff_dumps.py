# SPDX-License-Identifier: Apache-2.0
"""Dumps side by side and beside live runs: equal, with a bit flipped, digests alone, faults."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from diff_plants import answered, find, flip_in_dump, found_at, lines_of, record, refused
from sat_host.__main__ import main as host_main
from sat_host.recording.calls import digest_of
from sat_host.recording.read import load_dump

from hlsgen.cli.main import main

Dumps = dict[str, Path]


def test_dumps_of_one_run_are_equal(dumps: Dumps, capsys: pytest.CaptureFixture[str]) -> None:
    answer = answered(capsys, 0, dumps["golden"], dumps["csim"])
    assert answer["equal"]
    # The start and two steps, of 10 and 19 calls: four tensors' updates, nine products, ...
    counts = len([c for c in lines_of(dumps["csim"]) if c["step"] <= 2])
    assert answer["compared"]["calls"] == counts and answer["compared"]["places"] == 3
    values = sum(
        int(np.prod(result["shape"]))
        for call in lines_of(dumps["csim"])
        for result in call["results"]
    )
    assert answer["compared"]["elements"] == values
    assert answer["compared"]["digests"] == 0


def test_dump_is_no_larger_than_its_values(dumps: Dumps) -> None:
    """Every result of a chosen step, aligned, and nothing of the others."""
    results = [
        r
        for call in lines_of(dumps["csim"])
        if (call["step"], call["phase"]) == (1, "training")
        for r in call["results"]
    ]
    sizes = [np.dtype(r["dtype"]).itemsize * int(np.prod(r["shape"])) for r in results]
    file = dumps["csim"] / "step-000001.bin"
    assert sum(sizes) <= file.stat().st_size < sum(sizes) + 64 * len(sizes)
    names = {path.name for path in dumps["csim"].iterdir()}
    assert names == {
        "dump.json", "calls.jsonl", "step-000000-start.bin", "step-000001.bin", "step-000002.bin",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("layer", "operation", "role", "index", "stage"),
    [
        ("conv2", "convolve", "y", (799, 8), "FF"),
        ("conv2", "convolve_backward", "dx", (0, 11), "BP"),
        ("conv1", "convolve_gradient", "dw", (18, 0), "WU"),
        ("fc", "update_weights", "velocity", (2, 9), "update"),
        ("conv2", "update_weights", "bp", (0, 0, 2, 7), "update"),
        ("vectors", "update_weights", "weights", (3, 6), "update"),
    ],
)
def test_bit_of_a_dump(
    dumps: Dumps,
    capsys: pytest.CaptureFixture[str],
    layer: str,
    operation: str,
    role: str,
    index: tuple[int, ...],
    stage: str,
) -> None:
    call = find(dumps["csim"], 2, layer, operation)
    before = flip_in_dump(dumps["csim"], call, role, index, 4)
    for sides, own in ((("golden", "csim"), "b"), (("csim", "golden"), "a")):
        answer = answered(capsys, 1, *(dumps[side] for side in sides))
        assert found_at(answer) == (2, "training", layer, stage, operation)
        found = answer["divergence"]
        assert (found["call"], found["result"]["role"]) == (call["number"], role)
        element = found["element"]
        assert element["index"] == list(index) and element["where"]["differing"] == 1
        assert int(element[own]["hex"], 16) == before ^ 16
        # The digests tell that the file is not what was recorded.
        (note,) = found["notes"]
        assert note.startswith(own.upper())


def test_several_elements_and_the_map(dumps: Dumps, capsys: pytest.CaptureFixture[str]) -> None:
    call = find(dumps["csim"], 1, "conv1", "convolve")
    flip_in_dump(dumps["csim"], call, "y", (slice(1600, 2000), 4), 0)
    flip_in_dump(dumps["csim"], call, "y", (slice(1600, 2000), 5), 9)
    found = answered(capsys, 1, dumps["golden"], dumps["csim"])["divergence"]
    assert found["element"]["index"] == [1600, 4]
    where = found["element"]["where"]
    assert (where["differing"], where["of"]) == (800, 3200 * 12)
    assert (where["rows"], where["columns"]) == ([1600, 1999], [4, 5])
    assert where["map"] == ["." * 12] * 4 + ["....##......"] + ["." * 12] * 3


def test_nans_of_any_bits_are_equal(dumps: Dumps, capsys: pytest.CaptureFixture[str]) -> None:
    for name, bits in (("golden", 0x7E00), ("csim", 0xFE01)):
        call = find(dumps[name], 1, "conv1", "convolve")
        result = call["results"][0]
        file = dumps[name] / "step-000001.bin"
        values = np.memmap(file, np.uint16, "r+", result["offset"], tuple(result["shape"]))
        values[5, 5] = bits
        values.flush()
    assert answered(capsys, 0, dumps["golden"], dumps["csim"])["equal"]
    config = load_dump(dumps["csim"]).config
    nans = [np.array([[bits]], np.uint16).view(np.float16) for bits in (0x7E00, 0xFE01, 0x7C00)]
    digests = [digest_of(each, 0, config) for each in nans]
    assert digests[0] == digests[1] != digests[2]


def test_digests_find_the_call_and_say_what_to_record(
    dumps: Dumps, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = answered(capsys, 0, dumps["golden"], dumps["digests"])
    assert answer["compared"]["places"] == 6 and answer["compared"]["digests"] > 0
    _other_digest(dumps["digests"], 3, "conv2", "convolve_backward")
    answer = answered(capsys, 1, dumps["golden"], dumps["digests"])
    assert found_at(answer) == (3, "training", "conv2", "BP", "convolve_backward")
    assert answer["divergence"]["kind"] == "digest" and answer["divergence"]["element"] is None
    assert main(["diff", str(dumps["golden"]), str(dumps["digests"])]) == 1
    assert "record that step again with --dump-steps 3\n" in capsys.readouterr().out


def _other_digest(dump: Path, step: int, layer: str, operation: str) -> None:
    calls = lines_of(dump)
    for call in calls:
        if (call["step"], call["layer"], call["operation"]) == (step, layer, operation):
            call["results"][0]["digest"] = "0" * 32
    text = "".join(json.dumps(call) + "\n" for call in calls)
    (dump / "calls.jsonl").write_text(text)
    _declare(dump, "calls.jsonl")


def _declare(dump: Path, name: str) -> None:
    """Let the head say the size that a file has now."""
    head = json.loads((dump / "dump.json").read_text())
    head["files"][name] = (dump / name).stat().st_size
    (dump / "dump.json").write_text(json.dumps(head))


def test_dump_beside_a_live_run(
    bundle: Path, dumps: Dumps, capsys: pytest.CaptureFixture[str]
) -> None:
    """The live run goes as far as the dump."""
    answer = answered(capsys, 0, dumps["csim"], f"{bundle}:golden")
    assert (answer["a"]["kind"], answer["b"]["kind"]) == ("dump", "live")
    assert answer["compared"]["places"] == 3
    call = find(dumps["csim"], 2, "fc", "convolve")
    flip_in_dump(dumps["csim"], call, "y", (49, 9), 15)
    answer = answered(capsys, 1, dumps["csim"], f"{bundle}:golden")
    assert found_at(answer) == (2, "training", "fc", "FF", "convolve")
    assert answer["divergence"]["element"]["a"]["place"]["tile"]["lane"] == 1


def test_steps_that_were_not_compared_are_told(
    dumps: Dumps, capsys: pytest.CaptureFixture[str]
) -> None:
    call = find(dumps["late"], 4, "conv1", "convolve")
    _other_digest(dumps["golden"], 4, "conv1", "convolve")
    answer = answered(capsys, 1, dumps["golden"], dumps["late"])
    assert answer["divergence"]["step"] == 4 and answer["divergence"]["call"] == call["number"]
    assert answer["first_step_not_compared"] == 0 and answer["skipped_places"] == 4
    assert main(["diff", str(dumps["golden"]), str(dumps["late"])]) == 1
    assert "the start was not compared, so an earlier difference" in capsys.readouterr().out


def test_another_count_of_infinities(dumps: Dumps, capsys: pytest.CaptureFixture[str]) -> None:
    calls = lines_of(dumps["csim"])
    target = find(dumps["csim"], 1, "conv2", "convolve")["number"]
    for call in calls:
        if (call["step"], call["number"]) == (1, target):
            call["nonfinite"] = 2
    (dumps["csim"] / "calls.jsonl").write_text("".join(json.dumps(c) + "\n" for c in calls))
    _declare(dumps["csim"], "calls.jsonl")
    answer = answered(capsys, 1, dumps["golden"], dumps["csim"])
    assert answer["divergence"]["kind"] == "count"
    assert answer["divergence"]["b"]["nonfinite"] == 2


def test_other_calls(dumps: Dumps, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that did less, as one does after a gradient that is not finite."""
    calls = lines_of(dumps["csim"])
    kept = [call for call in calls if call["step"] < 2 or call["number"] < 5]
    (dumps["csim"] / "calls.jsonl").write_text("".join(json.dumps(c) + "\n" for c in kept))
    _declare(dumps["csim"], "calls.jsonl")
    head = json.loads((dumps["csim"] / "dump.json").read_text())
    (dumps["csim"] / "dump.json").write_text(json.dumps({**head, "calls": len(kept)}))
    answer = answered(capsys, 1, dumps["golden"], dumps["csim"])
    found = answer["divergence"]
    assert (found["kind"], found["step"], found["call"], found["b"]) == ("end", 2, 5, None)


def test_recorded_without_hlsgen(bundle: Path, dumps: Dumps, tmp_path: Path,
                                 capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """As on the machine with the card: by the bundle's own harness."""
    made = tmp_path / "made"
    options = ["--dump", str(made), "--dump-steps", "0:1", "--device", "csim", "--quiet"]
    assert host_main(["train", str(bundle), *options]) == 0
    capsys.readouterr()
    assert answered(capsys, 0, made, dumps["golden"])["compared"]["places"] == 2
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_faults_of_dumps(
    bundle: Path, dumps: Dumps, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = dumps["golden"], dumps["csim"]
    assert "no such dump" in refused(capsys, "diff", good, tmp_path / "none")
    assert "no such dump, and no device" in refused(capsys, "diff", good, f"{bundle}:cism")
    assert "say on which device" in refused(capsys, "diff", good, bundle)
    assert "say on which device" in refused(capsys, "diff", good, "spec.yaml")
    assert "no step in common" in refused(capsys, "diff", bad, dumps["late"])
    (tmp_path / "empty").mkdir()
    assert "no dump here" in refused(capsys, "diff", good, tmp_path / "empty")
    values = bad / "step-000001.bin"
    values.write_bytes(values.read_bytes()[:-10])
    err = refused(capsys, "diff", good, bad)
    assert err.startswith(f"{values}: truncated, ") and "record it again" in err
    values.unlink()
    assert "No such file" in refused(capsys, "diff", good, bad)
    head = bad / "dump.json"
    fields = json.loads(head.read_text())
    head.write_text(json.dumps({**fields, "format": 99}))
    assert "of format 99" in refused(capsys, "diff", good, bad)
    head.write_text(head.read_text()[:40])
    assert "can't be read" in refused(capsys, "diff", good, bad)
    head.unlink()
    assert "the run was killed before its end" in refused(capsys, "diff", good, bad)


def test_damaged_calls(dumps: Dumps, capsys: pytest.CaptureFixture[str]) -> None:
    file = dumps["csim"] / "calls.jsonl"
    lines = file.read_text().splitlines(keepends=True)
    for wrong, text in (
        (lines[:-1], f"{len(lines) - 1} calls of {len(lines)}"),
        ([*lines[:3], *lines[4:], lines[-1]], "calls of the start are missing"),
        ([*lines[:3], "{}\n", *lines[4:]], "calls.jsonl:4: is no call of a dump"),
        ([*lines[:3], lines[3].replace("float32", "int9000"), *lines[4:]], "calls.jsonl:4: "),
    ):
        file.write_text("".join(wrong))
        _declare(dumps["csim"], "calls.jsonl")
        assert text in refused(capsys, "diff", dumps["golden"], dumps["csim"])


def test_other_runs_are_refused(
    bundle: Path, vit_bundle: Path, dumps: Dumps, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    err = refused(capsys, "diff", dumps["golden"], f"{bundle}:golden", "--seed", "7")
    assert err.startswith("training.seed: A has 0, B 7: another run")
    other = record(vit_bundle, tmp_path / "vit", "0:1", "golden")
    err = refused(capsys, "diff", dumps["golden"], other)
    assert "whose bits need not be equal" in err
    copy = Path(shutil.copytree(dumps["golden"], tmp_path / "copy"))
    head = json.loads((copy / "dump.json").read_text())
    head["array"]["lanes"] = 16
    (copy / "dump.json").write_text(json.dumps(head))
    assert refused(capsys, "diff", copy, dumps["csim"]).startswith("array.lanes: A has 16, B 8")


def test_settings_are_for_live_runs(dumps: Dumps, capsys: pytest.CaptureFixture[str]) -> None:
    err = refused(capsys, "diff", dumps["golden"], dumps["csim"], "--seed", "3")
    assert err.startswith("--seed: is for live runs")
