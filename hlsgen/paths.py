# SPDX-License-Identifier: Apache-2.0
"""Where the templates, the kernel library and the host package are: in a wheel or a checkout."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from .errors import WorkError

_PACKAGE = Path(__file__).resolve().parent


def package_dir() -> Path:
    """Folder of the installed `hlsgen` package itself."""
    return _PACKAGE


def templates_dir() -> Path:
    """Folder of the Jinja2 templates."""
    return _data("templates")


def kernels_dir() -> Path:
    """Folder of the HLS C++ headers, with `csim/` below it."""
    return _data("kernels")


def sat_host_dir() -> Path:
    """Folder of the importable `sat_host` package, which every bundle carries a copy of."""
    found = importlib.util.find_spec("sat_host")
    if found is None or not found.submodule_search_locations:
        raise WorkError("the sat_host package is not installed: reinstall hlsgen")
    return Path(next(iter(found.submodule_search_locations)))


def _data(name: str) -> Path:
    """Package data of a wheel, else the folder of the checkout that the package stands in."""
    for folder in (_PACKAGE / "data" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise WorkError(f"hlsgen's own folder {name}/ is missing: reinstall hlsgen")
