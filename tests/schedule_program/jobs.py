# SPDX-License-Identifier: Apache-2.0
"""Random products with the jobs that their command lists must do, told from their geometry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from sat_host import convolution_program
from sat_host.command_lists import ONE, Copies, between_words, command_lists
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution
from sat_host.errors import ArgumentError
from sat_host.product import Operand, Product, Source, Target
from sat_host.strips import default_tiling, stationary_tiling, strip_fits
from sat_host.tiling import Tiling

from hlsgen.schedule.checker_jobs import Job, Region

Lists = list[Any]


@dataclass(frozen=True)
class Case:
    """A job and the lists that were made for it, by product."""

    config: ArrayConfig
    job: Job
    products: tuple[Lists, ...]


@st.composite
def configs(draw: st.DrawFn) -> ArrayConfig:
    """Arrays small enough for products of many tiles."""
    lanes = draw(st.sampled_from([4, 8, 16]))
    group = draw(st.sampled_from([m for m in (4, 8, 16) if m <= lanes]))
    rows, interleave = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    latency, feed = draw(st.integers(1, 8)), draw(st.integers(1, 2))
    tile = draw(st.integers(-(-latency // interleave), 8))
    strip = draw(st.integers(max(16, lanes * (rows + 1)), 400))
    return ArrayConfig(rows, lanes, group, interleave, tile, latency, feed, strip)


@st.composite
def tilings(draw: st.DrawFn, config: ArrayConfig, product: Product) -> Tiling:
    """A tiling that the array can hold: the default ones, or any sizes."""
    kind = draw(st.sampled_from(["default", "ws", "any"]))
    tiling = default_tiling(config, product)
    if kind == "ws":
        tiling = stationary_tiling(config, product)
    elif kind == "any":
        interleave = draw(st.integers(1, config.interleave))
        blocks = draw(st.integers(1, config.memory_tile))
        tiling = Tiling("os", interleave, blocks, buffered=True)
        if not strip_fits(config, product, tiling) or draw(st.booleans()):
            tiling = replace(tiling, buffered=product.transpose_a)
    try:
        words = between_words(config, product, tiling)
        command_lists(config, product, tiling, scratch=0 if words else None)
    except ArgumentError:  # the smallest tile that ws can hold may be larger than the array
        return default_tiling(config, product)
    return tiling


class Heap:
    """Regions one after the other, with gaps, from a random place on."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw, self.next = draw, draw(st.sampled_from([0, 1 << 20, (1 << 32) - (1 << 26)]))

    def take(self, name: str, words: int) -> Region:
        self.next += self.draw(st.integers(0, 9))
        region = Region(name, self.next, words)
        self.next += words
        return region


@st.composite
def plain_cases(draw: st.DrawFn) -> Case:
    """Products of matrices with rows of more words than they need, alone or as equal copies."""
    config, heap = draw(configs()), Heap(draw)
    rows, columns, reduction = (draw(st.integers(1, 120)) for _ in range(3))
    copies = draw(st.sampled_from([1, 1, 3]))
    transposed, packed = draw(st.booleans()), copies == 1 and draw(st.booleans())
    binary32, turned = draw(st.booleans()), not packed and draw(st.booleans())
    accumulate = binary32 and copies == 1 and draw(st.booleans())
    extra, keep = draw(st.integers(0, 2)), draw(st.integers(1, config.group))
    channels, pixels = (rows, reduction) if transposed else (reduction, rows)
    a_pitch = config.blocks(channels) + extra
    a = heap.take("a", copies * pixels * a_pitch)
    records = config.blocks(reduction) * config.record_words(keep)
    b_rows, b_columns = (columns, reduction) if turned else (reduction, columns)
    b_pitch = config.blocks(b_columns) + extra
    b = heap.take("b", config.blocks(columns) * records if packed else copies * b_rows * b_pitch)
    y_pitch = config.blocks(columns) * (2 if binary32 else 1) + extra
    y = heap.take("y", copies * rows * y_pitch)
    operand = Operand(b.address, True, keep, block_step=records)
    if not packed:
        operand = Operand(b.address, False, config.group, b_pitch, turned)
    product = Product(
        rows, columns, reduction, Source(a.address, a_pitch, channels), operand,
        Target.rows(y.address, y_pitch, binary32), transposed, accumulate,
    )  # fmt: skip
    steps = (pixels * a_pitch, b_rows * b_pitch, rows * y_pitch)
    job = Job("plain", a, a_pitch, b, y, y_pitch, columns, binary32,
              copies * rows * columns * reduction, copies, accumulate)  # fmt: skip
    return _case(draw, config, job, heap, [product], Copies(copies, steps))


