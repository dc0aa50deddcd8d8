# SPDX-License-Identifier: Apache-2.0
"""Finding a compiler: the order of the search, versions, and messages when there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from stubs import GXX_12, stub, stub_compiler

from hlsgen.errors import ToolMissingError
from hlsgen.toolchain.compiler import find_compiler, parse_banner

ROOT = Path(__file__).parents[2]
CLANG_16 = "Debian clang version 16.0.6 (15~deb12u1)"


@pytest.mark.parametrize(
    ("banner", "expected"),
    [
        (GXX_12, ("g++", "12.2.0")),
        ("g++ (GCC) 13.2.1 20230801", ("g++", "13.2.1")),
        ("x86_64-linux-gnu-g++-12 (Ubuntu 12.3.0-1ubuntu1~22.04) 12.3.0", ("g++", "12.3.0")),
        (CLANG_16, ("clang++", "16.0.6")),
        ("Ubuntu clang version 15.0.7", ("clang++", "15.0.7")),
        ("c++ (Debian 12.2.0-14) 12.2.0", ("g++", "12.2.0")),
        ("cfront of long ago", None),
        ("cat (GNU coreutils) 9.1", None),
    ],
)
def test_banners(banner: str, expected: tuple[str, str] | None) -> None:
    assert parse_banner(banner) == expected


def test_gxx_comes_before_clang(tmp_path: Path) -> None:
    stub_compiler(tmp_path, "clang++", CLANG_16)
    path = stub_compiler(tmp_path, "g++")
    found = find_compiler({"PATH": str(tmp_path)})
    assert (found.kind, found.version, found.path) == ("g++", "12.2.0", str(path))
    assert found.banner == GXX_12


def test_an_old_default_gives_way_to_a_versioned_or_other_one(tmp_path: Path) -> None:
    stub_compiler(tmp_path, "g++", "g++ (Ubuntu 11.4.0) 11.4.0")
    clang = stub_compiler(tmp_path, "clang++", CLANG_16)
    assert find_compiler({"PATH": str(tmp_path)}).path == str(clang)
    newer = stub_compiler(tmp_path, "g++-12")
    assert find_compiler({"PATH": str(tmp_path)}).path == str(newer)


def test_cxx_wins_and_may_hold_words(tmp_path: Path) -> None:
    stub_compiler(tmp_path, "g++")
    wrapper = stub(tmp_path, "wrap", 'shift; exec echo "clang version 17.0.1"')
    found = find_compiler({"PATH": str(tmp_path) + ":/bin:/usr/bin", "CXX": "wrap clang++"})
    assert found.command == (str(wrapper), "clang++")
    assert (found.kind, found.version) == ("clang++", "17.0.1")


def test_none_at_all_names_the_package(tmp_path: Path) -> None:
    with pytest.raises(ToolMissingError) as caught:
        find_compiler({"PATH": str(tmp_path)})
    assert str(caught.value).startswith("g++ not found: ")
    assert "apt-get install g++" in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_missing_cxx_is_named(tmp_path: Path) -> None:
    stub_compiler(tmp_path, "g++")
    with pytest.raises(ToolMissingError, match=r"^\$CXX not found: g\+\+-99: unset CXX"):
        find_compiler({"PATH": str(tmp_path), "CXX": "g++-99"})


def test_a_cxx_with_an_open_quote_is_named(tmp_path: Path) -> None:
    with pytest.raises(ToolMissingError, match=r"^\$CXX cannot be read: \"g\+\+: No closing quot"):
        find_compiler({"PATH": str(tmp_path), "CXX": '"g++'})


def test_the_search_needs_no_installed_package(tmp_path: Path) -> None:
    """`make` asks before it installs anything."""
    command = [sys.executable, "-S", "-m", "hlsgen.toolchain.compiler"]
    for name, status in {"no-such-compiler": 3, str(stub_compiler(tmp_path, "g++")): 0}.items():
        done = subprocess.run(
            command, cwd=ROOT, env={"CXX": name, "PATH": ""}, capture_output=True, text=True
        )
        assert (done.returncode, done.stderr.count("\n")) == (status, status // 3), done.stderr


def test_too_old_says_what_was_found_and_what_is_needed(tmp_path: Path) -> None:
    old = stub_compiler(tmp_path, "g++", "g++ (Debian 10.2.1-6) 10.2.1 20210110")
    with pytest.raises(ToolMissingError) as caught:
        find_compiler({"PATH": str(tmp_path)})
    text = str(caught.value)
    assert f"{old} is g++ 10.2.1, too old: 12 or newer is needed" in text
    assert "apt-get install g++-12 (or newer)" in text
    assert "\n" not in text


def test_a_cxx_that_is_no_compiler_is_not_called_one(tmp_path: Path) -> None:
    cat = stub_compiler(tmp_path, "cat", "cat (GNU coreutils) 9.1")
    words = f"{cat} is not a C\\+\\+ compiler that hlsgen knows: .* unset CXX, or point it at that"
    with pytest.raises(ToolMissingError, match=words):
        find_compiler({"PATH": str(tmp_path), "CXX": "cat"})


def test_a_broken_compiler_is_reported(tmp_path: Path) -> None:
    stub(tmp_path, "g++", "echo 'error: no libisl' >&2; exit 1")
    with pytest.raises(ToolMissingError, match="does not run .*error: no libisl"):
        find_compiler({"PATH": str(tmp_path)})
