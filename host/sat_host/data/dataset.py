# SPDX-License-Identifier: Apache-2.0
"""What a data set is to the trainer: labels, and images that are made when they are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Positions = npt.NDArray[np.intp]
Single = npt.NDArray[np.float32]


class Pixels(Protocol):
    """Where a split's pixels come from, and what identifies them."""

    def read(self, positions: Positions) -> Bytes:
        """The images at these positions, uint8 [n, H, W, C]. Raises SettingsError."""
        ...

    def identity(self) -> Iterator[bytes | memoryview]:
        """Bytes that change when the images do. Raises SettingsError."""
        ...


@dataclass(frozen=True, eq=False)
class ArrayPixels:
    """Pixels in memory, uint8 [N, H, W, C]; every byte of them is their identity."""

    images: Bytes

    def read(self, positions: Positions) -> Bytes:
        """The images at these positions, as a copy."""
        return self.images[positions]

    def identity(self) -> Iterator[bytes | memoryview]:
        """The shape and all bytes."""
        yield repr(self.images.shape).encode()
        yield np.ascontiguousarray(self.images).data.cast("B")


@dataclass(frozen=True)
class Normalisation:
    """(pixel / full - mean) / std for each channel; `full` is the pixel value that stands for 1."""

    full: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def apply(self, pixels: Bytes) -> Single:
        """Float32 of the same shape [..., C]: one multiplication and one subtraction a value."""
        std = np.asarray(self.std, np.float64)
        values = pixels.astype(np.float32)
        values *= (1.0 / (self.full * std)).astype(np.float32)
        values -= (np.asarray(self.mean, np.float64) / std).astype(np.float32)
        return values


@dataclass(frozen=True, eq=False)
class Split:
    """The training or the test part. labels: int64 [N]; pixels: of the same N images."""

    labels: Labels
    pixels: Pixels
    normalisation: Normalisation

    def __len__(self) -> int:
        """Images of the split."""
        return len(self.labels)

    def images(self, indices: Sequence[int] | npt.NDArray[np.integer]) -> Single:
        """These images, normalised: float32 [n, H, W, C], C-contiguous.

        Raises SettingsError when a file of theirs cannot be read or decoded.
        """
        pixels = self.pixels.read(np.asarray(indices, np.intp))
        return self.normalisation.apply(np.ascontiguousarray(pixels))


@dataclass(frozen=True, eq=False)
class Dataset:
    """Two splits of one kind of image. image: (height, width, channels); labels: 0..classes-1."""

    classes: int
    image: tuple[int, int, int]
    train: Split
    test: Split

    def fingerprint(self) -> str:
        """16 hexadecimal digits that differ for other data: labels, order, pixels, normalisation.

        Images that stay in files count by name and size. Raises SettingsError when one is gone.
        """
        digest = hashlib.sha256(repr((self.classes, self.image)).encode())
        for split in (self.train, self.test):
            digest.update(repr(split.normalisation).encode())
            digest.update(split.labels.astype("<i8").tobytes())
            for part in split.pixels.identity():
                digest.update(len(part).to_bytes(8, "little"))
                digest.update(part)
        return digest.hexdigest()[:16]
