# SPDX-License-Identifier: Apache-2.0
"""How the templates are filled in, of sources and of what the vendor's tools are given."""

from __future__ import annotations

from pathlib import Path

import jinja2


def template_environment(folder: Path) -> jinja2.Environment:
    """The templates of a folder. A name that one lacks is an error."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # the output is C++, Tcl or cfg
    )
