# SPDX-License-Identifier: Apache-2.0
"""`python -m hlsgen.compare.worker BUNDLE SPEC CHECKPOINTS OVERRIDES`: one training run in a
process of its own, which goes on from its checkpoints, if there are any (safetensors writes them).
SPEC is only named in messages.

Stdout gets the run's records as JSON lines, and, when the run fails, a last one of kind "error"
with "text" and "exit_code". The process ends with its stdin: a parent that dies takes it along.
"""

from __future__ import annotations

import importlib.util
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from sat_host.errors import HostError
from sat_host.session import train_bundle


def main(arguments: list[str]) -> int:
    """Train as told; returns the exit status."""
    threading.Thread(target=_end_with_stdin, daemon=True).start()
    # What anything prints must not come between the records.
    records = os.dup(1)
    os.dup2(2, 1)
    overrides: dict[str, Any] = json.loads(arguments[3])
    keeps = importlib.util.find_spec("safetensors") is not None
    try:
        train_bundle(
            Path(arguments[0]),
            metrics=Path(f"/dev/fd/{records}"),
            quiet=True,
            checkpoints=Path(arguments[2]) if keeps else None,
            resume=keeps,
            source=arguments[1],
            **overrides,
        )
    except HostError as error:
        return _fail(records, str(error), error.exit_code)
    except MemoryError:
        return _fail(records, "out of memory: use fewer --jobs, or a smaller --batch", 1)
    return 0


def _fail(records: int, text: str, status: int) -> int:
    line = json.dumps({"kind": "error", "text": text, "exit_code": status})
    os.write(records, f"{line}\n".encode())
    return status


def _end_with_stdin() -> None:
    while os.read(0, 4096):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
