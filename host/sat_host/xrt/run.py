# SPDX-License-Identifier: Apache-2.0
"""Kernel runs on a card: cut into launches short enough to watch, each waited for with a limit.

A launch that makes no end is found by a watchdog: it may take FACTOR times what its cycles take,
and SLACK seconds more. Lists are cut into launches so that the ends of launches are the progress
that is watched; commands run one after the other, so where a list is cut does not matter.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..config import ArrayConfig
from ..descriptor import STCE
from ..errors import DeviceError, SettingsError
from ..kernels import Argument, Kernel
from ..program import Commands

LIMIT = "SAT_LAUNCH_SECONDS"
"""An environment variable, for a card or an emulator that is slower than all that is assumed."""
SLICE_MS = 100
"""XRT waits without letting Python run, so that ^C would not arrive: it waits for this long."""
GRACE_SECONDS = 5.0
"""After ^C, what a launch may still take to end, so that the card stays usable."""


@dataclass(frozen=True)
class Pace:
    """How fast a target is, and what of it is allowed: cycles a second, cycles of a launch, and
    the limit of a launch, slack + factor x its cycles' time, in seconds."""

    cycles_a_second: float
    launch_cycles: float
    slack: float
    factor: float

    def limit(self, cycles: float) -> float:
        """Seconds that a launch of so many cycles may take."""
        return self.slack + self.factor * cycles / self.cycles_a_second


def pace_of(target: str, clock_mhz: float) -> Pace:
    """Of a card at its clock, or of the emulator, which is assumed to reach 100 cycles a second."""
    if target == "hw":
        rate = clock_mhz * 1e6
        return Pace(rate, launch_cycles=rate, slack=20.0, factor=50.0)
    return Pace(100.0, launch_cycles=2_000, slack=1800.0, factor=20.0)


def allowed_seconds() -> float | None:
    """What LIMIT says that each launch may take, if it says so. Raises SettingsError."""
    text = os.environ.get(LIMIT, "")
    try:
        seconds = float(text) if text else None
    except ValueError:
        seconds = 0.0
    if seconds is not None and not 0 < seconds < 1e9:
        raise SettingsError(f"{LIMIT}: expected seconds, more than 0, got {text!r}")
    return seconds


def launches(
    commands: Commands, cycles: int, pace: Pace, config: ArrayConfig
) -> Iterator[tuple[Commands, float]]:
    """The parts of a list, each with its cycles. cycles: of the list as modelled; 0: not known,
    and the array's own work, which is the least, counts."""
    each = least_cycles(commands, config)
    if cycles:
        each *= cycles / each.sum()
    part = np.floor(np.cumsum(each) / pace.launch_cycles).astype(np.int64)
    for places in np.split(np.arange(len(commands)), np.flatnonzero(np.diff(part)) + 1):
        yield commands[places[0] : places[-1] + 1], float(each[places].sum())


def least_cycles(commands: Commands, config: ArrayConfig) -> Any:
    """Cycles in which the array, or for updates the ports, could do each command; float64 [n]."""
    rows = commands["rows"].astype(np.float64)
    columns = np.ceil(commands["columns"].astype(np.float64) / config.lanes)
    if commands.dtype != STCE.dtype:
        return 1.0 + 2 * rows * columns
    terms = commands["reduction"].astype(np.float64) * commands["keep"] / config.group
    taps = commands["taps_y"].astype(np.float64) * commands["taps_x"]
    transposed = commands["flags"] & STCE.flag("transpose_a") != 0
    taps[transposed] = 1.0
    return 1.0 + np.ceil(rows / config.rows) * columns * terms * taps


def start(pyxrt: Any, kernel: Any, signature: Kernel, count: int, buffers: dict[str, Any]) -> Any:
    """A run with every argument set by its position, and started.

    Never by calling the kernel, which starts it even with an argument that it could not set.
    buffers: by the name of an argument, and "" for all the others. Raises as pyxrt does.
    """
    run = pyxrt.run(kernel)
    for position, argument in enumerate(signature.arguments):
        run.set_arg(position, _value(argument, count, buffers))
    run.start()
    return run


def _value(argument: Argument, count: int, buffers: dict[str, Any]) -> Any:
    if argument.is_pointer:
        return buffers.get(argument.name, buffers[""])
    return as_int32(count)


def as_int32(value: int) -> int:
    """An unsigned 32-bit number as the int32 that pyxrt takes: it has no other scalars. Raises
    ValueError for what has no 32 bits."""
    if not 0 <= value < 1 << 32:
        raise ValueError(f"{value} has no 32 bits")
    return int(value) - (1 << 32 if value >= 1 << 31 else 0)


def wait(pyxrt: Any, run: Any, limit: float, what: str, mend: str) -> bool:
    """Return when a run is complete; whether ^C came in the meantime, which the caller passes on.

    limit: seconds. Raises DeviceError, one line, for any other end, when the limit is over, and for
    a run that ^C does not see the end of: its buffers can't be used any more.
    """
    ended = time.monotonic() + limit
    try:
        while not _is_complete(pyxrt, run, what, mend):
            if time.monotonic() > ended:
                raise DeviceError(
                    f"{what}: not done after {limit:.0f} s, so it is taken to hang: {mend}; "
                    f"{LIMIT}=N allows N seconds"
                )
    except KeyboardInterrupt:
        _settle(pyxrt, run, what, mend)
        return True
    return False


def _is_complete(pyxrt: Any, run: Any, what: str, mend: str) -> bool:
    """Wait for a moment: True when the run is complete, False while it runs."""
    states = pyxrt.ert_cmd_state
    state = run.wait(SLICE_MS)
    if state == states.ERT_CMD_STATE_TIMEOUT:  # of this wait, or of the command itself
        state = run.state()
    if state == states.ERT_CMD_STATE_COMPLETED:
        return True
    bad = {
        "ERROR": states.ERT_CMD_STATE_ERROR,
        "ABORT": states.ERT_CMD_STATE_ABORT,
        "TIMEOUT": states.ERT_CMD_STATE_TIMEOUT,
        "NORESPONSE": states.ERT_CMD_STATE_NORESPONSE,
        "SKERROR": states.ERT_CMD_STATE_SKERROR,
        "SKCRASHED": states.ERT_CMD_STATE_SKCRASHED,
    }
    for name, value in bad.items():
        if state == value:
            raise DeviceError(f"{what}: ended in state {name}: {mend}")
    return False  # new, queued, submitted, or running, which has no name in Python


def _settle(pyxrt: Any, run: Any, what: str, mend: str) -> None:
    """After ^C: let the launch end. Raises DeviceError when it does not."""
    ended = time.monotonic() + GRACE_SECONDS
    with suppress(KeyboardInterrupt):  # a second one stops the waiting
        while time.monotonic() < ended:
            if _is_complete(pyxrt, run, what, mend):
                return
    raise DeviceError(f"{what}: interrupted, and still running: {mend}")
