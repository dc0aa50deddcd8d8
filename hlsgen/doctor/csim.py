# SPDX-License-Identifier: Apache-2.0
"""`hlsgen doctor` for csim: Python and its packages, C++ compilers, memory, disk."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from sat_host import needs
from sat_host.isa import machine_isa

from ..cache import cache_folder
from ..disk import bytes_text, free_bytes
from ..errors import ToolMissingError
from ..toolchain.compiler import MINIMUM, find_compiler
from .finding import Finding

_RAM_BYTES = 2 << 30
_PACKAGES = (
    ("scikit-learn", "sklearn", "training on its digits data"),
    ("Pillow", "PIL", "training on folders of images"),
    ("matplotlib", "matplotlib", "hlsgen compare, which draws with it"),
    ("safetensors", "safetensors", "checkpoints: hlsgen train needs --no-checkpoints"),
    ("tree-sitter-cpp", "tree_sitter_cpp", "hlsgen lint"),
)
"""Optional packages: name, module, and what does not work without."""


def examine(environ: Mapping[str, str]) -> Iterator[Finding]:
    """The parts in the order in which a build and then a run need them."""
    yield _python()
    yield from _compilers(environ)
    yield _make(environ)
    yield _memory()
    yield _disk(Path.cwd())
    yield _cache(environ)
    yield from (_package(*entry) for entry in _PACKAGES)


def _python() -> Finding:
    return Finding(
        "Python",
        found=sys.version_info >= needs.PYTHON,
        version=platform.python_version(),
        where=f"{sys.executable}, {platform.machine()}",
        stops="everything",
        mend=f"run hlsgen with Python {needs.PYTHON_TEXT} or newer",
        required=True,
    )


def _compilers(environ: Mapping[str, str]) -> Iterator[Finding]:
    """The compiler that builds would use, and each of the two kinds."""
    name, stops = "C++ compiler", "hlsgen build, and so training on csim"
    try:
        used = find_compiler(environ)
    except ToolMissingError as error:
        yield Finding(name, False, "", error.fault, stops, error.mend, required=True)
    else:
        where = f"{used.kind} at {used.path}, for {machine_isa() or 'its baseline'}"
        yield Finding(name, True, used.version, where, stops, "", required=True)
        stops = ""
    for kind in MINIMUM:
        yield _compiler(kind, environ, stops)


def _compiler(kind: str, environ: Mapping[str, str], stops: str) -> Finding:
    """One kind; nothing stops without it when another one is used."""
    optional = not stops
    stops = stops or "the tests that compare two compilers"
    try:
        compiler = find_compiler({**environ, "CXX": kind})
    except ToolMissingError:
        package = "clang" if kind == "clang++" else kind
        where, mend = "not found, or too old", f"apt-get install {package}"
        return Finding(kind, False, "", where, stops, mend, optional=optional)
    return Finding(kind, True, compiler.version, compiler.path, stops, "", optional=optional)


def _make(environ: Mapping[str, str]) -> Finding:
    path = shutil.which("make", path=environ.get("PATH"))
    mend = "apt-get install make"
    where = path or "not found"
    return Finding("make", path is not None, "", where, "`make demo`", mend, optional=True)


def _memory() -> Finding:
    size = ram_bytes()
    where = f"{os.cpu_count() or 1} processors"
    stops = "large products on csim, perhaps"
    mend = f"{bytes_text(_RAM_BYTES)} are advised: train in micro-batches (training.micro_batch)"
    return Finding("memory", size >= _RAM_BYTES, bytes_text(size), where, stops, mend)


def ram_bytes() -> int:
    """Of this machine; 0 when it does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def _disk(folder: Path) -> Finding:
    free = free_bytes(folder)
    mend = f"make room: {bytes_text(needs.DISK_BYTES)} free are advised"
    where = f"free at {folder}"
    return Finding(
        "disk", free >= needs.DISK_BYTES, bytes_text(free), where, "builds, perhaps", mend
    )


def _cache(environ: Mapping[str, str]) -> Finding:
    folder = cache_folder(environ)
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    found = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    where = f"{folder}: {'writable' if found else 'not writable'}"
    stops = "quick rebuilds: every build compiles everything"
    mend = "export HLSGEN_CACHE=<a folder of yours>"
    return Finding("cache folder", found, "", where, stops, mend)


def _package(name: str, module: str, stops: str) -> Finding:
    found = importlib.util.find_spec(module) is not None
    version = ""
    if found:
        try:
            version = re.split(r"[+ ]", importlib.metadata.version(name))[0]
        except importlib.metadata.PackageNotFoundError:
            version = "unknown"
    where = "importable" if found else "not installed"
    return Finding(name, found, version, where, stops, f"pip install {name.lower()}", optional=True)
