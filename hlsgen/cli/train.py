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
from sat_host.settings import METHODS, TrainingConfig

from hlsgen.build import build
from hlsgen.specfile import load_spec


@click.command()
@click.argument("spec_or_bundle", type=click.Path(path_type=Path))
@click.option("--method", type=click.Choice(METHODS),
              help="Which products are pruned; the spec's by default.")  # fmt: skip
@click.option("--keep", type=int, metavar="N",
              help="Weights kept of each group; the spec's by default.")  # fmt: skip
@click.option("--seed", type=int, metavar="S",
              help="Of the first weights and the order of samples.")  # fmt: skip
@click.option("--epochs", type=int, metavar="E", help="Passes over the training data.")
@click.option("--device", type=click.Choice(list(DEVICES)), default="csim", show_default=True,
              help="csim, the bundle's library, or golden, the NumPy model.")  # fmt: skip
@click.option("--metrics", type=click.Path(path_type=Path), metavar="FILE",
              help="Where the records go; BUNDLE.runs/<run>.jsonl by default.")  # fmt: skip
@click.option("-o", "--out", type=click.Path(path_type=Path), metavar="DIR",
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
        click.echo(str(error), err=True)
        ctx.exit(error.exit_code)
    if not quiet:
        click.echo(f"metrics: {file}", err=True)
    click.echo(to_json(final) if as_json else describe_final(final))


def prepare(place: Path, out: Path | None, overrides: dict[str, Any], *, quiet: bool) -> Path:
    """The bundle to train: `place` itself when a folder, else what that spec builds.

    Raises HlsgenError, and SettingsError for bad overrides before anything is built.
    """
    if place.is_dir():
        return place
    TrainingConfig.from_settings(load_spec(place).model_dump(mode="json"), **overrides)

    def on_step(name: str) -> None:
        if not quiet:
            click.echo(f"build: {name}", err=True)

    result = build(place, out, os.environ, on_step)
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
