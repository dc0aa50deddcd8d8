# SPDX-License-Identifier: Apache-2.0
"""An epoch's batches follow from seed and epoch alone, and each pixel is where it must be."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sat_host.data import ArrayPixels, Loader, Normalisation, Split
from sat_host.data.loader import augment

Single = npt.NDArray[np.float32]

SAMPLES = 23
MASK = 2**64 - 1


def split(samples: int = SAMPLES) -> Split:
    """Random images of 5 x 4 x 2; a sample's label is its position."""
    images = np.random.default_rng(3).integers(0, 256, (samples, 5, 4, 2), np.uint8)
    normalisation = Normalisation(255, (0.4, 0.5), (0.2, 0.3))
    return Split(np.arange(samples), ArrayPixels(images), normalisation)


def philox(key: tuple[int, int], counter: int) -> list[int]:
    """Philox4x64-10 of Salmon et al., written from the paper."""
    words, (first, second) = [counter, 0, 0, 0], key
    for _ in range(10):
        left, right = words[0] * 0xD2E7470EE14C6C93, words[2] * 0xCA5A826395121157
        words = [
            (right >> 64) ^ words[1] ^ first,
            right & MASK,
            (left >> 64) ^ words[3] ^ second,
            left & MASK,
        ]
        first, second = (first + 0x9E3779B97F4A7C15) & MASK, (second + 0xBB67AE8584CAA73B) & MASK
    return words


def drawn(seed: int, epoch: int, stream: int, position: int) -> list[int]:
    """The words of a sample; NumPy counts before it draws."""
    return philox((seed, 2 * epoch + stream), position + 1)


def naive(image: Single, words: list[int], crop: int, flip: bool) -> Single:
    """The augmentation of one image, pixel by pixel."""
    height, width, _ = image.shape
    top, left = words[0] % (2 * crop + 1) - crop, words[1] % (2 * crop + 1) - crop
    result = np.zeros_like(image)
    for row in range(height):
        for column in range(width):
            across = width - 1 - column if flip and words[2] % 2 else column
            y, x = row + top, across + left
            if 0 <= y < height and 0 <= x < width:
                result[row, column] = image[y, x]
    return result


def bits(values: Single) -> npt.NDArray[np.uint32]:
    return values.view(np.uint32)


def test_an_epoch_has_every_sample_once() -> None:
    data = split()
    loader = Loader(data, 5, seed=7)
    batches = list(loader.epoch(1))
    assert [len(labels) for _, labels in batches] == [5, 5, 5, 5, 3]
    assert len(loader) == 5
    labels = np.concatenate([labels for _, labels in batches])
    assert sorted(labels.tolist()) == list(range(SAMPLES))
    for images, of in batches:
        assert (images.dtype, images.flags.c_contiguous) == (np.float32, True)
        assert np.array_equal(bits(images), bits(data.images(of)))


def test_the_order_is_that_of_philox_words() -> None:
    keys = [drawn(9, 4, 0, position)[0] for position in range(SAMPLES)]
    assert Loader(split(), 5, seed=9).order(4).tolist() == np.argsort(keys).tolist()


def test_seeds_and_epochs_differ() -> None:
    orders = [
        tuple(Loader(split(), 5, seed).order(epoch)) for seed in range(3) for epoch in range(4)
    ]
    assert len(set(orders)) == len(orders)


def test_evaluation_keeps_order_and_images() -> None:
    data = split()
    for epoch in (0, 1):
        batches = list(Loader(data, 6, shuffle=False).epoch(epoch))
        assert np.concatenate([labels for _, labels in batches]).tolist() == list(range(SAMPLES))
        images = np.concatenate([images for images, _ in batches])
        assert np.array_equal(bits(images), bits(data.images(range(SAMPLES))))


@pytest.mark.parametrize(("crop", "flip"), [(0, True), (1, False), (2, True), (6, True)])
@pytest.mark.parametrize("epoch", [1, 2])
def test_augmentation_is_that_of_the_definition(crop: int, flip: bool, epoch: int) -> None:
    data = split()
    loader = Loader(data, 4, seed=11, crop=crop, flip=flip)
    position = 0
    changed = 0
    for images, labels in loader.epoch(epoch):
        plain = data.images(labels)
        for image, source in zip(images, plain, strict=True):
            expected = naive(source, drawn(11, epoch, 1, position), crop, flip)
            assert np.array_equal(bits(image), bits(expected))
            changed += not np.array_equal(image, source)
            position += 1
    assert position == SAMPLES
    assert 0 < changed <= SAMPLES


