# SPDX-License-Identifier: Apache-2.0
"""Where a Vitis is looked for and what it must have; its settings stay out of this process."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sat_host.xrt.shell_settings import VITIS_ROOTS
from standins import Installation, install_vitis

from hlsgen.errors import ToolMissingError
from hlsgen.toolchain.discover import Vitis, find_vitis, tool_environment

LAYOUTS = {
    "2020.2": "Vitis/VERSION",
    "2022.2": "Vitis/VERSION",
    "2023.2": "Vitis/VERSION",
    "2024.2": "Vitis/VERSION",
    "2025.1": "VERSION/Vitis",
    "2025.2": "Vitis/VERSION/Vitis",
}


def bare(**more: str) -> dict[str, str]:
    """An environment without any Vitis."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XILINX")}
    return {**kept, **more}


def found_at(vitis: Vitis, place: Installation) -> bool:
    return (vitis.root, vitis.version) == (place.root, place.version)


@pytest.mark.parametrize("version", LAYOUTS)
def test_each_layout_is_found_from_any_of_its_folders(version: str, tmp_path: Path) -> None:
    place = install_vitis(tmp_path, version, layout=LAYOUTS[version], cards=())
    folder = place.root
    while folder != tmp_path.parent:
        vitis = find_vitis(bare(), argument=folder)
        assert found_at(vitis, place), folder
        folder = folder.parent
    assert vitis.settings == place.settings and vitis.how == "--vitis"
    assert Path(vitis.tool("v++")) == place.root / "bin" / "v++"


def test_the_hls_tool_is_found_in_its_own_folder(tmp_path: Path) -> None:
    place = install_vitis(tmp_path, "2022.2", cards=())
    vitis = find_vitis(bare(), argument=place.root)
    assert Path(vitis.tool("vitis_hls")) == tmp_path / "Vitis_HLS" / "2022.2" / "bin" / "vitis_hls"


def test_argument_then_spec_then_environment_then_path_then_roots(tmp_path: Path) -> None:
    names = ("2021.1", "2022.1", "2022.2", "2023.1", "2023.2", "2024.1")
    places = {
        name: install_vitis(tmp_path / f"place{number}", name, cards=())
        for number, name in enumerate(names)
    }
    roots = [str(places["2023.2"].folder), str(places["2024.1"].folder)]
    environ = bare(
        XILINX_VITIS=str(places["2022.2"].root),
        PATH=f"{places['2023.1'].root}/bin:{os.environ['PATH']}",
    )
    argument, named = places["2021.1"].root, str(places["2022.1"].root)
    both = find_vitis(environ, argument=argument, named=named, roots=roots)
    assert (both.version, both.how) == ("2021.1", "--vitis")
    vitis = find_vitis(environ, named=named, roots=roots)
    assert (vitis.version, vitis.how) == ("2022.1", "hardware.vitis")
    vitis = find_vitis(environ, roots=roots)
    assert (vitis.version, vitis.how) == ("2022.2", "$XILINX_VITIS")
    del environ["XILINX_VITIS"]
    vitis = find_vitis(environ, roots=roots)
    assert (vitis.version, vitis.how) == ("2023.1", "v++ on PATH")
    assert vitis.settings == places["2023.1"].settings
    vitis = find_vitis(bare(), roots=roots)
    assert (vitis.version, vitis.how) == ("2023.2", roots[0])


def test_the_newest_below_a_root_is_taken_and_unknown_ones_are_passed_over(tmp_path: Path) -> None:
    for version in ("2022.2", "2024.2", "2023.1"):
        install_vitis(tmp_path, version, cards=())
    for version in ("2031.1", "2019.2"):
        install_vitis(tmp_path, version, layout="Vitis/VERSION", cards=())
    assert find_vitis(bare(), roots=[str(tmp_path)]).version == "2024.2"


def test_a_home_folder_is_looked_at(tmp_path: Path) -> None:
    place = install_vitis(tmp_path / "Xilinx", "2023.2", cards=())
    vitis = find_vitis(bare(HOME=str(tmp_path)), roots=["~/Xilinx"])
    assert found_at(vitis, place)


def test_nothing_found_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ToolMissingError) as raised:
        find_vitis(bare(PATH=str(tmp_path)), roots=[str(tmp_path)])
    text = str(raised.value)
    assert str(tmp_path) in text and "$XILINX_VITIS" in text and "--vitis DIR" in text
    assert "\n" not in text and raised.value.exit_code == 3
    assert "/tools/Xilinx" in VITIS_ROOTS


def test_a_named_folder_without_vitis_is_not_made_up_for(tmp_path: Path) -> None:
    place = install_vitis(tmp_path / "good", "2023.2", cards=())
    environ = bare(XILINX_VITIS=str(place.root))
    with pytest.raises(ToolMissingError, match="--vitis .*empty: no Vitis to use: no settings64"):
        find_vitis(environ, argument=tmp_path / "empty")


