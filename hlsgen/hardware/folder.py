# SPDX-License-Identifier: Apache-2.0
"""Where the vendor's tools may work."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import InputError
from ..faults import shown

_MEANT_OTHERWISE = re.compile(r"""[\s"'`$\[\]{}()<>;:#%*?\\|&!=~^]""")
"""Characters that end or change a path in Tcl, in make or in the shell, each of which the tools
write paths into without quotes."""


def check_folder(work: Path) -> None:
    """Raise InputError for a folder whose path the tools would misread, half an hour later."""
    found = _MEANT_OTHERWISE.search(str(work))
    if found is not None:
        named = "a space" if found[0] == " " else repr(found[0])
        raise InputError(
            f"{shown(str(work), 4096)}: the vendor's tools fail in a folder with {named} in its "
            "path: choose another folder with -o"
        )
