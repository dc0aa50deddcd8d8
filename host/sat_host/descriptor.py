# SPDX-License-Identifier: Apache-2.0
"""The one table of the command formats: the NumPy dtypes and the C++ structs both come from it.

An address counts words of `lanes` binary16 values from the start of device memory; a pitch is the
words from one row of a matrix to the next. Addresses and the steps between them wrap around at
2^32, so that a step may go back.

A product's output rows are the pixels of images (docs/architecture.md, Convolutions). A plain
product is a convolution of 1 x 1 images with one tap.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

BEAT_BYTES = 64
"""Of the `commands` port: 512 bits, the width of a card's memory controllers."""

_KINDS = {
    "u32": ("<u4", "std::uint32_t"),
    "f32": ("<f4", "float"),
    "u16": ("<u2", "std::uint16_t"),
    "u8": ("<u1", "std::uint8_t"),
    "i16": ("<i2", "std::int16_t"),
}


@dataclass(frozen=True)
class Field:
    """One field; `kind` is a key of `_KINDS`: a number of 32, 16 or 8 bits."""

    name: str
    kind: str
    meaning: str

    @property
    def bytes(self) -> int:
        """Its size."""
        return int(_KINDS[self.kind][0][-1])  # "<u4": the last is bytes

    @property
    def cpp_type(self) -> str:
        """Its type in the C++ struct."""
        return _KINDS[self.kind][1]


@dataclass(frozen=True)
class Place:
    """Where a field lies in a command as the port brings it: beat, 32-bit word of it, first bit."""

    field: Field
    beat: int
    word: int
    shift: int


@dataclass(frozen=True)
class Flag:
    """One bit of a command's `flags`."""

    name: str
    bit: int
    meaning: str


