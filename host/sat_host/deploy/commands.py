# SPDX-License-Identifier: Apache-2.0
"""The subcommands of `python -m sat_host` for the machine that a bundle came to: deploy, selftest
and compile."""

from __future__ import annotations

import argparse
import json
import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

TRAIN_COMMAND = "SAT_TRAIN_COMMAND"
"""An environment variable, by which a program that runs `deploy` for its user tells how the user
trains with it."""


def add_commands(commands: Any) -> list[argparse.ArgumentParser]:
    """Add the parsers to `commands`; each takes a bundle and --json, which the caller adds."""
    deploy = commands.add_parser("deploy", help="check this machine, test the device, measure it")
    selftest = commands.add_parser("selftest", help="compare the device with the golden model")
    compiling = commands.add_parser("compile", help="make the csim library for this machine")
    for command in (deploy, selftest):
        command.add_argument(
            "--device",
            metavar="N|csim",
            help="number or PCI address of a card, or csim; default: card 0 for an xclbin",
        )
    deploy.add_argument("--no-measure", action="store_true", help="check and test only")
    return [deploy, selftest, compiling]


def run_deploy(bundle: Path, options: argparse.Namespace) -> int:
    from .run import deploy, report_json

    def tell(line: str) -> None:
        if not options.json:
            print(line, flush=True)

    report = deploy(bundle, options.device, measure=not options.no_measure, tell=tell)
    if options.json:
        print(json.dumps(report_json(report), indent=2), flush=True)
    elif report.status == 0:
        print(
            f"ready: {train_command(report.bundle, os.environ)} --device {report.device}",
            flush=True,
        )
    return report.status


def train_command(bundle: Path, environ: Mapping[str, str]) -> str:
    """What trains a bundle from the folder where `deploy` was called. bundle: absolute."""
    if TRAIN_COMMAND in environ:
        return environ[TRAIN_COMMAND]
    command = "python3 -m sat_host train"
    return command if bundle == Path.cwd() else f"cd {shlex.quote(str(bundle))} && {command}"


def run_selftest(bundle: Path, options: argparse.Namespace) -> int:
    from ..bundle import load_bundle, open_device
    from ..selftest import Check
    from ..selftest import run_selftest as run
    from .run import device_name

    def tell(check: Check) -> None:
        if not options.json:
            mark = "ok" if check.passed else "--"
            print(f"{mark}  {check.name}: {check.detail}", flush=True)

    opened = load_bundle(bundle)
    default = "csim" if opened.xclbin is None else "xrt:0"
    name = device_name(options.device or default)
    checks = run(open_device(opened, name), on_check=tell)
    failed = sum(not check.passed for check in checks)
    if options.json:
        rows = [asdict(check) for check in checks]
        print(json.dumps({"ok": not failed, "device": name, "checks": rows}), flush=True)
    else:
        print(f"{len(checks) - failed} of {len(checks)} cases equal the golden model", flush=True)
    return int(failed > 0)


def run_compile(bundle: Path, options: argparse.Namespace) -> int:
    from ..archive.recompile import recompile

    made = recompile(bundle, os.environ)
    if options.json:
        values = {"library": str(made.library), "isa": made.isa, "compiler": made.compiler}
        print(json.dumps(values), flush=True)
    else:
        print(f"{made.library}: for {made.isa or 'this machine'}, by {made.compiler}", flush=True)
    return 0


ACTIONS: Mapping[str, Callable[[Path, argparse.Namespace], int]] = {
    "deploy": run_deploy,
    "selftest": run_selftest,
    "compile": run_compile,
}
"""By the name of the command: prints its answer and returns the exit status. Raises HostError."""
