# SPDX-License-Identifier: Apache-2.0
"""What a bundle folder holds: the library, its manifest, the spec, the sources, the host package.

* libsat.so: the csim library
* bundle.json: the manifest, what `sat_host` must know to open and train the bundle
* program.json: the program of a training step (hlsgen.schedule.program_file), for cards that have a
  cycle model
* spec.yaml: the user's spec, byte for byte
* src/: the rendered project that the library was compiled from
* sat_host/: the host package, so that a bundle runs where hlsgen is not installed
"""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
from pathlib import Path
from typing import Any

from sat_host.bundle import FORMAT, MANIFEST
from sat_host.stored_program import FILE as PROGRAM

from . import __version__
from .paths import sat_host_dir
from .project import Project, write
from .spec import Spec
from .toolchain.gxx import LIBRARY, CompiledLibrary


def host_project() -> Project:
    """The host package as it goes into every bundle: its modules and its typing marker."""
    root = sat_host_dir()
    paths = [path for path in root.rglob("*") if path.suffix == ".py" or path.name == "py.typed"]
    files = {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in paths}
    return Project(files)


def manifest(
    spec: Spec, project: Project, library: CompiledLibrary, program: str | None = None
) -> dict[str, Any]:
    """The content of bundle.json. program: that of program.json, None when there is none."""
    digest = None if program is None else hashlib.sha256(program.encode()).hexdigest()
    return {
        **spec.model_dump(mode="json"),
        "format": FORMAT,
        "hlsgen": __version__,
        "digest": project.digest,
        "program": None if digest is None else {"file": PROGRAM, "sha256": digest},
        "library": {
            "file": LIBRARY,
            "sha256": library.sha256,
            "machine": platform.machine(),
            "isa": library.isa,
        },
    }


def write_bundle(
    folder: Path,
    spec: Spec,
    spec_text: bytes,
    project: Project,
    library: CompiledLibrary,
    host: Project,
    program: str | None = None,
) -> None:
    """Write all of a bundle into `folder`. The manifest comes last. Raises OSError."""
    shutil.copyfile(library.path, folder / LIBRARY)
    (folder / "spec.yaml").write_bytes(spec_text)
    write(project, folder / "src")
    write(host, folder / "sat_host")
    if program is not None:
        (folder / PROGRAM).write_text(program, encoding="utf-8")
    text = json.dumps(manifest(spec, project, library, program), indent=2, sort_keys=True) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")
