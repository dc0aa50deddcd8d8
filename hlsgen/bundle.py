# SPDX-License-Identifier: Apache-2.0
"""What a bundle folder holds: the library, its manifest, the spec, the sources, the host package.

* libsat.so: the csim library
* bundle.json: the manifest, what `sat_host` must know to open and train the bundle
* spec.yaml: the user's spec, byte for byte
* src/: the rendered project that the library was compiled from
* sat_host/: the host package, so that a bundle runs where hlsgen is not installed
"""

from __future__ import annotations

import json
import platform
import shutil
from pathlib import Path
from typing import Any

from sat_host.bundle import FORMAT, MANIFEST
from sat_host.device import Device

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


def manifest(spec: Spec, project: Project, library: CompiledLibrary) -> dict[str, Any]:
    """The content of bundle.json."""
    return {
        **spec.model_dump(mode="json"),
        "format": FORMAT,
        "hlsgen": __version__,
        "digest": project.digest,
        "dataflows": list(Device.dataflows),
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
) -> None:
    """Write all of a bundle into `folder`. The manifest comes last. Raises OSError."""
    shutil.copyfile(library.path, folder / LIBRARY)
    (folder / "spec.yaml").write_bytes(spec_text)
    write(project, folder / "src")
    write(host, folder / "sat_host")
    text = json.dumps(manifest(spec, project, library), indent=2, sort_keys=True) + "\n"
    (folder / MANIFEST).write_text(text, encoding="utf-8")
