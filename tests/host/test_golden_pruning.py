# SPDX-License-Identifier: Apache-2.0
"""Selection and the packed form, against readings of their definitions one element at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sat_host import golden, packing
from sat_host.config import ArrayConfig


def array_config(lanes: int, group: int) -> ArrayConfig:
    return ArrayConfig(
        rows=4, lanes=lanes, group=group, interleave=4, memory_tile=2, adder_latency=4
    )


def obvious_mask(w16: np.ndarray, keep: int, group: int) -> np.ndarray:
    """Along axis 0, each group sorted by falling magnitude, then by rising index."""
    bits = w16.view(np.uint16) & 0x7FFF
    mask = np.zeros(w16.shape, bool)
    for column in range(w16.shape[1]):
        for start in range(0, w16.shape[0], group):
            members = range(start, min(start + group, w16.shape[0]))
            best = sorted(members, key=lambda k: (-int(bits[k, column]), k))
            mask[best[:keep], column] = True
    return mask


@st.composite
def weights_and_shape(draw: st.DrawFn) -> tuple[np.ndarray, int, ArrayConfig]:
    group = draw(st.sampled_from([4, 8, 16, 32]))
    lanes = draw(st.sampled_from([lanes for lanes in (4, 8, 16, 32, 64) if lanes % group == 0]))
    keep = draw(st.integers(1, group))
    shape = (draw(st.integers(1, 70)), draw(st.integers(1, 70)))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    # Few distinct magnitudes make ties; the rest are any bits, NaN and infinities too.
    few = rng.choice(np.array([0, 0x8000, 1, 0x3C00, 0xBC00, 0x7E01], np.uint16), shape)
    anything = rng.integers(0, 1 << 16, shape).astype(np.uint16)
    bits = few if draw(st.booleans()) else anything
    return bits.view(np.float16), keep, array_config(lanes, group)


@settings(max_examples=60)
@given(weights_and_shape())
def test_keep_mask_is_a_sort_of_each_group(case: tuple[np.ndarray, int, ArrayConfig]) -> None:
    w16, keep, config = case
    expected = obvious_mask(w16, keep, config.group)
    assert np.array_equal(golden.keep_mask(w16, keep, config.group, 0), expected)
    assert np.array_equal(golden.keep_mask(w16.T, keep, config.group, 1), expected.T)
    pruned = golden.prune(w16, keep, config.group, 0).view(np.uint16)
    assert np.array_equal(pruned, np.where(expected, w16.view(np.uint16), 0))


@settings(max_examples=80)
@given(weights_and_shape())
def test_unpack_gives_back_the_pruned_weights(case: tuple[np.ndarray, int, ArrayConfig]) -> None:
    w16, keep, config = case
    records = golden.pack(w16, keep, config)
    blocks, panels = config.blocks(w16.shape[1]), config.blocks(w16.shape[0])
    assert records.dtype == np.uint16
    assert records.shape == (blocks, panels, config.record_words(keep), config.lanes)
    weights, kept = packing.unpack(records, *w16.shape, keep, config)
    assert np.array_equal(kept, obvious_mask(w16, keep, config.group))
    pruned = golden.prune(w16, keep, config.group, 0)
    assert np.array_equal(weights.view(np.uint16), pruned.view(np.uint16))


@pytest.mark.parametrize(
    ("lanes", "group", "keep"), [(8, 4, 2), (16, 8, 3), (32, 32, 7), (8, 8, 8)]
)
def test_record_format(lanes: int, group: int, keep: int) -> None:
    config = array_config(lanes, group)
    rng = np.random.default_rng(lanes + keep)
    extent = (2 * lanes - 3, lanes + 1)
    w16 = rng.integers(0, 1 << 16, extent).astype(np.uint16).view(np.float16)
    padded = np.zeros((2 * lanes, 2 * lanes), np.uint16)
    padded[: extent[0], : extent[1]] = w16.view(np.uint16)
    mask = obvious_mask(padded.view(np.float16), keep, group)
    records = golden.pack(w16, keep, config)
    width = group.bit_length() - 1
    value_words = lanes // group * keep
    for column in range(2 * lanes):
        for panel in range(2):
            record = records[column // lanes, panel, :, column % lanes]
            for x in range(value_words):
                start = panel * lanes + x // keep * group
                index = np.flatnonzero(mask[start : start + group, column])[x % keep]
                assert record[x] == padded[start + index, column]
                if keep < group:
                    word = int(record[value_words + x // (16 // width)])
                    assert word >> (x % (16 // width) * width) & (group - 1) == index


def test_padding_fills_a_short_last_group_by_rising_index() -> None:
    config = array_config(8, 8)
    w16 = np.array([[0.0], [-2.0]], np.float16)
    record = golden.pack(w16, 4, config)[0, 0, :, 0]
    assert record[:4].tolist() == [0, 0xC000, 0, 0]
    assert [int(record[4]) >> shift & 7 for shift in (0, 3, 6, 9)] == [0, 1, 2, 3]
