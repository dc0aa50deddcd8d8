# SPDX-License-Identifier: Apache-2.0
"""Which platform is linked for: named, or the card's newest that is installed and that is taken."""

from __future__ import annotations

from pathlib import Path

import pytest
from standins import install_vitis

from hlsgen.cards import CARDS
from hlsgen.errors import InputError, ToolMissingError
from hlsgen.toolchain.discover import Vitis, assumed_vitis
from hlsgen.toolchain.platforms import (
    assumed_platform,
    check_version,
    find_platform,
    version_of,
)
from hlsgen.toolchain.versions import order

U200 = CARDS["u200"].default_platform or ""
NEW, OLD = "xilinx_u250_gen3x16_xdma_4_1_202210_1", "xilinx_u250_gen3x16_xdma_3_1_202020_1"
XDMA, QDMA = "xilinx_u200_xdma_201830_2", "xilinx_u200_qdma_201920_1"
NEVER = ("/nowhere/platforms",)


def repository(folder: Path, *names: str) -> dict[str, str]:
    """An environment with platforms of these names."""
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / f"{name}.xpfm").write_text("{}", encoding="utf-8")
    return {"PLATFORM_REPO_PATHS": f"/none:{folder}"}


def test_names_and_cards_agree_on_who_made_a_platform() -> None:
    for card in CARDS.values():
        for platform in card.platforms:
            made, first = version_of(platform.name), platform.vitis_from
            assert made is None or first is None or order(made) <= order(first)


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if card.default_platform])
def test_each_card_gets_its_default(name: str, tmp_path: Path) -> None:
    place = install_vitis(tmp_path, "2023.2")
    card = CARDS[name]
    found = find_platform(card, assumed_vitis("2023.2"), place.environ())
    assert (found.name, found.card) == (card.default_platform, card)
    assert found.argument == str(place.platforms / found.name / f"{found.name}.xpfm")


def test_an_old_vitis_gets_an_older_platform(tmp_path: Path) -> None:
    environ = repository(tmp_path, NEW, OLD)
    assert find_platform(CARDS["u250"], assumed_vitis("2022.1"), environ).name == NEW
    assert find_platform(CARDS["u250"], assumed_vitis("2021.2"), environ).name == OLD


def test_a_qdma_platform_is_taken_only_when_it_is_named(tmp_path: Path) -> None:
    environ = repository(tmp_path, XDMA, QDMA)
    found = find_platform(CARDS["u200"], assumed_vitis("2020.2"), environ, folders=NEVER)
    assert (found.name, found.others) == (XDMA, (QDMA,))
    found = find_platform(CARDS["u200"], assumed_vitis("2020.2"), environ, named=QDMA)
    assert (found.name, found.remark) == (QDMA, "")


def test_a_qdma_platform_alone_must_be_meant(tmp_path: Path) -> None:
    environ = repository(tmp_path, QDMA)
    with pytest.raises(ToolMissingError) as raised:
        find_platform(CARDS["u200"], assumed_vitis(), environ, folders=NEVER)
    text = str(raised.value)
    assert f"only {QDMA} is installed" in text and f"name {QDMA} with --platform" in text


def test_a_choice_of_several_is_told(tmp_path: Path) -> None:
    found = find_platform(CARDS["u250"], assumed_vitis(), repository(tmp_path, NEW, OLD))
    assert found.remark == (
        f"platform {NEW} is taken; {OLD} is installed too: name another with --platform or "
        "hardware.platform"
    )
    found = find_platform(CARDS["u250"], assumed_vitis(), repository(tmp_path / "one", OLD))
    assert (found.name, found.remark) == (OLD, "")


def test_only_a_platform_that_is_too_new_is_refused(tmp_path: Path) -> None:
    environ = repository(tmp_path, NEW)
    with pytest.raises(ToolMissingError, match=f"{NEW} was made with Vitis 2022.1, which Vitis 2"):
        find_platform(CARDS["u250"], assumed_vitis("2021.2"), environ, folders=NEVER)
    with pytest.raises(ToolMissingError, match="use Vitis 2022.1 or newer"):
        find_platform(CARDS["u250"], assumed_vitis("2021.2"), environ, named=NEW)


def test_a_platform_that_is_not_installed_is_named_with_the_places(tmp_path: Path) -> None:
    environ = repository(tmp_path)
    with pytest.raises(ToolMissingError) as raised:
        find_platform(CARDS["u200"], assumed_vitis(), environ, folders=NEVER)
    text = str(raised.value)
    assert U200 in text and str(tmp_path) in text and NEVER[0] in text and "\n" not in text


def test_vitis_own_platforms_are_looked_at(tmp_path: Path) -> None:
    root = tmp_path / "Vitis"
    repository(root / "platforms", U200)
    vitis = Vitis(root, assumed_vitis("2023.2").release, None, {}, "here")
    assert find_platform(CARDS["u200"], vitis, {}, folders=NEVER).name == U200


def test_a_file_may_be_named(tmp_path: Path) -> None:
    file = tmp_path / f"{U200}.xpfm"
    file.write_text("{}", encoding="utf-8")
    found = find_platform(CARDS["u200"], assumed_vitis(), {}, named=str(file))
    assert found.argument == str(file) and found.name == U200
    with pytest.raises(InputError, match=r"platform .*no.xpfm: no such file: name"):
        find_platform(CARDS["u200"], assumed_vitis(), {}, named=str(tmp_path / "no.xpfm"))


def test_a_card_without_a_platform_suggests_the_one_with_its_die(tmp_path: Path) -> None:
    environ = repository(tmp_path, U200)
    with pytest.raises(InputError, match=f"no Vitis has a platform for .* e.g. {U200} of the"):
        find_platform(CARDS["vcu1525"], assumed_vitis(), environ)
    with pytest.raises(InputError, match=U200):
        assumed_platform(CARDS["vcu1525"])
    found = find_platform(CARDS["vcu1525"], assumed_vitis(), environ, named=U200)
    assert found.card == CARDS["u200"], "its part and memories are the platform's"


@pytest.mark.parametrize(("card", "platform"), [("vcu1525", NEW), ("u200", NEW), ("u280", U200)])
def test_a_platform_of_another_card_is_refused(card: str, platform: str, tmp_path: Path) -> None:
    environ = repository(tmp_path, platform)
    with pytest.raises(InputError, match=f"{platform} is for the .*, the spec's card is {card}"):
        find_platform(CARDS[card], assumed_vitis(), environ, named=platform)


def test_a_platform_of_an_own_name_is_the_specs(tmp_path: Path) -> None:
    environ = repository(tmp_path, "our_lab_shell")
    found = find_platform(CARDS["u250"], assumed_vitis(), environ, named="our_lab_shell")
    assert found.card == CARDS["u250"] and version_of(found.name) is None
    check_version(found.name, assumed_vitis("2020.2"))
