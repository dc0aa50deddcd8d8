# SPDX-License-Identifier: Apache-2.0
"""What `hlsgen time` refuses: options, sizes, recordings and files, each in one line."""

from __future__ import annotations

import json
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from time_calls import MATMUL, SMALL, SPECS, Said, kept, refusal, time

from hlsgen.cli.time_input import Asked, available_memory, jobs_of
from hlsgen.specfile import load_spec
from hlsgen.timing.jobs import effort

__all__ = ["kept"]  # a fixture


@pytest.mark.parametrize(("arguments", "says"), [
    ((), "nothing to simulate: give one of --matmul, --layer, --step and --recorded"),
    (("--matmul", "3,4"), "--matmul 3,4: expected I,K,J"),
    (("--matmul", "a,b,c"), "--matmul a,b,c: expected I,K,J"),
    (("--matmul", "0,4,4"), "--matmul: I: expected 1 to"),
    (("--matmul", "4,4,4", "--step"), "--matmul and --step: give one"),
    (("--matmul", "4,4,4", "--keep", "9"), "--keep: expected 1 to 8"),
    (("--matmul", "4,4,4", "--batch", "9"), "--batch and --matmul: leave --batch out"),
    (("--matmul", "4,4,4", "--tile", "2,2"), "--tile: say --dataflow"),
    (("--matmul", "4,4,4", "--dataflow", "os", "--tile", "99,1"), "expected 1 to 4, got 99"),
    (("--matmul", "4,4,4", "--dataflow", "os", "--tile", "4"), "--tile 4: expected T,Q"),
    (("--layer", "fc9"), "fc9: no such layer: give one of fc1, fc2"),
    (("--layer", "fc1:BP"), "--layer fc1: BP: not in this step: give one of FF, WU, update"),
    (("--layer", "fc1:XX"), "--layer fc1: XX: no such stage: give one of FF, WU, update"),
    (("--layer", "fc9:FF"), "fc9:FF: no such layer: give one of fc1, fc2"),
    (("--layer", "fc1", "--workload", "none"), "hlsgen time: --workload none: no such workload"),
    (("--layer", "fc1", "--workload", "paper"), "--workload paper: it stands for several"),
    (("--step", "--workload", "resnet9_cifar10"), "--workload: it is for --layer"),
    (("--step", "--keep", "9"), "hlsgen time: --keep 9: the group has 8 weights"),
    (("--step", "--depth", "packet=3"), "--depth packet=3: no such FIFO: give packets"),
    (("--step", "--depth", "packets_8=3"), "--depth packets_8=3: no such FIFO"),
    (("--step", "--depth", "packets"), "--depth packets: expected NAME=N"),
    (("--step", "--depth", "packets=0"), "--depth packets=0: give 1 to 65536 tokens"),
    (("--step", "--endless", "--depth", "packets=3"), "--endless and --depth"),
    (("--step", "--within", "2%"), "--within: it is for --size"),
    (("--step", "-o", "x.yaml"), "-o: it is for --size"),
    (("--step", "--size", "--within", "two"), "--within two: give a percentage"),
    (("--step", "--size", "--within", "0.02"), "--within 0.02: give a percentage with its sign"),
    (("--step", "--size", "--within", "-1"), "--within -1: give a percentage from 0%"),
    (("--step", "--view", "/dev/null"), "/dev/null: is no regular file: name another file with"),
    (("--step", "--bandwidth", "0"), "--bandwidth 0: give a factor"),
    (("--step", "--latency", "-1"), "--latency"),
    (("--step", "--view", "/nowhere/x.json"), "/nowhere/x.json: there is no folder /nowhere"),
    (("--step", "--record", "/"), "/: is a folder: name another file with --record"),
    (("--recorded", "/nowhere.npz"), "/nowhere.npz: No such file or directory"),
    (("--recorded", "/", "--record", "x.npz"), "--record and --recorded"),
])  # fmt: skip
def test_bad_input_is_one_line(arguments: tuple[str, ...], says: str, capsys: Said) -> None:
    assert says in refusal(capsys, SMALL, *arguments)


def test_a_rows_fifo_in_a_spec_is_told_its_family(tmp_path: Path, capsys: Said) -> None:
    spec = tmp_path / "rows.yaml"
    text = Path(SMALL).read_text(encoding="utf-8")
    spec.write_text(f"{text}\nfifos: {{packets_3: 4}}\n", encoding="utf-8")
    said = refusal(capsys, str(spec), *MATMUL)
    assert "fifos.packets_3: unknown field: depths are by family, not by row: write packets" in said


