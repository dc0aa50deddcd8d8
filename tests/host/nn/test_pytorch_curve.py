# SPDX-License-Identifier: Apache-2.0
"""The dense method follows PyTorch's binary32 run: same network, data order and initial weights."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sat_host import Bundle, load_bundle, open_device
from sat_host.data import Dataset, Loader, load_dataset
from sat_host.models import Network, build_network
from sat_host.training import Trainer, TrainingConfig

from hlsgen.build import build

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from torch_networks import TorchNetwork  # noqa: E402  it imports torch

SPECS = Path(__file__).resolve().parents[3] / "specs"
STEPS = 50
LARGEST_GAP = 0.02


@pytest.fixture
def one_thread() -> Iterator[None]:
    """So small a network is slower on PyTorch's threads than on one, by far on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def torch_losses(
    network: Network, state: dict[str, npt.NDArray[np.float32]], data: Dataset,
    config: TrainingConfig,
) -> list[float]:  # fmt: skip
    """The loss of each step, with what the trainer does said in PyTorch's words."""
    module = TorchNetwork(network, state)
    products = [p for p in module.named.values() if p.dim() == 4]
    others = [p for p in module.named.values() if p.dim() != 4]
    groups = [{"params": products}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(
        groups, lr=1.0, momentum=config.momentum, weight_decay=config.weight_decay
    )
    loader = Loader(data.train, config.batch, config.seed, crop=config.crop, flip=config.flip)
    epochs = range(1, config.epochs + 1)
    batches = ((x, labels) for epoch in epochs for x, labels in loader.epoch(epoch))
    losses = []
    for step, (x, labels) in enumerate(islice(batches, STEPS)):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rates().rate(step, len(loader), config.epochs)
        optimizer.zero_grad()
        logits = module(torch.from_numpy(x))
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels))
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def our_losses(
    bundle: Bundle, network: Network, data: Dataset, config: TrainingConfig
) -> tuple[dict[str, npt.NDArray[np.float32]], list[float]]:
    """The initial values, and the loss of each step on csim."""
    with closing(Trainer(open_device(bundle), config, data, network)) as trainer:
        state = trainer.weights()
        steps = (record for record in trainer.run() if record["kind"] == "step")
        return state, [record["loss"] for record in islice(steps, STEPS)]


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("name", ["digits", "digits_cnn"])
def test_every_loss_is_within_two_percent_of_pytorch_s(name: str, tmp_path: Path) -> None:
    build(SPECS / f"{name}.yaml", tmp_path / name, os.environ, lambda step: None)
    bundle = load_bundle(tmp_path / name)
    data = load_dataset(bundle.settings["data"])
    network = build_network(bundle.settings["model"], data.image, data.classes)
    config = TrainingConfig.from_settings(bundle.settings, method="dense")
    state, losses = our_losses(bundle, network, data, config)
    reference = torch_losses(network, state, data, config)
    assert len(losses) == len(reference) == STEPS
    assert reference[-1] < 0.5 * reference[0], "a network that learns nothing proves nothing"
    gaps = np.abs(np.array(losses) / reference - 1)
    print(
        f"{name}: loss {reference[0]:.3f} to {reference[-1]:.3f}, "
        f"gap to PyTorch at most {gaps.max():.2%}, mean {gaps.mean():.2%}"
    )
    assert gaps.max() < LARGEST_GAP, gaps.round(4).tolist()
