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
from ..spec import Spec
from ..specfile import load_spec
from ..timing.recording import Recording, load_recording, made_for
from .runs import Run, found_runs, runs_folder

_AGAIN = "build the bundle again with `hlsgen build`"


@dataclass(frozen=True, eq=False)
class Inputs:
    """program: None where the bundle was built without one. recording: None without one; recorded:
    its file; asked: whether the user named it. runs: of training. remarks: files that were passed
    over, a line each."""

    name: str
    manifest: Mapping[str, Any]
    spec: Spec
    program: Program | None
    recording: Recording | None
    recorded: Path | None
    asked: bool
    runs: tuple[Run, ...]
    remarks: tuple[str, ...]


def read_inputs(folder: Path, recorded: Path | None = None) -> Inputs:
    """All of a bundle that a report shows.

    recorded: a file of `hlsgen time --record`; by default the newest one in the folder or in
    BUNDLE.runs beside it. Raises
    InputError or BundleError's equal, one line, for what is no whole bundle.
    """
    with host_errors():
        manifest = load_bundle(folder).settings
    spec = load_spec(folder / SPEC)
    _check_spec(spec, manifest, folder)
    program = _program(folder, manifest)
    remarks: list[str] = []
    recording, asked = None, recorded is not None
    if recorded is not None:
        recording = load_recording(recorded)
        if (other := _other(recording, spec)) is not None:
            raise InputError(f"{recorded}: {other}: record it again with the bundle's spec")
    else:
        recorded, recording = _newest(folder, spec, remarks)
    runs, passed_over = found_runs(folder, manifest["digest"])
    return Inputs(
        folder.resolve().name, manifest, spec, program, recording, recorded, asked, runs,
        (*remarks, *passed_over),
    )  # fmt: skip


def _check_spec(spec: Spec, manifest: Mapping[str, Any], folder: Path) -> None:
    """Raises InputError where the spec is not that of the manifest, in what the report shows."""
    told = spec.model_dump(mode="json")
    for key in ("name", "card", "clock_mhz", "array", "sparsity", "model", "training"):
        if manifest.get(key) != told[key]:
            raise InputError(
                f"{folder / SPEC}: {key}: not what the bundle was built with: {_AGAIN}"
            )


def _program(folder: Path, manifest: Mapping[str, Any]) -> Program | None:
    stated = manifest.get("program")
    if not isinstance(stated, dict):
        return None
    file = folder / PROGRAM
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: can't be read ({error.strerror}): {_AGAIN}") from None
    if hashlib.sha256(content).hexdigest() != stated.get("sha256"):
        raise InputError(f"{file}: damaged or changed since the build: {_AGAIN}")
    return load_program(content.decode("utf-8", "replace"), str(file))


def _newest(folder: Path, spec: Spec, remarks: list[str]) -> tuple[Path | None, Recording | None]:
    """The newest recording that fits the spec; why others do not goes to remarks."""
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
        other = _other(recording, spec)
        if other is None:
            return path, recording
        remarks.append(f"{path.name}: {other}: left out")
    return None, None


def _other(recording: Recording, spec: Spec) -> str | None:
    """Why a recording is not the spec's; None where it is."""
    for name, value in made_for(spec).items():
        had = recording.made_for.get(name)
        if had != value:
            return f"recorded with {name} {had}, but the bundle has {value}"
    return None
