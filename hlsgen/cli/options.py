# SPDX-License-Identifier: Apache-2.0
"""Types of options and arguments that several commands take."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
from sat_host.check_device import check_device
from sat_host.errors import SettingsError


class PathType(click.Path):
    """A path that is not empty; whether it can be read or written, its use will tell."""

    def __init__(self) -> None:
        super().__init__(readable=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not os.fspath(value):
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


class DeviceType(click.types.StringParamType):
    """A device's name, as `sat_host.open_device` takes it."""

    name = "device"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            return check_device(value)
        except SettingsError as error:
            self.fail(str(error).removeprefix("device: "), param, ctx)


PATH = PathType()
DEVICE = DeviceType()
