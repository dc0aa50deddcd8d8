# SPDX-License-Identifier: Apache-2.0
"""bundle.json, format 3: what the host and `hlsgen package` read of it, and of which kind it is.

* name: that of the spec, an identifier; hlsgen: the version that built it
* the spec's own sections, of which the host checks the content where it is used: `array`,
  `sparsity`, `clock_mhz`, `dataflows`, and for training `model`, `data`, `training`, `optimizer`
* digest, host: of the sources in src/ and in sat_host/
* library: `file`, `sha256`, `machine`, `isa` of the csim library
* program: null, or `file` and `sha256`
* memory: `banks`, for each bank of the program the tags of the card's memories that it is made of
  (`DDR[0]`, `HBM[8]`)
* kernels: by name, the arguments in the order of the C++ signature
* xclbin: null, or `file`, `sha256`, `target` (hw, hw_emu), `card`, `platform`, `vitis` (version),
  `clock_mhz` (in force, which may be lower than the spec's), `emconfig` (null, or `file` and
  `sha256`) and, where the tools' reports are kept, `report` (`file` and `sha256`)

Every `file` is a path inside of the bundle.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from .archive.contents import is_inner_path
from .config import ArrayConfig
from .errors import SettingsError
from .tiling import DATAFLOWS

FORMAT = 3
BUNDLE_JSON = "bundle.json"
Target = Literal["hw", "hw_emu"]
TARGETS: tuple[Target, ...] = get_args(Target)

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LIBRARY = re.compile(r"[\w.-]+\.so", re.ASCII)
_SECTIONS = ("array", "sparsity", "model", "training", "optimizer")
_CLOCKS = (1.0, 10_000.0)  # in MHz

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class File:
    """A file of a bundle. path: absolute. sha256: its digest when it was built."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Xclbin:
    """The image for a card. target: hw, a card's, or hw_emu, that of the emulator. platform: the
    vendor's that it was linked for. clock_mhz: in force. emconfig: of hw_emu, the emulated card.
    report: what the vendor's tools said, where it is kept."""

    file: File
    target: str
    card: str
    platform: str
    vitis: str
    clock_mhz: float
    emconfig: File | None
    report: File | None = None


def check(settings: Settings) -> ArrayConfig:
    """The array of a manifest whose every key that is read later is of its kind. Raises
    SettingsError, which names the field."""
    config = _array_config(settings)
    if not _NAME.fullmatch(_line(settings, "name")):
        expected = "a-z, then at most 39 more of a-z, 0-9 and _"
        raise _wrong("name", expected, settings["name"])
    for key in ("hlsgen", "digest", "host"):
        _line(settings, key)
    for key in _SECTIONS:
        _section(settings, key)
    data = _section(settings, "data")
    for key in ("name", *(["path"] if "path" in data else [])):
        _line(data, f"data.{key}")
    _clock(settings, "clock_mhz")
    dataflows = _value(settings, "dataflows")
    if not isinstance(dataflows, list) or not dataflows or not _all_in(dataflows, DATAFLOWS):
        raise _wrong("dataflows", f"a list of {' or '.join(DATAFLOWS)}", dataflows)
    library_of(settings, Path())
    program_of(settings, Path())
    memory_banks(settings)
    kernel_arguments(settings)
    xclbin_of(settings, Path())
    return config


def _array_config(settings: Settings) -> ArrayConfig:
    """The array, of `array` and `sparsity.group`."""
    array = {**_section(settings, "array")}
    array["group"] = _value(_section(settings, "sparsity"), "sparsity.group")
    return ArrayConfig(
        **{each.name: _value(array, f"array.{each.name}") for each in fields(ArrayConfig)}
    )


def library_of(settings: Settings, folder: Path) -> File:
    """The csim library of the bundle in `folder`. Raises SettingsError."""
    library = _section(settings, "library")
    for key in ("machine", "isa"):
        _line(library, f"library.{key}")
    # No deeper: `compile` replaces it, and must not take another file of the bundle for it.
    if not _LIBRARY.fullmatch(_line(library, "library.file")):
        raise _wrong("library.file", "the name of a file, ending in .so", library["file"])
    return _file(library, folder, "library")


