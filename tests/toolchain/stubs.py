# SPDX-License-Identifier: Apache-2.0
"""Stub executables: shell scripts that stand for compilers."""

from __future__ import annotations

from pathlib import Path

GXX_12 = "g++ (Debian 12.2.0-14+deb12u1) 12.2.0"


def stub(folder: Path, name: str, body: str) -> Path:
    """An executable shell script `name` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def stub_compiler(folder: Path, name: str, banner: str = GXX_12, body: str = "exit 0") -> Path:
    """A compiler that tells `banner`, and otherwise runs `body`."""
    check = f'[ "$1" = --version ] && {{ echo "{banner}"; exit 0; }}'
    return stub(folder, name, f"{check}\n{body}")
