# SPDX-License-Identifier: Apache-2.0
"""CIFAR's binary files: every byte in its place, every damage in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sat_host.data import Dataset, load_dataset
from sat_host.data.cifar import CIFAR10, CIFAR100, Layout
from sat_host.errors import SettingsError

LAYOUTS = {"cifar10": CIFAR10, "cifar100": CIFAR100}
RECORDS = 3  # of the first file; each file after it has one more


def write(folder: Path, layout: Layout) -> dict[str, npt.NDArray[np.uint8]]:
    """Small files of the set, with random content; returns their records by name."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    files = {}
    for number, name in enumerate((*layout.train, *layout.test)):
        records = rng.integers(0, 256, (RECORDS + number, layout.record), np.uint8)
        for column, count in enumerate(layout.labels):
            records[:, column] = rng.integers(0, count, len(records))
        records[0, len(layout.labels) - 1] = layout.labels[-1] - 1
        files[name] = records
        records.tofile(folder / name)
    return files


def load(name: str, path: Path) -> Dataset:
    return load_dataset({"name": name, "path": str(path)})


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_every_byte_is_the_pixel_that_the_format_says(
    name: str, inside: bool, tmp_path: Path
) -> None:
    layout = LAYOUTS[name]
    files = write(tmp_path / layout.folder if inside else tmp_path, layout)
    data = load(name, tmp_path)
    assert (data.classes, data.image) == (layout.labels[-1], (32, 32, 3))
    for split, names in ((data.train, layout.train), (data.test, layout.test)):
        records = [record for file in names for record in files[file]]
        assert len(split) == len(records)
        images = split.images(range(len(split)))
        assert (images.shape, images.dtype) == ((len(records), 32, 32, 3), np.float32)
        mean, std = np.array(layout.normalisation.mean), np.array(layout.normalisation.std)
        for record, label, image in zip(records, split.labels, images, strict=True):
            assert label == record[len(layout.labels) - 1]
            planes = record[len(layout.labels) :]
            bytes_back = np.round((image * std + mean) * 255).astype(int)
            for row, column, channel in ((0, 0, 0), (0, 31, 1), (31, 0, 2), (17, 5, 1), (9, 30, 0)):
                assert (
                    bytes_back[row, column, channel] == planes[channel * 1024 + row * 32 + column]
                )


def test_images_come_in_the_order_asked_for(tmp_path: Path) -> None:
    write(tmp_path, CIFAR10)
    split = load("cifar10", tmp_path).train
    chosen = split.images(np.array([4, 0, 4]))
    assert np.array_equal(chosen, split.images(range(len(split)))[[4, 0, 4]])
    assert chosen.flags.c_contiguous


def failure(name: str, path: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        load(name, path)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_missing_files_are_listed_with_their_size(tmp_path: Path) -> None:
    assert failure("cifar100", tmp_path) == (
        f"data.path: {tmp_path}: expected train.bin (153,700,000 bytes), "
        "test.bin (30,740,000 bytes) of CIFAR-100's binary version here or in cifar-100-binary"
    )
    inner = tmp_path / "cifar-10-batches-bin"
    write(inner, CIFAR10)
    (inner / "data_batch_3.bin").unlink()
    assert failure("cifar10", tmp_path) == (
        f"data.path: {inner}: expected data_batch_3.bin (30,730,000 bytes) "
        "of CIFAR-10's binary version"
    )


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("cifar10", "data_batch_1"),
        ("cifar10", "cifar-10-batches-py/data_batch_1"),
        ("cifar100", "cifar-100-python/train"),
    ],
)
def test_the_python_version_is_recognised(name: str, file: str, tmp_path: Path) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).touch()
    assert failure(name, tmp_path).endswith(", but found the Python version")


@pytest.mark.parametrize(
    ("name", "file", "change", "message"),
    [
        (
            "cifar10",
            "data_batch_2.bin",
            lambda content: content[:-1],
            "12,291 bytes, expected 30,730,000, or another whole number of records of 3,073 bytes",
        ),
        (
            "cifar100",
            "test.bin",
            lambda content: b"",
            "0 bytes, expected 30,740,000, or another whole number of records of 3,074 bytes",
        ),
        (
            "cifar10",
            "test_batch.bin",
            lambda content: content[:3073] + b"\x0a" + content[3074:],
            "record 1 of 8 has the label 10, expected 0 to 9: damaged, or not CIFAR-10",
        ),
        (
            "cifar100",
            "train.bin",
            lambda content: b"\x14" + content[1:],
            "record 0 of 3 has the coarse label 20, expected 0 to 19: damaged, or not CIFAR-100",
        ),
        (
            "cifar100",
            "train.bin",
            lambda content: content[:1] + b"\x64" + content[2:],
            "record 0 of 3 has the label 100, expected 0 to 99: damaged, or not CIFAR-100",
        ),
    ],
)
def test_damage_is_named(name: str, file: str, change: Any, message: str, tmp_path: Path) -> None:
    write(tmp_path, LAYOUTS[name])
    content = (tmp_path / file).read_bytes()
    (tmp_path / file).write_bytes(change(content))
    assert failure(name, tmp_path).startswith(f"data.path: {tmp_path / file}: {message}")


def test_fingerprint_knows_a_changed_pixel(tmp_path: Path) -> None:
    files = write(tmp_path, CIFAR10)
    before = load("cifar10", tmp_path).fingerprint()
    assert load("cifar10", tmp_path).fingerprint() == before
    files["test_batch.bin"][0, -1] ^= 1
    files["test_batch.bin"].tofile(tmp_path / "test_batch.bin")
    assert load("cifar10", tmp_path).fingerprint() != before
