# SPDX-License-Identifier: Apache-2.0
"""Files that are no spec at all, or hostile: one clear line each, from both of PyYAML's parsers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from hlsgen import yamlmarks
from hlsgen.faults import SpecError
from hlsgen.specfile import load_spec, parse_spec
from hlsgen.yamlmarks import parse_document


@pytest.fixture(params=["CSafeLoader", "SafeLoader"], autouse=True)
def both_parsers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(yaml, request.param):
        pytest.skip("PyYAML is here without libyaml")
    monkeypatch.setattr(yamlmarks, "_LOADER", getattr(yaml, request.param))


def fault(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        parse_spec(text, "s.yaml")
    lines = str(caught.value).splitlines()
    assert len(lines) == 1
    return lines[0]


BOMB = "name: x\na: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{b}: &{b} [{','.join(['*' + a] * 10)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)

EXACT = {
    "": "1:1: the file holds nothing: write the fields of a spec, first `name: my_name`",
    "# nothing\n": "1:1: the file holds nothing: "
    "write the fields of a spec, first `name: my_name`",
    "- a\n": "1:1: the file is a list: write the fields of a spec, first `name: my_name`",
    "hello\n": "1:1: the file is a single value: write the fields of a spec, first `name: my_name`",
    "name: x\nname: y\n": "2:1: name: given twice, first on line 1, again on line 2: "
    "keep one of the two",
    "name: x\narray:\n  rows: 1\n  'rows': 2\n": "4:3: array.rows: given twice, first on line 3, "
    "again on line 4: keep one of the two",
    "name: x\n---\nname: y\n": "2:1: a second YAML document starts here: keep one document",
    "name: x\narray:\n  <<: {rows: 3}\n": "3:3: array: merge keys (<<) are not used: "
    "write the fields out",
    "name: x\n? [1]\n: 2\n": "2:3: a key is a list or a mapping: use a field's name",
    "name: !!python/object:os.system x\n": "1:7: name: the tag "
    "tag:yaml.org,2002:python/object:os.system is not used: remove the tag",
    "name: x\narray: {rows: !!int '3'}": "2:15: array.rows: the tag tag:yaml.org,2002:int "
    "is not used: remove the tag",
    "name: *y\n": "1:7: the alias *y has no anchor: write &y where it is meant",
    "name: x\narray: &a {rows: *a}\n": "2:18: the alias *a is within its own value: "
    "write the value out",
    "&a [*a]": "1:5: the alias *a is within its own value: write the value out",
    BOMB: "5:29: more than 10000 values, aliases counted in full: give a smaller file",
    "a: [" + "1," * 20_000 + "]": "1:19999: more than 10000 values, aliases counted in full: "
    "give a smaller file",
    "[" * 100_000: "1:33: nested more than 32 levels deep: close the brackets or indent less",
    "- " * 100_000: "1:65: nested more than 32 levels deep: close the brackets or indent less",
    "{a: " * 100_000: "1:129: nested more than 32 levels deep: "
    "close the brackets or indent less",
    "name: a\x00b": "1:8: the character U+0000 is not text: give a YAML text file",
    "name: x\n\x1b[2J": "2:1: the character U+001B is not text: give a YAML text file",
    "name: x\nclock_mhz: " + "9" * 5000: "2:12: clock_mhz: a number of 5000 digits: "
    "use a shorter one",
}  # fmt: skip


def test_each_bad_text_is_one_line(both_parsers: None) -> None:
    got = {text: fault(text) for text in EXACT}
    assert got == {text: f"s.yaml:{line}" for text, line in EXACT.items()}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name: x\narray: {rows: 3\n", 3),
        ("name: x\narray: [rows: 3\n", 3),
        ("name: x\n  array: 1\n", 2),
        ("name: 'x\n", 2),
        ("name: x\n%YAML 9.9\n", 2),
        ("name: @x\n", 1),
        ('name: "\\q"\n', 1),
        ('name: "\\U00ffffff"\n', 1),
        ('name: "\\ud800"\n', 1),
    ],
)
def test_syntax_errors_name_the_line(text: str, line: int) -> None:
    assert fault(text).startswith(f"s.yaml:{line}:")


def test_syntax_errors_say_what_and_the_mend() -> None:
    start, end = "s.yaml:3:1: not YAML, while scanning for the next token, ", ": indent with spaces"
    line = fault("name: x\narray:\n\trows: 1\n")
    assert line.startswith(start) and line.endswith(end)
    assert fault("name: @x").endswith(" that cannot start any token: put the text in quotes")
    line = fault("name: x\n  array: 1\n")
    assert line.startswith("s.yaml:2:8: not YAML, mapping values are not allowed")
    assert line.endswith(": check colons, indentation, quotes and brackets, here and above")


def test_aliases_of_a_sane_size_work() -> None:
    spec = parse_spec("name: x\nmodel: {hidden: [&w 32, *w]}\nclock_mhz: &c 100\n", "s.yaml")
    assert spec.model.hidden == (32, 32)


def test_an_alias_as_a_key_and_nested_deep() -> None:
    assert parse_document("&k a: *k", "f").value == {"a": "a"}
    deep = "a: &a " + "[" * 20 + "]" * 20 + "\nb: " + "[" * 15 + "*a" + "]" * 15
    with pytest.raises(SpecError, match="nested more than 32"):
        parse_document(deep, "f")


def test_only_true_and_false_are_booleans() -> None:
    text = "on: yes\nno: off\ny: ~\nt: true\nq: 'true'\n1: 1_000\nnull: '~'\n"
    value = parse_document(text, "f").value
    assert value == {
        "on": "yes", "no": "off", "y": None, "t": True, "q": "true", "1": "1_000", "null": "~",
    }  # fmt: skip


def test_keys_and_values_have_their_marks() -> None:
    document = parse_document("ä: [1, {b: 2}]\r\nc:\r\n  - d\r\n", "f")
    assert document.keys[("ä",)] == (1, 1) and document.values[("ä",)] == (1, 4)
    assert document.keys[("ä", 1, "b")] == (1, 9) and document.values[("ä", 1, "b")] == (1, 12)
    assert document.values[("c", 0)] == (3, 5)


def load_fault(path: Path) -> str:
    with pytest.raises(SpecError) as caught:
        load_spec(path)
    return str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "none.yaml"
    assert load_fault(missing) == f"{missing}: no such file: check the path"
    assert load_fault(tmp_path) == f"{tmp_path}: is a folder: name the spec file in it"
    locked = tmp_path / "locked.yaml"
    locked.write_text("name: x")
    locked.chmod(0)
    if not os.access(locked, os.R_OK):
        assert load_fault(locked) == f"{locked}: may not be read: change its permissions"
    assert "can't be read" in load_fault(locked / "below")
    assert "can't be read" in load_fault(tmp_path / ("x" * 300))
    assert "can't be read" in load_fault(Path("a\0b"))


def test_files_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_bytes(b"name: x\n# \xc3\xa4 \xff\n")
    assert load_fault(path) == (
        f"{path}:2:5: the byte 0xff is not UTF-8: give a text file saved as UTF-8"
    )
    path.write_bytes("name: x".encode("utf-16"))
    assert "1:1: the byte 0xff is not UTF-8" in load_fault(path)
    path.write_bytes(b"\x7fELF\x02\x01\x01\x00")
    assert load_fault(path) == (
        f"{path}:1:1: the character U+007F is not text: give a YAML text file"
    )
    path.write_bytes(b"# " + b"x" * (1 << 20))
    assert load_fault(path) == f"{path}: is larger than 1 MiB: give a spec, a short YAML file"
    path.write_bytes(b"\xef\xbb\xbfname: x\n")
    assert load_spec(path).name == "x"


def test_faults_stay_on_one_line_whatever_the_names(tmp_path: Path) -> None:
    path = tmp_path / "a\nb.yaml"
    path.write_text('name: x\n"k\\n\\e[31m": 1\ncard: "a\\nb"\n')
    lines = load_fault(path).splitlines()
    assert len(lines) == 2 and all("a\\nb.yaml" in line for line in lines)
    assert "k\\n\\x1b[31m: unknown field" in lines[0]
    assert '"a\\nb" is not known here' in lines[1]
