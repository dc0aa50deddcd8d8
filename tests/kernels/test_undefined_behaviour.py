# SPDX-License-Identifier: Apache-2.0
"""The self-test on a library that stops at undefined behaviour: overflow, bad shift, bad index."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import astuple

import pytest
from accelerators import ARRAYS, QUICKLY, library_of, project_of, with_flags

FLAGS = (*QUICKLY, "-fsanitize=undefined", "-fsanitize-undefined-trap-on-error")

# In a process of its own, which the trap ends.
SCRIPT = """
import sys
from pathlib import Path
from sat_host import ArrayConfig, GoldenDevice
from sat_host.csim import CsimBackend
from sat_host.engine import EngineDevice
from sat_host.selftest import compare_devices
config = ArrayConfig(*map(int, sys.argv[2:]))
device = EngineDevice(config, CsimBackend(Path(sys.argv[1]), config), ("os",))
checks = compare_devices(device, GoldenDevice(config))
sys.exit([check for check in checks if not check.passed] or 0)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["8x16_g16", "3x64_g8"])
def test_nothing_undefined_happens(name: str) -> None:
    library = library_of(project_of(name), with_flags(FLAGS))
    numbers = [str(number) for number in astuple(ARRAYS[name])]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(library), *numbers],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
