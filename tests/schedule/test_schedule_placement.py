# SPDX-License-Identifier: Apache-2.0
"""Each operand of a product has a bank of its own, where there are three."""

from __future__ import annotations

import pytest
from sat_host.config import ArrayConfig

from hlsgen import workloads
from hlsgen.schedule.placement import TENSORS, bank_of
from hlsgen.schedule.work import ProductWork, UpdateWork, works

CONFIG = ArrayConfig(32, 32, 8, 16, 8, 8)


@pytest.mark.parametrize("banks", [3, 4, 8])
@pytest.mark.parametrize("name", ["resnet18_tinyimagenet", "vit_cifar100"])
def test_operands_do_not_meet(name: str, banks: int) -> None:
    for work in works(workloads.load(name), CONFIG, "bdwp", 2):
        places = work.places(banks)
        if isinstance(work, ProductWork):
            fewest = 2 if banks == 3 and "other" in work.tensors else 3
            assert len({places[operand] for operand in "aby"}) >= fewest
        else:
            assert isinstance(work, UpdateWork)
            assert len({places[matrix] for matrix in ("weights", "velocity", "gradient")}) == 3


@pytest.mark.parametrize("banks", [1, 2, 3, 4, 32])
def test_every_tensor_lies_in_a_bank_that_is_there(banks: int) -> None:
    found = {bank_of(tensor, number, banks) for tensor in TENSORS for number in range(4)}
    assert found == set(range(min(banks, 4)))


def test_the_output_of_a_layer_is_the_input_of_the_next() -> None:
    for banks in (1, 2, 3, 4):
        for number in range(3):
            assert bank_of("y", number, banks) == bank_of("x", number + 1, banks)
            assert bank_of("dx", number + 1, banks) == bank_of("dy", number, banks)


def test_what_can_not_be_placed() -> None:
    with pytest.raises(ValueError, match="^banks: expected at least 1, got 0$"):
        bank_of("x", 0, 0)
    with pytest.raises(KeyError):
        bank_of("z", 0, 1)
