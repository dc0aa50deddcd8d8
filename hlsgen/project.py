# SPDX-License-Identifier: Apache-2.0
"""A rendered project as a value: relative paths and texts, named by a digest."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType


@dataclass(frozen=True)
class Project:
    """Source files of one accelerator.

    files: {posix path relative to the project's root: text}, kept sorted and read-only.
    digest: sha256 in hexadecimal over the sorted paths and texts.
    """

    files: Mapping[str, str]
    digest: str = field(init=False)

    def __post_init__(self) -> None:
        for path in self.files:
            _check_path(path)
        ordered = MappingProxyType(dict(sorted(self.files.items())))
        object.__setattr__(self, "files", ordered)
        object.__setattr__(self, "digest", digest_of(ordered))


def digest_of(files: Mapping[str, str]) -> str:
    """sha256 over the sorted paths and texts; lengths keep neighbouring fields apart."""
    digest = hashlib.sha256()
    for path, text in sorted(files.items()):
        for part in (path.encode(), text.encode()):
            digest.update(b"%d\0" % len(part))
            digest.update(part)
    return digest.hexdigest()


def write(project: Project, folder: Path) -> None:
    """Write every file below `folder`, which is made when absent. Raises OSError."""
    for path, text in project.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8", newline="\n")


def _check_path(path: str) -> None:
    parsed = PurePosixPath(path)
    if parsed.is_absolute() or ".." in parsed.parts or str(parsed) != path or path == ".":
        raise ValueError(f"not a plain relative path: {path!r}")
