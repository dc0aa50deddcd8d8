# SPDX-License-Identifier: Apache-2.0
"""The shapes on which the cycle model is held against the timed simulation.

Small enough to simulate in a minute or two, and between them every dataflow, stage and bound.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from sat_host import convolution_program as convolutions
from sat_host.config import ArrayConfig
from sat_host.convolution import Convolution
from sat_host.product import Operand, Product
from sat_host.program import Update
from sat_host.tiling import DATAFLOWS, Tiling

from ..schedule.memory import Memory
from ..schedule.updates import update_cycles
from ..schedule.work import BP, FF, WU, ProductWork, UpdateWork, plain_product
from .jobs import Job, product_job, update_job

Make = Callable[[ArrayConfig, Memory], Job]

ARRAYS = {
    "8x8": ArrayConfig(8, 8, 8, 8, 4, 8, 2, 4096),
    "16x16": ArrayConfig(16, 16, 8, 8, 4, 8, 2, 4096),
    "32x32": ArrayConfig(32, 32, 8, 16, 8, 8, 2, 8192),
}
"""By name; groups of 8."""


@dataclass(frozen=True)
class Case:
    """A product or update on one of ARRAYS. bandwidth: of every bank, as a part of the card's."""

    name: str
    array: str
    make: Make
    bandwidth: Fraction = Fraction(1)

    def job(self, config: ArrayConfig, memory: Memory) -> Job:
        """On the card's memory."""
        slower = replace(memory, bytes_per_cycle=float(memory.bytes_per_cycle * self.bandwidth))
        return replace(self.make(config, slower), layer=self.name)


def os(interleave: int, blocks: int, buffered: bool = True) -> Tiling:
    """Output stationary."""
    return Tiling("os", interleave, blocks, buffered)


def ws(interleave: int, blocks: int, buffered: bool = True) -> Tiling:
    """Weight stationary."""
    return Tiling("ws", interleave, blocks, buffered)


def plain(
    rows: int,
    columns: int,
    reduction: int,
    tiling: Tiling | None = None,
    *,
    keep: int | None = None,
    transposed_a: bool = False,
    transposed_b: bool = False,
    binary32: bool = False,
    accumulate: bool = False,
) -> Make:
    """A product of matrices, B packed when `keep` is given; tiling: None for the scheduler's."""

    def make(config: ArrayConfig, memory: Memory) -> Job:
        product = plain_product(
            config,
            rows,
            columns,
            reduction,
            transposed_a=transposed_a,
            transposed_b=transposed_b,
            binary32=binary32,
        )
        if keep is not None:
            step = config.blocks(reduction) * config.record_words(keep)
            b = Operand(0, True, keep, block_step=step, tap_step=step, tap_row_step=step)
            product = replace(product, b=b)
        product = replace(product, accumulate=accumulate)
        return product_job(config, memory, _work("FF", product), DATAFLOWS, tiling)

    return make


def forward(shape: Convolution, keep: int, tiling: Tiling | None = None) -> Make:
    """FF of a convolution, or of a linear layer."""

    def make(config: ArrayConfig, memory: Memory) -> Job:
        product = convolutions.forward(config, shape, 0, (0, keep), 0)
        return product_job(config, memory, _work("FF", product), DATAFLOWS, tiling)

    return make


def backward(
    shape: Convolution,
    keep: int,
    tiling: Tiling | None = None,
    *,
    phase: int = -1,
    dy_keep: int = 0,
) -> Make:
    """BP of one phase of a convolution."""

    def make(config: ArrayConfig, memory: Memory) -> Job:
        phases = convolutions.backward(config, shape, 0, (0, keep), 0, dy_keep)
        return product_job(config, memory, _work("BP", phases[phase]), DATAFLOWS, tiling)

    return make


def gradient(shape: Convolution, tiling: Tiling | None = None, accumulate: bool = False) -> Make:
    """WU of a convolution."""

    def make(config: ArrayConfig, memory: Memory) -> Job:
        product = convolutions.gradient(config, shape, 0, 0, 0, accumulate)
        return product_job(config, memory, _work("WU", product), DATAFLOWS, tiling)

    return make


def update(rows: int, columns: int, ff: int, bp: int, *, masked: bool = False) -> Make:
    """An update with its packed forms; masked: as sr_ste's."""

    def make(config: ArrayConfig, memory: Memory) -> Job:
        work = UpdateWork("", rows, columns, ff, bp, masked=masked)
        pieces = update_cycles(config, memory, work)
        command = Update(
            rows, columns, 0, 0, 0, 2 * config.blocks(columns), 0, ff, 0, bp,
            update=True, binary16_weights=False, decay_pruned=masked, masked_bp=masked,
        )  # fmt: skip
        modelled = int(np.ravel(pieces.total)[0]), str(np.ravel(pieces.bound)[0])
        return update_job(config, command, modelled, work.places(memory.banks))

    return make


def _work(stage: str, product: Product) -> ProductWork:
    tensors = {"FF": FF, "BP": BP, "WU": WU}[stage]
    return ProductWork(stage, stage, 1, product.shape(), 0, tensors)


def _slow(*cases: Case, by: int) -> tuple[Case, ...]:
    return tuple(replace(case, bandwidth=Fraction(1, by)) for case in cases)


_RESNET = Convolution(2, 8, 8, 32, 32, (3, 3), (1, 1), (1, 1))
_STRIDED = Convolution(4, 8, 8, 16, 32, (3, 3), (2, 2), (1, 1))
_RAGGED = Convolution(2, 7, 5, 20, 24, (3, 3), (1, 1), (1, 1))

