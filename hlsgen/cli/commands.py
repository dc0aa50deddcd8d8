# SPDX-License-Identifier: Apache-2.0
"""The group of `hlsgen`'s subcommands, each of which is imported when it is called."""

from __future__ import annotations

import difflib
import importlib
import sys
from typing import Any

import click

from .. import __version__
from ..errors import InputError, ToolMissingError
from .main import COMMANDS


class LazyGroup(click.Group):
    """A group that imports a command's module only when the command runs."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            if sys.stderr.isatty():  # click ends the line that has the terminal's ^C
                raise
            raise click.Abort from error

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
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
