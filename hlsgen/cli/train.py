# SPDX-License-Identifier: Apache-2.0
"""`hlsgen train`: train the network of a spec or of a bundle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
from sat_host.bundle import load_bundle
from sat_host.errors import HostError
from sat_host.metrics import to_json
from sat_host.session import DEVICES, describe_final, train_bundle
from sat_host.settings import LIMITS, METHODS, TrainingConfig

from ..build import build
from ..errors import HlsgenError
from ..specfile import parse_spec, read_spec
from .options import PATH

_DEFAULT = "the bundle's by default"


def _range(field: str) -> str:
    low, high = LIMITS[field]
    return f"{low} to {high}"


@click.command()
@click.argument("spec_or_bundle", type=PATH)
@click.option("--method", type=click.Choice(METHODS),
              help=f"Which products are pruned; {_DEFAULT}.")  # fmt: skip
@click.option("--keep", type=int, metavar="N",
              help=f"Weights kept of each group, 1 to the group's size; {_DEFAULT}.")  # fmt: skip
@click.option("--seed", type=int, metavar="S",
              help="Of the first weights and the order of samples, "
                   f"{_range('seed')}; {_DEFAULT}.")  # fmt: skip
@click.option("--epochs", type=int, metavar="E",
              help=f"Passes over the training data, {_range('epochs')}; {_DEFAULT}.")  # fmt: skip
@click.option("--device", type=click.Choice(list(DEVICES)), default="csim", show_default=True,
              help="csim, the bundle's library, or golden, the NumPy model.")  # fmt: skip
@click.option("--metrics", type=PATH, metavar="FILE",
              help="Where the records go; BUNDLE.runs/<run>.jsonl by default.")  # fmt: skip
@click.option("-o", "--out", type=PATH, metavar="DIR",
              help="The bundle folder of a spec; build/<name> by default.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the final record as a JSON object.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@click.pass_context
def train(
    ctx: click.Context,
    /,
    spec_or_bundle: Path,
    device: str,
    metrics: Path | None,
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
    try:
        bundle = prepare(spec_or_bundle, out, overrides, quiet=quiet)
        config = TrainingConfig.from_settings(load_bundle(bundle).settings, **overrides)
        file = metrics or default_metrics(bundle, config, device)
        with made_folder(file.parent if metrics is None else None):
            final = train_bundle(bundle, device=device, metrics=file, quiet=quiet, **overrides)
    except HostError as error:
        failure = HlsgenError(str(error))
        failure.exit_code = error.exit_code
        raise failure from error
    if not quiet:
        click.echo(f"metrics: {file}", err=True)
    click.echo(to_json(final) if as_json else describe_final(final))


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


def default_metrics(bundle: Path, config: TrainingConfig, device: str) -> Path:
    """A file beside the bundle, which a new build would replace, named by what makes the run.

    Runs of another method, keep, seed, length or device never share a file.
    """
    bundle = bundle.resolve()
    pruning = config.method
    if config.method != "dense":
        pruning += f"-{config.keep}of{config.group}"
    run = f"{pruning}-seed{config.seed}-epochs{config.epochs}-{device}"
    return bundle.with_name(f"{bundle.name}.runs") / f"{run}.jsonl"


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
