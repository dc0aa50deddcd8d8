# SPDX-License-Identifier: Apache-2.0
"""A look at the kernels' sources before the vendor's tools spend hours on them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..errors import WorkError
from ..faults import shown
from ..lint.check import Report, lint


def check_sources(bundle: Path, environ: Mapping[str, str]) -> Report:
    """What hlsgen.lint checked of a bundle, without a finding.

    Raises WorkError with the first one, ToolMissingError without the parser.
    """
    report = lint(bundle, environ)
    if report.findings:
        first, count = report.findings[0], len(report.findings)
        raise WorkError(
            f"lint: {first.file}:{first.line}: {first.rule}: {shown(first.message, 300)}: "
            f"{first.mend} (the first of {count}: `hlsgen lint {bundle}` shows all; no vendor's "
            "tool was run)"
        )
    return report
