# SPDX-License-Identifier: Apache-2.0
"""Which memory a tensor goes to, and the addresses by which commands find it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sat_host.errors import BundleError, DeviceError
from sat_host.xrt.banks import Banks, CardMemory, match_banks, rounded

GIB = 1 << 30
BASE = 1 << 38
DDR = [[CardMemory(f"DDR[{n}]", n, BASE + n * 64 * GIB, 16 * GIB)] for n in range(4)]


def first(banks: Banks, size: int, bank: int | None) -> str:
    return next(banks.candidates(size, bank)).tag


def test_banks_are_found_by_tag() -> None:
    memories = [CardMemory(f"bank{n}", n, n, 1) for n in (1, 0)]
    assert match_banks([["DDR[0]"], ["DDR[1]"]], memories, "x") == ((memories[1],), (memories[0],))
    hbm = [CardMemory(f"HBM[{n}]", n, n, 1) for n in range(4)]
    pairs = match_banks([["HBM[0]", "HBM[1]"], ["HBM[2]", "HBM[3]"]], hbm, "x")
    assert pairs == (tuple(hbm[:2]), tuple(hbm[2:]))
    with pytest.raises(BundleError, match=r"^x: its kernels are not linked to DDR\[1\] \(but to"):
        match_banks([["DDR[1]"]], hbm, "x")
    with pytest.raises(BundleError, match=r"\(but to none\)"):
        match_banks([["DDR[1]"]], [], "x")


@pytest.mark.parametrize(
    ("lanes", "tags"),
    [(32, "0123"), (64, "0123"), (16, "0101"), (8, "0000"), (4, "0000")],
)
def test_banks_beyond_32_bits_of_words_fold_onto_those_within(lanes: int, tags: str) -> None:
    banks = Banks(DDR, BASE, 2 * lanes)
    assert "".join(first(banks, 1, n)[4] for n in range(4)) == tags
    assert banks.folded == tuple(n for n, tag in enumerate(tags) if str(n) != tag)
    reach = (1 << 32) * 2 * lanes
    assert banks.free == sum(
        max(0, min(bank.base + bank.bytes, BASE + reach) - bank.base) for (bank,) in DDR
    )


def test_no_memory_in_reach() -> None:
    with pytest.raises(DeviceError, match="none lies above"):
        Banks(DDR, 0, 8)


def test_a_bank_that_is_full_and_no_bank() -> None:
    banks = Banks(DDR, BASE, 64)
    assert first(banks, 1, 2) == "DDR[2]"
    banks.take(BASE + 128 * GIB, 16 * GIB - 4096)
    assert first(banks, 4096, 2) == "DDR[2]"
    assert first(banks, 4097, 2) == "DDR[0]"
    banks.take(BASE, 4096)
    assert first(banks, 4097, 2) == "DDR[1]"
    assert first(banks, 4097, None) == "DDR[1]"
    banks.give(BASE, 1)
    assert first(banks, 4097, None) == "DDR[0]"
    assert not list(banks.candidates(16 * GIB + 1, 0))


def test_the_first_memory_with_room_of_a_bank_that_has_several() -> None:
    hbm = [
        [CardMemory(f"HBM[{8 * b + n}]", 8 * b + n, (8 * b + n) * 256 << 20, 256 << 20)
         for n in range(8)]
        for b in range(4)
    ]  # fmt: skip
    banks = Banks(hbm, 0, 64)
    assert first(banks, 1 << 20, 1) == "HBM[8]"
    banks.take((8 * 256 + 1) << 20, 255 << 20)
    assert first(banks, 2 << 20, 1) == "HBM[9]"
    assert first(banks, 1 << 20, 1) == "HBM[8]"
    # A buffer across two memories takes of both.
    banks.take(9 * 256 << 20, 300 << 20)
    assert first(banks, 2 << 20, 1) == "HBM[10]"
    assert [m.tag for m in banks.candidates(250 << 20, 1)][:2] == ["HBM[11]", "HBM[12]"]


@given(
    lanes=st.sampled_from([4, 8, 16, 32, 64]),
    offset=st.integers(-4, 1 << 28).map(lambda pages: pages * 4096),
    astray=st.integers(0, 1).map(lambda odd: 2048 * odd),
    size=st.integers(1, 1 << 40),
)
def test_a_word_address_reaches_the_whole_buffer(
    lanes: int, offset: int, astray: int, size: int
) -> None:
    word = Banks(DDR, BASE, 2 * lanes).word(BASE + offset + astray, size)
    within = offset >= 0 and not astray and offset + size <= (1 << 32) * 2 * lanes
    assert (word is not None) == within
    if word is not None:
        assert word * 2 * lanes == offset and word < 1 << 32


@given(size=st.integers(1, 1 << 40))
def test_buffers_are_whole_pages(size: int) -> None:
    assert rounded(size) % 4096 == 0 and 0 <= rounded(size) - size < 4096
