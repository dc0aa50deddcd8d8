# SPDX-License-Identifier: Apache-2.0
"""Constant costs of the kernels' processes, in cycles, from the pipelines that the sources state.

What a process writes to a stream another one reads a cycle later. A loop over memory waits for its
first word and, at its end, for its last one: a process has such a loop for each command.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sat_host.config import ArrayConfig

from ..pipeline import PIPELINE

Counts = npt.NDArray[np.int64]

PORT = PIPELINE.port_latency
"""From a port's request to its data, or to the response of a write."""

HOP = PIPELINE.stages + 1
"""From a process's turn that reads a token to the turn of the next one that has what it made."""

READER = PORT + HOP + PIPELINE.loop_control
"""From a command, or a kernel's start, to the turn of another process that has the first word."""

BETWEEN = PORT + PIPELINE.stages + PIPELINE.loop_control + 3
"""Of a process that reads memory, between the words of two commands: its loop ends when the last
word is there, and it takes a command, hands it on and enters the loop."""

FETCH = READER + 2 * HOP
"""From command to command of a list: one is read when the tiles of the one before were sent."""

STORED = 2 * PORT + HOP + PIPELINE.loop_control
"""From the last sum to the end: it is stored, then the number of results that are not finite."""

ACTIVATIONS = 2 * READER + 2 * HOP + 1
"""Until the first row has its first activations, beside the words that must be there before: they
are read, held and arranged."""


def row_lag(config: ArrayConfig) -> int:
    """By which a row unit that takes sums from the one above is behind it: from the stage that
    takes one to that which sends it, and through the stream."""
    return PIPELINE.unit_stages(config.adder_latency) - PIPELINE.operand_stages + 1


def through_rows(config: ArrayConfig) -> int:
    """From the first row's first turn to the last row's last sum, beside their counts."""
    last = PIPELINE.unit_stages(config.adder_latency) + PIPELINE.loop_control
    return (config.rows - 1) * row_lag(config) + last


def planned(commands: Counts, tiles: Counts) -> Counts:
    """Until the first row has its first plan, which waits for the list's second tile; a command's
    tiles are sent when the next one is read. commands: of the list, of so many tiles each."""
    ahead = np.minimum(commands, np.where(tiles > 1, 2, 3)) - 1
    return np.asarray(READER + ahead * FETCH + 2 * HOP, np.int64)


def packets(commands: Counts) -> Counts:
    """Until the first row has its first packet, beside the first panel's way through the buffer."""
    return np.asarray((np.minimum(commands, 2) + 1) * READER + 2 * HOP, np.int64)
