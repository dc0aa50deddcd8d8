# SPDX-License-Identifier: Apache-2.0
"""Ends `python -m sat_host` in one line, status 3, where Python is too old or NumPy is missing.

Imported before the modules that would fail without them; so nothing newer may stand in here.
"""

from __future__ import annotations

import importlib.util
import json
import sys

PYTHON = (3, 10)
PYTHON_TEXT = "3.10"
NUMPY = "1.24"
DISK_BYTES = 1 << 30
"""Advised to be free, for metrics and checkpoints."""


def missing(version: tuple[int, int], has_numpy: bool) -> str | None:
    """What is missing and the mend, for a Python of `version`; None when nothing is."""
    if version < PYTHON:
        found = ".".join(map(str, version))
        return f"Python {found} is too old: run it with Python {PYTHON_TEXT} or newer"
    if not has_numpy:
        return f"NumPy is missing: run `pip install 'numpy>={NUMPY}'`"
    return None


def require() -> None:
    """End the process when something is missing."""
    text = missing(sys.version_info[:2], importlib.util.find_spec("numpy") is not None)
    if text is not None:
        print(f"sat_host: {text}", file=sys.stderr)
        if "--json" in sys.argv[1:]:
            print(json.dumps({"ok": False, "errors": [{"message": text}]}))
        sys.exit(3)


require()
