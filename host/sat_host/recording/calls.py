# SPDX-License-Identifier: Apache-2.0
"""What is recorded of a call on a device: its place in the run, and the bits of its results."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from ..command_lists import Work
from ..config import ArrayConfig

Array = npt.NDArray[Any]
Bits = npt.NDArray[np.unsignedinteger[Any]]

START = "start"
TRAINING = "training"
PHASES = (START, "restoring", TRAINING, "evaluation")
"""In the order in which they come, of one step number."""

_BITS: dict[str, Any] = {"float16": np.uint16, "float32": np.uint32, "uint16": np.uint16}
_NANS = {"float16": 0x7E00, "float32": 0x7FC00000}


class Detail(IntEnum):
    """How much is kept of a call."""

    NOTHING = 0
    DIGEST = 1
    VALUES = 2


@dataclass(frozen=True, order=True)
class Place:
    """Where in a run: step 0 is what comes before the first, a phase is one of PHASES by number."""

    step: int
    phase_number: int

    @classmethod
    def of(cls, phase: str, step: int) -> Place:
        """Of a phase's name."""
        return cls(step, PHASES.index(phase))

    @property
    def phase(self) -> str:
        """Its name."""
        return PHASES[self.phase_number]

    def __str__(self) -> str:
        if self.phase == START:
            return "the start"
        text = f"step {self.step}"
        return text if self.phase == TRAINING else f"{self.phase} after {text}"


@dataclass(frozen=True)
class Result:
    """A matrix, or packed records (keep > 0), as a call left it.

    shape: (rows, columns), or uint16 [column blocks, panels, record words, lanes]. digest: of all
    bits, every NaN as one. values: None when the digest alone was kept. address: of the matrix in
    a device's memory, in words, where its work says which tile made it.
    """

    role: str
    dtype: str
    shape: tuple[int, ...]
    keep: int
    digest: str
    values: Array | None = None
    address: int | None = None

    @property
    def kind(self) -> tuple[str, str, tuple[int, ...], int]:
        """What two results must share to be compared."""
        return self.role, self.dtype, self.shape, self.keep


@dataclass(frozen=True)
class Call:
    """A call that changed the device's memory.

    number: in its place, from 0 on. piece: the micro-batch. stage: FF, BP, WU, update, pack, or
    host, for what the host wrote. nonfinite: the count of infinite and NaN results that the device
    gave, None for what gives none. works: the products that ran, on a device that can tell.
    """

    place: Place
    piece: int
    number: int
    operation: str
    layer: str
    stage: str
    nonfinite: int | None
    results: tuple[Result, ...]
    works: tuple[Work, ...] = ()

    @property
    def kind(self) -> tuple[object, ...]:
        """What two calls must share to be compared."""
        kinds = tuple(result.kind for result in self.results)
        return self.operation, self.layer, self.stage, self.piece, kinds

    def without_values(self) -> Call:
        """The same with digests alone."""
        results = tuple(replace(each, values=None, address=None) for each in self.results)
        return replace(self, results=results, works=())

    def __str__(self) -> str:
        results = ", ".join(
            f"{r.role} {r.dtype} {'x'.join(map(str, r.shape))}" for r in self.results
        )
        return f"{self.operation} of {self.layer} ({self.stage}): {results}"


def bits_of(values: Array, keep: int, config: ArrayConfig) -> tuple[Bits, npt.NDArray[np.bool_]]:
    """The bits of a result, and which elements are NaN. Of packed records the value words hold
    binary16 values, and the index words none."""
    bits = values.view(_BITS[values.dtype.name])
    if keep == 0:
        return bits, np.isnan(values)
    nans = np.zeros(bits.shape, np.bool_)
    words = config.value_words(keep)
    nans[:, :, :words] = np.isnan(bits.view(np.float16)[:, :, :words])
    return bits, nans


def digest_of(values: Array, keep: int, config: ArrayConfig) -> str:
    """Of all bits, every NaN as one, since no bits of a NaN are promised."""
    bits, nans = bits_of(np.ascontiguousarray(values), keep, config)
    if nans.any():
        bits = bits.copy()
        bits[nans] = _NANS["float16" if keep else values.dtype.name]
    little = bits.astype(bits.dtype.newbyteorder("<"), copy=False)
    return hashlib.blake2b(little.tobytes(), digest_size=16).hexdigest()


def values_bytes(calls: Sequence[Call]) -> int:
    """Bytes of all values that the calls hold."""
    found = (result.values for call in calls for result in call.results)
    return sum(values.nbytes for values in found if values is not None)
