# SPDX-License-Identifier: Apache-2.0
"""`python -m sat_host compile`: the csim library of a packaged bundle, made for this machine.

A library serves processors that have the instruction set it was compiled for; where one lacks it,
the sources in the bundle make another, with the commands of MANIFEST.json. Bits stay the same.
"""

from __future__ import annotations

import json
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..bundle import BUNDLE_JSON, Bundle, load_bundle
from ..csim import CsimBackend
from ..errors import BundleError, DeviceError, MissingPackageError, bundle_disk_error
from ..isa import isa_flags, machine_isa
from . import contents

COMPILERS = ("g++", "clang++")
_SECONDS = 900.0


@dataclass(frozen=True)
class Recompiled:
    """A library that took the place of another. compiler: the command that made it."""

    library: Path
    isa: str
    compiler: str


def recompile(folder: Path, environ: Mapping[str, str]) -> Recompiled:
    """Compile the library of a packaged bundle for this machine and let the bundle use it.

    $CXX, else g++ or clang++. The old library serves until the new one is whole. Raises BundleError
    for a bundle without commands or with damaged sources, MissingPackageError without a compiler,
    DeviceError when a command fails.
    """
    bundle = load_bundle(folder)
    if not contents.is_packaged(bundle.path):
        raise BundleError(f"{folder}: was not packaged: build the bundle again here")
    document = contents.read_contents(bundle.path)
    commands, output = _recipe(document, bundle.path)
    contents.check_files(bundle.path, "src/")  # a damaged one might compile, and compute otherwise
    compiler, isa = _find_compiler(environ), machine_isa()
    name = f"libsat-{isa or platform.machine()}.so"
    try:
        with tempfile.TemporaryDirectory(prefix=".compile.", dir=bundle.path) as scratch:
            work = Path(scratch, "src")
            shutil.copytree(bundle.path / "src", work)
            for command in commands:
                _run([*compiler, *isa_flags(isa), *command[1:]], work, environ)
            made = work / output
            CsimBackend(made, bundle.config)  # loads, and is of this array
            os.replace(made, bundle.path / name)
        _use(bundle, document, name, isa)
    except OSError as error:
        mend = "unpack the archive elsewhere"
        raise bundle_disk_error(error, bundle.path, mend) from None
    return Recompiled(bundle.path / name, isa, shlex.join(compiler))


def _recipe(document: Mapping[str, Any], folder: Path) -> tuple[list[list[str]], str]:
    """The commands, to be run in src/, and the library that the last one makes."""
    try:
        recipe: Any = document["compile"]
        commands = [[str(word) for word in command] for command in recipe["commands"]]
        output = str(recipe["output"])
    except (KeyError, TypeError):
        commands, output = [], ""
    if not commands or not all(commands) or Path(output).name != output:
        raise BundleError(
            f"{folder / contents.MANIFEST_JSON}: compile: damaged: unpack the archive anew"
        )
    return commands, output


def _find_compiler(environ: Mapping[str, str]) -> list[str]:
    """The command of $CXX, else of the first of COMPILERS on PATH. Raises MissingPackageError."""
    try:
        named = shlex.split(environ.get("CXX", ""))
    except ValueError as error:
        text = environ["CXX"]
        raise MissingPackageError(f"$CXX cannot be read: {text}: {error}: mend it") from None
    for command in [named] if named else [[name] for name in COMPILERS]:
        program = shutil.which(command[0], path=environ.get("PATH"))
        if program is not None:
            return [program, *command[1:]]
    looked = "$CXX names none" if named else f"neither {' nor '.join(COMPILERS)} is on PATH"
    raise MissingPackageError(f"no C++ compiler: {looked}: install one, e.g. apt-get install g++")


def _run(command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
        )
    except OSError as error:  # told apart from the disk's faults, which have another mend
        reason = error.strerror or error
        mend = "point CXX at a C++ compiler of this machine"
        raise MissingPackageError(f"{command[0]}: cannot be run: {reason}: {mend}") from None
    except subprocess.TimeoutExpired:
        raise DeviceError(f"compile: {command[0]}: more than {_SECONDS:g} seconds") from None
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if "error:" in line]
        reason = (errors or lines or [f"status {done.returncode}"])[0]
        raise DeviceError(f"compile: {command[0]}: {reason}")


def _use(bundle: Bundle, document: dict[str, Any], name: str, isa: str) -> None:
    """Let bundle.json name the new library, then MANIFEST.json; the old library goes last."""
    old = bundle.library
    entry = contents.file_entry(bundle.path / name)
    library = {
        **bundle.settings["library"],
        "file": name,
        "sha256": entry["sha256"],
        "machine": platform.machine(),
        "isa": isa,
    }
    settings = {**bundle.settings, "library": library}
    file = bundle.path / BUNDLE_JSON
    contents.replace_text(file, json.dumps(settings, indent=2, sort_keys=True) + "\n")
    files = {**document["files"], name: entry, BUNDLE_JSON: contents.file_entry(file)}
    if old.name != name:
        files.pop(old.name, None)
    text = contents.dump_contents({**document, "files": files})
    contents.replace_text(bundle.path / contents.MANIFEST_JSON, text)
    if old.name != name:
        with suppress(OSError):
            old.unlink()
