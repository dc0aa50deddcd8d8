# SPDX-License-Identifier: Apache-2.0
"""What a bundle folder holds: the library, its manifest, the spec, the sources, the host package.

* libsat.so: the csim library
* bundle.json: the manifest, what `sat_host` must know to open and train the bundle
* program.json: the program of a training step (hlsgen.schedule.program_file), for cards that have a
  cycle model
* spec.yaml: the user's spec, byte for byte but for the path of a file of FIFO depths, in whose
  place these stand
* src/: the rendered project that the library was compiled from
* sat_host/: the host package, so that a bundle runs where hlsgen is not installed

and once it was built for a card or its emulation:

* sat.xclbin: the bitstream, or what stands for it in emulation
* hardware.json: what the vendor's tools reported, beside what was modelled
* emconfig.json: the emulated card, for hw_emu
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sat_host.digests import file_digest
from sat_host.errors import SettingsError
from sat_host.kernels import KERNELS
from sat_host.manifest import BUNDLE_JSON, FORMAT, check, xclbin_of
from sat_host.stored_program import FILE as PROGRAM

from . import __version__
from .cards import CARDS
from .paths import sat_host_dir
from .project import Project, write
from .spec import Spec
from .toolchain.gxx import LIBRARY, CompiledLibrary

XCLBIN = "sat.xclbin"
EMCONFIG = "emconfig.json"
HARDWARE = "hardware.json"
SPEC = "spec.yaml"


@dataclass(frozen=True)
class CardFiles:
    """What a bundle holds beside csim. settings: the manifest's "xclbin", without the report's
    digest. files: {name in the bundle: the file to copy}. report: the content of hardware.json."""

    settings: Mapping[str, Any]
    files: Mapping[str, Path]
    report: str

    def entry(self) -> dict[str, Any]:
        """The manifest's "xclbin", with the digests of all files."""
        digest = hashlib.sha256(self.report.encode()).hexdigest()
        return {**self.settings, "report": {"file": HARDWARE, "sha256": digest}}

    def write(self, folder: Path) -> None:
        """Write all but the manifest's entry into a bundle. Raises OSError."""
        for name, source in self.files.items():
            shutil.copyfile(source, folder / name)
        (folder / HARDWARE).write_text(self.report, encoding="utf-8")


@dataclass(frozen=True)
class Parts:
    """All that a bundle is made of. program: the content of program.json, None for a card without
    a cycle model. card_files: None for csim alone."""

    spec: Spec
    spec_text: bytes
    project: Project
    library: CompiledLibrary
    host: Project
    program: str | None = None
    card_files: CardFiles | None = None


