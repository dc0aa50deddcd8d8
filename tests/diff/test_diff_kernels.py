# SPDX-License-Identifier: Apache-2.0
"""csim libraries of kernels changed to be wrong: the difference is where the change is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diff_plants import CNN, answered, found_at, lines_of, record

from hlsgen import build as building
from hlsgen.project import Project
from hlsgen.render import render
from hlsgen.spec import Spec

CUT = """inline float cut_off(float sum) { return as_float(as_bits(sum) & ~0x1FFFu); }

template <class Config>
inline Word<Config> round_word("""


def changed_bundle(
    monkeypatch: pytest.MonkeyPatch, folder: Path, *changes: tuple[str, str, str]
) -> Path:
    """A bundle whose kernels have other text. changes: file, text, what takes its place."""

    def changed(spec: Spec) -> Project:
        project = render(spec)
        files = dict(project.files)
        for name, old, new in changes:
            assert files[name].count(old) == 1
            files[name] = files[name].replace(old, new)
        return Project(files)

    monkeypatch.setattr(building, "render", changed)
    # It would find the change, and no bundle would be left.
    monkeypatch.setattr(building, "self_test", lambda *_: ((), True))
    spec = folder / "spec.yaml"
    spec.write_text(CNN, encoding="utf-8")
    return building.build(spec, folder / "changed", os.environ).bundle


@pytest.mark.slow
def test_results_cut_off_instead_of_rounded(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """The first result with a sum above its binary16 number, in the network's first product."""
    template = "template <class Config>\ninline Word<Config> round_word("
    sums = "word = round_word<Config>(sum)"
    cut = "word = round_word<Config>(map_lanes<Config, float, float, cut_off>(sum))"
    wrong = changed_bundle(
        monkeypatch, tmp_path, ("kernels/words.h", template, CUT), ("kernels/sums.h", sums, cut)
    )
    answer = answered(capsys, 1, f"{bundle}:golden", f"{wrong}:csim")
    assert found_at(answer) == (1, "training", "conv1", "FF", "convolve")
    found = answer["divergence"]["element"]
    assert found["ulps"] == 1
    assert int(found["b"]["hex"], 16) == int(found["a"]["hex"], 16) - 1  # towards zero
    # By the values of two dumps, which nothing of the comparison has touched.
    first, second = (
        first_results(record(path, tmp_path / f"dump-{path.name}", "1", "csim"))
        for path in (bundle, wrong)
    )
    differs = np.argwhere(first != second)
    assert len(differs) == found["where"]["differing"] > 10
    row, column = found["index"]
    assert [row, column] == differs[0].tolist()
    assert int(found["a"]["hex"], 16) == first[row, column]
    assert int(found["b"]["hex"], 16) == second[row, column]
    assert float(found["a"]["decimal"]) == pytest.approx(
        float(first[row : row + 1, column].view(np.float16)[0]), rel=2**-12
    )
    tile = found["b"]["place"]["tile"]
    assert tile["lane"] == column % 8 and tile["output_rows"][0] <= row <= tile["output_rows"][1]


def first_results(dump: Path) -> Any:
    """Y of the first product of step 1, as bits."""
    call = next(each for each in lines_of(dump) if each["operation"] == "convolve")
    (result,) = call["results"]
    shape = tuple(result["shape"])
    return np.fromfile(
        dump / "step-000001.bin", np.uint16, shape[0] * shape[1], offset=result["offset"]
    ).reshape(shape)


@pytest.mark.slow
def test_update_that_goes_the_wrong_way(
    bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """Found in the first weights that it makes, after products that were all equal."""
    text = "float weight = w - step;"
    wrong = changed_bundle(
        monkeypatch, tmp_path, ("kernels/update.h", text, text.replace("-", "+"))
    )
    answer = answered(capsys, 1, f"{bundle}:csim", f"{wrong}:csim")
    found = answer["divergence"]
    assert (found["step"], found["stage"]) == (1, "update")
    assert (found["result"]["role"], found["result"]["dtype"]) == ("weights", "float32")
    assert found["element"]["where"]["differing"] > 1
    assert answer["compared"]["steps"] == {"first": 0, "last": 0, "count": 1}
    assert all(len(found["element"][side]["hex"]) == 10 for side in "ab")
