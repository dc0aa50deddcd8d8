# SPDX-License-Identifier: Apache-2.0
"""A described network as a PyTorch module with a model's weights: float32 all through, dense."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sat_host.models import Network, layers
from torch import nn
from torch.nn import functional

State = Mapping[str, npt.NDArray[Any]]


class TorchNetwork(nn.Module):
    """Takes images [N, H, W, C] and gives logits; `named` are its parameters as `state` names them.

    Values lie as on the host: channels last.
    """

    def __init__(self, network: Network, state: State) -> None:
        super().__init__()
        self.network = network
        self.named = {
            name: nn.Parameter(torch.tensor(values))
            for name, values in state.items()
            if not name.endswith((".velocity", ".running_mean", ".running_var"))
        }
        for name, parameter in self.named.items():
            self.register_parameter(name.replace(".", "/"), parameter)

    def forward(self, images: Any) -> Any:
        return self._run(self.network.layers, images)

    def _run(self, described: tuple[layers.Layer, ...], x: Any) -> Any:
        for layer in described:
            x = self._apply_layer(layer, x)
        return x

    def _product(self, name: str, x: Any) -> Any:
        y = x @ self.named[f"{name}.weight"][0, 0]
        return y + self.named[f"{name}.bias"] if f"{name}.bias" in self.named else y

    def _apply_layer(self, layer: Any, x: Any) -> Any:
        one = getattr(self, f"_{type(layer).__name__.lower()}", None)
        if one is not None:
            return one(layer, x)
        simple: dict[type, Any] = {
            layers.Linear: lambda: self._product(layer.name, x),
            layers.Relu: lambda: functional.relu(x),
            layers.Gelu: lambda: functional.gelu(x),
            layers.Flatten: lambda: x.flatten(1),
            layers.GlobalAvgPool: lambda: x.mean((1, 2)),
            layers.TakeToken: lambda: x[:, layer.index],
            layers.PositionalEmbedding: lambda: x + self.named[layer.name],
            layers.ClassToken: lambda: torch.cat(
                [self.named[layer.name].expand(len(x), 1, -1), x], dim=1
            ),
        }
        return simple[type(layer)]()

    def _conv(self, layer: layers.Conv, x: Any) -> Any:
        weights = self.named[f"{layer.name}.weight"].permute(3, 2, 0, 1)
        bias = self.named.get(f"{layer.name}.bias")
        moved = x.permute(0, 3, 1, 2)
        y = functional.conv2d(moved, weights, bias, layer.stride, layer.padding)
        return y.permute(0, 2, 3, 1)

    def _batchnorm(self, layer: layers.BatchNorm, x: Any) -> Any:
        axes = tuple(range(x.ndim - 1))
        variance, mean = torch.var_mean(x, axes, correction=0, keepdim=True)
        gain, shift = self.named[f"{layer.name}.weight"], self.named[f"{layer.name}.bias"]
        return (x - mean) / torch.sqrt(variance + layer.epsilon) * gain + shift

    def _layernorm(self, layer: layers.LayerNorm, x: Any) -> Any:
        gain, shift = self.named[f"{layer.name}.weight"], self.named[f"{layer.name}.bias"]
        return functional.layer_norm(x, x.shape[-1:], gain, shift, layer.epsilon)

    def _maxpool(self, layer: layers.MaxPool, x: Any) -> Any:
        moved = x.permute(0, 3, 1, 2)
        kernel = layers.pair(layer.kernel)
        return functional.max_pool2d(moved, kernel, layer.stride, layer.padding).permute(0, 2, 3, 1)

    def _avgpool(self, layer: layers.AvgPool, x: Any) -> Any:
        moved = x.permute(0, 3, 1, 2)
        kernel = layers.pair(layer.kernel)
        return functional.avg_pool2d(moved, kernel, layer.stride, layer.padding).permute(0, 2, 3, 1)

    def _patchembedding(self, layer: layers.PatchEmbedding, x: Any) -> Any:
        images, height, width, channels = x.shape
        side = layer.patch
        cut = x.reshape(images, height // side, side, width // side, side, channels)
        tokens = cut.permute(0, 1, 3, 2, 4, 5).reshape(images, -1, side * side * channels)
        return self._product(layer.name, tokens)

    def _attention(self, layer: layers.Attention, x: Any) -> Any:
        images, tokens, _ = x.shape
        parts = self._product(f"{layer.name}.qkv", x).reshape(images, tokens, 3, layer.heads, -1)
        q, k, v = parts.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(q, k, v)
        return self._product(f"{layer.name}.proj", mixed.transpose(1, 2).reshape(x.shape))

    def _residual(self, layer: layers.Residual, x: Any) -> Any:
        return self._run(layer.body, x) + self._run(layer.shortcut, x)


def gradients(module: TorchNetwork) -> dict[str, npt.NDArray[np.float32]]:
    """The gradient of each parameter, by the name that the model's state has for it."""
    found = {}
    for name, parameter in module.named.items():
        assert parameter.grad is not None, name
        found[name] = parameter.grad.numpy()
    return found
