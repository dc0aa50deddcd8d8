# SPDX-License-Identifier: Apache-2.0
"""The text of a spec file, or of one that a spec names; or why it has none, in one line."""

from __future__ import annotations

import shlex
from pathlib import Path

from .faults import Fault, SpecError, shown

MAX_BYTES = 1 << 20
_GZIP = b"\x1f\x8b"  # how a compressed archive begins, and no UTF-8


def read_spec(path: Path, what: str = "spec file") -> bytes:
    """The content of the file at `path`. Raises SpecError when it is none.

    what: the kind of file that it should be, for the user.
    """
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise _unread(path, "no such file", "check the path") from None
    except IsADirectoryError:
        raise _unread(path, "is a folder", f"name the {what} in it") from None
    except PermissionError:
        raise _unread(path, "may not be read", "change its permissions") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise _unread(path, f"can't be read, {reason}", "check the path") from None
    if data.startswith(_GZIP) and what == "spec file":
        name = shlex.quote(str(path))
        mend = f"unpack a packaged bundle by `hlsgen deploy {name}`, and train its folder"
        raise _unread(path, "is an archive, no spec", mend)
    if len(data) > MAX_BYTES:
        raise _unread(
            path, "is larger than 1 MiB", f"give a {what.removesuffix(' file')}, a short YAML file"
        )
    return data


def decode(data: bytes, file: str) -> str:
    """The text of a file; `file` names it in the fault. Raises SpecError for what is no UTF-8."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
        what = f"the byte 0x{data[error.start]:02x} is not UTF-8"
        fault = Fault(file, line, column, "", what, "give a text file saved as UTF-8")
        raise SpecError([fault]) from None


def _unread(path: Path, what: str, mend: str) -> SpecError:
    return SpecError([Fault(str(path), None, None, "", shown(what, 200), mend)])
