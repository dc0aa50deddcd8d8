# SPDX-License-Identifier: Apache-2.0
"""What of the toolchain is on this machine, what each missing part stops, and how to get it."""

from __future__ import annotations

from collections.abc import Mapping

from . import card, csim
from .finding import Finding

__all__ = ["Finding", "can_build_csim", "examine"]


def examine(environ: Mapping[str, str]) -> list[Finding]:
    """Look at this machine. Starts nothing but `--version`, `lspci`, in a shell of its own the
    settings scripts of Vitis, and in a process of its own pyxrt; writes nothing."""
    return [*csim.examine(environ), *card.examine(environ, csim.ram_bytes())]


def can_build_csim(findings: list[Finding]) -> bool:
    """Whether everything that csim needs is here."""
    return all(finding.found for finding in findings if finding.required)
