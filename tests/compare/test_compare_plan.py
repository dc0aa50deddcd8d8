# SPDX-License-Identifier: Apache-2.0
"""Which runs a comparison needs, what it refuses, and when two runs count as the same."""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compare_samples import SPEC, jobs_of, settings_of
from sat_host.data import ArrayPixels, Dataset, Normalisation, Split
from sat_host.data.folder import FilePixels
from sat_host.errors import SettingsError
from sat_host.settings import METHODS

from hlsgen.compare.plan import Job, Request, data_stamp, parse_methods, run_key
from hlsgen.errors import HlsgenError

BOTH = ("dense", "bdwp")


def key(job: Job, library: str = "lib", host: str = "host", data: str = "data") -> str:
    return run_key(job, library, host, data)


def with_value(job: Job, section: str, field: str, value: Any) -> Job:
    settings = copy.deepcopy(dict(job.settings))
    settings[section][field] = value
    return Job(job.method, job.seed, settings)


def test_methods_are_read_in_their_order() -> None:
    assert parse_methods(" bdwp,dense") == ("bdwp", "dense")
    assert parse_methods(",".join(METHODS)) == METHODS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dense,bdw", "'bdw' is no method: choose among dense, "),
        ("", "'' is no method"),
        ("dense,,bdwp", "'' is no method"),
        ("dense,bdwp,dense", "dense is there twice"),
        ("x" * 500, "'" + "x" * 60 + "' is no method"),
    ],
)
def test_bad_methods(text: str, expected: str) -> None:
    with pytest.raises(HlsgenError) as caught:
        parse_methods(text)
    message = str(caught.value)
    assert message.startswith("--methods: ") and expected in message and "\n" not in message
    assert caught.value.exit_code == 2


def test_jobs_are_every_method_with_every_seed_of_the_spec_on() -> None:
    text = SPEC.replace("batch: 64", "batch: 64, seed: 5")
    jobs = jobs_of(Request(BOTH, 2, keep=1, epochs=7, batch=32), text)
    assert [(job.method, job.seed) for job in jobs] == [
        ("dense", 5), ("bdwp", 5), ("dense", 6), ("bdwp", 6),
    ]  # fmt: skip
    assert jobs[3].label == "bdwp, seed 6"
    assert jobs[3].overrides == {
        "method": "bdwp", "seed": 6, "keep": 1, "epochs": 7, "batch": 32,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (Request(BOTH, 1, keep=9), "sparsity.keep: "),
        (Request(BOTH, 1, keep=0), "sparsity.keep: "),
        (Request(BOTH, 1, epochs=0), "training.epochs: "),
        (Request(BOTH, 1, batch=0), "training.batch: "),
        (Request(BOTH, 0), "--seeds: expected 1 to 1000, got 0"),
        (Request(BOTH, 1001), "--seeds: expected 1 to 1000, got 1001"),
    ],
)
def test_requests_that_cannot_run(request_: Request, expected: str) -> None:
    with pytest.raises(HlsgenError) as caught:
        jobs_of(request_)
    assert str(caught.value).startswith(expected) and "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_seeds_stay_in_their_range() -> None:
    text = SPEC.replace("batch: 64", f"batch: 64, seed: {2**32 - 2}")
    assert [job.seed for job in jobs_of(Request(("dense",), 2), text)][-1] == 2**32 - 1
    with pytest.raises(HlsgenError, match="--seeds: 3 seeds from training.seed 4294967294 on"):
        jobs_of(Request(("dense",), 3), text)


def test_settings_of_the_caller_stay_as_they_are() -> None:
    request = Request(BOTH, 2, epochs=9)
    settings = settings_of(Request(BOTH, 2))
    before = copy.deepcopy(settings)
    assert settings_of(request)["training"]["epochs"] == 9
    jobs_of(request)
    assert settings == before


def test_key_holds_all_that_decides_the_bits_and_nothing_else() -> None:
    dense, bdwp = jobs_of(Request(BOTH, 1))
    again = jobs_of(Request(("bdwp",), 3))[0]
    assert key(bdwp) == key(again) != key(dense)
    renamed = Job("bdwp", 0, {**bdwp.settings, "name": "other"})
    assert key(renamed) == key(bdwp)
    assert key(with_value(dense, "sparsity", "keep", 1)) == key(dense)
    changes = [
        with_value(bdwp, "sparsity", "keep", 1),
        with_value(bdwp, "training", "epochs", 4),
        with_value(bdwp, "training", "seed", 1),
        with_value(bdwp, "optimizer", "momentum", 0.5),
        with_value(bdwp, "array", "rows", 5),
    ]
    keys = [key(job) for job in changes]
    keys += [key(bdwp, library="other"), key(bdwp, host="other"), key(bdwp, data="other")]
    assert len({key(bdwp), *keys}) == len(keys) + 1


def test_key_is_of_the_data_not_of_their_place(tmp_path: Path) -> None:
    job = jobs_of(Request(("bdwp",), 1))[0]
    there = with_value(job, "data", "path", str(tmp_path))
    assert key(there) == key(with_value(job, "data", "path", "elsewhere"))


def dataset_of(pixels: ArrayPixels | FilePixels) -> Dataset:
    split = Split(np.zeros(1, np.int64), pixels, Normalisation(255, (0.5,), (0.5,)))
    return Dataset(1, (1, 1, 1), split, split)


def test_data_stamp_follows_pixels_in_memory() -> None:
    images = np.zeros((1, 1, 1, 1), np.uint8)
    stamps = {data_stamp(dataset_of(ArrayPixels(images + value))) for value in (0, 1, 1)}
    assert len(stamps) == 2


def test_data_stamp_follows_the_times_of_files_at_any_depth(tmp_path: Path) -> None:
    """An image that is written anew at its size changes neither its name nor any folder."""
    file = tmp_path / "train" / "cat" / "1.png"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"12")
    dataset = dataset_of(FilePixels(tmp_path, ("train/cat/1.png",), 1))
    before, changed = data_stamp(dataset), file.stat().st_mtime_ns
    assert data_stamp(dataset) == before
    os.utime(file, ns=(changed, changed + 1))
    assert data_stamp(dataset) != before
    os.utime(file, ns=(changed, changed))
    assert data_stamp(dataset) == before
    file.unlink()
    with pytest.raises(SettingsError, match=r"data\.path: .*/1\.png: cannot be read"):
        data_stamp(dataset)
