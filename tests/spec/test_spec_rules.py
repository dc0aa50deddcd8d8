# SPDX-License-Identifier: Apache-2.0
"""Every rule of the spec refuses what breaks it, with the exact place and words."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError
from sat_host.models.layers import Linear

from hlsgen.errors import InputError
from hlsgen.faults import SpecError
from hlsgen.fifos import FAMILIES
from hlsgen.spec import ArraySpec, MlpSpec, Spec, json_schema
from hlsgen.spec_base import Section, plain
from hlsgen.specfile import load_spec, parse_spec

SPECS = Path(__file__).parents[2] / "specs"


def faults(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse_spec(text, "s.yaml")
    assert isinstance(caught.value, InputError) and caught.value.exit_code == 2
    return str(caught.value).splitlines()


U200_PLATFORM = "xilinx_u200_gen3x16_xdma_2_202110_1"
U250_PLATFORM = "xilinx_u250_gen3x16_xdma_4_1_202210_1"

EXACT = {
    "array: {rows: 65}": "2:15: array.rows: 65 is above 64: write a whole number from 1 to 64",
    "array: {rows: 0}": "2:15: array.rows: 0 is below 1: write a whole number from 1 to 64",
    "array: {rows: '32'}": '2:15: array.rows: the text "32" is not a whole number: '
    "write a whole number from 1 to 64, without quotes or other marks",
    "array: {rows: true}": "2:15: array.rows: true is not a whole number: "
    "write a whole number from 1 to 64",
    "array: {rows: 32.0}": "2:15: array.rows: 32.0 is not a whole number: "
    "write a whole number from 1 to 64",
    "array: {rows: }": "2:9: array.rows: has no value: write a whole number from 1 to 64",
    "array: {lanes: 24}": "2:16: array.lanes: 24 is not a power of two: use 16 or 32",
    "array: {lanes: 128}": "2:16: array.lanes: 128 is above 64: write one of 4, 8, 16, 32, 64",
    "sparsity: {group: 12}": "2:19: sparsity.group: 12 is not a power of two: use 8 or 16",
    "sparsity: {group: 2}": "2:19: sparsity.group: 2 is below 4: write one of 4, 8, 16, 32",
    "sparsity: {keep: 9}": "2:18: sparsity.keep: sparsity.keep 9 is more than sparsity.group 8: "
    "lower keep to 8 or less, or raise group",
    "array: {lanes: 8}\nsparsity: {group: 16}": "2:16: array.lanes: array.lanes 8 is not a "
    "multiple of sparsity.group 16: raise lanes to 16 or lower group to 8",
    "sparsity: {group: 32}\narray: {lanes: 16}": "3:16: array.lanes: array.lanes 16 is not a "
    "multiple of sparsity.group 32: raise lanes to 32 or lower group to 16",
    "array: {lanes: 4}": "2:16: array.lanes: array.lanes 4 is not a "
    "multiple of sparsity.group 8: raise lanes to 8 or lower group to 4",
    "array: {interleave: 3, memory_tile: 2, adder_latency: 7}": "2:21: array.interleave: "
    "array.interleave 3 x array.memory_tile 2 = 6 is below array.adder_latency 7, so a sum would "
    "be needed before it is ready: raise interleave to 4 or memory_tile to 3",
    "sparsity: {method: bdpw}": '2:20: sparsity.method: the text "bdpw" is not known here: '
    "did you mean bdwp? (one of dense, sr_ste, sdgp, sdwp, bdwp)",
    "sparsity: {method: off}": '2:20: sparsity.method: the text "off" is not known here: '
    "write one of dense, sr_ste, sdgp, sdwp, bdwp",
    "card: U250": '2:7: card: the text "U250" is not known here: '
    "did you mean u250? (one of u200, u250, u280, u50, u55c, vcu1525)",
    "clock_mhz: 1:30": '2:12: clock_mhz: the text "1:30" is not a whole number: '
    "write a whole number from 50 to 500",
    "dataflows: [ws]": "2:12: dataflows: the dataflows [ws] are not os, alone or with ws: "
    "write [os, ws] or [os]",
    "dataflows: [os, os]": "2:12: dataflows: the dataflows [os, os] are not os, alone or with "
    "ws: write [os, ws] or [os]",
    "dataflows: []": "2:12: dataflows: a list of 0 items: "
    "write a list of 1 to 2, each one of os, ws",
    "dataflows: os": '2:12: dataflows: the text "os" is not a list: '
    "write a list of 1 to 2, each one of os, ws",
    "dataflows: [os, sw]": '2:17: dataflows[1]: the text "sw" is not known here: '
    "write one of os, ws",
    "optimizer: {name: adam}": '2:19: optimizer.name: the text "adam" is not known here: write sgd',
    "optimizer: {learning_rate: 0}": "2:28: optimizer.learning_rate: 0 is not above 0: "
    "write a number above 0 and up to 10",
    "optimizer: {learning_rate: .inf}": "2:28: optimizer.learning_rate: Infinity is not "
    "finite: write a number above 0 and up to 10",
    "optimizer: {momentum: 1}": "2:23: optimizer.momentum: 1 is not below 1: "
    "write a number from 0 and below 1",
    "optimizer: {weight_decay: -1e-4}": "2:27: optimizer.weight_decay: -0.0001 is below 0: "
    "write a number from 0 to 1",
    "model: {hidden: []}": "2:17: model.hidden: a list of 0 items: "
    "write a list of 1 to 16, each a whole number from 1 to 16384",
    "model: {hidden: 256}": "2:17: model.hidden: 256 is not a list: "
    "write a list of 1 to 16, each a whole number from 1 to 16384",
    "model:\n  hidden:\n  - 64\n  - 0": "5:5: model.hidden[1]: 0 is below 1: "
    "write a whole number from 1 to 16384",
    "training: {loss_scale: 1000}": "2:24: training.loss_scale: 1000 is not a power of two: "
    "use 512 or 1024",
    "training: {loss_scale: [1]}": "2:24: training.loss_scale: a list is not a whole number: "
    "write a power of two from 1 to 16777216",
    "training: {seed: -1}": "2:18: training.seed: -1 is below 0: "
    "write a whole number from 0 to 4294967295",
    "array:": "2:1: array: has no value: write its fields below it "
    "(rows, lanes, interleave, memory_tile, adder_latency, feed, strip_words), or remove it",
    "array: {strip_words: 1000}": "2:22: array.strip_words: array.strip_words 1000 is below "
    "lanes x (rows + 1) = 1056, what a transposed panel takes: raise strip_words to 1056",
    "array: 5": "2:8: array: 5 is not a section: write its fields below it "
    "(rows, lanes, interleave, memory_tile, adder_latency, feed, strip_words)",
    "array:\n  lane: 32": "3:3: array.lane: unknown field: did you mean lanes?",
    "keep: 2": "2:1: keep: unknown field: did you mean sparsity.keep, outside of its section?",
    "data:\n  epochs: 2": "3:3: data.epochs: unknown field: "
    "did you mean training.epochs, outside of data?",
    "sparsity: {method: sr-ste}": '2:20: sparsity.method: the text "sr-ste" is not known here: '
    "did you mean sr_ste? (one of dense, sr_ste, sdgp, sdwp, bdwp)",
    "training: {augment: {flip: 1}}": "2:28: training.augment.flip: 1 is not true or false: "
    "write true or false",
    "training: {micro_batch: 65}": "2:25: training.micro_batch: training.micro_batch 65 is more "
    "than training.batch 64: lower micro_batch to 64 or less, or raise batch",
    "training: {patience: 0}": "2:22: training.patience: 0 is below 1: "
    "write a whole number from 1 to 10000",
    "optimizer: {schedule: {name: step}}": "2:30: optimizer.schedule.name: a step schedule "
    "without milestones never falls: add milestones, as [30, 60, 90], or use constant",
    "optimizer: {schedule: {milestones: [3]}}": "2:36: optimizer.schedule.milestones: a cosine "
    "schedule has no milestones: write name: step, or remove them",
    "optimizer: {schedule: {name: step, milestones: [6, 3, 6]}}": "2:48: "
    "optimizer.schedule.milestones: the milestones [6, 3, 6] do not rise: write [3, 6]",
    "optimizer: {schedule: {warmup_epochs: 20}}": "2:39: optimizer.schedule.warmup_epochs: "
    "optimizer.schedule.warmup_epochs 20 is not below training.epochs 20, so the rate never "
    "reaches learning_rate: lower warmup_epochs or raise epochs",
    "data:\n  zzz: 2": "3:3: data.zzz: unknown field: the fields here are name, test_fraction",
    "hardware: {clock_ladder: [150, 180]}": "2:26: hardware.clock_ladder: the clocks [150, 180] do "
    "not fall: write [180, 150]",
    "hardware: {clock_ladder: [200, 150]}": "2:26: hardware.clock_ladder: the clock 200 is not "
    "below clock_mhz 200: name clocks below it, or raise clock_mhz",
    "hardware: {clock_ladder: [180, 20]}": "2:32: hardware.clock_ladder[1]: 20 is below 50: "
    "write a whole number from 50 to 500",
    'hardware: {vitis: ""}': "2:19: hardware.vitis: the text is empty: write the folder of the "
    "Vitis installation, the one with settings64.sh",
    "hardware: {clock_ladder: null}": "2:12: hardware.clock_ladder: has no value: write a list of "
    "0 to 8, each a whole number from 50 to 500",
    "hardware: {platform: 7}": "2:22: hardware.platform: 7 is not text: "
    "write the name of the card's platform, or path of its .xpfm file",
    'hardware: {platform: "a\\nb"}': '2:22: hardware.platform: "a\\nb" has a line end or a '
    "control character: remove it",
    f"card: u200\nhardware: {{platform: {U250_PLATFORM}}}": "3:22: hardware.platform: "
    f"{U250_PLATFORM} is a platform of the AMD Alveo U250, not of card u200: name "
    f"{U200_PLATFORM}, or set card to u250",
    f"hardware: {{platform: {U250_PLATFORM}}}": "2:22: hardware.platform: "
    f"{U250_PLATFORM} is a platform of the AMD Alveo U250, not of card vcu1525: name "
    f"{U200_PLATFORM}, or set card to u250",
    "model: {hidden: [{rows: 1}]}": "2:18: model.hidden[0]: a mapping is not a whole number: "
    "write a whole number from 1 to 16384",
}


@pytest.mark.parametrize("body", EXACT)
def test_rule_refuses(body: str) -> None:
    assert faults(f"name: x\n{body}\n") == [f"s.yaml:{EXACT[body]}"]


@pytest.mark.parametrize(
    ("card", "platform"),
    [
        ("u250", U250_PLATFORM),
        ("vcu1525", U200_PLATFORM),
        ("u200", f"/opt/xilinx/platforms/{U250_PLATFORM}/{U250_PLATFORM}.xpfm"),
        ("u200", "our_lab_shell"),
    ],
)
def test_a_platform_that_may_be_right_passes(card: str, platform: str) -> None:
    spec = parse_spec(f"name: x\ncard: {card}\nhardware: {{platform: {platform}}}\n", "s.yaml")
    assert spec.hardware.platform == platform


BOUNDS = [
    ("array.feed", 0, 3),
    ("array.strip_words", 15, 8193),
    ("clock_mhz", 49, 501),
    ("array.rows", 0, 65),
    ("array.lanes", 2, 128),
    ("array.interleave", 0, 65),
    ("array.memory_tile", 0, 65),
    ("array.adder_latency", 0, 17),
    ("sparsity.group", 2, 64),
    ("sparsity.keep", 0, 33),
    ("sparsity.sr_decay", -0.1, 1.1),
    ("optimizer.learning_rate", 0, 10.1),
    ("optimizer.momentum", -0.1, 1),
    ("optimizer.weight_decay", -0.1, 1.1),
    ("optimizer.schedule.warmup_epochs", -0.1, 10001),
    ("optimizer.schedule.factor", 0, 1.1),
    ("model.classes", 0, 16385),
    ("data.test_fraction", 0.001, 0.91),
    ("training.epochs", 0, 10001),
    ("training.batch", 0, 4097),
    ("training.micro_batch", 0, 4097),
    ("training.seed", -1, 2**32),
    ("training.loss_scale", 0, 2**25),
    ("training.loss_scale_growth", 0, 1_000_001),
    ("training.label_smoothing", -0.1, 1),
    ("training.augment.crop", -1, 65),
    ("training.patience", 0, 10001),
    ("training.checkpoint_every", 0, 1_000_001),
    ("hardware.jobs", 0, 65),
    *((f"fifos.{family}", 0, 65537) for family in FAMILIES),
]


@pytest.mark.parametrize(("path", "low", "high"), BOUNDS)
def test_both_ends_of_each_range(path: str, low: float, high: float) -> None:
    *sections, field = path.split(".")
    for value in (low, high):
        line = f"{field}: {value}"
        for section in reversed(sections):
            line = f"{section}: {{{line}}}"
        assert len(found := faults(f"name: x\n{line}")) == 1
        assert f": {path}: " in found[0] and ("below" in found[0] or "above" in found[0])


NUMBERS = (int, float, int | None)


def test_every_number_of_the_default_sections_has_its_range_tested() -> None:
    numbers = {
        ".".join((*path, field))
        for path, model in _sections(Spec(name="x"))
        for field, info in type(model).model_fields.items()
        if info.annotation in NUMBERS
    }
    assert numbers == {path for path, _, _ in BOUNDS}


def _sections(section: BaseModel, *path: str) -> Iterator[tuple[tuple[str, ...], BaseModel]]:
    yield path, section
    for name in type(section).model_fields:
        if isinstance(inner := getattr(section, name), BaseModel):
            yield from _sections(inner, *path, name)


def _subclasses(section: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for inner in section.__subclasses__():
        yield inner
        yield from _subclasses(inner)


@pytest.mark.parametrize("model", sorted(set(_subclasses(Section)), key=lambda m: m.__name__))
def test_every_field_is_described_with_its_default(model: type[BaseModel]) -> None:
    for name, info in model.model_fields.items():
        assert info.description, name
        if name == "type" or info.default_factory is not None or model is Spec:
            continue
        shown = "no default" if info.is_required() else plain(info.default)
        assert shown in info.description and "default" in info.description, name


def test_every_range_is_in_its_description() -> None:
    for model in _subclasses(Section):
        for name, schema in model.model_json_schema().get("properties", {}).items():
            known = next(iter(schema.get("anyOf", ())), schema)
            for key in ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"):
                if key in known:
                    assert f"{known[key]:.10g}" in schema["description"], (model, name)


@pytest.mark.parametrize("name", ["Digits", "9x", "a-b", "a b", "x" * 41, "'x\\n'", "''", "ä"])
def test_name_is_an_identifier(name: str) -> None:
    (fault,) = faults(f"name: {name}")
    assert "is no name: start with a-z, then at most 39 more of a-z, 0-9 and _" in fault


def test_name_is_needed() -> None:
    (fault,) = faults("clock_mhz: 200")
    assert fault == (
        "s.yaml:1:1: name: missing: add `name:` with the name of the accelerator: a-z, then at "
        "most 39 more of a-z, 0-9 and _"
    )


def test_all_faults_at_once_also_those_of_rules_between_fields() -> None:
    found = faults(
        "nam: x\n"
        "array: {rows: 0, lanes: 4, interleave: 1, memory_tile: 2}\n"
        "sparsity: {method: nothing, keep: 9, group: 8}\n"
        "training:\n  batch: 32\n  epochs: many\n  batch: 64\n"
    )
    places = [line.split(": ")[0:2] for line in found]
    assert places == [
        ["s.yaml:1:1", "name"],
        ["s.yaml:1:1", "nam"],
        ["s.yaml:2:15", "array.rows"],
        ["s.yaml:2:40", "array.interleave"],
        ["s.yaml:3:20", "sparsity.method"],
        ["s.yaml:3:35", "sparsity.keep"],
        ["s.yaml:6:11", "training.epochs"],
        ["s.yaml:7:3", "training.batch"],
    ]


def test_many_faults_are_counted() -> None:
    found = faults("name: x\n" + "".join(f"k{i}: 1\n" for i in range(50)))
    assert len(found) == 31 and found[-1] == "s.yaml: 20 more faults: mend these first"


def test_defaults_are_those_of_the_digits_example() -> None:
    """But for its warm-up, which a default must not impose on a run of one epoch."""
    warmed = {"name": "digits", "optimizer": {"schedule": {"warmup_epochs": 2}}}
    assert load_spec(SPECS / "digits.yaml") == Spec.model_validate(warmed)
    assert Spec(name="digits").optimizer.schedule.warmup_epochs == 0


@pytest.mark.parametrize("path", sorted(SPECS.glob("*.yaml")), ids=lambda p: p.name)
def test_examples_load_and_name_their_schema(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=hlsgen.schema.json"
    assert load_spec(path).name == path.stem


def test_schema_file_is_current() -> None:
    assert (SPECS / "hlsgen.schema.json").read_text() == json_schema()


def test_a_spec_is_frozen_and_strict_in_python_too() -> None:
    spec = Spec(name="x", array=ArraySpec(rows=4), model=MlpSpec(hidden=(8,)))
    with pytest.raises(ValidationError):
        spec.clock_mhz = 100
    with pytest.raises(ValidationError):
        ArraySpec(rows=True)
    with pytest.raises(ValidationError):
        Spec(name="x", array=ArraySpec(lanes=4))
    assert [layer.units for layer in spec.network().layers if isinstance(layer, Linear)] == [8, 10]


def test_array_config_holds_the_build_time_constants() -> None:
    config = load_spec(SPECS / "small.yaml").array_config()
    assert (config.rows, config.lanes, config.group) == (8, 16, 8)
    assert (config.interleave, config.memory_tile, config.adder_latency) == (4, 4, 8)


def test_numbers_are_those_of_yaml_1_2() -> None:
    spec = parse_spec(
        "name: x\noptimizer: {learning_rate: 1e-4, momentum: 0, weight_decay: .5}\n"
        "training: {epochs: 010, seed: 0x1F, batch: 0o17}\nclock_mhz: +100\n",
        "s.yaml",
    )
    assert (spec.optimizer.learning_rate, spec.optimizer.momentum) == (1e-4, 0.0)
    assert spec.optimizer.weight_decay == 0.5
    assert (spec.training.epochs, spec.training.seed, spec.training.batch) == (10, 31, 15)
    assert spec.clock_mhz == 100
