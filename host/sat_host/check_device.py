# SPDX-License-Identifier: Apache-2.0
"""The names of devices, as `sat_host.open_device` and `--device` take them. Needs no NumPy."""

from __future__ import annotations

import re

from .errors import SettingsError

DEVICES = "csim, golden or xrt:N, N the number or PCI address of a card"

_NAME = re.compile(r"csim|golden|xrt:[0-9a-fA-F:.]+")


def check_device(name: str) -> str:
    """A device's name, as it is. Raises SettingsError."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise SettingsError(f"device: expected {DEVICES}, got {name!r}")
    return name
