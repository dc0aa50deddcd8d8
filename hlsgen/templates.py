# SPDX-License-Identifier: Apache-2.0
"""How the templates are filled in, of sources and of what the vendor's tools are given."""

from __future__ import annotations

from pathlib import Path

import jinja2


def template_environment(folder: Path, *, escape: bool = False) -> jinja2.Environment:
    """The templates of a folder. A name that one lacks is an error. escape: what is filled in is
    text in HTML; not so in C++, Tcl or cfg."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=escape,
    )
