# SPDX-License-Identifier: Apache-2.0
"""Fill in the templates of what the vendor's tools are given."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

import jinja2

from ..paths import templates_dir
from ..templates import template_environment


def fill(name: str, context: Mapping[str, object]) -> str:
    """The text of a template, e.g. "vitis/link.cfg.j2". A name it lacks is an error."""
    return _environment(templates_dir()).get_template(name).render(context)


@functools.cache
def _environment(folder: Path) -> jinja2.Environment:
    return template_environment(folder)
