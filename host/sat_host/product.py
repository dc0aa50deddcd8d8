# SPDX-License-Identifier: Apache-2.0
"""A product in device memory: its operands and its result."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .config import ArrayConfig


@dataclass(frozen=True)
class Source:
    """Operand A: a matrix of pixels, one row of `pitch` words a pixel, seen through a kernel.

    Output pixel (row, column) reads, at tap (0, 0), the source pixel `origin` + `stride` x (row,
    column), and one pixel on for each further tap, or one back when `backward`. Each pair is
    (rows, columns). What lies outside of the image is zero. channels: of a pixel. The defaults are
    a plain matrix: each row an image of one pixel.
    """

    address: int
    pitch: int
    channels: int
    size: tuple[int, int] = (1, 1)
    out_size: tuple[int, int] = (1, 1)
    taps: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    origin: tuple[int, int] = (0, 0)
    backward: bool = False

    @property
    def direction(self) -> int:
        """Source pixels from tap to tap."""
        return -1 if self.backward else 1


@dataclass(frozen=True)
class Operand:
    """Operand B: packed records of keep:group, or a row-major matrix of `pitch` words a row, stored
    [reduction, columns] or, `transposed`, [columns, reduction].

    Packed: words from column block to column block, from tap to tap in a row of taps, and from row
    of taps to row of taps.
    """

    address: int
    packed: bool
    keep: int
    pitch: int = 0
    transposed: bool = False
    block_step: int = 0
    tap_step: int = 0
    tap_row_step: int = 0


@dataclass(frozen=True)
class Target:
    """Y: words from an output pixel to the next in its row, from row to row, image to image."""

    address: int
    pitch: int
    row_pitch: int
    image_pitch: int
    binary32: bool

    @classmethod
    def rows(cls, address: int, pitch: int, binary32: bool) -> Target:
        """A plain matrix, each row an image of one pixel."""
        return cls(address, pitch, pitch, pitch, binary32)


@dataclass(frozen=True)
class Product:
    """One product in device memory: addresses and pitches in words, extents in elements.

    y [rows, columns] = a . b. The rows are the source's output pixels, and each sum runs over its
    taps and over `reduction` channels. Or, transposed, the rows are the taps' channels, and each
    sum runs over `reduction` output pixels; a tap is then a row of Y's image, a channel a pixel.
    a_keep: prune A a_keep:group along the channels as it is loaded; 0: not. accumulate: sums start
    at stored binary32 values, Y's own or those from address `sums` on, in steps of a binary32 Y.
    first_pixel: transposed, that the sums start with.
    """

    rows: int
    columns: int
    reduction: int
    a: Source
    b: Operand
    y: Target
    transpose_a: bool = False
    accumulate: bool = False
    a_keep: int = 0
    sums: int | None = None
    first_pixel: int = 0

    def shape(self) -> Product:
        """The product at address zero: what its commands depend on but for where things lie."""
        return replace(
            self,
            a=replace(self.a, address=0),
            b=replace(self.b, address=0),
            y=replace(self.y, address=0),
            sums=None,
        )

    @property
    def sum_taps(self) -> int:
        """Taps that a sum runs over."""
        return 1 if self.transpose_a else self.a.taps[0] * self.a.taps[1]

    @property
    def y_size(self) -> tuple[int, int]:
        """Rows and columns of an image of Y."""
        if self.transpose_a:
            return self.a.taps[0] * self.a.taps[1], self.a.channels
        return self.a.out_size

    def sum_words(self, config: ArrayConfig) -> int:
        """Words of activations, or panels, that a sum runs over."""
        return self.sum_taps * config.blocks(self.reduction)

    def packet_rows(self, config: ArrayConfig) -> int:
        """Packets of each column block that a sum takes."""
        if self.b.keep == config.group:
            return self.sum_taps * self.reduction
        full, tail = divmod(self.reduction, config.lanes)
        groups = full * config.groups_per_panel + -(-tail // config.group)
        return self.sum_taps * groups * self.b.keep
