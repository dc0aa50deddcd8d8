# SPDX-License-Identifier: Apache-2.0
"""Streams in the rendered kernels: their default depths, and those that a spec states."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jinja2 import UndefinedError

from hlsgen.errors import WorkError
from hlsgen.fifos import (
    FAMILIES,
    changed_depths,
    default_depth,
    depths,
    family_of,
    fifo_resource,
)
from hlsgen.render import hardware_digest, render
from hlsgen.spec import Spec

KERNELS = ("sat_stce", "sat_wuve")


def spec_of(rows: int, lanes: int, group: int, dataflows: list[str], **fields: Any) -> Spec:
    array = {"rows": rows, "lanes": lanes, **fields.pop("array", {})}
    sparsity = {"group": group, "keep": 2}
    return Spec(name="x", array=array, sparsity=sparsity, dataflows=dataflows, **fields)


BOTH = spec_of(32, 32, 8, ["os", "ws"])
SMALL = spec_of(2, 16, 16, ["os"], array={"interleave": 33, "feed": 2})
ONE = spec_of(1, 8, 4, ["os", "ws"])


def lines(spec: Spec) -> list[str]:
    """The streams of both kernels, as rendered."""
    files = render(spec).files
    return [
        line.strip()
        for kernel in KERNELS
        for line in files[f"{kernel}.cpp"].splitlines()
        if "SAT_FIFO" in line
    ]


def depths_in(spec: Spec) -> dict[str, int]:
    found = (re.fullmatch(r"SAT_FIFO\(\w+, (\w+), (\d+), \w+\)", line) for line in lines(spec))
    return {each[1]: int(each[2]) for each in found if each is not None}


@pytest.mark.parametrize(
    ("spec", "want"),
    [
        (
            BOTH,
            (
                "SAT_FIFO(Tile, tiles, 8, srl)",
                "SAT_FIFO(OutputTile, placed_tiles, 36, lutram)",  # 4 + rows, weight stationary
                "SAT_FIFO(RowWalk, unit_places, 32, srl)",  # rows
                "SAT_FIFO(WordT, weight_words, 64, lutram)",
                "SAT_FIFO(SumT, sums_0, 512, bram)",  # of 32 rows x 16 x 8 / 2
                "SAT_FIFO(PlanT, plans_31, 16, srl)",
                "SAT_FIFO(ActivationsT, activations_0, 256, bram)",  # 32 rows x 16 / 2
                "SAT_FIFO(ActivationsT, activations_1, 32, srl)",
                "SAT_FIFO(PacketT, packets_0, 32, srl)",
                "SAT_FIFO(SumT, sums_32, 8, srl)",
                "SAT_FIFO(BitsT, weight_rows, 40, lutram)",  # 32 + group
                "SAT_FIFO(MaskT, old_masks, 8, srl)",  # group
                "SAT_FIFO(WordT, ff_rows, 64, lutram)",  # 2 x lanes
                "SAT_FIFO(WordT, bp_rows, 88, lutram)",  # 2 x lanes + group + 16
                "SAT_FIFO(MaskT, new_masks, 32, srl)",  # lanes
            ),
        ),
        (
            SMALL,
            (
                "SAT_FIFO(OutputTile, placed_tiles, 4, srl)",
                "SAT_FIFO(RowWalk, unit_places, 2, srl)",
                "SAT_FIFO(ActivationsT, activations_0, 34, lutram)",  # 2 rows x ceil(33 / 2)
                "SAT_FIFO(BitsT, weight_rows, 48, lutram)",
                "SAT_FIFO(WordT, bp_rows, 64, lutram)",
            ),
        ),
        (
            ONE,
            (
                "SAT_FIFO(OutputTile, placed_tiles, 5, srl)",
                "SAT_FIFO(ActivationsT, activations_0, 32, srl)",  # no fewer than the other rows
                "SAT_FIFO(WordT, ff_rows, 16, srl)",
            ),
        ),
    ],
    ids=["32x32", "2x16", "1x8"],
)
def test_default_depths(spec: Spec, want: tuple[str, ...]) -> None:
    assert set(want) <= set(lines(spec))


@pytest.mark.parametrize("spec", [BOTH, SMALL, ONE], ids=["32x32", "2x16", "1x8"])
def test_the_table_has_every_stream_and_no_other(spec: Spec) -> None:
    rendered = depths_in(spec)
    named = {
        stream: family for family in FAMILIES.values() for stream in family.streams(spec.array.rows)
    }
    assert set(rendered) == set(named) and len(rendered) == len(lines(spec))
    for stream, family in named.items():
        assert family_of(stream) is family
        assert rendered[stream] == spec.fifo_depths()[family.name]
    files = render(spec).files
    for stream, family in named.items():
        line = f"  SAT_FIFO({family.token}, {stream}, "
        assert line in files[f"{family.kernel}.cpp"], stream


def test_names_that_no_kernel_has() -> None:
    for name in ("activations_x", "packet", "tiles_a", "", "_0"):
        with pytest.raises(KeyError):
            family_of(name)
    with pytest.raises(KeyError):
        default_depth("packet", BOTH.array_config())


@pytest.mark.parametrize(
    ("family", "streams"),
    [
        ("tiles", ["tiles"]),
        ("bp_rows", ["bp_rows"]),
        ("packets", ["packets_0", "packets_1"]),
        ("activations", ["activations_1"]),
        ("activations_0", ["activations_0"]),
        ("sums_0", ["sums_0"]),
        ("sums", ["sums_1", "sums_2"]),
    ],
)
def test_a_stated_depth_is_that_of_its_streams_alone(family: str, streams: list[str]) -> None:
    for depth, made_of in ((1, "srl"), (33, "lutram"), (65536, "bram")):
        changed = spec_of(2, 16, 16, ["os"], fifos={family: depth}, array={"interleave": 33})
        usual, found = depths_in(SMALL), depths_in(changed)
        assert found == {**usual, **dict.fromkeys(streams, depth)}
        for stream in streams:
            assert any(line.endswith(f" {stream}, {depth}, {made_of})") for line in lines(changed))


def test_what_streams_are_made_of() -> None:
    bounds = {1: "srl", 32: "srl", 33: "lutram", 128: "lutram", 129: "bram"}
    assert {places: fifo_resource(places) for places in bounds} == bounds


def test_the_digest_has_depths_that_are_not_the_default() -> None:
    def with_fifos(**fifos: int) -> Spec:
        return spec_of(32, 32, 8, ["os", "ws"], fifos=fifos)

    plain = with_fifos()
    assert hardware_digest(plain) == hardware_digest(BOTH)
    digests = {hardware_digest(each) for each in (
        plain, with_fifos(tiles=9), with_fifos(tiles=10), with_fifos(packets=9),
    )}  # fmt: skip
    assert len(digests) == 4
    # Stated, yet the default: the same hardware, byte for byte.
    stated = with_fifos(tiles=8, activations_0=256)
    assert dict(render(stated).files) == dict(render(plain).files)
    assert changed_depths(BOTH.array_config(), True, {"tiles": 8, "sums": 7}) == {"sums": 7}


def test_depths_for_who_has_no_spec() -> None:
    config = BOTH.array_config()
    assert default_depth("packets", config) == 32
    assert default_depth("placed_tiles", config) == 36
    assert default_depth("placed_tiles", config, stationary=False) == 4
    assert depths(config, True, {"packets": 7})["packets"] == 7


def test_a_template_names_no_other_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(stream: str) -> None:
        raise KeyError(stream)

    monkeypatch.setattr("hlsgen.render.family_of", unknown)
    with pytest.raises(WorkError, match=r"sat_stce.cpp.j2:\d+: hlsgen/fifos.py has no stream") as e:
        render(BOTH)
    assert isinstance(e.value.__cause__, UndefinedError)