@given(
    st.integers(1, 4),
    st.integers(1, 6),
    st.integers(1, 6),
    st.integers(1, 3),
    st.integers(0, 5),
    st.booleans(),
    st.data(),
)
def test_augmentation_of_any_shape(
    count: int, height: int, width: int, channels: int, crop: int, flip: bool, data: st.DataObject
) -> None:
    drawn_words = data.draw(
        st.lists(
            st.lists(st.integers(0, MASK), min_size=4, max_size=4), min_size=count, max_size=count
        )
    )
    images = np.arange(1, 1 + count * height * width * channels, dtype=np.float32)
    images = images.reshape(count, height, width, channels)
    result = augment(images, np.array(drawn_words, np.uint64), crop, flip)
    assert result.flags.c_contiguous
    for image, source, words in zip(result, images, drawn_words, strict=True):
        assert np.array_equal(bits(image), bits(naive(source, words, crop, flip)))


@pytest.mark.parametrize("start", range(7))
def test_a_start_in_the_middle_gives_the_rest_of_the_same_epoch(start: int) -> None:
    whole = list(Loader(split(), 4, seed=2, crop=2, flip=True).epoch(3))
    rest = list(Loader(split(), 4, seed=2, crop=2, flip=True).epoch(3, start=start))
    assert len(rest) == len(whole) - start
    for (images, labels), (expected, expected_labels) in zip(rest, whole[start:], strict=True):
        assert np.array_equal(bits(images), bits(expected))
        assert np.array_equal(labels, expected_labels)


def watched(read: list[int]) -> Split:
    """`split`, which notes in `read` the samples whose images are made."""

    class Watched(ArrayPixels):
        def read(self, positions: npt.NDArray[np.intp]) -> npt.NDArray[np.uint8]:
            read.extend(positions.tolist())
            return super().read(positions)

    plain = split()
    pixels = plain.pixels
    assert isinstance(pixels, ArrayPixels)
    return Split(plain.labels, Watched(pixels.images), plain.normalisation)


@pytest.mark.parametrize("piece", [1, 3, 4, 9, 50])
@pytest.mark.parametrize(("crop", "flip"), [(0, False), (0, True), (2, True)])
def test_pieces_are_cuts_of_the_batch(piece: int, crop: int, flip: bool) -> None:
    whole = Loader(split(), 9, seed=5, crop=crop, flip=flip)
    cut = Loader(split(), 9, seed=5, piece=piece, crop=crop, flip=flip)
    batches = list(cut.batches(2, start=1))
    assert [batch.samples for batch in batches] == [9, 5]
    for batch, (images, labels) in zip(batches, whole.epoch(2, start=1), strict=True):
        pieces = list(batch.pieces)
        assert len(pieces) == -(-len(labels) // piece)
        for number, (part, of) in enumerate(pieces):
            here = slice(number * piece, (number + 1) * piece)
            assert np.array_equal(bits(part), bits(images[here]))
            assert np.array_equal(of, labels[here])


def test_pieces_left_out_are_not_loaded() -> None:
    read: list[int] = []
    loader = Loader(watched(read), 5, seed=1, piece=2)
    order = loader.order(1).tolist()
    first, second, *_ = loader.batches(1)
    assert read == []
    next(first.pieces)
    assert read == order[:2]
    next(second.pieces)
    assert read == [*order[:2], *order[5:7]]


def test_batches_left_out_are_not_loaded() -> None:
    read: list[int] = []
    loader = Loader(watched(read), 5, seed=1)
    batches = loader.epoch(1, start=2)
    assert read == []
    next(batches)
    assert read == loader.order(1)[10:15].tolist()


def test_the_batch_size_does_not_change_what_happens_to_a_sample() -> None:
    epochs = [
        np.concatenate(
            [images for images, _ in Loader(split(), n, seed=4, crop=1, flip=True).epoch(2)]
        )
        for n in (1, 4, 23, 64)
    ]
    for one, other in pairwise(epochs):
        assert np.array_equal(bits(one), bits(other))


def test_half_of_the_images_are_mirrored_and_all_offsets_are_drawn() -> None:
    images = np.zeros((2000, 3, 3, 1), np.uint8)
    images[:, 1, 1:, 0] = (100, 200)  # the middle, and its right neighbour
    data = Split(np.zeros(2000, np.int64), ArrayPixels(images), Normalisation(1, (0.0,), (1.0,)))
    ((moved, _),) = Loader(data, 2000, crop=1, flip=False).epoch(1)
    _, rows, columns, _ = np.nonzero(moved == 100)
    places = np.bincount(rows * 3 + columns, minlength=9)
    assert places.sum() == 2000 and np.all(np.abs(places - 2000 / 9) < 60)
    ((mirrored, _),) = Loader(data, 2000, flip=True).epoch(1)
    assert 900 < np.sum(mirrored[:, 1, 0, 0] == 200) < 1100
