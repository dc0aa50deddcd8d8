# SPDX-License-Identifier: Apache-2.0
"""FIFOs in the estimate: stated depths count, and a family's cost is what it adds."""

from __future__ import annotations

from pathlib import Path

import pytest

from hlsgen.estimate import estimate, fifo_cost
from hlsgen.estimate.kernel_text import kernel_texts
from hlsgen.fifos import FAMILIES, fifo_resource
from hlsgen.resources import Resources
from hlsgen.spec import Spec
from hlsgen.specfile import load_spec

SPECS = Path(__file__).parents[2] / "specs"
SMALL = load_spec(SPECS / "small.yaml")


def with_depths(spec: Spec, **depths: int) -> Spec:
    return Spec.model_validate({**spec.model_dump(mode="json"), "fifos": depths})


@pytest.mark.parametrize("family", sorted(FAMILIES))
@pytest.mark.parametrize("depth", [1, 200])
def test_a_familys_cost_is_what_it_adds(family: str, depth: int) -> None:
    spec = SMALL
    before, after = estimate(spec).total, estimate(with_depths(spec, **{family: depth})).total
    own = spec.fifo_depths()[family]
    assert before + fifo_cost(spec, family, depth) == after + fifo_cost(spec, family, own)
    assert (before == after) == (fifo_cost(spec, family, depth) == fifo_cost(spec, family, own))


def test_deeper_streams_take_more_of_what_they_are_made_of() -> None:
    usual = estimate(SMALL).total
    deeper = estimate(with_depths(SMALL, packets=64, tiles=512)).total
    assert deeper.lut > usual.lut and deeper.bram36 > usual.bram36
    assert estimate(with_depths(SMALL, packets=8)).total.lut < usual.lut
    made_of = {stream.name: stream for stream in kernel_texts(with_depths(SMALL, packets=64))[
        "sat_stce"
    ].streams}  # fmt: skip
    assert (made_of["packets_7"].depth, made_of["packets_7"].resource) == (64, "lutram")
    assert made_of["activations_7"].depth == 32


def test_a_cost_that_can_be_counted_by_hand() -> None:
    spec = Spec(name="x", array={"rows": 4, "lanes": 16})
    pointers = fifo_cost(spec, "velocity_rows", 16) + Resources(lut=-256)
    # 512 bits: two shift registers of 16 a LUT, one of 32; 8 LUTs hold 64 words of 7 bits.
    assert fifo_cost(spec, "velocity_rows", 32) == pointers + Resources(lut=512)
    assert fifo_cost(spec, "velocity_rows", 64) == pointers + Resources(lut=8 * 74, ff=512)
    # 512 words of 512 bits: 15 halves of 36 bits.
    assert fifo_resource(512) == "bram"
    assert fifo_cost(spec, "velocity_rows", 512) == pointers + Resources(bram36=7.5)
    # The same words behind each row.
    assert fifo_cost(spec, "sums", 512) == 4 * (pointers + Resources(bram36=7.5))
    one = Spec(name="x", array={"rows": 1, "lanes": 16})
    assert fifo_cost(one, "activations", 512) == Resources()
    with pytest.raises(KeyError):
        fifo_cost(spec, "packets_1", 8)
