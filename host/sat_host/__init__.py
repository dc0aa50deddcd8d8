# SPDX-License-Identifier: Apache-2.0
"""Host harness of hlsgen's accelerators: open a bundle, compute on it, train with it.

from sat_host import open_device
device = open_device("build/digits")
y = device.matmul(a, b, keep=2)
"""

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