CASES = (
    # Output stationary: compute, distribution, drain, b_delivery, store.
    Case("dense", "8x8", plain(128, 64, 128, os(8, 4))),
    Case("dense, one tile", "8x8", plain(64, 32, 512, os(8, 4))),
    Case("2:8", "8x8", plain(128, 64, 256, os(8, 4), keep=2)),
    Case("1:8", "8x8", plain(128, 64, 512, os(8, 4), keep=1)),
    Case("4:8", "8x8", plain(128, 64, 256, os(8, 4), keep=4)),
    Case("ragged", "8x8", plain(101, 45, 203, os(8, 3))),
    Case("ragged 2:8", "8x8", plain(93, 51, 213, os(7, 4), keep=2)),
    Case("few sums", "8x8", plain(64, 24, 256, os(2, 1))),
    Case("distribution", "8x8", plain(128, 8, 256, os(8, 1), keep=1)),
    Case("distribution, as read", "8x8", plain(128, 32, 256, os(8, 4, False), keep=1)),
    Case("distribution, narrow", "8x8", plain(128, 8, 512, os(8, 1, False), keep=1)),
    Case("drain", "8x8", plain(512, 64, 16, os(8, 4), keep=1)),
    Case("drain, binary32", "16x16", plain(512, 64, 16, os(8, 4), binary32=True)),
    Case("short reduction", "8x8", plain(256, 64, 24, os(8, 4))),
    Case("short reduction, 2:8", "8x8", plain(256, 64, 32, os(8, 4), keep=2)),
    Case("columns x reduction", "8x8", plain(128, 64, 128, os(8, 2), transposed_b=True)),
    Case("columns x reduction, slow", "8x8", plain(64, 64, 256, os(2, 4), transposed_b=True)),
    Case("binary32", "8x8", plain(128, 64, 64, os(8, 4), binary32=True)),
    Case("accumulate", "8x8", plain(128, 64, 128, os(8, 4), binary32=True, accumulate=True)),
    Case("transposed A", "16x16", plain(128, 64, 256, os(4, 4), transposed_a=True, binary32=True)),
    Case("dense", "16x16", plain(256, 64, 128, os(8, 4))),
    Case("2:8", "16x16", plain(256, 128, 256, os(8, 4), keep=2)),
    Case("2:8, as read", "16x16", plain(256, 128, 256, os(8, 4, False), keep=2)),
    Case("dense", "32x32", plain(128, 256, 256, os(4, 8))),
    Case("2:8", "32x32", plain(256, 256, 512, os(8, 8), keep=2)),
    # Weight stationary.
    Case("dense", "8x8", plain(128, 32, 64, ws(4, 4))),
    Case("dense, tiles", "8x8", plain(96, 96, 64, ws(4, 4))),
    Case("2:8", "8x8", plain(200, 64, 128, ws(4, 4), keep=2)),
    Case("1:8, tiles", "8x8", plain(200, 96, 120, ws(4, 4), keep=1)),
    Case("segments", "8x8", plain(64, 32, 320, ws(4, 4))),
    Case("few rows", "16x16", plain(17, 128, 128, ws(2, 4), keep=2)),
    Case("accumulate", "16x16", plain(96, 64, 64, ws(4, 4), binary32=True, accumulate=True)),
    Case("transposed A", "16x16", plain(64, 64, 64, ws(4, 4), transposed_a=True)),
    Case("attention", "32x32", plain(65, 65, 64, ws(2, 3), transposed_b=True)),
    # Convolutions.
    Case("FF 3x3", "16x16", forward(_RESNET, 8)),
    Case("FF 3x3, 2:8", "16x16", forward(_RESNET, 2)),
    Case("FF 3x3, stride 2", "16x16", forward(_STRIDED, 2)),
    Case("FF 3x3, ragged", "8x8", forward(_RAGGED, 4)),
    Case("BP 3x3, 2:8", "16x16", backward(_RESNET, 2)),
    Case("BP 3x3, stride 2", "16x16", backward(_STRIDED, 2)),
    Case("BP 3x3, dY 2:8", "16x16", backward(_RESNET, 8, dy_keep=2)),
    Case("WU 3x3", "16x16", gradient(_RESNET)),
    Case("WU 3x3, stride 2", "16x16", gradient(_STRIDED)),
    Case("WU 3x3, ragged, accumulate", "8x8", gradient(_RAGGED, accumulate=True)),
    Case("FF 1x1 weight stationary", "16x16", forward(Convolution.linear(60, 96, 64), 2, ws(4, 4))),
    # The memory.
    *_slow(
        Case("slow memory, dense", "8x8", plain(128, 64, 128, os(8, 4))),
        Case("slow memory, 2:8", "16x16", plain(256, 128, 256, os(8, 4), keep=2)),
        Case("slow memory, as read", "8x8", plain(128, 64, 128, os(8, 4, False))),
        by=16,
    ),
    *_slow(Case("slow memory", "32x32", plain(128, 256, 256, os(4, 8))), by=8),
    # Updates.
    Case("update", "8x8", update(64, 64, 2, 2)),
    Case("update, dense forms", "16x16", update(128, 64, 8, 8)),
    Case("update, ragged", "16x16", update(75, 41, 2, 0)),
    Case("update, sr_ste", "16x16", update(96, 64, 2, 8, masked=True)),
    Case("update, without forms", "16x16", update(128, 96, 0, 0)),
    Case("update", "32x32", update(128, 96, 2, 2)),
    *_slow(Case("update, slow memory", "16x16", update(96, 64, 2, 2)), by=8),
)
