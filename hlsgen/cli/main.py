# SPDX-License-Identifier: Apache-2.0
"""The `hlsgen` command: its subcommands, and what an error prints and returns.

Exit status: 0 done; 1 the work failed; 2 bad input or usage; 3 a needed tool is missing; 130
interrupted. An expected error is one line on stderr; a traceback is a bug. With --json among the
arguments, stdout gets the errors as well, as {"ok": false, "errors": [{"message": ...}]}.
"""

from __future__ import annotations

# Little is imported here: until `main` runs, Ctrl-C would end in a traceback.
import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence

from ..errors import HlsgenError, InputError

COMMANDS = {
    "build": ("hlsgen.cli.build:build", "Render, compile, self-test and bundle an accelerator."),
    "cards": ("hlsgen.cli.cards:command", "List the cards that a spec may name."),
    "check": ("hlsgen.cli.check:check", "Validate a spec, without building anything."),
    "compare": (
        "hlsgen.cli.compare:command",
        "Train a spec with several methods and seeds, and set them side by side.",
    ),
    "deploy": (
        "hlsgen.cli.deploy:command",
        "Check this machine, test a bundle's device and measure it.",
    ),
    "diff": (
        "hlsgen.cli.diff:command",
        "Find the first bit in which two runs or two back ends differ.",
    ),
    "doctor": ("hlsgen.cli.doctor:doctor", "Tell what of the toolchain is here."),
    "estimate": (
        "hlsgen.cli.estimate:command",
        "Estimate what an accelerator takes of its card.",
    ),
    "lint": ("hlsgen.cli.lint:command", "Check a build's HLS C++ without any vendor tool."),
    "package": ("hlsgen.cli.package:command", "Pack a bundle into one archive."),
    "report": (
        "hlsgen.cli.report:command",
        "Show a bundle in one page: its array, cycles, resources and runs.",
    ),
    "schedule": (
        "hlsgen.cli.schedule:command",
        "Model the cycles of a training step, product by product.",
    ),
    "sweep": (
        "hlsgen.cli.sweep:command",
        "Model every combination of some keys of a spec, and find the best.",
    ),
    "time": (
        "hlsgen.cli.time:command",
        "Simulate the cycles of the kernel sources: stalls, FIFOs, deadlocks.",
    ),
    "train": ("hlsgen.cli.train:train", "Train the network of a spec or a bundle."),
}
"""Subcommands: where each one is, loaded when it is called, and its line in the help."""

OWN_PROCESS = object()
"""The click context's `obj` of a command line that is all that its process does."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line (default: the process's arguments) and return the exit status.

    A command ends early by `ctx.exit(status)`, or by raising a HlsgenError.
    """
    _open_closed_streams()
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        with _ended_like_ctrl_c():
            return _run(arguments, OWN_PROCESS if argv is None else None)
    except KeyboardInterrupt:
        return _fail("interrupted", 130, arguments)


def _run(arguments: list[str], caller: object) -> int:
    import click

    from .commands import cli

    try:
        status = cli.main(
            args=list(arguments), prog_name="hlsgen", standalone_mode=False, obj=caller
        )
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except HlsgenError as error:
        return _fail(str(error), error.exit_code, arguments, error.details())
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "hlsgen"
        text = " ".join(error.format_message().split()).rstrip(".")
        text = f"{command}: {text}: see `{command} --help`"
        return _fail(text, InputError.exit_code, arguments)
    except click.ClickException as error:
        return _fail(f"hlsgen: {error.format_message()}", error.exit_code, arguments)
    except click.Abort:
        return _fail("interrupted", 130, arguments)
    except BrokenPipeError:
        _drop_stdout()
        return 1
    except OSError as error:
        from pathlib import Path

        from ..disk import explain

        _drop_stdout()
        place = Path(error.filename) if isinstance(error.filename, str) else None
        failure = explain(error, place, "choose another path")
        return _fail(str(failure), failure.exit_code, arguments)
    except MemoryError:
        text = "hlsgen: out of memory: use a smaller array, network or batch"
        return _fail(text, 1, arguments)


def _fail(
    text: str, status: int, arguments: list[str], details: list[dict[str, object]] | None = None
) -> int:
    """Tell an error on stderr and, where --json is asked for, on stdout; return `status`."""
    # stderr may be closed or full as well; the status still tells.
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)
    if "--json" in arguments:
        import json

        errors = details or [{"message": text}]
        try:
            print(json.dumps({"ok": False, "errors": errors}, indent=2), flush=True)
        except OSError:
            _drop_stdout()
    return status


def _open_closed_streams() -> None:
    """Stand in for a stdout or stderr that was closed (`>&-`), which Python leaves as None."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


@contextlib.contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """Let a polite end from outside (SIGTERM, SIGHUP) clean up as Ctrl-C does.

    A signal that is ignored (nohup) or that a caller handles is left alone.
    """
    numbers = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _drop_stdout() -> None:
    """Send what stdout still holds to nowhere, so that the exit does not fail on it again."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