def host_project() -> Project:
    """The host package as it goes into every bundle: its modules and its typing marker."""
    root = sat_host_dir()
    paths = [path for path in root.rglob("*") if path.suffix == ".py" or path.name == "py.typed"]
    files = {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    return Project(files)


def manifest(parts: Parts) -> dict[str, Any]:
    """The content of bundle.json."""
    program, card = parts.program, CARDS[parts.spec.card]
    digest = None if program is None else hashlib.sha256(program.encode()).hexdigest()
    return {
        **parts.spec.model_dump(mode="json"),
        "format": FORMAT,
        "hlsgen": __version__,
        "digest": parts.project.digest,
        "host": parts.host.digest,
        "program": None if digest is None else {"file": PROGRAM, "sha256": digest},
        "library": {
            "file": LIBRARY,
            "sha256": parts.library.sha256,
            "machine": platform.machine(),
            "isa": parts.library.isa,
        },
        "memory": {
            "banks": [list(bank.tags) for bank in card.banks],
        },
        "kernels": {
            kernel.name: [argument.name for argument in kernel.arguments] for kernel in KERNELS
        },
        "xclbin": None if parts.card_files is None else parts.card_files.entry(),
    }


def write_bundle(folder: Path, parts: Parts) -> None:
    """Write all of a bundle into `folder`. The manifest comes last. Raises OSError."""
    shutil.copyfile(parts.library.path, folder / LIBRARY)
    (folder / SPEC).write_bytes(parts.spec_text)
    write(parts.project, folder / "src")
    write(parts.host, folder / "sat_host")
    if parts.program is not None:
        (folder / PROGRAM).write_text(parts.program, encoding="utf-8")
    if parts.card_files is not None:
        parts.card_files.write(folder)
    _write_manifest(folder, manifest(parts))


def add_card_files(folder: Path, bundle: Path, card_files: CardFiles) -> None:
    """Write the bundle at `bundle` into `folder`, with `card_files` in the place of its own.

    Raises OSError and, for what is no bundle, ValueError.
    """
    changed = {BUNDLE_JSON, XCLBIN, EMCONFIG, HARDWARE}

    def left_out(place: str, names: list[str]) -> set[str]:
        return {"__pycache__"} | (changed if Path(place) == bundle else set())

    settings = json.loads((bundle / BUNDLE_JSON).read_text(encoding="utf-8"))
    shutil.copytree(bundle, folder, symlinks=True, ignore=left_out, dirs_exist_ok=True)
    card_files.write(folder)
    _write_manifest(folder, {**settings, "xclbin": card_files.entry()})


def _write_manifest(folder: Path, settings: Mapping[str, Any]) -> None:
    text = json.dumps(settings, indent=2, sort_keys=True) + "\n"
    (folder / BUNDLE_JSON).write_text(text, encoding="utf-8")


def accelerator_of(bundle: Path) -> tuple[str, str] | None:
    """The digest of the sources and the card that a bundle of this hlsgen was built from and for;
    None for anything else, be it no bundle at all."""
    settings = _whole_manifest(bundle)
    return None if settings is None else (settings["digest"], settings["card"])


def kept_card_files(bundle: Path, digest: str, card: str) -> CardFiles | None:
    """What a bundle holds beside csim, if it is whole and was made from the sources of `digest` for
    `card`.

    None for anything else, be it no bundle at all. A csim build of the same accelerator, as with
    other training settings, keeps hours of work so.
    """
    settings = _whole_manifest(bundle)
    image = None if settings is None else xclbin_of(settings, bundle)
    if settings is None or image is None or (settings["digest"], image.card) != (digest, card):
        return None
    named = {XCLBIN: image.file, EMCONFIG: image.emconfig, HARDWARE: image.report}
    found = {name: file for name, file in named.items() if file is not None}
    with suppress(OSError, ValueError):
        if HARDWARE in found and all(
            file.path == bundle / name and file_digest(file.path) == file.sha256
            for name, file in found.items()
        ):
            report = found.pop(HARDWARE).path.read_text(encoding="utf-8")
            kept = {key: value for key, value in settings["xclbin"].items() if key != "report"}
            return CardFiles(kept, {name: file.path for name, file in found.items()}, report)
    return None


def left_out(bundle: Path, digest: str, card: str) -> str:
    """Why a build for csim at `bundle` does not keep the xclbin that is there, in one line; "" when
    it does, or where there is none."""
    settings = _whole_manifest(bundle)
    image = None if settings is None else xclbin_of(settings, bundle)
    if settings is None or image is None or kept_card_files(bundle, digest, card) is not None:
        return ""
    if settings["digest"] != digest:
        why = "is of other kernels"
    else:
        why = "is damaged" if image.card == card else f"is for another card, {image.card},"
    xclbin = f"the xclbin for {image.target} at {image.clock_mhz:g} MHz"
    return f"{xclbin} {why} and is left out: build with --target {image.target} for a new one"


def _whole_manifest(bundle: Path) -> dict[str, Any] | None:
    """A manifest whose every key is of its kind, None without one."""
    with suppress(OSError, ValueError, RecursionError, SettingsError):
        settings = json.loads((bundle / BUNDLE_JSON).read_text(encoding="utf-8"))
        if isinstance(settings, dict) and settings.get("format") == FORMAT:
            check(settings)
            return settings if isinstance(settings.get("card"), str) else None
    return None
