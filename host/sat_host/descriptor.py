# SPDX-License-Identifier: Apache-2.0
"""The one table of the command formats: the NumPy dtypes and the C++ structs both come from it.

An address counts words of `lanes` binary16 values from the start of device memory; a pitch is the
words from one row of a matrix to the next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

COMMAND_BYTES = 64  # one 512-bit beat


@dataclass(frozen=True)
class Field:
    """One 32-bit field; `kind` is "u32" or "f32"."""

    name: str
    kind: str
    meaning: str


@dataclass(frozen=True)
class Flag:
    """One bit of a command's `flags`."""

    name: str
    bit: int
    meaning: str


@dataclass(frozen=True)
class Descriptor:
    """A command: fields in memory order, padded to `COMMAND_BYTES`, and the bits of its flags."""

    name: str
    fields: tuple[Field, ...]
    flags: tuple[Flag, ...]

    @property
    def padding(self) -> int:
        """Unused 32-bit places at the end."""
        return COMMAND_BYTES // 4 - len(self.fields)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The command as a NumPy record of `COMMAND_BYTES` bytes."""
        kinds = {"u32": "<u4", "f32": "<f4"}
        return np.dtype(
            {
                "names": [field.name for field in self.fields],
                "formats": [kinds[field.kind] for field in self.fields],
                "itemsize": COMMAND_BYTES,
            }
        )

    def flag(self, name: str) -> int:
        """The mask of a flag; KeyError for an unknown name."""
        return {flag.name: 1 << flag.bit for flag in self.flags}[name]


STCE = Descriptor(
    "stce",
    (
        Field("a_address", "u32", "A: the tile's first row, or first column when transposed"),
        Field("a_pitch", "u32", "words from row to row of A as stored"),
        Field("a_skip", "u32", "transposed A: lanes of its first word that lie before the tile"),
        Field("b_address", "u32", "B: the tile's first column block"),
        Field("b_pitch", "u32", "row-major B: words from row to row"),
        Field("y_address", "u32", "Y: the tile's first element"),
        Field("y_pitch", "u32", "words from row to row of Y"),
        Field("rows", "u32", "output rows, 1 to rows x interleave"),
        Field("columns", "u32", "output columns, 1 to lanes x memory_tile"),
        Field("reduction", "u32", "terms of each sum, at least 1"),
        Field("keep", "u32", "N of N:M; equal to group: dense"),
        Field("interleave", "u32", "activation rows that each row unit takes"),
        Field("flags", "u32", "the bits below"),
    ),
    (
        Flag("transpose_a", 0, "A is stored as reduction x rows and transposed on the fly"),
        Flag("packed_b", 1, "B is packed records, otherwise a row-major matrix (dense)"),
        Flag("accumulate", 2, "sums start at the stored binary32 Y instead of +0"),
        Flag("binary32", 3, "Y is binary32, otherwise rounded to binary16"),
    ),
)

WUVE = Descriptor(
    "wuve",
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
        Field("flags", "u32", "the bits below"),
    ),
    (
        Flag("update", 0, "do the update; otherwise only pack W"),
        Flag("binary16_weights", 1, "W is binary16 (only without update)"),
    ),
)

DESCRIPTORS = (STCE, WUVE)
