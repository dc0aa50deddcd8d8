# SPDX-License-Identifier: Apache-2.0
"""`hlsgen train`: train the network of a spec or of a bundle, or tell what that would do."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
from sat_host.bundle import load_bundle
from sat_host.dry_run import describe_dry_run, dry_run
from sat_host.metrics import to_json
from sat_host.recording.dump import DEFAULT_STEPS, dump_options
from sat_host.session import describe_final, train_bundle
from sat_host.settings import TrainingConfig
from sat_host.xrt.shell_settings import start_again_with_settings

from ..build import build
from ..disk import quietly
from ..faults import shown
from ..hosterrors import host_errors
from ..specfile import parse_spec, read_spec
from .main import OWN_PROCESS
from .options import DEVICE, PATH
from .training_options import training_options


@click.command()
@click.argument("spec_or_bundle", type=PATH)
@training_options("the bundle's by default")
@click.option("--device", type=DEVICE, default="csim", show_default=True, metavar="DEVICE",
              help="csim, the bundle's library; golden, the NumPy model; or xrt:N, its xclbin on "
                   "card N (a number or a PCI address; xrt:0 for hw_emu).")  # fmt: skip
@click.option("--metrics", type=PATH, metavar="FILE",
              help="Where the records go; BUNDLE.runs/<run>.jsonl by default.")  # fmt: skip
@click.option("--resume", is_flag=True,
              help="Go on from the newest checkpoint, if there is one.")  # fmt: skip
@click.option("--checkpoints", type=PATH, metavar="DIR",
              help="Where the last two are kept; BUNDLE.runs/<run>.checkpoints by default.",
              )  # fmt: skip
@click.option("--no-checkpoints", is_flag=True, help="Keep none.")
@click.option("--dump", type=PATH, metavar="DIR",
              help="Record the device's calls here, for `hlsgen diff`.")  # fmt: skip
@click.option("--dump-steps", metavar="FIRST:LAST",
              help=f"Of which all values are kept, 0 is before the first; {DEFAULT_STEPS} by "
                   "default.")  # fmt: skip
@click.option("--dump-digests", is_flag=True,
              help="Keep a digest of the results of all other calls.")  # fmt: skip
@click.option("--dry-run", "dry", is_flag=True,
              help="Print each layer, its pruning and the work of a step; do nothing.",
              )  # fmt: skip
@click.option("-o", "--out", type=PATH, metavar="DIR",
              help="The bundle folder of a spec; build/<name> by default.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the result as a JSON object.")
@click.option("--quiet", is_flag=True, help="Nothing on stderr but errors.")
@click.pass_context
def train(
    ctx: click.Context,
    /,
    spec_or_bundle: Path,
    device: str,
    metrics: Path | None,
    resume: bool,
    checkpoints: Path | None,
    no_checkpoints: bool,
    dry: bool,
    out: Path | None,
    as_json: bool,
    quiet: bool,
    **overrides: Any,
) -> None:
    """Train the network of SPEC_OR_BUNDLE on its data, with every product on the accelerator.

    A bundle folder trains as it is. A spec is built first, from the cache where it can be.
    """
    if out is not None and spec_or_bundle.is_dir():
        raise click.UsageError("-o is for a spec; a bundle folder trains where it is", ctx)
    if no_checkpoints and (resume or checkpoints is not None):
        raise click.UsageError("--no-checkpoints excludes --resume and --checkpoints", ctx)
    with host_errors(), quietly(quiet):
        record = dump_options(*map(overrides.pop, ("dump", "dump_steps", "dump_digests")))
        if dry:
            report = dry_run(settings_of(spec_or_bundle), **overrides)
            click.echo(json.dumps(report) if as_json else "\n".join(describe_dry_run(report)))
            return
        if ctx.obj is OWN_PROCESS and (there := expected_bundle(spec_or_bundle, out)) is not None:
            start_again_with_settings(there, device)
        bundle = prepare(spec_or_bundle, out, overrides, quiet=quiet)
        run = default_run(bundle, load_bundle(bundle).settings, overrides, device)
        file = metrics or run.with_name(f"{run.name}.jsonl")
        if checkpoints is None and not no_checkpoints:
            checkpoints = run.with_name(f"{run.name}.checkpoints")
        with made_folder(run.parent if run.parent in (file.parent, _parent(checkpoints)) else None):
            final = train_bundle(
                bundle,
                device=device,
                metrics=file,
                quiet=quiet,
                checkpoints=checkpoints,
                resume=resume,
                source=None if spec_or_bundle.is_dir() else shown(str(spec_or_bundle), 4096),
                dump=record,
                **overrides,
            )
    _tell_files(() if quiet else (("metrics", file), ("dump", record.folder if record else None)))
    click.echo(to_json(final) if as_json else describe_final(final))


def _tell_files(files: Iterable[tuple[str, Path | None]]) -> None:
    for name, path in files:
        if path is not None:
            click.echo(f"{name}: {path}", err=True)


def expected_bundle(place: Path, out: Path | None) -> Path | None:
    """Where the bundle is or will be; None where only a pipe, which is read once, can tell."""
    if place.is_dir() or out is not None:
        return out or place
    if not place.is_file():
        return None
    return Path("build", parse_spec(read_spec(place), str(place)).name)


def settings_of(place: Path) -> dict[str, Any]:
    """The settings of a bundle folder or of a spec, without building it."""
    if place.is_dir():
        return load_bundle(place).settings
    return parse_spec(read_spec(place), str(place)).model_dump(mode="json")


def prepare(place: Path, out: Path | None, overrides: dict[str, Any], *, quiet: bool) -> Path:
    """The bundle to train: `place` itself when a folder, else what that spec builds.

    Raises HlsgenError, and SettingsError for bad overrides before anything is built.
    """
    if place.is_dir():
        return place
    text = read_spec(place)
    settings = parse_spec(text, str(place)).model_dump(mode="json")
    TrainingConfig.from_settings(settings, **overrides)

    def on_step(name: str) -> None:
        if not quiet:
            click.echo(f"build: {name}", err=True)

    result = build(place, out, os.environ, on_step, text=text)
    for warning in result.warnings:
        click.echo(f"warning: {warning}", err=True)
    return result.bundle


def default_run(
    bundle: Path, settings: Mapping[str, Any], overrides: Mapping[str, Any], device: str
) -> Path:
    """Where a run's files are, but for their endings: in a folder beside the bundle, which a new
    build would replace, named by what makes the run.

    Runs of another method, keep, seed, length, batch or device never share a name.
    """
    bundle = bundle.resolve()
    config = TrainingConfig.from_settings(settings, **overrides)
    name = config.method
    if config.method != "dense":
        name += f"-{config.keep}of{config.group}"
    name += f"-seed{config.seed}-epochs{config.epochs}"
    if overrides.get("batch") is not None:
        name += f"-batch{config.batch}"
    return bundle.with_name(f"{bundle.name}.runs") / f"{name}-{device.replace(':', '-')}"


def _parent(path: Path | None) -> Path | None:
    return None if path is None else path.parent


@contextmanager
def made_folder(folder: Path | None) -> Iterator[None]:
    """`folder`, made when absent, and removed again when the block leaves it empty."""
    if folder is None:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):
            folder.rmdir()
