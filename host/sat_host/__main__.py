# SPDX-License-Identifier: Apache-2.0
"""`python -m sat_host`: train a bundle's model, or say what the bundle is, without hlsgen."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from .bundle import MANIFEST, load_bundle
from .dry_run import describe_dry_run, dry_run
from .errors import HostError, SettingsError
from .metrics import to_json
from .session import DEVICES, describe_final, train_bundle
from .settings import METHODS

OVERRIDES = ("method", "keep", "seed", "epochs", "batch")
"""Options that replace a setting of the bundle; each is named as its field."""


class _Parser(argparse.ArgumentParser):
    """Usage errors in one line, exit status 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        print(end="", flush=True)  # help that can't be written fails here, not in the exit
        super().exit(status, message)


def default_bundle() -> Path:
    """The bundle that holds this copy of the package, else the working directory."""
    home = Path(__file__).resolve().parent.parent
    return home if (home / MANIFEST).is_file() else Path()


def build_parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    parser = _Parser(prog="python -m sat_host", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    train = commands.add_parser("train", help="train the bundle's model on its data")
    info = commands.add_parser("info", help="what the bundle was built for")
    for command in (train, info):
        command.add_argument(
            "bundle", nargs="?", type=Path, metavar="BUNDLE", help="directory; default: this one"
        )
        command.add_argument("--json", action="store_true", help="print one JSON object")
    train.add_argument("--method", choices=METHODS, help="which products are pruned")
    train.add_argument("--keep", type=int, metavar="N", help="weights kept of each group")
    train.add_argument("--seed", type=int, metavar="S", help="of the weights and the order")
    train.add_argument("--epochs", type=int, metavar="E", help="passes over the training set")
    train.add_argument("--batch", type=int, metavar="B", help="samples of a step")
    train.add_argument("--device", choices=tuple(DEVICES), default="csim", help="default: csim")
    train.add_argument(
        "--metrics",
        type=Path,
        metavar="FILE",
        help="write JSON lines to FILE; until the run is complete, to FILE.<process>.partial",
    )
    train.add_argument(
        "--checkpoints", type=Path, metavar="DIR", help="keep the last two here; default: none"
    )
    train.add_argument(
        "--resume", action="store_true", help="go on from the newest checkpoint, if there is one"
    )
    train.add_argument(
        "--dry-run", action="store_true", help="print layers, pruning and work; do nothing"
    )
    train.add_argument("--quiet", action="store_true", help="no progress on stderr")
    return parser


def _train(bundle: Path, options: argparse.Namespace) -> str:
    overrides = {name: getattr(options, name) for name in OVERRIDES}
    if options.dry_run:
        report = dry_run(load_bundle(bundle).settings, **overrides)
        return json.dumps(report) if options.json else "\n".join(describe_dry_run(report))
    final = train_bundle(
        bundle,
        device=options.device,
        metrics=options.metrics,
        quiet=options.quiet,
        checkpoints=options.checkpoints,
        resume=options.resume,
        **overrides,
    )
    return to_json(final) if options.json else describe_final(final)


def _info(bundle: Path, options: argparse.Namespace) -> str:
    settings = load_bundle(bundle).settings
    if options.json:
        return json.dumps(settings, sort_keys=True)
    lines = []
    for key, value in settings.items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {_text(item)}" for name, item in value.items())
        elif isinstance(value, list):
            value = ", ".join(map(_text, value))
        lines.append(f"{key:12} {value}")
    return "\n".join(lines)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status (0, 1 failed, 2 bad input, 3 missing, 130 ^C)."""
    _open_closed_streams()
    try:
        options = build_parser().parse_args(arguments)
        bundle = default_bundle() if options.bundle is None else options.bundle
        act = _train if options.command == "train" else _info
        print(act(bundle, options), flush=True)
    except KeyboardInterrupt:
        return _failed("interrupted", 130)
    except HostError as error:
        field = error.field if isinstance(error, SettingsError) else None
        given = field is not None and getattr(options, field, None) is not None
        return _failed(f"--{field}: {error}" if given else str(error), error.exit_code)
    except MemoryError:
        return _failed("out of memory: use a smaller network or batch", 1)
    except OSError as error:
        # Keep the interpreter from complaining when it flushes at exit what can't be written.
        with suppress(OSError, AttributeError):  # stdout may be closed
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader left
            return 1
        return _failed(f"{error.filename or 'output'}: {error.strerror or error}", 1)
    return 0


def _open_closed_streams() -> None:
    """Send what goes to a stream that was closed at the start, None in Python, to nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115


def _failed(text: str, status: int) -> int:
    with suppress(OSError):  # the status tells, even when stderr is closed or full
        print(f"sat_host: {text}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
