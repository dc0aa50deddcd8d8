# SPDX-License-Identifier: Apache-2.0
"""The house rules that a reader counts on: small files, a licence in each, no foreign paths."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = (".ci", "benchmarks", "docs", "hlsgen", "host", "kernels", "specs", "templates", "tests")
TOP = ("Makefile", "README.md", "pyproject.toml")
LIMITS = {"kernels": 300, "templates": 150}
OTHERS_LIMIT = 400
FUNCTION_LIMIT = 50
SOURCES = {".py", ".h", ".hpp", ".cpp", ".j2"}
# Home folders (/home/u is an example, not a home), and where build machines keep checkouts.
FOREIGN = re.compile(r"(?<![\w./~-])/(?:work|root|farm|home/\w{2,}|Users/\w+)/[\w.]")
# Papers that are not in the repository; docs/architecture.md is.
UNSHIPPED = re.compile(r"design (?:sections?\b|§)|\bvitis\.md\b")


def files() -> list[Path]:
    found = [ROOT / name for name in TOP if (ROOT / name).is_file()]
    for room in ROOMS:
        found += (path for path in (ROOT / room).rglob("*") if path.is_file())
    return sorted(path for path in found if "__pycache__" not in path.parts)


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


FILES = files()


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8", errors="replace").splitlines()


@pytest.mark.parametrize("path", [p for p in FILES if p.suffix in SOURCES], ids=named)
def test_source_is_small_and_licensed(path: Path) -> None:
    text = lines(path)
    assert len(text) <= LIMITS.get(path.relative_to(ROOT).parts[0], OTHERS_LIMIT)
    assert any("SPDX-License-Identifier: Apache-2.0" in line for line in text[:2])


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if p.suffix == ".py" and named(p).startswith(("hlsgen/", "host/"))],
    ids=named,
)
def test_functions_are_short(path: Path) -> None:
    long = [
        f"{node.name}: {length} lines"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.end_lineno is not None
        and (length := node.end_lineno - node.lineno + 1) > FUNCTION_LIMIT
    ]
    assert not long


@pytest.mark.parametrize("path", [p for p in FILES if p != Path(__file__)], ids=named)
def test_refers_to_nothing_that_is_not_here(path: Path) -> None:
    assert not [line for line in lines(path) if UNSHIPPED.search(line)]


@pytest.mark.parametrize("path", FILES, ids=named)
def test_no_path_of_the_machine_that_wrote_it(path: Path) -> None:
    found = [line for line in lines(path) if FOREIGN.search(line)]
    assert not found


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("open('/" + "work/main/x')", True),
        ("-I/" + "home/ann/src", True),
        ("https://example.org/" + "home/ann/", False),
        ("a/" + "root/b", False),
    ],
)
def test_foreign_paths_are_seen(text: str, foreign: bool) -> None:
    assert bool(FOREIGN.search(text.replace("-I", " "))) is foreign
