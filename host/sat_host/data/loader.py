# SPDX-License-Identifier: Apache-2.0
"""The batches of an epoch, from the seed and the epoch's number alone.

All randomness is Philox (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC11),
keyed by seed and epoch and counted by the sample's position in the epoch. So a run that resumes
needs nothing but where it was, and neither the batch size nor the batches left out change what
happens to a sample. Only NumPy's raw 64-bit words are used, which do not change with its version.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .dataset import Labels, Positions, Single, Split

_WORDS = 4  # of one Philox4x64 counter, all of one sample
_ORDER, _AUGMENTATION = 0, 1  # the two streams of an epoch


class Batch(NamedTuple):
    """`samples` samples in pieces, each made when it is asked for, once: images float32
    [n, H, W, C] and labels int64 [n]."""

    samples: int
    pieces: Iterator[tuple[Single, Labels]]


class Loader:
    """Batches of `batch` samples of a split, the last of an epoch maybe smaller.

    piece: samples of a batch that are loaded at once, its last ones maybe fewer; None: all.
    shuffle: a new order for each epoch; without it, that of the split. crop: images get so many
    pixels of zeros (after normalisation, so of the mean colour) on each side, and a random part of
    their own size is taken. flip: half of the images are mirrored left to right. For evaluation:
    `Loader(split, batch, shuffle=False)`.
    """

    def __init__(
        self,
        split: Split,
        batch: int,
        seed: int = 0,
        *,
        piece: int | None = None,
        shuffle: bool = True,
        crop: int = 0,
        flip: bool = False,
    ) -> None:
        self.split, self.batch, self.seed = split, batch, seed
        self.piece = batch if piece is None else piece
        self.shuffle, self.crop, self.flip = shuffle, crop, flip

    def __len__(self) -> int:
        """Batches of an epoch."""
        return -(-len(self.split) // self.batch)

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """Batch `start` of an epoch and those after it.

        Their pieces raise SettingsError when a file of the data cannot be read or decoded.
        """
        order = self.order(epoch)
        for first in range(start * self.batch, len(order), self.batch):
            last = min(first + self.batch, len(order))
            yield Batch(last - first, self._pieces(epoch, order, first, last))

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[Single, Labels]]:
        """The pieces of all `batches`, one after the other."""
        for batch in self.batches(epoch, start):
            yield from batch.pieces

    def _pieces(
        self, epoch: int, order: Positions, first: int, last: int
    ) -> Iterator[tuple[Single, Labels]]:
        """Those of the batch that takes the places `first` up to `last` of the order."""
        for begin in range(first, last, self.piece):
            chosen = order[begin : min(begin + self.piece, last)]
            images = self.split.images(chosen)
            if self.crop or self.flip:
                words = _words(self.seed, epoch, _AUGMENTATION, begin, len(chosen))
                images = augment(images, words, self.crop, self.flip)
            yield images, self.split.labels[chosen]

    def order(self, epoch: int) -> Positions:
        """The epoch's samples in their order: positions in the split, each once."""
        if not self.shuffle:
            return np.arange(len(self.split), dtype=np.intp)
        keys = _words(self.seed, epoch, _ORDER, 0, len(self.split))[:, 0]
        return np.argsort(keys, kind="stable")


def augment(images: Single, words: npt.NDArray[np.uint64], crop: int, flip: bool) -> Single:
    """Images [n, H, W, C] moved by up to `crop` pixels each way, and some of them mirrored.

    words: [n, 4]; the first two, modulo 2 crop + 1, choose the row and the column where the image
    is cut out of the padded one, the lowest bit of the third whether it is then mirrored.
    """
    count, height, width, channels = images.shape
    padded = images
    if crop:
        padded = np.zeros((count, height + 2 * crop, width + 2 * crop, channels), np.float32)
        padded[:, crop : crop + height, crop : crop + width] = images
    choices = np.uint64(2 * crop + 1)
    top, left = ((words[:, column] % choices).astype(np.intp) for column in (0, 1))
    mirrored = (words[:, 2] & np.uint64(1)).astype(np.bool_) & flip
    across = np.where(mirrored[:, None], np.arange(width)[::-1], np.arange(width))
    rows = top[:, None] + np.arange(height)
    columns = left[:, None] + across
    chosen = np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]
    moved: Single = padded[chosen]
    return moved


def _words(seed: int, epoch: int, stream: int, first: int, count: int) -> npt.NDArray[np.uint64]:
    """uint64 [count, 4] for the positions from `first` on."""
    key = np.array([seed, 2 * epoch + stream], np.uint64)
    counter = np.array([first, 0, 0, 0], np.uint64)
    bits = np.random.Philox(key=key, counter=counter)
    words: npt.NDArray[np.uint64] = bits.random_raw(_WORDS * count)
    return words.reshape(count, _WORDS)