def _case(
    draw: st.DrawFn,
    config: ArrayConfig,
    job: Job,
    heap: Heap,
    products: Sequence[Product],
    copies: Copies = ONE,
) -> Case:
    """The lists of products, each with a tiling of its own."""
    chosen = [draw(tilings(config, product)) for product in products]
    words = max((between_words(config, product, tiling, copies)
                 for product, tiling in zip(products, chosen, strict=True)), default=0)  # fmt: skip
    if words:
        job = replace(job, sums=heap.take("sums", words))
    scratch = None if job.sums is None else job.sums.address
    lists = tuple(
        command_lists(config, product, tiling, copies, scratch)
        for product, tiling in zip(products, chosen, strict=True)
    )
    return Case(config, job, lists)


@st.composite
def shapes(draw: st.DrawFn) -> Convolution:
    """Convolutions whose strides may leave pixels out and whose taps may miss the image."""
    kernel = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    stride = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    padding = tuple(draw(st.integers(0, max(0, k - 1))) for k in kernel)
    sides = [draw(st.integers(max(1, k - 2 * p), 9)) for k, p in zip(kernel, padding, strict=True)]
    channels, filters = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    images = draw(st.integers(1, 4))
    return Convolution(images, *sides, channels, filters, kernel, stride, padding)


def terms_of(shape: Convolution, stage: str) -> int:
    """Products of two elements that a stage needs; BP: with taps that reach a pixel."""
    per_tap = shape.channels * shape.filters
    if stage != "BP":
        return shape.out_pixels * shape.taps * per_tap
    reach = [
        sum((place + padding - tap) % stride == 0 for place in range(size) for tap in range(taps))
        for size, taps, stride, padding in zip(
            (shape.height, shape.width), shape.kernel, shape.stride, shape.padding, strict=True
        )
    ]
    return shape.images * reach[0] * reach[1] * per_tap


def reached(shape: Convolution) -> Any:
    """The pixels of X that a tap reaches, of all images."""
    lines, columns = (
        np.array([any((place + padding - tap) % stride == 0 for tap in range(taps))
                  for place in range(size)])
        for size, taps, stride, padding in zip(
            (shape.height, shape.width), shape.kernel, shape.stride, shape.padding, strict=True)
    )  # fmt: skip
    return np.tile(np.outer(lines, columns).ravel(), shape.images)


@st.composite
def convolution_cases(draw: st.DrawFn) -> Case:
    """One of the three stages of a convolution."""
    config, heap, shape = draw(configs()), Heap(draw), draw(shapes())
    stage, keep = draw(st.sampled_from(["FF", "BP", "WU"])), draw(st.integers(1, config.group))
    inner, outer = config.blocks(shape.channels), config.blocks(shape.filters)
    record, rows = config.record_words(keep), shape.weight_rows(config.lanes)
    x = heap.take("x", shape.in_pixels * inner)
    y = heap.take("y", shape.out_pixels * outer)
    ff = heap.take("ff", outer * config.blocks(rows) * record)
    bp = heap.take("bp", config.blocks(rows) * outer * record)
    dw = heap.take("dw", rows * 2 * outer)
    accumulate = stage == "WU" and draw(st.booleans())
    terms = terms_of(shape, stage)
    if stage == "FF":
        made = [convolution_program.forward(
            config, shape, x.address, (ff.address, keep), y.address)]  # fmt: skip
        job = Job("FF", x, inner, ff, y, outer, shape.filters, False, terms)
    elif stage == "BP":
        made = convolution_program.backward(
            config, shape, y.address, (bp.address, keep), x.address)  # fmt: skip
        wanted = reached(shape)
        job = Job("BP", y, outer, bp, x, inner, shape.channels, False, terms, wanted=wanted)
    else:
        made = [convolution_program.gradient(
            config, shape, x.address, y.address, dw.address, accumulate)]  # fmt: skip
        lines = np.zeros((shape.taps, shape.tap_rows(config.lanes)), bool)
        lines[:, : shape.channels] = True
        job = Job("WU", x, inner, y, dw, 2 * outer, shape.filters, True, terms,
                  accumulate=accumulate, wanted=lines.ravel()[:rows])  # fmt: skip
    return _case(draw, config, job, heap, made)


CASES = plain_cases() | convolution_cases()


def changed(case: Case, field: str, product: int, place: int, add: int) -> Case:
    """The case with a number added to one field of one command, as the field wraps around."""
    products = [[commands.copy() for commands in lists] for lists in case.products]
    commands = products[product % len(products)][-1]
    row = place % len(commands)
    value = int(commands[field][row]) + add
    kind = commands.dtype[field]
    commands[field][row] = np.array(value % (1 << 8 * kind.itemsize), np.uint64).astype(kind)
    return replace(case, products=tuple(products))


def names(faults: Sequence[Any]) -> set[str]:
    """The rules that were broken."""
    return {fault.rule for fault in faults}
