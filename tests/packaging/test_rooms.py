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
# Folders of somebody's machine; /home/u is an example, not a home.
FOREIGN = re.compile(r"(?<![\w./~-])/(?:root|home/\w{2,}|Users/\w+)/[\w.]")


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


def test_sources_are_small_and_licensed() -> None:
    sources = [path for path in FILES if path.suffix in SOURCES]
    limit = {path: LIMITS.get(path.relative_to(ROOT).parts[0], OTHERS_LIMIT) for path in sources}
    assert not [named(path) for path in sources if len(lines(path)) > limit[path]]
    licence = "SPDX-License-Identifier: Apache-2.0"
    assert not [named(p) for p in sources if not any(licence in line for line in lines(p)[:2])]


def test_functions_are_short() -> None:
    product = [p for p in FILES if p.suffix == ".py" and named(p).startswith(("hlsgen/", "host/"))]
    assert product
    long = [
        f"{named(path)}: {node.name}: {length} lines"
        for path in product
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and node.end_lineno is not None
        and (length := node.end_lineno - node.lineno + 1) > FUNCTION_LIMIT
    ]
    assert not long


def test_no_path_of_the_machine_that_wrote_it() -> None:
    assert not [named(path) for path in FILES if any(FOREIGN.search(text) for text in lines(path))]


@pytest.mark.parametrize(
    ("text", "foreign"),
    [
        ("open('/" + "root/x')", True),
        (" /" + "home/ann/src", True),
        ("https://example.org/" + "home/ann/", False),
        ("a/" + "root/b", False),
    ],
)
def test_foreign_paths_are_seen(text: str, foreign: bool) -> None:
    assert bool(FOREIGN.search(text)) is foreign
