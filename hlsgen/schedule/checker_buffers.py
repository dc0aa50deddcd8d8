# SPDX-License-Identifier: Apache-2.0
"""Proofs that a command fits what the array holds: row units, panels and strips."""

from __future__ import annotations

import numpy as np
from sat_host.config import ArrayConfig

from .checker_jobs import Counts, Fields, Findings, Job, ceil_div, signed

BATCH_TOKENS = 16
"""Tokens of a batch's activations that a row unit holds at most, of `feed` words each."""


def check_buffers(config: ArrayConfig, f: Fields, found: Findings) -> None:
    """Counts of a command against the sizes of what is built."""
    stationary = f.is_weight_stationary == 1
    inside = (f.interleave >= 1) & (f.interleave <= config.interleave)
    found.need("interleave", inside, f"expected 1 to {config.interleave}")
    inside = (f.blocks >= 1) & (f.blocks <= config.memory_tile)
    found.need("blocks", inside, f"expected 1 to {config.memory_tile}")
    fits = stationary | (f.rows <= config.rows * f.interleave)
    found.need("rows", fits, "more output rows than row units x interleave")
    dense = f.keep == config.group
    legal = (f.keep >= 1) & (f.keep <= config.group) & (dense | (f.is_packed_b == 1))
    found.need("keep", legal & (f.a_keep <= config.group), f"expected 1 to {config.group}")
    found.need("strip_words", f.strip_words <= config.strip_words, f"above {config.strip_words}")
    panel = np.minimum(f.reduction, config.lanes) * f.a_words
    holds = (f.is_transpose_a == 0) | (panel <= config.strip_words)
    found.need("panel_words", holds, f"a panel above {config.strip_words} words")
    _check_stationary(config, f, stationary, found)


def _check_stationary(config: ArrayConfig, f: Fields, stationary: Counts, found: Findings) -> None:
    """Weight stationary: row unit r holds the packets r x chunk ... of a tile, and all words of the
    reduction of `interleave` rows."""
    taps = np.where(f.is_transpose_a == 1, 1, f.taps_y * f.taps_x)
    words = taps * ceil_div(f.reduction, config.lanes)
    tokens = words * ceil_div(f.interleave, config.feed)
    most = BATCH_TOKENS
    found.need("held_words", ~stationary | (tokens <= most), f"more than {most} tokens a row unit")
    whole, tail = np.divmod(f.reduction, config.lanes)
    full = np.where(f.keep == config.group, config.lanes, config.lanes // config.group * f.keep)
    last = np.where(f.keep == config.group, tail, ceil_div(tail, config.group) * f.keep)
    chunk = ceil_div(taps * (whole * full + last), config.rows)
    blocks = np.minimum(f.blocks, ceil_div(f.columns, config.lanes))
    # As many as the sums of a tile, and in any case a panel of the reduction.
    most = max(config.interleave * config.memory_tile, ceil_div(config.lanes, config.rows))
    holds = ~stationary | (chunk * blocks <= most)
    found.need("held_packets", holds, f"more than {most} packets a row unit")
    batch = ~stationary | (f.is_transpose_a == 0) | (f.rows <= f.interleave)
    found.need("rows", batch, "transposed A: more rows than one batch")


def check_strips(job: Job, f: Fields, first: tuple[Counts, Counts], found: Findings) -> None:
    """A strip lies within A and holds every word that its output rows reach at a tap. first: the
    image of each command's first pixel, and the first of the pixels' words that it reads."""
    used = (f.strip_words > 0) & (f.is_transpose_a == 0)
    plain = (f.strip_words == 0) | (f.is_transpose_a == 0)
    found.need("strip_range", plain, "transposed A has no strip")
    if not used.any():
        return
    start = signed(f.strip_address - job.a.address)
    inside = ~used | ((start >= 0) & (start + f.strip_words <= job.a.words))
    found.need("strip_range", inside, f"a strip reaches beyond {job.a.name}")
    image, word = first
    low, high = _touched(job.a_pitch, f, image)
    within = (start <= low + word) & (high + word < start + f.strip_words)
    holds = ~used | (low > high) | within
    found.need("strip_range", holds, "a strip lacks words that its rows touch")


def _touched(pitch: int, f: Fields, image: Counts) -> tuple[Counts, Counts]:
    """The first and the last word of A that lie inside an image and that a command's rows touch;
    the first is the larger when there is none. By rows of the output: a command has few."""
    place = f.out_y * f.out_width + f.out_x
    lines = (f.out_x + f.rows - 1) // f.out_width + 1
    owner = np.repeat(np.arange(f.count), lines)
    starts = np.cumsum(lines) - lines
    step = np.arange(owner.size) - starts[owner]  # output rows after the command's first
    across = {name: getattr(f, name)[owner] for name in (
        "out_width", "out_height", "a_width", "a_height", "a_stride_x", "a_stride_y", "taps_x",
        "taps_y", "out_x", "out_y", "a_y", "a_x", "rows", "a_blocks")}  # fmt: skip
    a = across
    first = np.where(step == 0, a["out_x"], 0)
    end = place[owner] % a["out_width"] + a["rows"] - step * a["out_width"]
    last = np.minimum(end, a["out_width"]) - 1
    crossed, line = np.divmod(a["out_y"] + step, a["out_height"])
    y = a["a_y"] + (line - a["out_y"]) * a["a_stride_y"]
    x = a["a_x"] + (np.stack([first, last]) - a["out_x"]) * a["a_stride_x"]
    back = (f.is_backward_taps == 1)[owner]
    top = y - np.where(back, a["taps_y"] - 1, 0)
    left = x[0] - np.where(back, a["taps_x"] - 1, 0)
    bottom, right = top + a["taps_y"] - 1, x[1] - np.where(back, 0, 1 - a["taps_x"])
    top, bottom = np.maximum(top, 0), np.minimum(bottom, a["a_height"] - 1)
    left, right = np.maximum(left, 0), np.minimum(right, a["a_width"] - 1)
    empty = (top > bottom) | (left > right)
    base = (image[owner] + crossed) * a["a_height"]
    low = ((base + top) * a["a_width"] + left) * pitch
    high = ((base + bottom) * a["a_width"] + right) * pitch + a["a_blocks"] - 1
    huge = np.int64(1) << 62
    low, high = np.where(empty, huge, low), np.where(empty, -huge, high)
    return np.minimum.reduceat(low, starts), np.maximum.reduceat(high, starts)
