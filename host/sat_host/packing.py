# SPDX-License-Identifier: Apache-2.0
"""The packed form of N:M pruned weights: block records (docs/architecture.md, Device memory).

A record holds one panel of the reduction (`lanes` elements, lanes/group groups) of one block of
`lanes` columns: first the value words, then, unless keep == group, the index words.

* value word x = g*keep + n: in lane c, the n-th kept value (ascending index) of group g.
* index word x // slots: in lane c, at bits [(x % slots)*log2(group), +log2(group)], its index.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .config import ArrayConfig

Words = npt.NDArray[np.uint16]


def encode(values: Words, indices: npt.NDArray[np.integer], config: ArrayConfig) -> Words:
    """Records of kept elements, both uint16 bits and indices shaped [blocks, panels, groups a
    panel, keep, lanes] -> uint16 [blocks, panels, record words, lanes]."""
    blocks, panels, _, keep, lanes = values.shape
    rows = config.value_words(keep)
    value_words = values.reshape(blocks, panels, rows, lanes)
    if keep == config.group:
        return np.ascontiguousarray(value_words)
    slots = config.index_slots
    words = config.index_words(keep)
    padded = np.zeros((blocks, panels, words * slots, lanes), np.uint16)
    padded[:, :, :rows] = indices.reshape(blocks, panels, rows, lanes)
    shifts = (np.arange(slots, dtype=np.uint16) * config.index_bits).astype(np.uint16)
    fields = padded.reshape(blocks, panels, words, slots, lanes) << shifts[:, None]
    index_words = np.bitwise_or.reduce(fields, axis=3)
    return np.concatenate([value_words, index_words], axis=2)


def decode(records: Words, keep: int, config: ArrayConfig) -> tuple[Words, npt.NDArray[np.int64]]:
    """The inverse of `encode`: values (uint16 bits) and indices, each [blocks, panels, groups a
    panel, keep, lanes]."""
    blocks, panels, _, lanes = records.shape
    rows = config.value_words(keep)
    shape = (blocks, panels, config.groups_per_panel, keep, lanes)
    values = records[:, :, :rows].reshape(shape)
    if keep == config.group:
        dense = np.arange(keep, dtype=np.int64)[:, None]
        return values, np.broadcast_to(dense, shape)
    shifts = (np.arange(config.index_slots, dtype=np.uint16) * config.index_bits).astype(np.uint16)
    fields = (records[:, :, rows:, None, :] >> shifts[:, None]) & np.uint16(config.group - 1)
    flat = fields.reshape(blocks, panels, -1, lanes)[:, :, :rows]
    return values, flat.reshape(shape).astype(np.int64)


def unpack(
    records: Words, reduction: int, columns: int, keep: int, config: ArrayConfig
) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.bool_]]:
    """Records [blocks(columns), blocks(reduction), record words, lanes] -> (weights, kept).

    weights: float16 [reduction, columns], +0 where pruned. kept: bool, same shape, True for the
    elements that the records hold (a kept element may itself be zero). Padding is dropped.
    """
    values, indices = decode(records, keep, config)
    blocks, panels, groups, _, lanes = values.shape
    bits = np.zeros((blocks, panels, groups, config.group, lanes), np.uint16)
    kept = np.zeros(bits.shape, np.bool_)
    np.put_along_axis(bits, indices, values, axis=3)
    np.put_along_axis(kept, indices, True, axis=3)

    def matrix(array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        rows = array.reshape(blocks, panels * groups * config.group, lanes)
        full = rows.transpose(1, 0, 2).reshape(-1, blocks * lanes)
        return np.ascontiguousarray(full[:reduction, :columns])

    return matrix(bits).view(np.float16), matrix(kept).view(np.bool_)