def program_of(settings: Settings, folder: Path) -> File | None:
    """The program of the bundle in `folder`, if it has one. Raises SettingsError."""
    if _value(settings, "program") is None:
        return None
    return _file(_section(settings, "program"), folder, "program")


def memory_banks(settings: Settings) -> tuple[tuple[str, ...], ...]:
    """The tags of each bank. Raises SettingsError."""
    banks = _value(_section(settings, "memory"), "memory.banks")
    if not isinstance(banks, list) or not banks or not all(map(_is_bank, banks)):
        raise _wrong("memory.banks", "a list of lists of memories, none of them empty", banks)
    return tuple(map(tuple, banks))


def kernel_arguments(settings: Settings) -> dict[str, tuple[str, ...]]:
    """The arguments of each kernel. Raises SettingsError."""
    kernels = _section(settings, "kernels")
    for name, arguments in kernels.items():
        if not isinstance(arguments, list) or not all(map(_is_line, arguments)):
            raise _wrong(f"kernels.{name}", "a list of arguments", arguments)
    return {name: tuple(arguments) for name, arguments in kernels.items()}


def xclbin_of(settings: Settings, folder: Path) -> Xclbin | None:
    """The image of the bundle in `folder`, if it has one. Raises SettingsError."""
    if _value(settings, "xclbin") is None:
        return None
    image = _section(settings, "xclbin")
    lines = {key: _line(image, f"xclbin.{key}") for key in ("target", "card", "platform", "vitis")}
    if lines["target"] not in TARGETS:
        raise _wrong("xclbin.target", " or ".join(TARGETS), lines["target"])
    emconfig = None
    if _value(image, "xclbin.emconfig") is not None:
        emconfig = _file(_section(image, "xclbin.emconfig"), folder, "xclbin.emconfig")
    report = None
    if image.get("report") is not None:
        report = _file(_section(image, "xclbin.report"), folder, "xclbin.report")
    return Xclbin(
        file=_file(image, folder, "xclbin"),
        clock_mhz=_clock(image, "xclbin.clock_mhz"),
        emconfig=emconfig,
        report=report,
        **lines,
    )


def _file(section: Settings, folder: Path, place: str) -> File:
    """The `file` and `sha256` of a section."""
    name, sha256 = _line(section, f"{place}.file"), _line(section, f"{place}.sha256")
    if not is_inner_path(name):
        raise _wrong(f"{place}.file", "a path inside of the bundle", name)
    return File(folder / name, sha256)


def _value(section: Settings, place: str) -> Any:
    """What is at a place, of whose section the last part of its path is a key."""
    key = place.rpartition(".")[2]
    if key not in section:
        raise SettingsError(f"{place}: missing")
    return section[key]


def _section(settings: Settings, place: str) -> Settings:
    value = _value(settings, place)
    if not isinstance(value, Mapping):
        raise _wrong(place, "an object", value)
    return value


def _line(section: Settings, place: str) -> str:
    """A text without line ends, NUL and other control characters."""
    value = _value(section, place)
    if not _is_line(value):
        raise _wrong(place, "a text of one line", value)
    return str(value)


def _clock(section: Settings, place: str) -> float:
    value, (low, high) = _value(section, place), _CLOCKS
    fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not fits or not low <= value <= high:
        raise _wrong(place, f"a number of MHz from {low:g} to {high:g}", value)
    return float(value)


def _is_line(value: object) -> bool:
    return isinstance(value, str) and value.isprintable()


def _is_bank(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_line, value))


def _all_in(values: list[Any], known: tuple[str, ...]) -> bool:
    return all(isinstance(value, str) and value in known for value in values)


def _wrong(place: str, expected: str, value: object) -> SettingsError:
    return SettingsError(f"{place}: expected {expected}, got {value!r:.60}")
