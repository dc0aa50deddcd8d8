# SPDX-License-Identifier: Apache-2.0
"""What a report is made of: the files of a bundle folder, read and checked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sat_host.bundle import load_bundle
from sat_host.stored_program import FILE as PROGRAM

from ..bundle import SPEC
from ..errors import InputError
from ..hosterrors import host_errors
from ..schedule.program import Program
from ..schedule.program_file import load_program
from ..schedule.step import STAGES
from ..spec import Spec
from ..specfile import load_spec
from ..timing.recording import Recording, load_recording, made_for
from .measured import read_deployed
from .runs import Run, found_runs, runs_folder
from .vendor import AGAIN, read_hardware


@dataclass(frozen=True, eq=False)
class Inputs:
    """program: None where the bundle was built without one. recording: None without one; recorded:
    its file; asked: whether the user named it. hardware: the content of hardware.json, None without
    an xclbin. deployed: what a device was timed at, None without a file of it. runs: of training.
    remarks: files that were passed over, a line each."""

    name: str
    manifest: Mapping[str, Any]
    spec: Spec
    program: Program | None
    recording: Recording | None
    recorded: Path | None
    asked: bool
    hardware: Mapping[str, Any] | None
    deployed: Mapping[str, Any] | None
    runs: tuple[Run, ...]
    remarks: tuple[str, ...]


def read_inputs(folder: Path, recorded: Path | None = None) -> Inputs:
    """All of a bundle that a report shows.

    recorded: a file of `hlsgen time --record`; by default the newest one in the folder or in
    BUNDLE.runs beside it. Raises HlsgenError, one line, for what is no whole bundle.
    """
    with host_errors():
        bundle = load_bundle(folder)
    manifest = bundle.settings
    if not (folder / SPEC).is_file():
        raise InputError(f"{folder / SPEC}: no such file: {AGAIN}")
    spec = load_spec(folder / SPEC)
    _check_spec(spec, manifest, folder)
    program = _program(folder, manifest)
    remarks: list[str] = []
    hardware = read_hardware(bundle, remarks)
    recording, asked = None, recorded is not None
    if recorded is not None:
        recording = load_recording(recorded)
        if (other := _other(recording, spec, program)) is not None:
            raise InputError(f"{recorded}: {other}: record it again with the bundle's spec")
    else:
        recorded, recording = _newest(folder, spec, program, remarks)
    places = (bundle.path, runs_folder(bundle.path))
    deployed = read_deployed(places, _products(program), remarks)
    runs, passed_over = found_runs(folder, manifest["digest"])
    return Inputs(
        bundle.path.name, manifest, spec, program, recording, recorded, asked, hardware, deployed,
        runs, (*remarks, *passed_over),
    )  # fmt: skip


def _check_spec(spec: Spec, manifest: Mapping[str, Any], folder: Path) -> None:
    """Raises InputError where the spec is not that of the manifest, in what the report shows."""
    told = spec.model_dump(mode="json")
    for key in ("name", "card", "clock_mhz", "array", "sparsity", "model", "training"):
        if manifest.get(key) != told[key]:
            raise InputError(f"{folder / SPEC}: {key}: not what the bundle was built with: {AGAIN}")


def _program(folder: Path, manifest: Mapping[str, Any]) -> Program | None:
    stated = manifest.get("program")
    if not isinstance(stated, dict):
        return None
    file = folder / PROGRAM
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: can't be read ({error.strerror}): {AGAIN}") from None
    if hashlib.sha256(content).hexdigest() != stated.get("sha256"):
        raise InputError(f"{file}: damaged or changed since the build: {AGAIN}")
    return load_program(content.decode("utf-8", "replace"), str(file))


def _products(program: Program | None) -> frozenset[str]:
    """As `hlsgen deploy` names them."""
    products = () if program is None else program.products
    return frozenset(f"{each.layer} {each.stage}" for each in products)


def _newest(
    folder: Path, spec: Spec, program: Program | None, remarks: list[str]
) -> tuple[Path | None, Recording | None]:
    """The newest recording that fits the bundle; why others do not goes to remarks."""
    found = []
    folder = folder.resolve()
    for place in (folder, runs_folder(folder)):
        for path in place.glob("*.npz"):
            with suppress(OSError):
                found.append((path.stat().st_mtime, path))
    for _, path in sorted(found, reverse=True):
        try:
            recording = load_recording(path)
        except InputError:
            remarks.append(f"{path.name}: no whole recording of hlsgen time --record: left out")
            continue
        other = _other(recording, spec, program)
        if other is None:
            return path, recording
        remarks.append(f"{path.name}: {other}: left out")
    return None, None


def _other(recording: Recording, spec: Spec, program: Program | None) -> str | None:
    """Why a recording is not the bundle's; None where it is, or is of a product of one's own."""
    for name, value in made_for(spec).items():
        had = recording.made_for.get(name)
        if had != value:
            return f"recorded with {name} {had}, but the bundle has {value}"
    if program is None:
        return None
    own = {(each.layer, each.stage, each.modelled.cycles) for each in program.products}
    own |= {(each.layer, "update", each.modelled.cycles) for each in program.updates}
    for entry in recording.entries:
        if entry.stage in STAGES and (entry.layer, entry.stage, entry.modelled) not in own:
            return (
                f"recorded with a {entry.layer} {entry.stage} of {entry.modelled:,} modelled "
                "cycles, which the bundle's program does not have"
            )
    return None
