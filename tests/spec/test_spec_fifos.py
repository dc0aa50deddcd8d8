# SPDX-License-Identifier: Apache-2.0
"""FIFO depths in a spec: stated, in a file that it names, or wrong, each fault in one line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml
from pydantic import ValidationError

from hlsgen.build import build
from hlsgen.faults import SpecError
from hlsgen.fifos import FAMILIES
from hlsgen.spec import Spec
from hlsgen.specfifos import depths_text, self_contained
from hlsgen.specfile import load_spec, parse_spec

CHOICES = "write default, the path of a file of depths, or depths by family, as {tiles: 16}"
WHOLE = "write a whole number from 1 to 65536"


def faults(text: str, file: str = "s.yaml") -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse_spec(text, file)
    return str(caught.value).splitlines()


def test_depths_may_be_left_out() -> None:
    usual = Spec(name="x")
    for text in ("", "fifos: default", "fifos: {}", "fifos: {tiles: null}"):
        assert parse_spec(f"name: x\n{text}\n", "s.yaml") == usual
    assert usual.fifos.given() == {} and usual.model_dump()["fifos"] == {}
    assert usual.fifo_depths()["tiles"] == 8


def test_stated_depths_leave_the_others() -> None:
    spec = parse_spec("name: x\nfifos:\n  tiles: 3\n  activations: 65536\n", "s.yaml")
    assert spec.fifos.given() == {"tiles": 3, "activations": 65536}
    usual = Spec(name="x").fifo_depths()
    assert spec.fifo_depths() == {**usual, "tiles": 3, "activations": 65536}
    assert list(usual) == list(FAMILIES)
    assert spec.model_dump(mode="json")["fifos"] == {"tiles": 3, "activations": 65536}
    assert Spec.model_validate(spec.model_dump(mode="json")) == spec != Spec(name="x")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{tilse: 3}", "2:9: fifos.tilse: unknown field: did you mean tiles?"),
        (
            "{packets_3: 4}",
            "2:9: fifos.packets_3: unknown field: depths are by family, not by row: write packets",
        ),
        (
            "{zzz: 4}",
            f"2:9: fifos.zzz: unknown field: the nearest of the {len(FAMILIES)} fields here are "
            "weights_write_commands, weights_commands, weight_words",
        ),
        ("{tiles: 0}", f"2:16: fifos.tiles: 0 is below 1: {WHOLE}"),
        ("{tiles: 65537}", f"2:16: fifos.tiles: 65537 is above 65536: {WHOLE}"),
        ("{tiles: 2.5}", f"2:16: fifos.tiles: 2.5 is not a whole number: {WHOLE}"),
        ("{tiles: true}", f"2:16: fifos.tiles: true is not a whole number: {WHOLE}"),
        ("", f"2:1: fifos: has no value: {CHOICES}"),
        ("[1]", f"2:8: fifos: is neither a mapping nor the path of a file: {CHOICES}"),
        ("7", f"2:8: fifos: is neither a mapping nor the path of a file: {CHOICES}"),
        ("''", f"2:8: fifos: is neither a mapping nor the path of a file: {CHOICES}"),
    ],
)
def test_what_is_no_depth(text: str, fault: str) -> None:
    assert faults(f"name: x\nfifos: {text}\n") == [f"s.yaml:{fault}"]


def test_a_family_outside_of_its_section() -> None:
    (fault,) = faults("name: x\ntiles: 4\n")
    assert fault == "s.yaml:2:1: tiles: unknown field: did you mean fifos.tiles, outside of its " \
        "section?"  # fmt: skip


def test_a_path_is_for_files_only() -> None:
    with pytest.raises(ValidationError):
        Spec(name="x", fifos="fifos.yaml")
    assert Spec(name="x", fifos="default") == Spec(name="x")


# In a file ----------------------------------------------------------------------------------------


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """A spec that names a file of depths, which is still to be written."""
    path = tmp_path / "s.yaml"
    path.write_text("name: x\nfifos: sizes/fifos.yaml  # from hlsgen time\nclock_mhz: 100\n")
    (tmp_path / "sizes").mkdir()
    return path


def sized(spec: Path, text: str) -> Path:
    file = spec.parent / "sizes" / "fifos.yaml"
    file.write_text(text)
    return file


def test_depths_of_a_file_beside_the_spec(spec: Path) -> None:
    text = depths_text({"tiles": 5, "packets": 40}, "least depths\nof a matmul")
    assert text == "# least depths of a matmul\nfifos:\n  tiles: 5\n  packets: 40\n"
    sized(spec, text)
    found = load_spec(spec)
    assert found.fifos.given() == {"tiles": 5, "packets": 40} and found.clock_mhz == 100
    assert found == parse_spec("name: x\nclock_mhz: 100\nfifos: {tiles: 5, packets: 40}\n", "s")
    sized(spec, depths_text({}, "none"))
    assert load_spec(spec).fifos.given() == {}
    whole = sized(spec, "fifos: {sums: 3}\n")
    spec.write_text(f"name: x\nfifos: {whole}\n")
    assert load_spec(spec).fifos.given() == {"sums": 3}


def test_a_file_that_is_missing_or_no_file(spec: Path) -> None:
    file = spec.parent / "sizes" / "fifos.yaml"

    def of_spec(what: str) -> list[str]:
        return [f"{spec}:2:8: fifos: {file}: {what}"]

    text = spec.read_text()
    assert faults(text, str(spec)) == of_spec("no such file: check the path, or write default")
    file.mkdir()
    assert faults(text, str(spec)) == of_spec("is a folder: name the file of FIFO depths in it")
    file.rmdir()
    file.write_bytes(b"#" * (1 << 20) + b"\n")
    large = of_spec("is larger than 1 MiB: give a file of FIFO depths, a short YAML file")
    assert faults(text, str(spec)) == large
    # Beside it the spec's other faults are told.
    both = faults(text.replace("100", "1"), str(spec))
    assert len(both) == 2 and both[1].startswith(f"{spec}:3:12: clock_mhz: ")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("fifos: {tilse: 4}\n", "1:9: fifos.tilse: unknown field: did you mean tiles?"),
        ("fifos:\n  tiles: 0\n", f"2:10: fifos.tiles: 0 is below 1: {WHOLE}"),
        (
            "fifos:\n  tiles: 3\n  tiles: 4\n",
            "3:3: fifos.tiles: given twice, first on line 2, again on line 3: keep one of the two",
        ),
        (
            "name: x\nfifos: {}\n",
            "1:1: name: unknown field of a file of FIFO depths, which has fifos alone: remove it",
        ),
        (
            "tiles: 3\n",
            "1:1: fifos: missing, so this is no file of FIFO depths: "
            "write `fifos:` with depths by family below it, as `tiles: 16`",
        ),
        (
            "",
            "1:1: fifos: missing, so this is no file of FIFO depths: "
            "write `fifos:` with depths by family below it, as `tiles: 16`",
        ),
        (
            "fifos: other.yaml\n",
            "1:8: fifos: is no mapping: "
            "write `fifos:` with depths by family below it, as `tiles: 16`",
        ),
        ("\x00", "1:1: the character U+0000 is not text: give a YAML text file"),
    ],
)
def test_a_file_of_other_content(spec: Path, content: str, fault: str) -> None:
    file = sized(spec, content)
    assert faults(spec.read_text(), str(spec)) == [f"{file}:{fault}"]


def test_bytes_that_are_no_text(spec: Path) -> None:
    file = spec.parent / "sizes" / "fifos.yaml"
    file.write_bytes(b"fifos: {} # \xff\n")
    (fault,) = faults(spec.read_text(), str(spec))
    assert fault.startswith(f"{file}:1:13: the byte 0xff is not UTF-8")


# In a bundle --------------------------------------------------------------------------------------


def test_a_bundle_keeps_numbers(spec: Path) -> None:
    sized(spec, "fifos: {tiles: 5, packets: 40}\n")
    for written in ("sizes/fifos.yaml", "'sizes/fifos.yaml'", '"sizes/fifos.yaml"'):
        spec.write_text(f"# mine\nname: x\nfifos: {written}  # sized\nclock_mhz: 100\n")
        kept = self_contained(spec.read_bytes(), load_spec(spec), str(spec))
        assert kept.decode() == (
            "# mine\nname: x\nfifos: {tiles: 5, packets: 40}  # sized\nclock_mhz: 100\n"
        )
        assert parse_spec(kept, "/nowhere/spec.yaml") == load_spec(spec)


def test_a_bundle_keeps_numbers_however_the_path_is_written(spec: Path) -> None:
    sized(spec, "fifos: {tiles: 5}\n")
    for text in (
        "name: x\nfifos: >-\n  sizes/fifos.yaml\n",
        "name: x\ndata: {name: cifar10, path: &p sizes/fifos.yaml}\nfifos: *p\n"
        "model: {name: resnet9}\n",
        'name: x\nfifos: "sizes\\x2ffifos.yaml"\n',
        "name: x\n{}: {{}}\n".format("? fifos\n: sizes/fifos.yaml\narray"),
    ):
        spec.write_text(text)
        found = load_spec(spec)
        assert found.fifos.given() == {"tiles": 5}
        kept = self_contained(spec.read_bytes(), found, str(spec))
        assert parse_spec(kept, "/nowhere/spec.yaml") == found
        assert yaml.safe_load(kept)["fifos"] == {"tiles": 5}


@pytest.mark.parametrize("fifos", ["", "fifos: default\n", "fifos: {tiles: 5}  # mine\n"])
def test_a_bundle_keeps_other_specs_byte_for_byte(fifos: str) -> None:
    text = f"\ufeffname: x  # é\r\n{fifos}".encode()
    assert self_contained(text, parse_spec(text, "s.yaml"), "s.yaml") == text


@pytest.mark.slow
def test_a_bundle_can_be_built_again_without_the_file(spec: Path) -> None:
    file = sized(spec, "fifos: {tiles: 5, packets: 40}\n")
    spec.write_text(
        "name: x\ncard: u50\n"
        "array: {rows: 4, lanes: 8, interleave: 2, memory_tile: 2, adder_latency: 4}\n"
        "model: {hidden: [8]}\nfifos: sizes/fifos.yaml\n"
    )
    first = build(spec, spec.parent / "first", os.environ)
    file.unlink()
    assert "SAT_FIFO(PacketT, packets_1, 40, " in (first.bundle / "src/sat_stce.cpp").read_text()
    settings = json.loads((first.bundle / "bundle.json").read_text())
    assert settings["fifos"] == {"tiles": 5, "packets": 40}
    again = build(first.bundle / "spec.yaml", spec.parent / "again", os.environ)
    assert again.digest == first.digest and again.spec == first.spec
