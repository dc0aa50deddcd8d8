# SPDX-License-Identifier: Apache-2.0
"""Whatever a workload table holds, it is read or refused with places in it; never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hlsgen.faults import SpecError
from hlsgen.workloads import load
from hlsgen.workloads.table import COLUMNS, MAX_BYTES, parse, read

HEADER = ",".join(COLUMNS)
GOOD = (
    "conv1,conv,4,3,8,8,16,3,3,1,1,0",
    "qk,attn,8,16,4,1,4,1,1,1,0,0",
    "fc,linear,4,16,1,1,10,1,1,1,0,1",
)
CELLS = st.sampled_from(
    ["", "0", "1", "-1", "1e3", "2.5", "nan", "many", "999999999", "1048577", "1048576", "'", '"',
     "conv", "attn", "linear", "pool", "\x1b[31m", "\N{ARABIC-INDIC DIGIT FOUR}", " 4 ", "+4"]
)  # fmt: skip


def outcome(data: bytes) -> str:
    """The text of the faults, each of which must say where it is and what to do; "" for none."""
    try:
        rows = parse(data, "t.csv")
    except SpecError as error:
        assert error.faults
        for fault in error.faults:
            assert fault.file == "t.csv" and fault.line and fault.column
            assert fault.message and fault.mend and "\n" not in str(fault)
        return str(error)
    assert rows and all(row.batch >= 1 and row.c_in >= 1 for row in rows)
    return ""


@given(st.integers(0, 3), st.integers(0, len(COLUMNS) - 1), CELLS)
def test_one_cell_of_anything(line: int, column: int, cell: str) -> None:
    lines = [HEADER, *GOOD]
    cells = lines[line].split(",")
    unchanged = cells[column] == cell.strip()
    cells[column] = cell
    lines[line] = ",".join(cells)
    text = outcome("\n".join(lines).encode())
    assert not (unchanged and text)
    assert not text or f"t.csv:{line + 1}:" in text or "batch" in text


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    outcome(data)


@given(st.text(max_size=200))
def test_any_text_after_the_header(text: str) -> None:
    outcome(f"{HEADER}\n{text}".encode("utf-8", "surrogatepass"))


def test_a_folder_a_missing_and_a_huge_file(tmp_path: Path) -> None:
    huge = tmp_path / "huge.csv"
    huge.write_bytes(b"x" * (MAX_BYTES + 1))
    for path, what in (
        (tmp_path, "can't be read, Is a directory: check the path"),
        (tmp_path / "none.csv", "can't be read, No such file or directory: check the path"),
        (huge, "is larger than 1 MiB: give a workload table, a short CSV file"),
    ):
        with pytest.raises(SpecError) as caught:
            read(path)
        assert str(caught.value) == f"{path}: {what}"


def test_the_packages_tables_survive_every_lost_column() -> None:
    assert load("vit_cifar100")
    for name in COLUMNS:
        left = HEADER.replace(f"{name},", "").removesuffix(f",{name}")
        assert f"t.csv:1:1: missing columns: {name}: " in outcome(f"{left}\n{GOOD[0]}".encode())
