# SPDX-License-Identifier: Apache-2.0
"""The shell scripts that set up XRT and Vitis, for a command that was started without them.

XRT's setup.sh and Vitis' settings64.sh name folders of libraries, which the loader reads when a
process starts, so that a process can't set itself up: the command line sources what it lacks in a
shell and starts itself again. Only command lines do; a user's own program that opens a card is told
what to source. Needs no NumPy, and is asked before anything is imported that does.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

DEFAULT_FOLDER = Path("/opt/xilinx/xrt")
VITIS_ROOTS = ("/tools/Xilinx", "/opt/Xilinx", "/opt/xilinx", "~/Xilinx")
VITIS_SETTINGS = "settings64.sh"
_VERSIONS = "20[0-9][0-9].[0-9]*"
VITIS_LAYOUTS = (
    "",
    "Vitis",
    f"Vitis/{_VERSIONS}",
    f"{_VERSIONS}/Vitis",
    f"Vitis/{_VERSIONS}/Vitis",
    _VERSIONS,
)
"""Where VITIS_SETTINGS may lie below a root: <root>/Vitis/<version> through 2024.2,
<root>/<version>/Vitis after."""
MARKER = "SAT_SETTINGS_SOURCED"
"""An environment variable: this command was started again, and is not once more."""

_VERSION = re.compile(r"20\d\d\.\d+")
_SHELLS_OWN = ("_", "PWD", "OLDPWD", "SHLVL")
_SECONDS = 120.0


def xrt_folder(environ: Mapping[str, str]) -> Path:
    """XRT's, by XILINX_XRT or at its usual place, whether it is there or not."""
    return Path(environ.get("XILINX_XRT") or DEFAULT_FOLDER)


def usual_vitis(environ: Mapping[str, str], version: str) -> Path | None:
    """The settings64.sh of the Vitis in a usual place: of that version, else the newest."""
    found: list[tuple[bool, str, Path]] = []
    for root in VITIS_ROOTS:
        folder = Path(root.replace("~", environ.get("HOME", "~"), 1))
        for layout in VITIS_LAYOUTS:
            for script in folder.glob(str(Path(layout, VITIS_SETTINGS))):
                named = _VERSION.findall(str(script))
                own = named[-1] if named else ""
                found.append((bool(own) and version.startswith(own), own, script))
    return max(found)[2] if found else None


def start_again_with_settings(bundle: Path, device: str | None) -> None:
    """Replace this process, which must be a command line, by the same command with what it lacks
    sourced. Returns when it lacks nothing, or what it lacks is not in a usual place.

    device: that it asks for, None for a card where the bundle has an xclbin.
    """
    if MARKER in os.environ or device in ("csim", "golden") or not sys.executable:
        return
    image = _image_of(bundle)
    if image is None:
        return
    before = dict(os.environ)
    after = settled(before, *image)
    if after != before:
        sys.stdout.flush()
        sys.stderr.flush()
        with suppress(OSError):  # as when it is too large; then this process tells what is missing
            argv = [sys.executable, *sys.orig_argv[1:]]
            os.execve(sys.executable, argv, {**after, MARKER: "1"})


def settled(environ: Mapping[str, str], target: str, vitis: str) -> dict[str, str]:
    """`environ` with what an xclbin of a target, linked by a version of Vitis, needs beside it."""
    found = dict(environ)
    if target == "hw_emu" and not found.get("XILINX_VITIS"):
        script = usual_vitis(found, vitis)
        if script is not None:
            found = _sourced(script, found, "XILINX_VITIS")
    if not found.get("XILINX_XRT"):
        found = _sourced(DEFAULT_FOLDER / "setup.sh", found, "XILINX_XRT")
    return found


def _image_of(bundle: Path) -> tuple[str, str] | None:
    """Target and Vitis of a bundle's xclbin; None for any bundle without, which others judge."""
    with suppress(OSError, ValueError, TypeError, KeyError, RecursionError):
        image = json.loads((bundle / "bundle.json").read_text(encoding="utf-8"))["xclbin"]
        return str(image["target"]), str(image["vitis"])
    return None


def _sourced(script: Path, environ: dict[str, str], wanted: str) -> dict[str, str]:
    """`environ` with a script sourced into it, in a shell of its own; as it is when that does not
    set the variable that is wanted."""
    if not script.is_file():
        return environ
    # Its status says little, and its text is for people; `$0` must not be the script, or some
    # think that they are run, not sourced.
    text = f"source {shlex.quote(str(script))} >&2 </dev/null; env -0"
    try:
        done = subprocess.run(
            ["bash", "-c", text], env=environ, capture_output=True, timeout=_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return environ
    pairs = (entry.partition("=") for entry in os.fsdecode(done.stdout).split("\0"))
    found = {name: value for name, _, value in pairs if name and name not in _SHELLS_OWN}
    kept = {name: environ[name] for name in _SHELLS_OWN if name in environ}
    return {**found, **kept} if found.get(wanted) else environ