@dataclass(frozen=True)
class Descriptor:
    """A command of `bytes` bytes: fields in memory order, each aligned to its size because the
    wider ones come first, then padding; and the bits of its flags."""

    name: str
    bytes: int
    fields: tuple[Field, ...]
    flags: tuple[Flag, ...]

    @property
    def beats(self) -> int:
        """Beats of BEAT_BYTES in which it comes."""
        return self.bytes // BEAT_BYTES

    @property
    def places(self) -> tuple[Place, ...]:
        """Of every field, in order."""
        places, start = [], 0
        for field in self.fields:
            beat, rest = divmod(start, BEAT_BYTES)
            places.append(Place(field, beat, rest // 4, 8 * (rest % 4)))
            start += field.bytes
        return tuple(places)

    @property
    def padding(self) -> int:
        """Unused bytes at the end."""
        return self.bytes - sum(field.bytes for field in self.fields)

    @cached_property
    def dtype(self) -> np.dtype[Any]:
        """The command as a NumPy record of `bytes` bytes."""
        import numpy as np  # here, since the generator reads the table without it

        return np.dtype(
            {
                "names": [field.name for field in self.fields],
                "formats": [_KINDS[field.kind][0] for field in self.fields],
                "itemsize": self.bytes,
            }
        )

    def flag(self, name: str) -> int:
        """The mask of a flag; KeyError for an unknown name."""
        return {flag.name: 1 << flag.bit for flag in self.flags}[name]


STCE = Descriptor(
    "stce",
    128,
    (
        Field("a_address", "u32", "A: the first pixel at its first tap"),
        Field("a_step", "u32", "words from an output pixel's source to the next one's in its row"),
        Field("a_row_jump", "u32", "... from the last one of a row to the first of the next"),
        Field("a_image_jump", "u32", "... from the last one of an image to the first of the next"),
        Field("a_tap_step", "u32", "words from a tap's source to the next tap's in its row"),
        Field("a_tap_jump", "u32", "... from the last tap of a row to the first of the next"),
        Field("a_blocks", "u32", "channel words of a source pixel"),
        Field("a_block", "u32", "transposed A: the first channel word"),
        Field("a_channels", "u32", "transposed A: channels of a tap, each an output row"),
        Field("b_address", "u32", "B: the first column block"),
        Field("b_pitch", "u32", "matrix B: words from row to row"),
        Field("b_block_step", "u32", "packed B: words from column block to column block"),
        Field("b_tap_step", "u32", "packed B: words from a tap to the next in its row"),
        Field("b_tap_jump", "u32", "... from the last tap of a row to the first of the next"),
        Field("y_address", "u32", "Y: the first element"),
        Field("y_pitch", "u32", "words from a pixel of Y to the next in its row; transposed A:"),
        Field("y_row_jump", "u32", "... the pixels of a row are the channels of a tap"),
        Field("y_image_jump", "u32", "jumps at the ends of rows and of images, as A's"),
        Field("sums_address", "u32", "accumulate: the stored sums, in steps of binary32 Y"),
        Field("strip_address", "u32", "A: the words that the loader holds: the first one"),
        Field("columns", "u32", "output columns, in tiles of blocks x lanes"),
        Field("reduction", "u32", "terms of each sum, of one tap unless A is transposed"),
        Field("strip_words", "u16", "... and how many; 0: each tile reads A anew"),
        Field("rows", "u16", "output rows: at most rows x interleave, or any (weight stationary)"),
        Field("flags", "u16", "the bits below"),
        Field("a_words", "u16", "transposed A: channel words that the rows lie in"),
        Field("a_y", "i16", "source row of the first pixel at its first tap"),
        Field("a_x", "i16", "... and source column"),
        Field("a_height", "u16", "rows of a source image; outside of it A is zero"),
        Field("a_width", "u16", "columns of a source image"),
        Field("a_stride_y", "u16", "source rows from output row to output row"),
        Field("a_stride_x", "u16", "source columns from output column to output column"),
        Field("out_y", "u16", "the first pixel (of the reduction when A is transposed):"),
        Field("out_x", "u16", "... its row and column in its output image"),
        Field("out_height", "u16", "rows of an output image"),
        Field("out_width", "u16", "columns of an output image"),
        Field("taps_y", "u16", "rows of taps"),
        Field("taps_x", "u16", "taps in a row"),
        Field("tap_x", "u16", "transposed A: the first tap in its row"),
        Field("keep", "u8", "N of N:M; equal to group: dense"),
        Field("interleave", "u8", "activation rows that a row unit works on at once"),
        Field("blocks", "u8", "column blocks of a tile"),
        Field("a_keep", "u8", "A pruned as it is loaded: N of N:M along the channels; 0: not"),
        Field("a_skip", "u8", "transposed A: lanes of its first word that lie before the rows"),
    ),
    (
        Flag("transpose_a", 0, "pixels are the reduction, taps and channels the output rows"),
        Flag("packed_b", 1, "B is packed records, otherwise a row-major matrix (dense)"),
        Flag("accumulate", 2, "sums start at the stored binary32 Y instead of +0"),
        Flag("binary32", 3, "Y is binary32, otherwise rounded to binary16"),
        Flag("transpose_b", 4, "matrix B is stored as columns x reduction"),
        Flag("backward_taps", 5, "the source goes back from tap to tap, as BP's does"),
        Flag(
            "weight_stationary",
            6,
            "row units hold weights, and sums pass; else they hold sums",
        ),
    ),
)

WUVE = Descriptor(
    "wuve",
    64,
    (
        Field("weights_address", "u32", "W, reduction x columns of the forward product"),
        Field("velocity_address", "u32", "v, as W"),
        Field("gradient_address", "u32", "dW, as W"),
        Field("pitch", "u32", "words from row to row of the three"),
        Field("rows", "u32", "rows of W"),
        Field("columns", "u32", "columns of W"),
        Field("ff_address", "u32", "packed along the rows, for FF"),
        Field("ff_keep", "u32", "N for FF; 0: not written"),
        Field("bp_address", "u32", "packed along the columns, for BP"),
        Field("bp_keep", "u32", "N for BP; 0: not written"),
        Field("lr", "f32", "learning rate"),
        Field("momentum", "f32", "momentum"),
        Field("weight_decay", "f32", "weight decay"),
        Field("inv_scale", "f32", "1 / loss scale"),
        Field("sr_decay", "f32", "SR-STE: factor of the weights that FF prunes"),
        Field("flags", "u32", "the bits below"),
    ),
    (
        Flag("update", 0, "do the update; otherwise only pack W"),
        Flag("binary16_weights", 1, "W is binary16 (only without update)"),
        Flag("decay_pruned", 2, "add sr_decay x w to the gradient of weights that FF prunes"),
        Flag("masked_bp", 3, "the form for BP holds +0 for the weights that FF prunes"),
    ),
)

DESCRIPTORS = (STCE, WUVE)
