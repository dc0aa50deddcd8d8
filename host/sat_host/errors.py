# SPDX-License-Identifier: Apache-2.0
"""Expected failures of the host package: `str(error)` is one line, `exit_code` the exit status."""

from __future__ import annotations

import errno

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class HostError(Exception):
    """Base of every failure that a command line prints as one line."""

    exit_code = 1


class SettingsError(HostError):
    """The user's settings are wrong: names the field, what came and what was expected.

    field: that of `TrainingConfig` whose value is wrong, if it is one of its.
    """

    exit_code = 2

    def __init__(self, text: str, field: str | None = None) -> None:
        super().__init__(text)
        self.field = field


class MissingPackageError(HostError):
    """An optional package is absent: names it and the command that installs it."""

    exit_code = 3


class TrainingError(HostError):
    """The training run itself failed, as by divergence."""


class DeviceError(HostError, RuntimeError):
    """The device refused or failed; the text is one line for the user."""


class NoCardError(DeviceError):
    """The machine has no such card."""

    exit_code = 3


class ArgumentError(DeviceError):
    """A device was given an argument that it refuses; nothing was done."""

    exit_code = 2


class BundleError(HostError):
    """A bundle that can't be opened: names the file, what is wrong and the mend."""

    exit_code = 2


class CheckpointError(HostError):
    """A checkpoint that must not be used, or a folder of them: names the file and the mend."""

    exit_code = 2


def bundle_disk_error(error: OSError, place: object, other: str) -> HostError:
    """A fault of writing a bundle's folder, in one line; a full disk is not the user's input.
    other: how to choose another place."""
    kind = HostError if error.errno in DISK_FULL else BundleError
    return kind(f"{place}: {disk_fault(error, other)}")


def disk_fault(error: OSError, other: str) -> str:
    """What the disk says, and the mend. other: how to choose another place."""
    mend = other
    if error.errno in DISK_FULL:
        mend = f"make room, or {other}"
    elif error.errno == errno.EFBIG:
        mend = f"raise the limit on the size of files (ulimit -f), or {other}"
    return f"{error.strerror or error}: {mend}"
