# SPDX-License-Identifier: Apache-2.0
"""ResNet-18 and ResNet-50 (arXiv 1512.03385), with torchvision's strides and names.

The stride of a bottleneck is on its 3 x 3 convolution. A shortcut's convolution is called `down`.
"""

from __future__ import annotations

from .builders import Layers, conv_bn_relu
from .layers import BatchNorm, Conv, GlobalAvgPool, Layer, Linear, MaxPool, Relu, Residual


def resnet18(stem: str, classes: int) -> Layers:
    """Two basic blocks in each of four stages."""
    return _resnet((2, 2, 2, 2), bottleneck=False, stem=stem, classes=classes)


def resnet50(stem: str, classes: int) -> Layers:
    """3, 4, 6 and 3 bottlenecks in the four stages."""
    return _resnet((3, 4, 6, 3), bottleneck=True, stem=stem, classes=classes)


def _resnet(blocks: tuple[int, ...], *, bottleneck: bool, stem: str, classes: int) -> Layers:
    """Stem `imagenet`: 7 x 7 convolution with stride 2 and a max pool; `small`: 3 x 3, stride 1."""
    layers: list[Layer] = [*conv_bn_relu("conv1", "bn1", 64)]
    if stem == "imagenet":
        layers[0] = Conv("conv1", 64, 7, 2, 3)
        layers.append(MaxPool(3, 2, 1, name="pool"))
    channels = 64
    for stage, count in enumerate(blocks):
        width = 64 << stage
        for block in range(count):
            stride = 2 if stage and not block else 1
            name = f"layer{stage + 1}.{block}"
            body = _bottleneck(name, width, stride) if bottleneck else _basic(name, width, stride)
            filters = 4 * width if bottleneck else width
            shortcut: Layers = ()
            if stride > 1 or filters != channels:
                shortcut = (Conv(f"{name}.down", filters, 1, stride), BatchNorm(f"{name}.down_bn"))
            layers += [Residual(body, shortcut, name), Relu()]
            channels = filters
    return (*layers, GlobalAvgPool(), Linear("fc", classes))


def _basic(name: str, width: int, stride: int) -> Layers:
    return (
        *conv_bn_relu(f"{name}.conv1", f"{name}.bn1", width, stride),
        Conv(f"{name}.conv2", width, 3, 1, 1),
        BatchNorm(f"{name}.bn2"),
    )


def _bottleneck(name: str, width: int, stride: int) -> Layers:
    return (
        Conv(f"{name}.conv1", width, 1),
        BatchNorm(f"{name}.bn1"),
        Relu(),
        *conv_bn_relu(f"{name}.conv2", f"{name}.bn2", width, stride),
        Conv(f"{name}.conv3", 4 * width, 1),
        BatchNorm(f"{name}.bn3"),
    )
