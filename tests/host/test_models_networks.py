# SPDX-License-Identifier: Apache-2.0
"""The named networks have the published sizes, and the shapes of the workload tables."""

from __future__ import annotations

from typing import Any

import pytest
from sat_host.methods import plan_network
from sat_host.models import MODELS, Network, build_network, parameter_count, steps, trace
from sat_host.models.layers import (
    Attention,
    BatchNorm,
    Conv,
    GlobalAvgPool,
    Linear,
    PatchEmbedding,
    Residual,
    TakeToken,
)
from sat_host.models.workload import macs, workload

from hlsgen import workloads

IMAGENET, CIFAR, TINY = (224, 224, 3), (32, 32, 3), (64, 64, 3)

# Table -> the network, and from the tables' own README: GMAC of an image's forward pass, millions
# of weights, and how many times fewer multiplications BDWP 2:8 needs.
TABLES: dict[str, tuple[dict[str, Any], tuple[int, int, int], int, float, float, float]] = {
    "resnet9_cifar10": ({"name": "resnet9"}, CIFAR, 10, 0.3793, 6.57, 1.994),
    "vit_cifar100": ({"name": "vit"}, CIFAR, 100, 0.6410, 9.51, 1.919),
    "vgg19_cifar100": ({"name": "vgg19"}, CIFAR, 100, 0.3982, 20.07, 1.994),
    "resnet18_tinyimagenet": (
        {"name": "resnet18", "stem": "small"}, TINY, 200, 2.2218, 11.26, 1.996
    ),
    "resnet18_tinyimagenet_im_stem": ({"name": "resnet18"}, TINY, 200, 0.1481, 11.27, 1.915),
    "resnet18_imagenet": ({"name": "resnet18"}, IMAGENET, 1000, 1.8141, 11.68, 1.915),
    "resnet50_imagenet": ({"name": "resnet50"}, IMAGENET, 1000, 4.0892, 25.50, 1.962),
}  # fmt: skip


def test_every_table_is_tested() -> None:
    assert set(TABLES) == set(workloads.NAMES)


@pytest.mark.parametrize("name", TABLES)
def test_layers_are_those_of_the_table(name: str) -> None:
    settings, image, classes, gmacs, millions, bound = TABLES[name]
    network = build_network(settings, image, classes)
    assert workload(network, 512) == workloads.load(name)
    operations = trace(network)
    assert round(sum(op.macs for op in operations) / 1e9, 4) == gmacs
    assert round(sum(op.weights for op in operations) / 1e6, 2) == millions
    work = macs(network, 512, plan_network(network, "bdwp", 2, 8), 8)
    assert round(work["dense"] / (work["FF"] + work["BP"] + work["WU"]), 3) == bound


PUBLISHED = {
    "resnet18": (({"name": "resnet18"}, IMAGENET, 1000), 11_689_512),
    "resnet50": (({"name": "resnet50"}, IMAGENET, 1000), 25_557_032),
    "vit_b_16": (
        ({"name": "vit", "patch": 16, "dim": 768, "depth": 12, "heads": 12, "mlp": 3072},
         IMAGENET, 1000), 86_567_656,
    ),
    # The eight convolutions and normalisations, and one linear layer with bias.
    "resnet9": (({"name": "resnet9"}, CIFAR, 10), 6_568_640 + 2 * 2_240 + 10),
    # torchvision's features of vgg19_bn without the biases of its convolutions, and the layer.
    "vgg19": (({"name": "vgg19"}, CIFAR, 100), 20_018_880 + 2 * 5_504 + 512 * 100 + 100),
    "mlp": (({"name": "mlp", "hidden": [256, 256]}, (8, 8, 1), 10), 65 * 256 + 257 * 256 + 2570),
}  # fmt: skip


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_are_as_many_as_published(name: str) -> None:
    arguments, count = PUBLISHED[name]
    assert parameter_count(build_network(*arguments)) == count


def test_every_model_builds_at_a_size_of_its_own() -> None:
    for name in set(MODELS) - {"layers"}:
        network = build_network({"name": name, "classes": 7, "image": [64, 48, 2]})
        assert (network.name, network.image, network.classes) == (name, (64, 48, 2), 7)
        operations = trace(network)
        assert operations[-1].filters == 7
        assert [op.name for op in operations if op.first] == [operations[0].name]
        assert len({op.name for op in operations}) == len(operations)


def test_a_small_cnn() -> None:
    network = build_network({"name": "cnn", "channels": [4, 6]}, (9, 8, 1), 3)
    shapes = [(op.name, op.height, op.width, op.filters, op.stride) for op in trace(network)]
    assert shapes == [("conv1", 9, 8, 4, 1), ("conv2", 9, 8, 6, 2), ("fc", 1, 1, 3, 1)]
    assert trace(network)[1].out_height == 5 and trace(network)[1].out_width == 4


def test_a_shortcut_comes_before_the_last_product_of_its_body() -> None:
    body = (Conv("a", 8, 1), Conv("b", 8, 3, 2, 1), BatchNorm("n"), Conv("c", 4, 1))
    shortcut = (Conv("d", 4, 1, 2), BatchNorm("m"))
    inner = Residual((Conv("e", 4, 3, 1, 1),))
    layers = (Conv("in", 8, 3), Residual(body, shortcut), Residual((inner,)), GlobalAvgPool())
    network = Network("x", (10, 10, 1), 4, layers)
    assert [op.name for op in trace(network)] == ["in", "a", "b", "d", "c", "e"]
    # What happens to whole layers has the order of the description.
    names = [step.layer.name or type(step.layer).__name__ for step in steps(network)]
    assert names == ["in", "Residual", "a", "b", "n", "c", "d", "m", "Residual", "Residual", "e",
                     "GlobalAvgPool"]  # fmt: skip
    assert [step.after for step in steps(network)][:2] == [(8, 8, 8), (4, 4, 4)]


def test_attention_is_two_layers_with_weights_and_two_products_a_head() -> None:
    layers = (PatchEmbedding("p", 2, 6), Attention("a", 3), TakeToken(), Linear("out", 2))
    network = Network("x", (4, 8, 1), 2, layers)
    rows = [(op.name, op.kind, op.height, op.channels, op.filters, op.copies, op.parameters)
            for op in trace(network)]  # fmt: skip
    assert rows == [
        ("p", "linear", 8, 4, 6, 1, 30),
        ("a.qkv", "linear", 8, 6, 18, 1, 126),
        ("a.qk", "attn", 8, 2, 8, 3, 0),
        ("a.av", "attn", 8, 8, 2, 3, 0),
        ("a.proj", "linear", 8, 6, 6, 1, 42),
        ("out", "linear", 1, 6, 2, 1, 14),
    ]


def test_an_unknown_table_is_named() -> None:
    with pytest.raises(KeyError, match="resnet9_cifar10"):
        workloads.load("resnet9")
