# SPDX-License-Identifier: Apache-2.0
"""Compiling tiny projects: what is cached, what a change costs, and what errors say."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest
from stubs import stub_compiler

from hlsgen.cache import Cache
from hlsgen.errors import WorkError
from hlsgen.project import Project
from hlsgen.toolchain.compiler import Compiler, find_compiler
from hlsgen.toolchain.gxx import CompiledLibrary, Plan, Unit, compile_library, plan_library

UNITS = (Unit("one.cpp"), Unit("two.cpp", ("-ffp-contract=off",)))
FILES = {
    "include/value.h": "#pragma once\nenum { kValue = 41 };\n",
    "one.cpp": '#include "value.h"\nextern "C" __attribute__((visibility("default")))\n'
    "int one() { return kValue + 1; }\n",
    "two.cpp": 'extern "C" __attribute__((visibility("default"))) int two() { return 2; }\n',
    "README": "not a source",
}


@pytest.fixture(scope="module")
def compiler() -> Compiler:
    return find_compiler(os.environ)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


def plan(compiler: Compiler, isa: str = "", **changes: str) -> Plan:
    files = {**FILES, **{path.replace("_", "."): text for path, text in changes.items()}}
    return plan_library(Project(files), UNITS, ["include"], compiler, isa)


def call(library: CompiledLibrary, function: str) -> int:
    result = getattr(ctypes.CDLL(str(library.path)), function)()
    assert isinstance(result, int)
    return result


def test_compile_then_cached(compiler: Compiler, cache: Cache) -> None:
    first = compile_library(plan(compiler), cache)
    assert not first.cached
    assert [(report.source, report.cached) for report in first.objects] == [
        ("one.cpp", False),
        ("two.cpp", False),
    ]
    assert (call(first, "one"), call(first, "two")) == (42, 2)
    again = compile_library(plan(compiler), cache)
    assert again.cached
    assert (again.path, again.sha256) == (first.path, first.sha256)
    assert all(report.cached for report in again.objects)


def test_library_bytes_do_not_depend_on_the_place(compiler: Compiler, tmp_path: Path) -> None:
    made = [compile_library(plan(compiler), Cache(tmp_path / name)) for name in "ab"]
    assert made[0].sha256 == made[1].sha256


def test_only_what_changed_is_compiled(compiler: Compiler, cache: Cache) -> None:
    compile_library(plan(compiler), cache)
    damaged = plan(compiler).units[0]
    entry = cache.get(damaged.key, damaged.suffix)
    link = plan(compiler).link
    library = cache.get(link.key, link.suffix)
    assert entry is not None
    assert library is not None
    entry.path.write_bytes(b"cut short")
    library.path.unlink()
    again = compile_library(plan(compiler), cache)
    assert [report.cached for report in again.objects] == [False, True]


def test_keys_cover_sources_flags_isa_and_compiler(compiler: Compiler) -> None:
    base = plan(compiler)
    assert plan(compiler, README="other words").link.key == base.link.key
    other = Compiler(compiler.command, compiler.kind, "99", "g++ 99.0")
    changed = [
        plan(compiler, two_cpp="int two;"),
        plan(compiler, **{"include/value_h": "enum { kValue = 1 };"}),
        plan(compiler, isa="x86-64-v2"),
        plan(other),
    ]
    keys = {base.link.key, *(p.link.key for p in changed)}
    assert len(keys) == 5
    assert all(p.units[0].key != base.units[0].key for p in changed)


def test_first_error_is_quoted_and_nothing_cached(compiler: Compiler, cache: Cache) -> None:
    bad = plan(compiler, one_cpp="int f() {\n  int unused;\n  return nothing;\n}\n")
    with pytest.raises(WorkError) as caught:
        compile_library(bad, cache)
    text = str(caught.value)
    assert text.startswith("compiling one.cpp failed: one.cpp:3:10: error: ")
    assert "\n" not in text
    log = Path(text.rpartition("whole output: ")[2].rstrip(")"))
    assert "unused" in log.read_text()
    assert cache.get(bad.units[0].key, ".o") is None


def test_warnings_are_errors(compiler: Compiler, cache: Cache) -> None:
    bad = plan(compiler, two_cpp="static int never() { return 1; }\n")
    with pytest.raises(WorkError, match="compiling two.cpp failed: two.cpp:1:12: error: .*never"):
        compile_library(bad, cache)


def test_undefined_symbols_fail_at_the_link(compiler: Compiler, cache: Cache) -> None:
    bad = plan(compiler, two_cpp="int absent();\nint two() { return absent(); }\n")
    with pytest.raises(WorkError, match=r"linking libsat.so failed: .*undefined reference"):
        compile_library(bad, cache)


def test_stub_that_fails_without_a_word(tmp_path: Path, cache: Cache) -> None:
    path = stub_compiler(tmp_path / "bin", "g++", body="exit 7")
    with pytest.raises(WorkError, match=r"compiling (one|two).cpp failed: no output"):
        compile_library(plan(find_compiler({"CXX": str(path)})), cache)


def test_full_disk_is_named_with_its_mend(tmp_path: Path, cache: Cache) -> None:
    body = "echo '/tmp/cc1.s: fatal error: error writing: No space left on device' >&2; exit 1"
    full = find_compiler({"PATH": "", "CXX": str(stub_compiler(tmp_path, "g++", body=body))})
    words = (
        r"compiling (one|two).cpp failed: .*: No space left on device \(.* free\): make room, or"
    )
    with pytest.raises(WorkError, match=f"^{words} set TMPDIR to another folder$"):
        compile_library(plan(full), cache)


def test_killed_compiler_is_named(tmp_path: Path, cache: Cache) -> None:
    path = stub_compiler(tmp_path / "bin", "g++", body="kill -KILL $$")
    with pytest.raises(WorkError, match="was ended by SIGKILL"):
        compile_library(plan(find_compiler({"CXX": str(path)})), cache)


def test_failure_of_one_unit_stops_the_other(tmp_path: Path, cache: Cache) -> None:
    body = (
        'case "$*" in *one.cpp*) exec sleep 60;; esac\n'
        "sleep 0.3; echo 'two.cpp:1: error: the cause' >&2; exit 1"
    )
    path = stub_compiler(tmp_path / "bin", "g++", body=body)
    with pytest.raises(WorkError, match="compiling two.cpp failed: two.cpp:1: error: the cause"):
        compile_library(plan(find_compiler({"CXX": str(path)})), cache)


@pytest.mark.parametrize("name", ["CPATH", "CPLUS_INCLUDE_PATH"])
def test_the_environment_adds_no_headers(
    tmp_path: Path, compiler: Compiler, cache: Cache, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "foreign.h").write_text("")
    monkeypatch.setenv(name, str(tmp_path))
    with pytest.raises(WorkError, match="foreign.h: No such file"):
        compile_library(plan(compiler, two_cpp="#include <foreign.h>\n"), cache)


def test_a_unit_outside_the_project_is_refused(compiler: Compiler) -> None:
    with pytest.raises(WorkError, match=r"three\.cpp: not in the rendered project"):
        plan_library(Project(FILES), [Unit("three.cpp")], [], compiler, "")
