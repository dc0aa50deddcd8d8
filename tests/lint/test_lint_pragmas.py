# SPDX-License-Identifier: Apache-2.0
"""Pragmas as text, and those that are right wherever they may stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from lint_sample import SAMPLE, expected, found, lint_files, planted

from hlsgen.lint.binding_table import OPERATORS, STORAGE
from hlsgen.lint.findings import RULES
from hlsgen.lint.pragma_table import DIRECTIVES
from hlsgen.lint.pragma_text import parse_pragma

pytest.importorskip("tree_sitter_cpp", reason="the parser is absent: pip install 'hlsgen[lint]'")

TESTS = Path(__file__).parent


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ("HLS DATAFLOW", "DATAFLOW", {}),
        ("hls pipeline ii=2 REWIND", "PIPELINE", {"ii": "2", "rewind": None}),
        ("HLS STREAM variable = s depth = 2 * N", "STREAM", {"variable": "s", "depth": "2 * N"}),
        ("HLS UNROLL factor=(A + B)/2", "UNROLL", {"factor": "(A + B)/2"}),
        ("HLS ALIAS ports=a, b distance=4", "ALIAS", {"ports": "a, b", "distance": "4"}),
        (
            "HLS DEPENDENCE variable=a distance=Geo<C, 2>::kX dependent=true",
            "DEPENDENCE",
            {"variable": "a", "distance": "Geo<C, 2>::kX", "dependent": "true"},
        ),
    ],
)
def test_text_of_a_pragma(text: str, name: str, options: dict[str, str | None]) -> None:
    pragma = parse_pragma(text)
    assert pragma is not None
    assert (pragma.name, dict(pragma.options), pragma.repeated) == (name, options, ())


@pytest.mark.parametrize("text", ["GCC ivdep", "once", "HLSX PIPELINE", ""])
def test_pragmas_of_others(text: str) -> None:
    assert parse_pragma(text) is None


IN_KERNEL = (
    "INTERFACE mode=s_axilite port=source bundle=control offset=0x10",
    "INTERFACE s_axilite port=source bundle=control",
    "interface S_AXILITE port=other bundle=control storage_impl=auto",
    "STABLE variable=count",
    "INTERFACE s_axilite port=source,other bundle=control",
    "LATENCY max=64*sizeof(int)/8",
    "ALIAS ports=source,other distance=64",
    "CACHE port=source lines=4 depth=64",
    "ALLOCATION type=function instances=read_words limit=1",
    "EXPRESSION_BALANCE off",
    "LATENCY min=1 max=100",
    "RESET variable=count off",
    "TOP name=accel",
)
IN_FUNCTION = (
    "INLINE off",
    "INLINE recursive",
    "FUNCTION_INSTANTIATE variable=count",
    "ALLOCATION type=operation instances=fmul limit=2",
    "LOOP_MERGE force",
    "AGGREGATE variable=words compact=auto",
    "ARRAY_PARTITION variable=source complete dim=1",
    "DEPENDENCE variable=words inter RAW true distance=4",
    "DEPENDENCE variable=words intra WAW false // one word each",
    "DEPENDENCE class=array inter false // one word each",
    "ARRAY_PARTITION variable=source cyclic factor=2",
    "ARRAY_PARTITION variable=source block factor=4 dim=1",
    "ARRAY_RESHAPE variable=source complete dim=0",
    "ALLOCATION operation instances=mul limit=2",
    "ALLOCATION function instances=read_words limit=1",
    "STREAM variable=source depth=4",
    "LOOP_MERGE",
    "DISAGGREGATE variable=words",
    "PERFORMANCE target_ti=1000 unit=cycle",
)
IN_LOOP = (
    "LOOP_FLATTEN off",
    "LATENCY max=8",
    "PERFORMANCE target_ti=1.5us",
    "UNROLL factor=4 skip_exit_check",
    "DEPENDENCE class=array type=intra dependent=true distance=2",
    "EXPRESSION_BALANCE",
    "if (PLACES > 4) UNROLL factor=2",
    "BIND_OP variable=product op=fmul impl=fulldsp latency=-1",
)
IN_REGION = ("PROTOCOL mode=fixed", "PROTOCOL fixed", "OCCURRENCE cycle=4")


@pytest.mark.parametrize("pragma", IN_KERNEL)
def test_pragma_of_a_kernel_is_right(pragma: str, tmp_path: Path) -> None:
    before = "#pragma HLS DATAFLOW"
    check(planted("accel.cpp", before, f"#pragma HLS {pragma}\n{before}"), tmp_path)


@pytest.mark.parametrize("pragma", IN_FUNCTION)
def test_pragma_of_a_function_is_right(pragma: str, tmp_path: Path) -> None:
    before = "  ReadWords_Word:"
    check(planted("kernels/stages.h", before, f"#pragma HLS {pragma}\n{before}"), tmp_path)


@pytest.mark.parametrize("pragma", IN_LOOP)
def test_pragma_of_a_loop_is_right(pragma: str, tmp_path: Path) -> None:
    before = "      PIPELINE(1)"
    more = f"{before}\n#pragma HLS {pragma}"
    if "product" in pragma:
        more = f"{before}\n      float product = i * 2.0f;\n#pragma HLS {pragma}"
    check(planted("kernels/stages.h", before, more), tmp_path)


@pytest.mark.parametrize("pragma", IN_REGION)
def test_pragma_of_a_region_is_right(pragma: str, tmp_path: Path) -> None:
    more = f"    {{\n#pragma HLS {pragma}\n      ++seen;\n    }}"
    check(planted("kernels/stages.h", "    ++seen;", more), tmp_path)


def check(files: dict[str, str], folder: Path) -> None:
    assert found(lint_files(folder, files)) == []


@pytest.mark.parametrize(
    ("denial", "right"),
    [
        ("// The turn before wrote the other half.\n{}", True),
        ("{}  // the other half", True),
        ("int other;\n{}", False),
    ],
)
def test_denied_dependence_needs_a_reason(denial: str, right: bool, tmp_path: Path) -> None:
    pragma = "#pragma HLS DEPENDENCE variable=bank.lane type=inter direction=RAW dependent=false"
    before = f"    // The turn before wrote the other half.\n{pragma}"
    files = planted("kernels/stages.h", before, denial.format(pragma))
    rules = [rule for _, _, rule in found(lint_files(tmp_path, files))]
    assert rules == ([] if right else ["dependence-reason"])


def test_message_tells_what_is_wrong_and_the_mend(tmp_path: Path) -> None:
    files = planted("kernels/stages.h", "II=2 ", "III=2 ")
    report = lint_files(tmp_path, files)
    line = SAMPLE["kernels/stages.h"][: SAMPLE["kernels/stages.h"].index("II=2")].count("\n") + 1
    assert [str(each) for each in report.findings] == [
        f"kernels/stages.h:{line}: pragma-missing: PIPELINE does not say its II: "
        "add II=<cycles>, or off",
        f"kernels/stages.h:{line}: pragma-option: PIPELINE has no option iii: perhaps ii",
    ]


def test_what_is_hidden_from_synthesis_is_not_checked(tmp_path: Path) -> None:
    more = '    ++seen;\n#ifndef __SYNTHESIS__\n    std::printf("%d", seen);\n#endif'
    assert found(lint_files(tmp_path, planted("kernels/stages.h", "    ++seen;", more))) == []


def test_stand_ins_are_not_checked(tmp_path: Path) -> None:
    files = {**SAMPLE, "kernels/csim/hls_stream.h": "#include <vector>\nstd::vector<int> all;\n"}
    files["accel.cpp"] = "#include <hls_stream.h>\n" + files["accel.cpp"]
    assert found(lint_files(tmp_path, files)) == []


def test_macros_of_synthesis_come_first(tmp_path: Path) -> None:
    files = {**SAMPLE, "kernels/csim/macros.h": "#error the simulator's macros\n"}
    files["kernels/vitis/macros.h"] = files.pop("kernels/macros.h")
    assert found(lint_files(tmp_path, files)) == []


def test_tables() -> None:
    """A few facts of the vendor's tables, and that every name in them can be written."""
    assert OPERATORS["fadd"]["fulldsp"] == 12 and OPERATORS["fmul"]["maxdsp"] == 7
    assert "srl" in STORAGE["fifo"] and "auto" not in STORAGE["ram_s2p"]
    assert all(name == name.upper() for name in DIRECTIVES)
    options = {key for directive in DIRECTIVES.values() for key in directive.options}
    assert all(key == key.lower() for key in options)
    words = {word for d in DIRECTIVES.values() for o in d.options.values() for word in o.words}
    assert all(word == word.lower() for word in words)
    for directive in DIRECTIVES.values():
        assert set(directive.required) <= directive.options.keys()


def test_every_rule_has_a_fault_that_it_finds() -> None:
    """The marks of the planted faults, and the one rule that has a test of its own."""
    texts = {f"{path}": path.read_text(encoding="utf-8") for path in TESTS.glob("*.py")}
    marks = {rule for _, _, rule in expected(texts)}
    assert marks | {"dependence-reason"} == set(RULES) | {"rule"}
