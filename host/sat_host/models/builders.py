# SPDX-License-Identifier: Apache-2.0
"""The layers of the small networks: perceptron, CNN, ResNet-9, VGG-19 and ViT."""

from __future__ import annotations

from collections.abc import Sequence

from .layers import (
    Attention,
    BatchNorm,
    ClassToken,
    Conv,
    Flatten,
    Gelu,
    GlobalAvgPool,
    Layer,
    LayerNorm,
    Linear,
    MaxPool,
    PatchEmbedding,
    PositionalEmbedding,
    Relu,
    Residual,
    TakeToken,
)

Layers = tuple[Layer, ...]

_VGG19 = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # filters, convolutions


def mlp(hidden: Sequence[int], classes: int) -> Layers:
    """Linear layers fc1, fc2, ... with biases, ReLU between them."""
    layers: list[Layer] = [Flatten()]
    for number, units in enumerate(hidden, 1):
        layers += [Linear(f"fc{number}", units), Relu()]
    return (*layers, Linear(f"fc{len(hidden) + 1}", classes))


def conv_bn_relu(name: str, norm: str, filters: int, stride: int = 1) -> Layers:
    """A 3 x 3 convolution that keeps the image's size over its stride, normalised, with ReLU."""
    return (Conv(name, filters, 3, stride, 1), BatchNorm(norm), Relu())


def cnn(channels: Sequence[int], classes: int) -> Layers:
    """3 x 3 convolutions, all but the first with stride 2; the mean of each channel; fc."""
    layers: list[Layer] = []
    for number, filters in enumerate(channels, 1):
        stride = 1 if number == 1 else 2
        layers += conv_bn_relu(f"conv{number}", f"bn{number}", filters, stride)
    return (*layers, GlobalAvgPool(), Linear("fc", classes))


def resnet9(image: tuple[int, int, int], classes: int) -> Layers:
    """The ResNet-9 of the DAWNBench entries: 64-128-residual-256-512-residual, largest value, fc.

    Two of its eight convolutions are in each residual; no product scales the logits.
    """

    def residual(number: int, filters: int) -> Residual:
        name = f"res{number}"
        body = [conv_bn_relu(f"{name}.{i}", f"{name}.bn{i}", filters) for i in range(2)]
        return Residual(body[0] + body[1], name=name)

    rest = (max(1, image[0] // 8), max(1, image[1] // 8))
    return (
        *conv_bn_relu("conv1", "bn1", 64),
        *conv_bn_relu("conv2", "bn2", 128), MaxPool(2, 2, name="pool1"), residual(1, 128),
        *conv_bn_relu("conv3", "bn3", 256), MaxPool(2, 2, name="pool2"),
        *conv_bn_relu("conv4", "bn4", 512), MaxPool(2, 2, name="pool3"), residual(2, 512),
        MaxPool(rest, 1, name="pool4"), Flatten(), Linear("fc", classes),
    )  # fmt: skip


def vgg19(classes: int) -> Layers:
    """VGG-19 with batch normalisation and one linear layer, as it is used for small images."""
    layers: list[Layer] = []
    number = 0
    for stage, (filters, repeats) in enumerate(_VGG19, 1):
        for _ in range(repeats):
            number += 1
            layers += conv_bn_relu(f"conv{number}", f"bn{number}", filters)
        layers.append(MaxPool(2, 2, name=f"pool{stage}"))
    return (*layers, GlobalAvgPool(), Linear("fc", classes))


def vit(*, patch: int, dim: int, depth: int, heads: int, mlp: int, classes: int) -> Layers:
    """A vision transformer, normalised before each part, its logits from the class token."""
    layers: list[Layer] = [
        PatchEmbedding("patch_embed", patch, dim),
        ClassToken("class_token"),
        PositionalEmbedding("positions"),
    ]
    for number in range(depth):
        name = f"blk{number}"
        attention = (LayerNorm(f"{name}.norm1"), Attention(name, heads))
        perceptron = (
            LayerNorm(f"{name}.norm2"),
            Linear(f"{name}.fc1", mlp),
            Gelu(),
            Linear(f"{name}.fc2", dim),
        )
        layers += [Residual(attention), Residual(perceptron)]
    # Normalising the one token that is used gives the same bits as normalising all.
    return (*layers, TakeToken(0), LayerNorm("norm"), Linear("head", classes))
