# SPDX-License-Identifier: Apache-2.0
"""Networks that run: their products on a `Device`, everything else here, in NumPy."""

from .base import Run
from .clock import StageClock
from .model import Model

__all__ = ["Model", "Run", "StageClock"]
