# SPDX-License-Identifier: Apache-2.0
"""Digests of files: sha256 in hexadecimal."""

from __future__ import annotations

import hashlib
from pathlib import Path


def digest(data: bytes) -> str:
    """Of a content."""
    return hashlib.sha256(data).hexdigest()


def file_digest(path: Path) -> str:
    """Of a file's content, read piece by piece. Raises OSError."""
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            found.update(chunk)
    return found.hexdigest()
