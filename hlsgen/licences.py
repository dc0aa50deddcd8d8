# SPDX-License-Identifier: Apache-2.0
"""Licences that go with a packaged bundle: of what is inside, and of what a run needs beside it.

The names are those that each project states: SPDX expressions of the packages' metadata on PyPI,
and for XRT the LICENSE file of its repository.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import Any

from .errors import WorkError
from .paths import package_dir

_FILE = "LICENSE"
_OURS = "Apache-2.0"

_XRT = "Apache-2.0; its Linux drivers GPL-2.0"
_LIBSTDCXX = "GPL-3.0-or-later WITH GCC-exception-3.1"


def license_text() -> str:
    """hlsgen's own licence, which covers the host package and the rendered sources."""
    try:
        # Where a wheel's licence files lie: Core Metadata 2.4, License-File.
        text = importlib.metadata.distribution("hlsgen").read_text(f"licenses/{_FILE}")
    except importlib.metadata.PackageNotFoundError:
        text = None
    if text:
        return text
    checkout = package_dir().parent / _FILE
    if (package_dir().parent / "pyproject.toml").is_file() and checkout.is_file():
        return checkout.read_text(encoding="utf-8")
    raise WorkError("hlsgen's own LICENSE is missing: reinstall hlsgen")


def licences(settings: Mapping[str, Any], digits: bool) -> list[dict[str, Any]]:
    """The entries of MANIFEST.json for a bundle's settings; digits: whether those are inside."""
    xclbin, data = settings["xclbin"], settings["data"]["name"]
    entries = [
        _entry("src/, sat_host/, program.json", _OURS, f"inside, text in {_FILE}"),
        _entry("spec.yaml and what follows from it", "its author's", "inside"),
        _entry("NumPy", "BSD-3-Clause AND 0BSD AND MIT AND Zlib AND CC0-1.0", "every run"),
        _entry("libstdc++ and libgcc of the system", _LIBSTDCXX, "csim"),
    ]
    if xclbin is not None:
        vendor = "the vendor's terms for its tools, IP and platform"
        entries += [_entry(xclbin["file"], vendor, "inside"), _entry("XRT", _XRT, "a card")]
    if digits:
        terms = "BSD-3-Clause, as a part of scikit-learn: text in digits.LICENSE beside it"
        entries.append(_entry("sat_host/data/digits.csv.gz", terms, "inside"))
    elif data == "digits":
        entries.append(_entry("scikit-learn", "BSD-3-Clause", "the digits data"))
    if data == "image_folder":
        entries.append(_entry("Pillow", "MIT-CMU", "folders of images"))
    entries += [
        _entry("safetensors", _OURS, "checkpoints"),
        _entry("tqdm", "MPL-2.0 AND MIT", "progress bars; a run does without"),
    ]
    return entries


def _entry(name: str, licence: str, needed: str) -> dict[str, Any]:
    """needed: by what, or that it is inside of the archive."""
    return {"name": name, "licence": licence, "for": needed}
