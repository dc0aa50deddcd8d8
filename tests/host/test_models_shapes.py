# SPDX-License-Identifier: Apache-2.0
"""Shapes of any convolutional stack, against places counted one by one; and what does not fit."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sat_host.errors import SettingsError
from sat_host.models import Network, NetworkError, build_network, parameter_count, trace
from sat_host.models.layers import (
    AvgPool,
    BatchNorm,
    Conv,
    Flatten,
    GlobalAvgPool,
    Layer,
    Linear,
    MaxPool,
    Relu,
    Residual,
)
from sat_host.models.workload import kept, macs, workload


def places(size: int, taps: int, stride: int, padding: int) -> int:
    """In how many places, `stride` apart, the whole kernel lies on the padded axis."""
    padded = range(size + 2 * padding)
    return sum(1 for start in padded if start % stride == 0 and start + taps - 1 in padded)


@st.composite
def stacks(draw: st.DrawFn) -> tuple[tuple[int, int, int], list[Layer]]:
    """An image, and convolutions and pools that fit it."""
    image = draw(st.tuples(st.integers(1, 20), st.integers(1, 20), st.integers(1, 5)))
    height, width = image[:2]
    layers: list[Layer] = []
    for number in range(draw(st.integers(1, 5))):
        pool = number > 0 and draw(st.booleans())
        kernel = draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
        padding = draw(st.integers(0, min(kernel) // 2))
        stride = draw(st.integers(1, 3))
        after = [
            places(size, taps, stride, padding)
            for size, taps in zip((height, width), kernel, strict=True)
        ]
        if 0 in after:
            continue
        height, width = after
        if pool:
            layers.append(draw(st.sampled_from([MaxPool, AvgPool]))(kernel, stride, padding))
        else:
            layers.append(Conv(f"c{number}", draw(st.integers(1, 9)), kernel, stride, padding))
    if not any(isinstance(layer, Conv) for layer in layers):
        layers.insert(0, Conv("first", 2, (1, 1)))
    return image, layers


@given(stacks(), st.integers(1, 4))
def test_shapes_and_counts_of_a_stack(
    stack: tuple[tuple[int, int, int], list[Layer]], classes: int
) -> None:
    image, layers = stack
    (height, width, channels), learned, expected = image, 0, []
    for layer in layers:
        assert isinstance(layer, (Conv, MaxPool, AvgPool)) and isinstance(layer.kernel, tuple)
        before = (channels, height, width)
        height = places(height, layer.kernel[0], layer.stride, layer.padding)
        width = places(width, layer.kernel[1], layer.stride, layer.padding)
        if isinstance(layer, Conv):
            weights = channels * layer.filters * layer.kernel[0] * layer.kernel[1]
            expected.append((*before, layer.filters, height, width, weights * height * width))
            channels, learned = layer.filters, learned + weights
    features = height * width * channels
    head = (Flatten(), BatchNorm("bn"), Linear("fc", classes))
    network = Network("x", image, classes, (*layers, *head))
    found = trace(network)
    assert [
        (op.channels, op.height, op.width, op.filters, op.out_height, op.out_width, op.macs)
        for op in found[:-1]
    ] == expected
    assert (found[-1].channels, found[-1].filters) == (features, classes)
    assert parameter_count(network) == learned + 2 * features + (features + 1) * classes
    assert [row.prunable for row in workload(network, 3)] == [0] + [1] * (len(found) - 1)
    assert {row.batch for row in workload(network, 3)} == {3}
    work = macs(network, 3, {}, 4)
    assert work["dense"] == 3 * (3 * sum(op.macs for op in found) - found[0].macs)


@given(st.integers(0, 100), st.sampled_from([4, 8, 16, 32]), st.data())
def test_kept_elements_of_an_axis(extent: int, group: int, data: st.DataObject) -> None:
    keep = data.draw(st.integers(1, group))
    groups = [range(extent)[start : start + group] for start in range(0, extent, group)]
    assert kept(extent, keep, group) == sum(len(members[:keep]) for members in groups)


def layers(*items: Any, image: Any = (8, 8, 1), classes: int = 10) -> list[str]:
    """The faults of a list of layers."""
    with pytest.raises(NetworkError) as caught:
        build_network({"name": "layers", "layers": list(items)}, image, classes)
    assert isinstance(caught.value, SettingsError) and "\n" not in str(caught.value)
    return [str(fault) for fault in caught.value.faults]


CONV = {"type": "conv", "filters": 4, "kernel": 3}
END: list[dict[str, Any]] = [{"type": "flatten"}, {"type": "linear", "units": 10}]


def test_all_faults_of_a_bundle_s_model_at_once() -> None:
    assert layers(
        CONV | {"groups": 2, "dilation": 3, "padding_mode": "reflect"},
        CONV | {"kernel": 9, "padding": 4, "stride": 0},
        {"type": "lstm"},
        7,
        {"type": "dropout", "rate": 1.0},
        *END,
    ) == [
        "model.layers[0].groups: 2: grouped convolutions are not supported: the array sums over "
        "all input channels: remove it, or write one convolution of fewer filters instead",
        "model.layers[0].dilation: 3: dilated convolutions are not supported: the loaders read "
        "neighbouring pixels: remove it, and use a larger kernel (up to 7) or two convolutions",
        "model.layers[0].padding_mode: reflect: only zero padding is supported: the loaders make "
        "zeros outside of the image: remove it, or write zeros",
        "model.layers[1].stride: got 0: write a whole number from 1 to 256",
        "model.layers[2].type: layer type 'lstm' is not supported: the types of layers are conv, "
        "linear, batch_norm, layer_norm, relu, gelu, max_pool, avg_pool, global_avg_pool, flatten, "
        "dropout, patch_embedding, class_token, positional_embedding, take_token, attention, "
        "residual",
        "model.layers[3]: is not a layer: write a mapping with its type",
        "model.layers[4].rate: got 1.0: write a number from 0 and below 1",
    ]


def test_sections_of_a_bundle_are_read_strictly() -> None:
    def refused(settings: dict[str, Any]) -> str:
        with pytest.raises(NetworkError) as caught:
            build_network(settings, (8, 8, 1), 10)
        return str(caught.value)

    assert refused({}).startswith("model.name: got None: write one of mlp, cnn, resnet9, ")
    assert refused({"name": "mlp", "hidden": [8, True]}) == (
        "model.hidden: got [8, True]: write a list of 1 to 16 whole numbers from 1 to 16384"
    )
    assert refused({"name": "mlp", "depth": 3}) == (
        "model.depth: unknown field: the fields here are classes, image, hidden, name"
    )
    assert refused({"name": "cnn", "image": [8, 8]}) == (
        "model.image: got [8, 8]: write a list of 3 whole numbers from 1 to 1024"
    )
    assert refused({"name": "resnet18", "stem": 1}) == (
        "model.stem: got 1: write one of imagenet, small"
    )
    assert refused({"name": "cnn", "classes": 11}) == (
        "model.classes: 11 is not the data's 10: write 10, or remove it"
    )
    assert refused({"name": "layers"}) == (
        "model.layers: is not a list: write a list of layers; model.layers: there is no "
        "convolution or linear layer: add a conv or linear layer; model.layers: the network ends "
        "with an image of 8 x 8 x 1, not with 10 classes: end with a linear layer of 10 units, "
        "after a flatten or global_avg_pool"
    )


def test_layers_without_names_get_their_type_and_a_number() -> None:
    items = [
        CONV | {"name": "conv2"}, CONV, {"type": "relu"},
        {"type": "residual", "body": [CONV | {"padding": 1}], "shortcut": []}, CONV, *END,
    ]  # fmt: skip
    network = build_network({"name": "layers", "layers": items}, (16, 16, 1), 10)
    names = [op.name for op in trace(network)]
    assert names == ["conv2", "conv1", "conv3", "conv4", "linear1"]
    assert isinstance(network.layers[3], Residual) and network.layers[3].name == "residual1"


def test_pools_step_by_their_kernel_unless_told() -> None:
    items = [CONV, {"type": "max_pool", "kernel": 3}, *END]
    pool = build_network({"name": "layers", "layers": items}, (8, 8, 1), 10).layers[1]
    assert isinstance(pool, MaxPool) and (pool.kernel, pool.stride, pool.padding) == (3, 3, 0)


def test_networks_made_by_hand_are_checked_too() -> None:
    network = Network("x", (8, 8, 1), 4, (Conv("", 4, 9), Relu(), GlobalAvgPool()))
    with pytest.raises(NetworkError) as caught:
        trace(network)
    assert [fault.what for fault in caught.value.faults] == [
        "kernel 9 is above 7",
        "has no name",
    ]
