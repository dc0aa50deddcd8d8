# SPDX-License-Identifier: Apache-2.0
"""Errors a user can mend: the command line prints their text and exits with `exit_code`."""

from __future__ import annotations


class HlsgenError(Exception):
    """Base of all expected failures; `str(error)` is one line for each fault."""

    exit_code = 1

    def details(self) -> list[dict[str, object]]:
        """The faults one by one, for programs; each has a "message"."""
        return [{"message": str(self)}]


class WorkError(HlsgenError):
    """The work itself failed: a compile, a self-test, a training run."""

    exit_code = 1


class Cancelled(WorkError):
    """Work was stopped because other work failed or the user interrupted it."""


class InputError(HlsgenError):
    """The user's input or usage is wrong: names the file, the field and the mend."""

    exit_code = 2


class ToolMissingError(HlsgenError):
    """A needed external tool is absent or too old: names the tool and the package.

    mend: the end of the text, where it is told apart from the fault.
    """

    exit_code = 3

    def __init__(self, fault: str, *, mend: str = "") -> None:
        super().__init__(f"{fault}: {mend}" if mend else fault)
        self.fault = fault
        self.mend = mend
