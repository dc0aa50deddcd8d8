# SPDX-License-Identifier: Apache-2.0
"""How much of a training step on csim is spent outside of the device's calls.

A device call is a method of `Device` that runs kernels: products, packing, updates. All else of a
step is outside: loading, layers on the host, the loss, and transfers to and from device memory with
their rounding. What a call itself does on the host (checks, command lists) is told apart too. Of
several steps the one of the median share. On one core in its time for this process, which is wall
time where nothing else runs; on all cores, where calls take less time, in wall time.
`python -m benchmarks.step_overhead BUNDLE SCRATCH` prints it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from .report import MEASURED, ROOT, Figure, Target

CALLS = (
    "product",
    "product_batch",
    "convolve",
    "convolve_backward",
    "convolve_gradient",
    "pack",
    "update_weights",
)
KERNELS = ("stce", "wuve")
WARM_UP = 2


@dataclass
class Overhead:
    """Seconds of a step: all of it, in device calls, and of these in the kernels."""

    step: float
    calls: float
    kernels: float

    @property
    def share(self) -> float:
        """Of the step that is outside of device calls."""
        return 1 - self.calls / self.step


def measure(bundle: Path, scratch: Path, cnn_steps: int = 20, steps: int = 4) -> list[Figure]:
    """specs/digits_cnn.yaml as it trains, built in `scratch`; and ResNet-18 on the bundle's array,
    8 images of 64 x 64 pixels."""
    cnn = _built(ROOT / "specs" / "digits_cnn.yaml", scratch / "digits_cnn")
    cores = len(os.sched_getaffinity(0))
    figures = []
    for threads in dict.fromkeys((1, cores)):
        where = "one core" if threads == 1 else f"{threads} cores"
        for what, most, arguments in (
            ("specs/digits_cnn.yaml", 25.0, ("digits_cnn", str(cnn), str(cnn_steps))),
            ("resnet18, 8 x 64 x 64 x 3, bdwp", 15.0, ("resnet18", str(bundle), str(steps))),
        ):
            found = _run(arguments, threads)
            inside = 1e3 * (found.calls - found.kernels)
            value = (
                f"{100 * found.share:.1f} % ({1e3 * (found.step - found.calls):.1f} of "
                f"{1e3 * found.step:.1f} ms; the calls' own host part {inside:.1f} ms)"
            )
            title = f"training step of {what}, on csim, {where}: outside of device calls"
            target = Target(100 * found.share, most, least=False)
            figures.append(Figure(title, value, MEASURED, target))
    return figures


def _built(spec: Path, out: Path) -> Path:
    command = [sys.executable, "-m", "hlsgen", "build", str(spec), "-o", str(out), "--json"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, cwd=ROOT)
    return out


def _run(arguments: tuple[str, ...], threads: int) -> Overhead:
    """In a process of its own, whose memory nothing else has used."""
    command = [sys.executable, "-m", "benchmarks.step_overhead", *arguments]
    environ = {**os.environ, "SAT_HOST_THREADS": str(threads)}
    done = subprocess.run(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, check=True
    )
    return Overhead(*map(float, done.stdout.split()))


def overhead(
    device: Any, steps: Iterator[object], count: int, now: Callable[[], float] = time.perf_counter
) -> Overhead:
    """Of `count` steps after WARM_UP ones, the one of the median share. device: they run on it."""
    from sat_host.csim import CsimBackend

    found = []
    with _timed(device, CALLS, now) as calls, _timed(CsimBackend, KERNELS, now) as kernels:
        for _ in islice(steps, WARM_UP):
            pass
        for _ in range(count):
            calls[:], kernels[:] = [0.0], [0.0]
            started = now()
            next(steps)
            found.append(Overhead(now() - started, calls[0], kernels[0]))
    return sorted(found, key=lambda one: one.share)[len(found) // 2]


@contextmanager
def _timed(owner: Any, names: tuple[str, ...], now: Callable[[], float]) -> Iterator[list[float]]:
    """Adds up the seconds that methods of `owner` take."""
    total = [0.0]

    def timed(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            started = now()
            try:
                return method(*arguments, **options)
            finally:
                total[0] += now() - started

        return call

    before = {name: getattr(owner, name) for name in names}
    for name, method in before.items():
        setattr(owner, name, timed(method))
    try:
        yield total
    finally:
        for name, method in before.items():
            setattr(owner, name, method)


def digits_cnn(bundle: Path, steps: int) -> Overhead:
    """Steps of the bundle's own training."""
    from sat_host.bundle import load_bundle, open_device
    from sat_host.data import load_dataset
    from sat_host.models import build_network
    from sat_host.training import Trainer, TrainingConfig

    opened = load_bundle(bundle)
    config, settings = TrainingConfig.from_settings(opened.settings), opened.settings
    dataset = load_dataset(settings["data"])
    network = build_network(settings["model"], dataset.image, dataset.classes)
    device = open_device(opened)
    with closing(Trainer(device, config, dataset, network)) as trainer:
        full = len(dataset.train) // config.batch  # steps of an epoch whose batch is whole
        records = trainer.run()
        next(records)  # the start
        return overhead(device, records, min(steps, full - WARM_UP), _clock())


def resnet18(bundle: Path, steps: int) -> Overhead:
    """Steps of ResNet-18 with BDWP 2:8 on 8 random images."""
    from .network_step import training_steps

    device, run = training_steps(bundle, "resnet18", 64, 8)
    return overhead(device, run, steps, _clock())


def _clock() -> Callable[[], float]:
    """Seconds of this process where it has one thread, else of the wall clock."""
    alone = os.environ.get("SAT_HOST_THREADS") == "1"
    return time.process_time if alone else time.perf_counter


if __name__ == "__main__":
    if sys.argv[1] in ("digits_cnn", "resnet18"):
        kind = digits_cnn if sys.argv[1] == "digits_cnn" else resnet18
        found = kind(Path(sys.argv[2]), int(sys.argv[3]))
        print(found.step, found.calls, found.kernels)
    else:
        for figure in measure(Path(sys.argv[1]), Path(sys.argv[2])):
            print(f"{figure.what}: {figure.value}")