def test_an_installation_that_is_no_use_says_why(tmp_path: Path) -> None:
    hls_only = install_vitis(tmp_path / "b", "2023.2", without=["v++"], cards=())
    with pytest.raises(ToolMissingError, match="2023.2 has no v\\+\\+"):
        find_vitis(bare(PATH="/usr/bin:/bin"), argument=hls_only.root)
    broken = install_vitis(tmp_path / "c", "2023.2", cards=())
    broken.settings.write_text("echo no >&2\nreturn 7\n", encoding="utf-8")
    with pytest.raises(ToolMissingError, match="settings64.sh cannot be sourced"):
        find_vitis(bare(), argument=broken.root)


def test_another_version_is_told_as_that_and_once(tmp_path: Path) -> None:
    new = install_vitis(tmp_path, "2027.1", cards=())
    environ = bare(XILINX_VITIS=str(new.root), PATH=f"{new.root}/bin:{os.environ['PATH']}")
    with pytest.raises(ToolMissingError) as raised:
        find_vitis(environ, roots=[str(tmp_path)])
    assert str(raised.value) == (
        f"{new.root} is Vitis 2027.1; 2020.2 to 2026.1 are known: install Vitis 2020.2 to 2026.1, "
        "or name its folder with --vitis DIR or hardware.vitis in the spec"
    )
    for how, named in (
        ("--vitis", {"argument": new.root}),
        ("hardware.vitis", {"named": new.root}),
    ):
        with pytest.raises(ToolMissingError) as raised:
            find_vitis(bare(), **named)
        assert str(raised.value) == (
            f"{how}: {new.root} is Vitis 2027.1; 2020.2 to 2026.1 are known: name the folder of "
            "one of these, or leave it out to have one looked for"
        )


def test_two_other_versions_are_both_told(tmp_path: Path) -> None:
    for version in ("2027.1", "2019.2"):
        install_vitis(tmp_path, version, layout="Vitis/VERSION", cards=())
    with pytest.raises(ToolMissingError, match="is Vitis 2027.1; .* is Vitis 2019.2; 2020.2 to"):
        find_vitis(bare(), roots=[str(tmp_path)])


def test_a_broken_one_beside_another_version_is_told_too(tmp_path: Path) -> None:
    install_vitis(tmp_path, "2027.1", layout="Vitis/VERSION", cards=())
    install_vitis(tmp_path, "2023.2", without=["v++"], cards=())
    with pytest.raises(ToolMissingError, match="^Vitis not found.*2027.1; .*2023.2 has no v"):
        find_vitis(bare(PATH="/usr/bin:/bin"), roots=[str(tmp_path)])


def test_a_folder_without_a_version_asks_the_tool(tmp_path: Path) -> None:
    place = install_vitis(tmp_path, "2022.2", layout="vitis-here", cards=())
    vitis = find_vitis(bare(), argument=place.root)
    assert vitis.version == "2022.2"
    assert [call["arguments"] for call in place.calls()] == [["--version"]]


def test_paths_are_absolute_since_steps_run_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = install_vitis(tmp_path / "tools", "2022.2", cards=())
    monkeypatch.chdir(tmp_path)
    vitis = find_vitis(bare(), argument="tools")
    assert vitis.settings == place.settings and Path(vitis.tool("v++")).is_absolute()


def test_tools_of_another_version_on_path_are_not_mixed_in(tmp_path: Path) -> None:
    other = install_vitis(tmp_path / "other", "2024.2", cards=())
    place = install_vitis(tmp_path / "place", "2022.2", cards=())
    environ = bare(PATH=f"{other.root}/bin:{os.environ['PATH']}")
    vitis = find_vitis(environ, argument=place.root)
    assert "vitis-run" not in vitis.tools and "vitis_hls" in vitis.tools


def test_a_missing_tool_is_named(tmp_path: Path) -> None:
    place = install_vitis(tmp_path, "2025.1", cards=())
    vitis = find_vitis(bare(PATH="/usr/bin:/bin"), argument=place.root)
    with pytest.raises(ToolMissingError, match=r"Vitis 2025.1 at .* has no vitis_hls: install"):
        vitis.tool("vitis_hls")


def test_settings_are_sourced_into_a_copy(tmp_path: Path) -> None:
    place = install_vitis(tmp_path, "2023.2", cards=())
    more = "\nexport MULTI=$'a\\nb=c'\necho noise\n"
    place.settings.write_text(place.settings.read_text() + more, encoding="utf-8")
    before = dict(os.environ)
    variables = tool_environment(place.settings, bare(PYTHONPATH="/x", LANG="de_DE.UTF-8"))
    assert dict(os.environ) == before
    assert variables["XILINX_VITIS"] == str(place.root)
    assert variables["PATH"].split(":")[0] == str(place.root / "bin")
    assert variables["MULTI"] == "a\nb=c"
    assert variables["LC_ALL"] == "C" and "PYTHONPATH" not in variables


def test_without_settings_the_environment_is_taken_as_it_is() -> None:
    variables = tool_environment(None, {"PATH": "/bin", "PYTHONHOME": "/x"})
    assert variables == {"PATH": "/bin", "LC_ALL": "C"}
