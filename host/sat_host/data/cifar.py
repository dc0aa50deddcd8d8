# SPDX-License-Identifier: Apache-2.0
"""CIFAR-10 and CIFAR-100, the binary version of <https://www.cs.toronto.edu/~kriz/cifar.html>.

A file is a row of records without anything between them: the label (CIFAR-100: the coarse one of
20, then the fine one of 100), then 32x32 bytes of red, of green and of blue, each row by row.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import SettingsError
from .dataset import ArrayPixels, Bytes, Dataset, Normalisation, Split

SIDE, CHANNELS = 32, 3
PIXEL_BYTES = SIDE * SIDE * CHANNELS
IMAGE = (SIDE, SIDE, CHANNELS)


@dataclass(frozen=True)
class Layout:
    """One of the two sets. files: name -> records of the published file; labels: how many each of
    a record's label bytes tells apart, the last of which is the one that is learned."""

    title: str
    folder: str
    labels: tuple[int, ...]
    train: dict[str, int]
    test: dict[str, int]
    normalisation: Normalisation

    @property
    def record(self) -> int:
        """Bytes of a record."""
        return len(self.labels) + PIXEL_BYTES


# Means and standard deviations: of all pixels of the 50,000 training images, per channel.
CIFAR10 = Layout(
    title="CIFAR-10",
    folder="cifar-10-batches-bin",
    labels=(10,),
    train={f"data_batch_{number}.bin": 10_000 for number in range(1, 6)},
    test={"test_batch.bin": 10_000},
    normalisation=Normalisation(255, (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)),
)
CIFAR100 = Layout(
    title="CIFAR-100",
    folder="cifar-100-binary",
    labels=(20, 100),
    train={"train.bin": 50_000},
    test={"test.bin": 10_000},
    normalisation=Normalisation(255, (0.5071, 0.4865, 0.4409), (0.2673, 0.2564, 0.2762)),
)


def load_cifar10(path: Path) -> Dataset:
    """CIFAR-10 from its folder or the one above; files may have fewer records than published.

    The pixels are held in memory, 3 KiB an image. Raises SettingsError for missing or damaged
    files, OSError for unreadable ones.
    """
    return _load(path, CIFAR10)


def load_cifar100(path: Path) -> Dataset:
    """CIFAR-100 with its 100 fine labels, as `load_cifar10`."""
    return _load(path, CIFAR100)


def _load(path: Path, layout: Layout) -> Dataset:
    folder = _find(path, layout)
    train, test = (_split(folder, files, layout) for files in (layout.train, layout.test))
    return Dataset(layout.labels[-1], IMAGE, train, test)


def _find(path: Path, layout: Layout) -> Path:
    """The folder that has all files."""
    inner = path / layout.folder
    folder = inner if inner.is_dir() else path
    files = {**layout.train, **layout.test}
    missing = {name: count for name, count in files.items() if not (folder / name).is_file()}
    if not missing:
        return folder
    expected = ", ".join(f"{name} ({layout.record * n:,} bytes)" for name, n in missing.items())
    python = any((folder / name.removesuffix(".bin")).is_file() for name in missing)
    python = python or any(path.glob(f"{layout.folder.rpartition('-')[0]}*py*"))
    also = f" here or in {layout.folder}" if folder == path else ""
    found = ", but found the Python version" if python else ""
    raise SettingsError(
        f"data.path: {folder}: expected {expected} of {layout.title}'s binary version{also}{found}"
    )


def _split(folder: Path, files: dict[str, int], layout: Layout) -> Split:
    parts = [_records(folder / name, count, layout) for name, count in files.items()]
    labels = [part[:, len(layout.labels) - 1].astype(np.int64) for part in parts]
    images = np.empty((sum(map(len, parts)), *IMAGE), np.uint8)
    first = 0
    for part in parts:
        planes = part[:, len(layout.labels) :].reshape(-1, CHANNELS, SIDE, SIDE)
        images[first : first + len(part)] = planes.transpose(0, 2, 3, 1)
        first += len(part)
    return Split(np.concatenate(labels), ArrayPixels(images), layout.normalisation)


def _records(file: Path, published: int, layout: Layout) -> Bytes:
    """The file's records, uint8 [n, record], with labels in range."""
    content = np.frombuffer(file.read_bytes(), np.uint8)
    record = layout.record
    if not len(content) or len(content) % record:
        raise SettingsError(
            f"data.path: {file}: {len(content):,} bytes, expected {record * published:,}, "
            f"or another whole number of records of {record:,} bytes: copy it anew"
        )
    records = content.reshape(-1, record)
    for column, count in enumerate(layout.labels):
        wrong = np.flatnonzero(records[:, column] >= count)
        if len(wrong):
            coarse = "coarse " if column < len(layout.labels) - 1 else ""
            raise SettingsError(
                f"data.path: {file}: record {wrong[0]} of {len(records)} has the {coarse}label "
                f"{records[wrong[0], column]}, expected 0 to {count - 1}: damaged, or not "
                f"{layout.title}"
            )
    return records
