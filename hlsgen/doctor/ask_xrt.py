# SPDX-License-Identifier: Apache-2.0
"""The cards that XRT lists, asked of pyxrt in a process of its own: a module that crashes or hangs
ends there, and XRT reads the environment at its first use."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from sat_host.errors import MissingPackageError
from sat_host.xrt.environment import MODE, CardSeen, cards, import_pyxrt

from ..errors import HlsgenError
from ..toolchain.run import run

_SECONDS = 30.0
_MARK = "cards: "  # before the answer: XRT may print lines of its own


@dataclass(frozen=True)
class Answer:
    """fault: why pyxrt did not answer, else empty."""

    cards: tuple[CardSeen, ...] = ()
    fault: str = ""


def ask(environ: Mapping[str, str], seconds: float = _SECONDS) -> Answer:
    """What the pyxrt that this process could import lists, the emulator's cards left out."""
    argv = [sys.executable, "-B", "-c", f"from {__name__} import main; main()"]
    path = os.pathsep.join(filter(None, sys.path))
    real = {name: value for name, value in environ.items() if name != MODE}
    try:
        lines = run(argv, env={**real, "PYTHONPATH": path}, timeout=seconds).stdout.splitlines()
        text = next(line.removeprefix(_MARK) for line in lines if line.startswith(_MARK))
        answer = json.loads(text)
        return Answer(tuple(CardSeen(**card) for card in answer["cards"]), answer["fault"])
    except HlsgenError as error:
        return Answer(fault=str(error).replace(sys.executable, "pyxrt", 1))
    except StopIteration:  # the module ended the process
        return Answer(fault="pyxrt ended without an answer")


def main() -> None:
    """Print the answer as one line."""
    try:
        answer = Answer(tuple(cards(import_pyxrt())))
    except MissingPackageError as error:
        answer = Answer(fault=str(error))
    print(f"\n{_MARK}{json.dumps(asdict(answer))}", flush=True)


if __name__ == "__main__":
    main()
