# SPDX-License-Identifier: Apache-2.0
"""The card files: what they hold, that they agree with themselves, and what a damaged one says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from hlsgen.cards import CARDS, Card, Cards, read_card
from hlsgen.cards.load import FOLDER
from hlsgen.cli.main import main
from hlsgen.errors import WorkError
from hlsgen.resources import Resources
from hlsgen.scheduled import machine_of, program_of_spec
from hlsgen.spec import Spec

NAMES = ("u200", "u250", "u280", "u50", "u55c", "vcu1525")

# Parts and totals, LUT, FF, DSP, of Xilinx/finn platforms.py, AutoSA hw_info_libs and a public
# csynth report of the U280; the U50's and the U55C's are not verified.
TOTALS = {
    "vcu1525": ("xcvu9p-fsgd2104-2L-e", 3, 1182240, 2364480, 6840),
    "u200": ("xcu200-fsgd2104-2-e", 3, 1182240, 2364480, 6840),
    "u250": ("xcu250-figd2104-2L-e", 4, 1728000, 3456000, 12288),
    "u280": ("xcu280-fsvh2892-2L-e", 3, 1303680, 2607360, 9024),
    "u55c": ("xcu55c-fsvh2892-2L-e", 3, 1303680, 2607360, 9024),
    "u50": ("xcu50-fsvh2104-2-e", 2, 871680, 1743360, 5952),
}


def test_the_cards_are_known_by_name() -> None:
    assert tuple(CARDS) == NAMES and len(CARDS) == 6
    assert "u200" in CARDS and "u30" not in CARDS and "../u200" not in CARDS
    with pytest.raises(KeyError):
        CARDS["U200"]


@pytest.mark.parametrize("name", NAMES)
def test_part_and_totals(name: str) -> None:
    card = CARDS[name]
    found = (card.part, len(card.slrs), card.total.lut, card.total.ff, card.total.dsp)
    assert found == TOTALS[name]
    assert all(slr.kernels.within(slr.total) for slr in card.slrs)


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_has_a_source(name: str) -> None:
    card = CARDS[name]
    told = " ".join(source.of for source in card.sources)
    for what in ("part", "LUT FF DSP", "left for kernels", "memory", "platforms", "power"):
        assert what in told, what
    assert all(source.where for source in card.sources)
    remembered = [source for source in card.sources if "remembered" in source.where]
    assert all(not source.verified for source in remembered if "316" not in source.where)


@pytest.mark.parametrize("name", NAMES)
def test_banks_and_ports(name: str) -> None:
    card = CARDS[name]
    memory = card.memory
    assert len(card.banks) == 4  # as many as the program's memory map makes use of
    tags = [tag for bank in card.banks for tag in bank.tags]
    assert tags == [f"{memory.kind}[{n}]" for n in range(memory.channels)]
    assert sum(bank.bytes for bank in card.banks) == memory.channels * memory.channel_bytes
    # A tensor lies mostly in one channel, and has no more than its bandwidth.
    assert card.bank_bandwidth == memory.channel_bandwidth
    assert card.port_memory == ("DDR[0:3]" if memory.kind == "DDR" else "HBM[0:31]")


def test_platforms_of_old_and_new_cards() -> None:
    for name in NAMES:
        card = CARDS[name]
        assert len({platform.name for platform in card.platforms}) == len(card.platforms)
        for platform in card.platforms:
            assert platform.name.startswith(f"xilinx_{name}_")
            made = re.search(r"_(20\d\d)([1-4])\d_", platform.name)
            if platform.vitis_from is not None:
                assert made is not None
                # The tool that made it, as its name says; Vitis began with 2019.2.
                assert platform.vitis_from == max(f"{made[1]}.{made[2]}", "2019.2")
    old = CARDS["vcu1525"]
    assert old.default_platform is None
    assert all(platform.vitis_from is None for platform in old.platforms)
    assert "xilinx_u200_gen3x16_xdma_2_202110_1" in old.note
    assert CARDS["u200"].default_platform == "xilinx_u200_gen3x16_xdma_2_202110_1"


def test_the_u200s_slrs_are_what_platforminfo_says_less_a_controller() -> None:
    """UG1702, Resource-Availability; a DDR controller of Xilinx/finn platforms.py."""
    reported = (
        Resources(388160, 776320, 2280, 720, 320),
        Resources(205440, 410880, 1320, 420, 160),
        Resources(385440, 770880, 2280, 720, 320),
    )
    controller = Resources(33256, 44889, 3, 199 / 2, 0)
    assert tuple(slr.kernels + controller for slr in CARDS["u200"].slrs) == reported
    assert CARDS["vcu1525"].slrs == CARDS["u200"].slrs


@pytest.mark.parametrize("name", NAMES)
def test_the_cycle_model_knows_every_card(name: str) -> None:
    spec = Spec(name="x", card=name)
    machine = machine_of(spec)
    card = CARDS[name]
    assert machine.bank_bytes == card.bank_bytes and machine.memory.banks == 4
    assert machine.memory.bytes_per_cycle == card.bank_bandwidth / 200e6
    program = program_of_spec(spec, "x.yaml")
    assert program.cycles > 0


# A damaged file -----------------------------------------------------------------------------------


def damaged(tmp_path: Path, change: dict[str, object], name: str = "u200") -> str:
    fields = yaml.safe_load((FOLDER / "u200.yaml").read_text()) | change
    file = tmp_path / f"{name}.yaml"
    file.write_text(yaml.safe_dump(fields))
    with pytest.raises(WorkError) as caught:
        read_card(file)
    assert "\n" not in str(caught.value)
    return str(caught.value).removeprefix(f"{file}: ")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"part": 7}, "part: "),
        ({"speed": 1}, "speed: "),
        ({"default_platform": "xilinx_u9"}, "default_platform: xilinx_u9 is not one of platforms"),
        ({"name": "u250"}, "name: u250 is not the file's"),
        ({"slrs": []}, "memory.slrs: "),
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, change: dict[str, object], told: str) -> None:
    assert damaged(tmp_path, change).startswith(told)


def test_what_is_no_yaml_is_named(tmp_path: Path) -> None:
    file = tmp_path / "u1.yaml"
    file.write_text("a: [")
    with pytest.raises(WorkError, match="u1.yaml"):
        Cards(tmp_path)["u1"]
    file.write_text("- 1")
    with pytest.raises(WorkError, match="u1.yaml"):
        Cards(tmp_path)["u1"]


# The command --------------------------------------------------------------------------------------


def test_the_command_lists_the_cards(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cards"]) == 0
    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[1:7]] == list(NAMES)
    assert all(line == line.rstrip() for line in out.splitlines())
    assert "xilinx_u200_gen3x16_xdma_2_202110_1" in out


def test_the_command_tells_all_of_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cards", "vcu1525"]) == 0
    out = capsys.readouterr().out
    assert "xcvu9p-fsgd2104-2L-e" in out and "[unverified]" in out and "DDR[0:3]" in out
    assert CARDS["vcu1525"].note in out


def test_the_command_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cards", "u50", "--json"]) == 0
    (card,) = json.loads(capsys.readouterr().out)["cards"]
    assert card["name"] == "u50" and card["port_memory"] == "HBM[0:31]"
    assert card["banks"][1]["tags"][0] == "HBM[8]"
    assert card["sources"][0]["where"]
    assert main(["cards", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["cards"]) == 6


def test_an_unknown_card_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cards", "U280"]) == 2
    assert capsys.readouterr().err == (
        "hlsgen cards: NAME U280: no such card: did you mean u280?\n"
    )
    assert main(["cards", "zynq"]) == 2
    assert "give one of u200, u250" in capsys.readouterr().err


def test_a_card_is_a_value() -> None:
    assert isinstance(CARDS["u200"], Card) and CARDS["u200"] is CARDS["u200"]
    assert hash(CARDS["u200"]) == hash(CARDS["u200"])
