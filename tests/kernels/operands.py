# SPDX-License-Identifier: Apache-2.0
"""Binary16 and binary32 operands of every kind, and shapes at the edges of an array."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from sat_host.config import ArrayConfig
from sat_host.device import Matrix

Half = npt.NDArray[np.float16]
Single = npt.NDArray[np.float32]

# How many values in a hundred are of each kind; what is left is normal.
MIXES = {
    "normal": {},
    "few special": {"zero": 10, "subnormal": 10, "infinity": 1, "nan": 1},
    "any bits": {"any": 100},
    "zeros": {"zero": 100},
    "subnormal": {"zero": 5, "subnormal": 90},
    "overflow": {"huge": 60},
    "ties": {"tie": 80, "zero": 10},
    "sparse": {"zero": 85, "nan": 1},
}


def halves(seed: int, shape: tuple[int, int], mix: str) -> Half:
    """Binary16 values of one of MIXES; the same for the same arguments."""
    rng = np.random.default_rng(seed)
    sign = rng.integers(0, 2, shape).astype(np.uint16) << np.uint16(15)
    bits = rng.standard_normal(shape).astype(np.float16).view(np.uint16)
    kinds = {
        "zero": sign,
        "subnormal": sign | rng.integers(1, 0x400, shape).astype(np.uint16),
        "infinity": sign | np.uint16(0x7C00),
        "nan": sign | rng.integers(0x7C01, 0x8000, shape).astype(np.uint16),
        "any": rng.integers(0, 0x10000, shape).astype(np.uint16),
        "huge": sign | rng.integers(0x7000, 0x7C00, shape).astype(np.uint16),
        "tie": sign | rng.choice(np.array([0x3C00, 0x3E00], np.uint16), shape),
    }
    percent = rng.integers(0, 100, shape)
    start = 0
    for kind, share in MIXES[mix].items():
        bits = np.where((percent >= start) & (percent < start + share), kinds[kind], bits)
        start += share
    return bits.astype(np.uint16).view(np.float16)


def starts(seed: int, shape: tuple[int, int], mix: str) -> Single:
    """Binary32 values that a sum of binary16 products can have, and -0, infinities and NaNs."""
    with np.errstate(invalid="ignore"):  # signalling NaNs
        return halves(seed, shape, mix).astype(np.float32) * np.float32(2.0**-14)


def singles(seed: int, shape: tuple[int, int]) -> Single:
    """Binary32 values: normal ones, about 2^-126, subnormal, zero, huge, and any bits."""
    rng = np.random.default_rng(seed)
    normal = rng.standard_normal(shape)
    tiny = rng.uniform(-4.0, 4.0, shape) * 2.0**-126
    small = rng.uniform(-4.0, 4.0, shape) * 2.0 ** rng.integers(-126, -60, shape)
    huge = rng.uniform(-1.0, 1.0, shape) * 2.0**127
    kinds = np.stack([normal, normal, tiny, small, huge, 0.0 * normal]).astype(np.float32)
    anything = rng.integers(0, 1 << 32, shape, dtype=np.uint32).view(np.float32)
    kinds = np.concatenate([kinds, anything[None]])
    return np.take_along_axis(kinds, rng.integers(0, len(kinds), shape)[None], 0)[0]


def extents(edges: tuple[int, ...], most: int) -> st.SearchStrategy[int]:
    """1, primes, the edges with what lies beside them, and anything; at most `most`."""
    beside = {e + d for e in edges for d in (-1, 0, 1)} | {1, 2, 3, 5, 7, 13, 31}
    return st.sampled_from(sorted(e for e in beside if 1 <= e <= most)) | st.integers(1, most)


def rows_of(config: ArrayConfig) -> st.SearchStrategy[int]:
    """Output rows: about a pass of the chain, a block of the transposer, and a whole strip."""
    strip = config.rows * config.interleave
    return extents((config.rows, config.lanes, strip, 2 * strip), 2 * strip + 2)


def reductions_of(config: ArrayConfig) -> st.SearchStrategy[int]:
    """Terms of a sum: about a group and a few panels."""
    lanes = config.lanes
    return extents((config.group, lanes, 2 * lanes, 3 * lanes), 3 * lanes + 5)


def columns_of(config: ArrayConfig) -> st.SearchStrategy[int]:
    """Output columns: about a column block and a whole tile."""
    tile = config.lanes * config.memory_tile
    return extents((config.lanes, tile, 2 * tile), 2 * tile + 2)


def keeps_of(config: ArrayConfig) -> st.SearchStrategy[int]:
    """N of N:M, its ends more often."""
    group = config.group
    return st.sampled_from([1, group - 1, group]) | st.integers(1, group)


def check_padding(words: npt.NDArray[np.uint16], matrix: Matrix) -> None:
    """Lanes beyond the columns are +0. words: the matrix in memory, with rows behind a view."""
    width = 2 if matrix.dtype == np.float32 else 1
    pitch = width * -(-matrix.columns // words.shape[1])
    rows = words.reshape(words.shape[0] // pitch, -1)
    assert not rows[:, width * matrix.columns :].any(), "lanes beyond the columns are not zero"
