# SPDX-License-Identifier: Apache-2.0
"""`python -m sat_host`: train a bundle's model, tell what it is, or try it out, without hlsgen."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from . import needs as needs  # first: the others need what it looks for
from .check_device import DEVICES, check_device
from .deploy.commands import ACTIONS, add_commands
from .errors import HostError, SettingsError
from .manifest import BUNDLE_JSON
from .methods import METHODS
from .xrt.shell_settings import start_again_with_settings

# The rest is imported when it is used: this process may be replaced by one with other settings.

OVERRIDES = ("method", "keep", "seed", "epochs", "batch")
"""Options that replace a setting of the bundle; each is named as its field."""


class _UsageError(Exception):
    """The command line is wrong; the text is one line."""


class _Parser(argparse.ArgumentParser):
    """Usage errors in one line."""

    def error(self, message: str) -> NoReturn:
        raise _UsageError(f"{self.prog}: error: {message}")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        print(end="", flush=True)  # help that can't be written fails here, not in the exit
        super().exit(status, message)


def default_bundle() -> Path:
    """The bundle that holds this copy of the package, else the working directory."""
    home = Path(__file__).resolve().parent.parent
    return home if (home / BUNDLE_JSON).is_file() else Path()


def build_parser() -> argparse.ArgumentParser:
    """The command line's grammar."""
    parser = _Parser(prog="python -m sat_host", description=__doc__)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    train = commands.add_parser("train", help="train the bundle's model on its data")
    info = commands.add_parser("info", help="what the bundle was built for")
    for command in (train, info, *add_commands(commands)):
        command.add_argument(
            "bundle", nargs="?", type=Path, metavar="BUNDLE", help="directory; default: this one"
        )
        command.add_argument("--json", action="store_true", help="print one JSON object")
    train.add_argument("--method", choices=METHODS, help="which products are pruned")
    train.add_argument("--keep", type=int, metavar="N", help="weights kept of each group")
    train.add_argument("--seed", type=int, metavar="S", help="of the weights and the order")
    train.add_argument("--epochs", type=int, metavar="E", help="passes over the training set")
    train.add_argument("--batch", type=int, metavar="B", help="samples of a step")
    train.add_argument(
        "--device", type=_device, default="csim", metavar="DEVICE", help=f"{DEVICES}; default: csim"
    )
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
        "--dump", type=Path, metavar="DIR", help="record the device's calls here, for hlsgen diff"
    )
    train.add_argument(
        "--dump-steps", metavar="FIRST:LAST", help="of which all values are kept; default: 0:2"
    )
    train.add_argument(
        "--dump-digests", action="store_true", help="keep a digest of all other calls' results"
    )
    train.add_argument(
        "--dry-run", action="store_true", help="print layers, pruning and work; do nothing"
    )
    train.add_argument("--quiet", action="store_true", help="no progress on stderr")
    return parser


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command and its options. Raises _UsageError; ends the process after --help."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        names = ", ".join(("train", "info", *ACTIONS))
        parser.error(f"no command: expected one of {names}; --help tells about them")
    return options


def _device(text: str) -> str:
    try:
        return check_device(text)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("device: ")) from None


def _train(bundle: Path, options: argparse.Namespace) -> str:
    from .bundle import load_bundle
    from .dry_run import describe_dry_run, dry_run
    from .metrics import to_json
    from .recording.dump import dump_options
    from .session import describe_final, train_bundle

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
        dump=dump_options(options.dump, options.dump_steps, options.dump_digests),
        **overrides,
    )
    return to_json(final) if options.json else describe_final(final)


def _info(bundle: Path, options: argparse.Namespace) -> str:
    from .bundle import load_bundle

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
    """Run one command; returns the exit status (0, 1 failed, 2 bad input, 3 missing, 130 ^C).

    arguments: None for those of the process, which then starts again where a card needs settings
    that it lacks. An expected error is one line on stderr; with --json among the arguments, stdout
    gets it as well, as {"ok": false, "errors": [{"message": ...}]}.
    """
    _open_closed_streams()
    given = list(sys.argv[1:] if arguments is None else arguments)

    def failed(text: str, status: int, by: str = "sat_host: ") -> int:
        return _failed(text, status, by, as_json="--json" in given)

    try:
        with _ended_like_ctrl_c():
            options = parse(given)
            bundle = default_bundle() if options.bundle is None else options.bundle
            if arguments is None and not getattr(options, "dry_run", False):
                start_again_with_settings(bundle, getattr(options, "device", "csim"))
            if options.command in ACTIONS:
                return ACTIONS[options.command](bundle, options)
            act = _train if options.command == "train" else _info
            print(act(bundle, options), flush=True)
    except KeyboardInterrupt:
        return failed("interrupted", 130)
    except _UsageError as error:
        return failed(str(error), 2, by="")
    except HostError as error:
        field = error.field if isinstance(error, SettingsError) else None
        named = field is not None and getattr(options, field, None) is not None
        return failed(f"--{field}: {error}" if named else str(error), error.exit_code)
    except MemoryError:
        return failed("out of memory: use a smaller network or batch", 1)
    except OSError as error:
        _drop_stdout()
        if isinstance(error, BrokenPipeError):  # the reader left
            return 1
        return failed(f"{error.filename or 'output'}: {error.strerror or error}", 1)
    return 0


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """Let a polite end from outside (SIGTERM, SIGHUP) see a kernel's run to its end and clean up,
    as Ctrl-C does. A signal that is ignored (nohup) or that a caller handles is left alone."""
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _open_closed_streams() -> None:
    """Send what goes to a stream that was closed at the start, None in Python, to nowhere."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115


def _failed(text: str, status: int, by: str, *, as_json: bool) -> int:
    """Tell an error; returns the status, which tells even when a stream is closed or full."""
    with suppress(OSError):
        print(f"{by}{text}", file=sys.stderr, flush=True)
    if as_json:
        try:
            print(json.dumps({"ok": False, "errors": [{"message": text}]}, indent=2), flush=True)
        except OSError:
            _drop_stdout()
    return status


def _drop_stdout() -> None:
    """Keep the interpreter from complaining when it flushes at exit what can't be written."""
    with suppress(OSError, AttributeError):  # stdout may be closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
