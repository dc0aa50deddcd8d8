# SPDX-License-Identifier: Apache-2.0
"""Host harness of hlsgen's accelerators: open a bundle, compute on it, train with it.

from sat_host import open_device
device = open_device("build/digits")
y = device.matmul(a, b, keep=2)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .bundle import Bundle, load_bundle, open_device
    from .config import ArrayConfig
    from .device import Device
    from .errors import ArgumentError, BundleError, DeviceError, HostError
    from .golden_device import GoldenDevice

__all__ = [
    "ArgumentError",
    "ArrayConfig",
    "Bundle",
    "BundleError",
    "Device",
    "DeviceError",
    "GoldenDevice",
    "HostError",
    "load_bundle",
    "open_device",
]


def __getattr__(name: str) -> object:
    """The names above, loaded when asked for: `sat_host.models` and others need no NumPy."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import bundle, config, device, errors, golden_device

    for module in (bundle, config, device, errors, golden_device):
        if name in vars(module):
            return getattr(module, name)
    raise AssertionError(f"{name} is in no module")
