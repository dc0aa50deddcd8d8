# SPDX-License-Identifier: Apache-2.0
"""`hlsgen deploy`: try a bundle, or an archive of one, on this machine.

The work is `python -m sat_host deploy`, done by the bundle's own copy of sat_host in a process of
its own: that is what will train, and a library that crashes must not end hlsgen.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import click
from sat_host.archive.unpack import default_folder, is_archive, unpack
from sat_host.bundle import load_bundle
from sat_host.deploy.commands import TRAIN_COMMAND
from sat_host.deploy.run import device_name

from ..errors import WorkError
from ..hosterrors import host_errors
from ..toolchain.run import describe_status
from .options import PATH


@click.command("deploy")
@click.argument("bundle_or_archive", type=PATH)
@click.option("--device", metavar="N|csim",
              help="Number or PCI address of a card, or csim; card 0 for an xclbin by default.",
              )  # fmt: skip
@click.option("-o", "--out", type=PATH, metavar="DIR",
              help="Where an archive is unpacked; its name without its ending by default.",
              )  # fmt: skip
@click.option("--no-measure", is_flag=True, help="Check and test only.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as a JSON object.")
@click.pass_context
def command(
    ctx: click.Context,
    bundle_or_archive: Path,
    device: str | None,
    out: Path | None,
    no_measure: bool,
    as_json: bool,
) -> None:
    """Check this machine for BUNDLE_OR_ARCHIVE, test the device bit for bit, and measure it."""
    folder = bundle_or_archive
    with host_errors():
        if device is not None:
            device_name(device)
        if is_archive(folder):
            folder = default_folder(folder) if out is None else out
            done = unpack(bundle_or_archive, folder)
            state = "unpacked to" if done else "was unpacked already to"
            click.echo(f"{bundle_or_archive}: {state} {folder}", err=True)
        elif out is not None:
            raise click.UsageError("-o is for an archive; a bundle folder stays where it is", ctx)
        load_bundle(folder)
    options = ["--device", device] if device is not None else []
    options += ["--no-measure"] if no_measure else []
    options += ["--json"] if as_json else []
    status = run_bundle(folder, "deploy", options)
    if status:
        ctx.exit(status)


def run_bundle(folder: Path, name: str, options: list[str]) -> int:
    """Run a command of the bundle's sat_host on it, its output ours; the exit status. Raises
    WorkError when a signal ended it."""
    place = str(folder.resolve())
    paths = filter(None, (place, os.environ.get("PYTHONPATH")))
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    environ[TRAIN_COMMAND] = f"hlsgen train {shlex.quote(str(folder))}"
    argv = [sys.executable, "-B", "-m", "sat_host", name, place, *options]
    # With --json, a stopped command's answer is hlsgen's own, and its process's is dropped.
    stdout = subprocess.PIPE if "--json" in options else None
    # `-m` looks into the current folder first, where another sat_host may be.
    with subprocess.Popen(argv, env=environ, cwd=place, stdout=stdout, text=True) as process:
        try:
            answer, _ = process.communicate()
        except BaseException:
            process.terminate()  # a terminal's ^C has reached it, another signal has not
            raise
    status = process.returncode
    if status < 0:
        raise WorkError(f"{folder}: deploy {describe_status(status)}: see what it said last")
    if answer:
        click.echo(answer, nl=False)
    return status
