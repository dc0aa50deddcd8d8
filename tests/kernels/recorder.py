# SPDX-License-Identifier: Apache-2.0
"""A device that remembers what its work resulted in, to compare two of them call by call."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from sat_host.device import Device, Matrix, PackedMatrix

PRODUCTS = ("product", "product_batch", "convolve", "convolve_backward", "convolve_gradient")
UPDATES = ("pack", "update_weights")


class RecordingDevice:
    """Stands for `device`; `calls` holds a line for each of its products and updates.

    A line names the call, its results' shapes, the count that it returned, and a digest of every
    bit of the results: matrices, and packed records.
    """

    def __init__(self, device: Device) -> None:
        self._device = device
        self.calls: list[tuple[str, str, str]] = []

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._device, name)
        if name not in PRODUCTS + UPDATES:
            return attribute

        def call(*args: Any, **named: Any) -> Any:
            returned = attribute(*args, **named)
            if name in PRODUCTS:
                results = args[:1]
            else:
                given = [*args, *named.values()]
                results = tuple(x for x in given if isinstance(x, (Matrix, PackedMatrix)))
            self.calls.append((name, self._shapes(results, returned), self._digest(results)))
            return returned

        return call

    def _shapes(self, results: Iterable[Matrix | PackedMatrix], returned: object) -> str:
        shapes = [
            f"{x.dtype} {x.rows}x{x.columns}"
            if isinstance(x, Matrix)
            else f"{x.keep}:M {x.reduction}x{x.columns}"
            for x in results
        ]
        return f"{', '.join(shapes)} -> {returned}"

    def _digest(self, results: Iterable[Matrix | PackedMatrix]) -> str:
        digest = hashlib.blake2b(digest_size=16)
        for item in results:
            if isinstance(item, Matrix):
                values = self._device.read(item)
                assert np.isfinite(values).all(), "a NaN has no bits to compare"
            else:
                values = self._device.read_packed(item)
            digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()


def pairs(first: RecordingDevice, second: RecordingDevice) -> Iterator[tuple[int, Any, Any]]:
    """Calls of two devices side by side, with their number."""
    assert len(first.calls) == len(second.calls)
    yield from zip(range(len(first.calls)), first.calls, second.calls, strict=True)