def test_a_simulation_that_takes_hours_is_refused(capsys: Said) -> None:
    said = refusal(capsys, SMALL, "--matmul", "20000,4096,4096")
    assert "minutes to simulate: give a smaller --batch" in said


@pytest.mark.slow
def test_a_simulation_that_needs_too_much_memory_is_refused(
    capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    import hlsgen.cli.time as command

    monkeypatch.setattr(command, "available_memory", lambda: 64.0 * 2**20)
    said = refusal(capsys, SMALL, "--matmul", "512,512,512")
    assert re.search(
        r"take about 0.\d GiB of memory to simulate, and 0.0 GiB may be used: give", said
    )
    time(capsys, SMALL, *MATMUL)


def test_memory_is_estimated_by_what_stays(capsys: Said) -> None:
    """A step needs that of its largest product, or of all when its recording is kept."""
    spec = load_spec(Path(SMALL))
    nothing = dict.fromkeys(
        ("matmul", "layer", "recorded", "keep", "dataflow", "tile", "workload", "model", "method",
         "batch")
    )  # fmt: skip
    _, jobs = jobs_of(spec, SMALL, Asked(**{**nothing, "step": True}))  # type: ignore[arg-type]
    config = spec.array_config()
    largest = max(jobs, key=lambda job: job.modelled)
    assert effort(config, jobs).bytes == effort(config, [largest]).bytes
    assert effort(config, jobs, kept=True).bytes > effort(config, jobs).bytes
    assert available_memory() > 0


def test_links_stay_and_what_they_lead_to_is_written(
    kept: Path, tmp_path: Path, capsys: Said
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    link = tmp_path / "link.json"
    link.symlink_to(folder / "view.json")
    for _ in range(2):  # new, and in place of the old
        time(capsys, SMALL, "--recorded", str(kept), "--view", str(link))
        assert link.is_symlink() and json.loads((folder / "view.json").read_bytes())
    ring = tmp_path / "ring.json"
    ring.symlink_to(ring)
    said = refusal(capsys, SMALL, "--recorded", str(kept), "--view", str(ring))
    assert "name another file with --view" in said


def test_recordings_of_others_and_damaged_ones_are_refused(
    kept: Path, tmp_path: Path, capsys: Said
) -> None:
    said = refusal(capsys, str(SPECS / "digits.yaml"), "--recorded", str(kept))
    assert re.search(r"recorded with \w+ \S+, but", said)
    content = kept.read_bytes()
    damaged = tmp_path / "damaged.npz"
    for text in (b"", b"no archive", content[: len(content) // 2], content[:-30]):
        damaged.write_bytes(text)
        assert "no whole recording: record it again" in refusal(
            capsys, SMALL, "--recorded", str(damaged)
        )


@pytest.mark.parametrize(("before", "after"), [
    ('"format": "hlsgen-recording-2"', '"format": "hlsgen-recording-9"'),
    ('"record": 0', '"record": 1'),
    ('"runs": 1', '"runs": 0'),
    ('"stage"', '"stages"'),
    ('"places": [', '"places": [[],'),
])  # fmt: skip
def test_recordings_whose_parts_do_not_fit_are_refused(
    before: str, after: str, kept: Path, tmp_path: Path, capsys: Said
) -> None:
    changed_file = tmp_path / "changed.npz"
    with zipfile.ZipFile(kept) as old, zipfile.ZipFile(changed_file, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "recording.json":
                assert before.encode() in data
                data = data.replace(before.encode(), after.encode())
            new.writestr(name, data)
    assert "no whole recording" in refusal(capsys, SMALL, "--recorded", str(changed_file))


def test_nothing_is_left_half_written(
    kept: Path, tmp_path: Path, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk at the end of each file: the old one stays, and no other."""
    folder = tmp_path / "out"
    folder.mkdir()
    old = folder / "old"
    old.write_text("old", encoding="utf-8")
    files = sorted(tmp_path.rglob("*"))

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    recorded = (SMALL, "--recorded", str(kept))
    for option in (("--view",), ("--size", "-o")):
        _, err = time(capsys, *recorded, *option, str(old), status=1)
        assert err.count("\n") == 1 and "No space left on device" in err
    assert sorted(tmp_path.rglob("*")) == files and old.read_text(encoding="utf-8") == "old"
