# SPDX-License-Identifier: Apache-2.0
"""Accelerators by the name of their array, each compiled and opened once a session."""

from __future__ import annotations

from functools import cache

import pytest
from accelerators import ARRAYS, DeviceFor, library_of, open_library, project_of
from sat_host.engine import EngineDevice


@pytest.fixture(scope="session")
def device_for() -> DeviceFor:
    """device_for(name of one of ARRAYS) -> its accelerator on csim."""

    @cache
    def device(name: str) -> EngineDevice:
        return open_library(library_of(project_of(name)), ARRAYS[name])

    return device
