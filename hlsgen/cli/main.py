# SPDX-License-Identifier: Apache-2.0
"""The `hlsgen` command: its subcommands, and what an error prints and returns.

Exit status: 0 done; 1 the work failed; 2 bad input or usage; 3 a needed tool is missing; 130
interrupted. An expected error is one line on stderr; a traceback is a bug.
"""

from __future__ import annotations

import contextlib
import difflib
import errno
import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence

import click

from hlsgen import __version__
from hlsgen.errors import HlsgenError, InputError, ToolMissingError

COMMANDS = {
    "build": ("hlsgen.cli.build:build", "Render, compile, self-test and bundle an accelerator."),
    "check": ("hlsgen.cli.check:check", "Validate a spec, without building anything."),
    "doctor": ("hlsgen.cli.doctor:doctor", "Tell what of the toolchain is here."),
    "train": ("hlsgen.cli.train:train", "Train the network of a spec or a bundle."),
}
"""Subcommands: where each one is, loaded when it is called, and its line in the help."""

_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}
_FULL = {errno.ENOSPC, errno.EDQUOT}


class LazyGroup(click.Group):
    """A group that imports a command's module only when the command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(name for name, (target, _) in COMMANDS.items() if _exists(target))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        try:
            command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            package = (error.name or "").partition(".")[0]
            if package == "hlsgen":
                raise
            raise ToolMissingError(
                f"hlsgen {cmd_name}: the Python package {package} is missing: install it"
            ) from error
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        close = difflib.get_close_matches(args[0][:60], self.list_commands(ctx), 1)
        if close and close[0] != args[0]:
            raise click.UsageError(f"No such command {args[0]!r}, did you mean {close[0]}?", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def _exists(target: str) -> bool:
    return importlib.util.find_spec(target.partition(":")[0]) is not None


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="hlsgen %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Turn one YAML spec into an accelerator for N:M-sparse DNN training."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help(), err=True)
        ctx.exit(InputError.exit_code)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line (default: the process's arguments) and return the exit status.

    A command ends early by `ctx.exit(status)`, or by raising a HlsgenError.
    """
    try:
        status = cli.main(
            args=None if argv is None else list(argv), prog_name="hlsgen", standalone_mode=False
        )
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except HlsgenError as error:
        return _fail(str(error), error.exit_code)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "hlsgen"
        text = " ".join(error.format_message().split()).rstrip(".")
        return _fail(f"{command}: {text}: see `{command} --help`", InputError.exit_code)
    except click.ClickException as error:
        return _fail(f"hlsgen: {error.format_message()}", error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted", 130)
    except BrokenPipeError:
        _drop_stdout()
        return 1
    except OSError as error:
        _drop_stdout()
        return _fail(*_os_failure(error))
    except MemoryError:
        return _fail("hlsgen: out of memory: use a smaller array, network or batch", 1)


def _fail(text: str, status: int) -> int:
    # stderr may be closed or full as well; the status still tells.
    with contextlib.suppress(OSError):
        click.echo(text, err=True)
    return status


def _os_failure(error: OSError) -> tuple[str, int]:
    name = error.filename if isinstance(error.filename, str) else "hlsgen"
    text = f"{name}: {error.strerror or error}"
    if error.errno in _FULL:
        return f"{text}: free some space or choose another folder", 1
    if error.errno in _DENIED and error.filename:
        return f"{text}: choose a path that you may write to", InputError.exit_code
    return f"{text}: check the file and the system", 1


def _drop_stdout() -> None:
    """Send what stdout still holds to nowhere, so that the exit does not fail on it again."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
