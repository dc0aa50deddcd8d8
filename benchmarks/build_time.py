# SPDX-License-Identifier: Apache-2.0
"""`hlsgen build` as a user runs it: with an empty cache, and again with nothing changed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .report import Figure


def measure(spec: Path, scratch: Path) -> list[Figure]:
    """Cold, warm and render seconds; the bundle is left at `scratch`/bundle."""
    environ = {**os.environ, "HLSGEN_CACHE": str(scratch / "cache")}
    cold, _ = _build(spec, scratch / "bundle", environ)
    warm, answer = _build(spec, scratch / "bundle", environ)
    render = next(step["seconds"] for step in answer["steps"] if step["name"] == "render")
    command = f"hlsgen build specs/{spec.name}"
    return [
        Figure(f"{command}, empty cache", f"{cold:.1f} s"),
        Figure(f"{command}, nothing changed", f"{warm:.2f} s"),
        Figure("of which rendering", f"{render:.3f} s"),
    ]


def _build(spec: Path, out: Path, environ: dict[str, str]) -> tuple[float, dict[str, Any]]:
    """Seconds of the whole process, and what it answered."""
    command = [sys.executable, "-m", "hlsgen", "build", str(spec), "-o", str(out), "--json"]
    start = time.perf_counter()
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return time.perf_counter() - start, answer
