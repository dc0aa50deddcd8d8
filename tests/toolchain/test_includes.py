# SPDX-License-Identifier: Apache-2.0
"""What a translation unit may include: never less than what the compiler reads."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from hlsgen import render
from hlsgen.project import write
from hlsgen.specfile import load_spec
from hlsgen.timing.run import INCLUDE_DIRS as TIMED_DIRS
from hlsgen.timing.run import TIMED_UNITS
from hlsgen.toolchain.compiler import find_compiler
from hlsgen.toolchain.gxx import Unit
from hlsgen.toolchain.includes import sources_of

SPEC = Path(__file__).parents[2] / "specs" / "small.yaml"
FILES = {
    "one.cpp": '#include "a.h"\n# include <stdio.h>\nint one;\n',
    "two.cpp": "int two;\n",
    "a.h": "#if 0\n#include <deep/b.h>\n#endif\n",
    "deep/b.h": "\n",
    "other/b.h": "\n",
    "c.h": "\n",
}


def names(unit: str, **changes: str) -> set[str]:
    files = {**FILES, **{path.replace("_", "."): text for path, text in changes.items()}}
    return set(sources_of(unit, files))


def test_all_that_may_be_included_and_no_more() -> None:
    assert names("one.cpp") == {"one.cpp", "a.h", "deep/b.h", "other/b.h"}
    assert names("two.cpp") == {"two.cpp"}
    assert names("one.cpp", a_h='#include "one.cpp"\n') == {"one.cpp", "a.h"}


@pytest.mark.parametrize(
    "line",
    [
        "#include NAMED",
        "#include /* a */ <a.h>",
        "#if __has_include(NAMED)",
        '/* a */ #include "a.h"',
        '%:include "a.h"',
        '#inc\\\nlude "a.h"',
    ],
)
def test_a_name_that_is_not_told_stands_for_all(line: str) -> None:
    assert names("two.cpp", two_cpp=f"{line}\n") == set(FILES)


@pytest.mark.parametrize(
    ("units", "folders"),
    [(render.CSIM_UNITS, render.INCLUDE_DIRS), (TIMED_UNITS, TIMED_DIRS)],
    ids=["csim", "timed"],
)
def test_the_compiler_reads_nothing_else(
    units: tuple[Unit, ...], folders: tuple[str, ...], tmp_path: Path
) -> None:
    project = render.render(load_spec(SPEC))
    write(project, tmp_path)
    command = [*find_compiler(os.environ).command, "-MM", *(f"-I{folder}" for folder in folders)]
    for unit in units:
        done = subprocess.run(
            [*command, *unit.flags, unit.source],
            cwd=tmp_path, capture_output=True, text=True, check=True,
        )  # fmt: skip
        read = {os.path.normpath(path) for path in done.stdout.replace("\\\n", " ").split()[1:]}
        found = sources_of(unit.source, project.files)
        assert len(read) > 5 and read <= set(found) < set(project.files)
