# SPDX-License-Identifier: Apache-2.0
"""What hlsgen renders has no findings; faults planted into it do, in their lines."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from lint_sample import found, lint_files

from hlsgen.lint.check import lint
from hlsgen.project import write
from hlsgen.render import render
from hlsgen.specfile import load_spec

pytest.importorskip("tree_sitter_cpp", reason="the parser is absent: pip install 'hlsgen[lint]'")

SPECS = sorted((Path(__file__).resolve().parents[2] / "specs").glob("*.yaml"))
SMALL = next(path for path in SPECS if path.stem == "small")

Files = dict[str, str]
Place = tuple[str, int, str]


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(path, marks=[] if path == SMALL else [pytest.mark.slow], id=path.stem)
        for path in SPECS
    ],
)
def test_what_is_rendered_has_no_findings(spec: Path, tmp_path: Path) -> None:
    write(render(load_spec(spec)), tmp_path)
    report = lint(tmp_path, os.environ)
    assert [str(finding) for finding in report.findings] == []
    assert report.units == ("sat_stce.cpp", "sat_wuve.cpp")
    assert report.files > 25 and report.pragmas > 300


def cut(files: Files, path: str, pattern: str) -> tuple[str, int]:
    """The first piece of a text that a pattern finds, and the number of its line."""
    match = re.search(pattern, files[path], re.DOTALL)
    assert match is not None, (path, pattern)
    return match[0], files[path][: match.start()].count("\n") + 1


def process_twice(files: Files) -> Place:
    call, line = cut(files, "sat_stce.cpp", r'  SAT_PROCESS\("fetch_commands".*?\);\n')
    files["sat_stce.cpp"] = files["sat_stce.cpp"].replace(call, call + call)
    return "sat_stce.cpp", line + call.count("\n"), "stream-producers"


def processes_exchanged(files: Files) -> Place:
    pattern = r'(  SAT_PROCESS\("fetch_commands".*?\);\n)(  SAT_PROCESS\("place_units".*?\);\n)'
    _, line = cut(files, "sat_stce.cpp", pattern)
    text = files["sat_stce.cpp"]
    files["sat_stce.cpp"] = re.sub(pattern, r"\2\1", text, count=1, flags=re.DOTALL)
    return "sat_stce.cpp", line, "dataflow-feedback"


def process_left_out(files: Files) -> Place:
    call, _ = cut(files, "sat_wuve.cpp", r'  SAT_PROCESS\("bp_select".*?\);\n')
    files["sat_wuve.cpp"] = files["sat_wuve.cpp"].replace(call, "")
    _, line = cut(files, "sat_wuve.cpp", r"  SAT_FIFO\([^\n]* bp_columns,")
    return "sat_wuve.cpp", line, "stream-consumers"


def stream_forgotten(files: Files) -> Place:
    _, line = cut(files, "sat_wuve.cpp", r"  SAT_DATAFLOW\n")
    more = "  SAT_DATAFLOW\n  hls::stream<WordT, 2> forgotten;\n"
    files["sat_wuve.cpp"] = files["sat_wuve.cpp"].replace("  SAT_DATAFLOW\n", more)
    return "sat_wuve.cpp", line + 1, "stream-unused"


def label_left_out(files: Files) -> Place:
    label, line = cut(files, "kernels/fetch.h", r"  SAT_LOOP\(SendTiles_Tile\)\n")
    files["kernels/fetch.h"] = files["kernels/fetch.h"].replace(label, "")
    return "kernels/fetch.h", line, "loop-label"


def interval_left_out(files: Files) -> Place:
    path = "kernels/read_activations.h"
    piece, line = cut(files, path, r"SAT_LOOP\(ReadStrip_Word\)\n[^\n]*\n *SAT_PIPELINE[^\n]*\n")
    kept = "".join(piece.splitlines(keepends=True)[:2])
    files[path] = files[path].replace(piece, kept)
    return path, line + 1, "loop-ii"


def bound_that_varies(files: Files) -> Place:
    path = "kernels/words.h"
    head, line = cut(files, path, r"for \(int c = 0; c < Config::kLanes; \+\+c\)[^\n]*\n")
    varies = "for (int c = 0; c < value[0]; ++c) {\n"
    files[path] = files[path].replace(head, varies, 1)
    return path, line, "loop-bound"


def variable_renamed(files: Files) -> Place:
    path = "kernels/sore.h"
    pragma, line = cut(files, path, r"SAT_PARTITION\(block\.element")
    files[path] = files[path].replace(pragma, "SAT_PARTITION(blocks.element", 1)
    return path, line, "pragma-variable"


def region_left_out(files: Files) -> Place:
    _, line = cut(files, "sat_stce.cpp", r'extern "C" void sat_stce')
    files["sat_stce.cpp"] = files["sat_stce.cpp"].replace("  SAT_DATAFLOW\n", "")
    return "sat_stce.cpp", line, "dataflow-missing"


def stream_copied(files: Files) -> Place:
    first, line = cut(files, "sat_wuve.cpp", r'  SAT_PROCESS\("fetch_updates",\n')
    more = f"  hls::stream<WordT, 2> more = ff_rows;\n{first}"
    files["sat_wuve.cpp"] = files["sat_wuve.cpp"].replace(first, more)
    return "sat_wuve.cpp", line, "stream-copied"


def latency_too_long(files: Files) -> Place:
    path = "kernels/vitis/uspe.h"
    latency, line = cut(files, path, r"Geometry<Config>::kAddLatency\)")
    files[path] = files[path].replace(latency, latency.replace(")", " + 9)"))
    return path, line, "pragma-value"


def operator_exchanged(files: Files) -> Place:
    bound, line = cut(files, "kernels/update.h", r"SAT_OPERATOR\(weight, fsub, fulldsp\)")
    text = files["kernels/update.h"].replace(bound, "SAT_OPERATOR(weight, fmul, maxdsp)")
    files["kernels/update.h"] = text
    return "kernels/update.h", line, "pragma-operator"


def memory_read_only(files: Files) -> Place:
    path = "kernels/sore.h"
    bound, line = cut(files, path, r"SAT_STORAGE\(indices, ram_2p, lutram\)")
    files[path] = files[path].replace(bound, "SAT_STORAGE(indices, rom_2p, lutram)")
    return path, line, "pragma-value"


def port_without_a_depth(files: Files) -> Place:
    path = "kernels/vitis/hls_macros.h"
    files[path] = files[path].replace("depth = SAT_COSIM_DEPTH", "")
    _, line = cut(files, "sat_wuve.cpp", r"  SAT_WRITES\(ff,")
    return "sat_wuve.cpp", line, "interface-depth"


@pytest.mark.slow
@pytest.mark.parametrize(
    "plant",
    [
        region_left_out,
        stream_copied,
        latency_too_long,
        operator_exchanged,
        memory_read_only,
        port_without_a_depth,
        process_twice,
        processes_exchanged,
        process_left_out,
        stream_forgotten,
        label_left_out,
        interval_left_out,
        bound_that_varies,
        variable_renamed,
    ],
    ids=lambda plant: plant.__name__,
)
def test_fault_in_what_is_rendered_is_found(
    plant: Callable[[Files], Place], tmp_path: Path
) -> None:
    files = dict(render(load_spec(SMALL)).files)
    place = plant(files)
    assert place in found(lint_files(tmp_path, files))
