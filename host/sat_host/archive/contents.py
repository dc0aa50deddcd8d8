# SPDX-License-Identifier: Apache-2.0
"""MANIFEST.json, which `hlsgen package` adds to a bundle: every file with its digest.

* format: FORMAT; name: of the bundle
* versions: of what made it (hlsgen, the C++ compiler of the csim library, Vitis) and of what it
  needs (Python, NumPy, XRT)
* licences: of what is inside and of what a run needs beside it
* compile: the commands that make the csim library from src/, for `python -m sat_host compile`
* files: sha256 and bytes of each file but this one, by its path in the bundle
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ..digests import file_digest
from ..errors import BundleError

FORMAT = 1
MANIFEST_JSON = "MANIFEST.json"

_MEND = "copy the archive again and unpack it anew"


def compile_mend(folder: Path) -> str:
    """What gets an unpacked bundle a csim library that this machine can use."""
    return f"run `python3 -m sat_host compile` in {folder}, which makes one for this machine"


def is_packaged(folder: Path) -> bool:
    """Whether the bundle came out of an archive of `hlsgen package`."""
    return (folder / MANIFEST_JSON).is_file()


def read_contents(folder: Path) -> dict[str, Any]:
    """MANIFEST.json of an unpacked bundle. Raises BundleError, one line."""
    file = folder / MANIFEST_JSON
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no JSON"
        raise BundleError(f"{file}: can't be read ({reason}): {_MEND}") from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise BundleError(f"{file}: not of format {FORMAT}: use the hlsgen that packaged it")
    files = document.get("files")
    if not isinstance(files, dict) or not all(map(_is_entry, files, files.values())):
        raise BundleError(f"{file}: files: damaged: {_MEND}")
    return document


def check_files(folder: Path, below: str = "", mends: Mapping[str, str] | None = None) -> int:
    """Compare the files with MANIFEST.json; the number of bytes compared. below: only those of a
    folder, as "src/". mends: for files that can be had in another way than from the archive. Files
    that are not in it (metrics, checkpoints) are left alone. Raises BundleError that names the
    first wrong one."""
    total = 0
    for name, entry in sorted(read_contents(folder)["files"].items()):
        if not name.startswith(below):
            continue
        file, mend = folder / name, (mends or {}).get(name, _MEND)
        try:
            found = file_entry(file)
        except OSError as error:
            raise BundleError(f"{file}: {error.strerror or error}: {mend}") from None
        if found != entry:
            raise BundleError(f"{file}: truncated or changed since it was packaged: {mend}")
        total += found["bytes"]
    return total


def file_entry(file: Path) -> dict[str, Any]:
    """A file's sha256 in hexadecimal and its size in bytes. Raises OSError."""
    return {"sha256": file_digest(file), "bytes": file.stat().st_size}


def dump_contents(document: Mapping[str, Any]) -> str:
    """The file's content; equal documents give equal texts."""
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def replace_text(file: Path, text: str) -> None:
    """Write a file so that readers see the old content or the new one, whole. Raises OSError."""
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, file)
    finally:
        partial.unlink(missing_ok=True)


def is_inner_path(name: str) -> bool:
    """Whether a path stays inside of the folder that it is relative to."""
    path = PurePosixPath(name)
    plain = str(path) == name and "\\" not in name and name.isprintable()
    return plain and name != "." and not path.is_absolute() and ".." not in path.parts


def _is_entry(name: object, entry: object) -> bool:
    return (
        isinstance(name, str)
        and is_inner_path(name)
        and isinstance(entry, dict)
        and isinstance(entry.get("sha256"), str)
        and type(entry.get("bytes")) is int
        and entry["bytes"] >= 0
    )
