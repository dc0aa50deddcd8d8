# SPDX-License-Identifier: Apache-2.0
"""What of the toolchain is on this machine, and what each missing part stops."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sat_host.isa import machine_isa

from .cache import cache_folder
from .disk import bytes_text, free_bytes
from .errors import HlsgenError, ToolMissingError
from .toolchain.compiler import find_compiler
from .toolchain.run import run

_PYTHON = (3, 10)
_RAM_BYTES = 2 << 30
_DISK_BYTES = 1 << 30
_VITIS_TOOLS = ("v++", "vitis-run", "vitis_hls")
_XILINX_VENDOR = "10ee"
_PACKAGES = (
    ("scikit-learn", "sklearn", "training on its digits data"),
    ("Pillow", "PIL", "training on folders of images"),
    ("matplotlib", "matplotlib", "hlsgen compare, which draws with it"),
    ("safetensors", "safetensors", "checkpoints: hlsgen train needs --no-checkpoints"),
)
"""Optional packages: name, module, and what does not work without."""


@dataclass(frozen=True)
class Finding:
    """One part of the toolchain. detail: what was found, or how to get it; stops: what does not
    work while it is missing; required: csim cannot be built without it."""

    name: str
    found: bool
    detail: str
    stops: str
    required: bool


def examine(environ: Mapping[str, str]) -> list[Finding]:
    """Look at this machine. Only starts `--version` and `lspci`; writes nothing."""
    return [
        _python(),
        _compiler(environ),
        _make(environ),
        _memory(),
        _disk(Path.cwd()),
        _cache(environ),
        *(_package(*entry) for entry in _PACKAGES),
        _vitis(environ),
        _xrt(environ),
        _cards(environ),
    ]


def can_build_csim(findings: list[Finding]) -> bool:
    """Whether everything that csim needs is here."""
    return all(finding.found for finding in findings if finding.required)


def _python() -> Finding:
    found = sys.version_info >= _PYTHON
    detail = f"{platform.python_version()} at {sys.executable}, {platform.machine()}"
    return Finding("Python", found, detail, "everything: 3.10 or newer is needed", required=True)


def _compiler(environ: Mapping[str, str]) -> Finding:
    stops = "hlsgen build, and so training on csim"
    try:
        compiler = find_compiler(environ)
    except ToolMissingError as error:
        return Finding("C++ compiler", False, str(error), stops, required=True)
    isa = machine_isa() or "the compiler's baseline"
    detail = f"{compiler.kind} {compiler.version} at {compiler.path}, compiles for {isa}"
    return Finding("C++ compiler", True, detail, stops, required=True)


def _make(environ: Mapping[str, str]) -> Finding:
    path = _which("make", environ)
    detail = path or "install it, e.g. apt-get install make"
    return Finding("make", path is not None, detail, "`make demo` and `make test`", required=False)


def _memory() -> Finding:
    try:
        size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        size = 0
    detail = f"{bytes_text(size)}, {os.cpu_count() or 1} processors"
    stops = f"large products on csim, perhaps: {bytes_text(_RAM_BYTES)} are advised"
    return Finding("memory", size >= _RAM_BYTES, detail, stops, required=False)


def _disk(folder: Path) -> Finding:
    free = free_bytes(folder)
    stops = f"builds, perhaps: {bytes_text(_DISK_BYTES)} free are advised"
    detail = f"{bytes_text(free)} free at {folder}"
    return Finding("disk", free >= _DISK_BYTES, detail, stops, required=False)


def _cache(environ: Mapping[str, str]) -> Finding:
    folder = cache_folder(environ)
    nearest = next(place for place in (folder, *folder.parents) if place.exists())
    found = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    state = "writable" if found else "not writable: set HLSGEN_CACHE to a folder of yours"
    stops = "quick rebuilds: every build compiles everything"
    return Finding("cache folder", found, f"{folder}: {state}", stops, required=False)


def _package(name: str, module: str, stops: str) -> Finding:
    found = importlib.util.find_spec(module) is not None
    detail = "importable" if found else f"install it: pip install {name.lower()}"
    return Finding(name, found, detail, stops, required=False)


def _vitis(environ: Mapping[str, str]) -> Finding:
    paths = [path for tool in _VITIS_TOOLS if (path := _which(tool, environ))]
    names = ", ".join(_VITIS_TOOLS)
    detail = ", ".join(paths) or f"none of {names} on PATH: source Vitis' settings64.sh first"
    stops = "builds for a card; csim does not need it"
    return Finding("Vitis", bool(paths), detail, stops, required=False)


def _xrt(environ: Mapping[str, str]) -> Finding:
    has_module = importlib.util.find_spec("pyxrt") is not None
    root = environ.get("XILINX_XRT") or (
        "/opt/xilinx/xrt" if Path("/opt/xilinx/xrt").is_dir() else ""
    )
    if has_module:
        detail = f"pyxrt importable{', XRT at ' + root if root else ''}"
    elif root:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        detail = f"XRT at {root}, but no pyxrt for Python {version}: source {root}/setup.sh first"
    else:
        detail = "neither XRT nor pyxrt: install XRT and source its setup.sh"
    return Finding(
        "XRT", has_module, detail, "running on a card; csim does not need it", required=False
    )


def _cards(environ: Mapping[str, str]) -> Finding:
    stops = "running on a card; csim does not need it"
    lspci = _which("lspci", environ)
    if lspci is None:
        return Finding("cards", False, "unknown: no lspci on PATH", stops, required=False)
    try:
        lines = run([lspci, "-d", f"{_XILINX_VENDOR}:"], timeout=10.0).stdout.splitlines()
    except HlsgenError as error:
        return Finding("cards", False, f"unknown: {error}", stops, required=False)
    detail = "; ".join(line.strip() for line in lines) or "lspci lists no Xilinx card"
    return Finding("cards", bool(lines), detail, stops, required=False)


def _which(tool: str, environ: Mapping[str, str]) -> str | None:
    return shutil.which(tool, path=environ.get("PATH"))
