# SPDX-License-Identifier: Apache-2.0
"""The project as a value, its digest, and where package data is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from hlsgen.project import Project, write


def test_digest_depends_on_paths_and_texts_only() -> None:
    one = Project({"a": "x", "b/c": "y"})
    assert one.digest == Project({"b/c": "y", "a": "x"}).digest
    assert one == Project({"b/c": "y", "a": "x"})
    others = [{"a": "x"}, {"a": "x", "b/c": "z"}, {"a": "x", "b/d": "y"}, {"a": "xb/c", "y": ""}]
    assert len({one.digest, *(Project(files).digest for files in others)}) == 5


def test_files_are_read_only_and_sorted() -> None:
    files = {"b": "2", "a": "1"}
    project = Project(files)
    files["c"] = "3"
    assert list(project.files) == ["a", "b"]
    with pytest.raises(TypeError):
        project.files["d"] = "4"  # type: ignore[index]


@pytest.mark.parametrize("path", ["/etc/x", "../x", "a/../../x", "a//b", "./a", ".", ""])
def test_paths_that_leave_the_project_are_refused(path: str) -> None:
    with pytest.raises(ValueError, match="plain relative path"):
        Project({path: ""})


def test_write(tmp_path: Path) -> None:
    write(Project({"a/b.h": "é\r\n", "c": ""}), tmp_path / "new")
    assert (tmp_path / "new/a/b.h").read_bytes() == "é\r\n".encode()
    assert (tmp_path / "new/c").read_bytes() == b""
