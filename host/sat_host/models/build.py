# SPDX-License-Identifier: Apache-2.0
"""The `model` section of a spec to a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import builders, resnet
from .explicit import read_layers
from .faults import NetworkError, NetworkFault
from .fields import COMMON_FIELDS, MODEL_FIELDS, read_fields
from .infer import infer
from .layers import Layer
from .network import Network

MODELS = tuple(MODEL_FIELDS)

Image = tuple[int, int, int]


def build_network(
    settings: Mapping[str, Any], data_image: Image | None = None, data_classes: int | None = None
) -> Network:
    """The network that the `model` section describes, checked as a whole.

    Its image (height, width, channels) and classes are the section's or else the data's; those of
    the data are None where the data does not say. Raises NetworkError with all that is wrong.
    """
    name = settings.get("name")
    if not isinstance(name, str) or name not in MODEL_FIELDS:
        what, mend = f"got {name!r:.60}", f"write one of {', '.join(MODELS)}"
        raise NetworkError([NetworkFault(("name",), "", what, mend)])
    listed = name == "layers"
    others = ("name", "layers") if listed else ("name",)
    reading = read_fields(settings, {**COMMON_FIELDS, **MODEL_FIELDS[name]}, others)
    faults = [NetworkFault((field,), "", what, mend) for field, what, mend in reading.wrong]
    values = reading.values
    image: Image | None = _agreed("image", values.pop("image", None), data_image, faults)
    classes: int | None = _agreed("classes", values.pop("classes", None), data_classes, faults)
    layers: tuple[Layer, ...] = ()
    if listed:
        layers, unread = read_layers(settings.get("layers"))
        faults += unread
    if reading.wrong or image is None or classes is None:
        raise NetworkError(faults)
    if not listed:
        layers = _built(name, values, image, classes)
    misfits = infer(layers, image, classes)[1]
    faults += misfits if listed else _of_builder(name, misfits)
    if faults:
        raise NetworkError(sorted(faults, key=_order))
    return Network(name, image, classes, layers)


def _built(name: str, values: Mapping[str, Any], image: Image, classes: int) -> tuple[Layer, ...]:
    if name == "mlp":
        return builders.mlp(values["hidden"], classes)
    if name == "cnn":
        return builders.cnn(values["channels"], classes)
    if name == "resnet9":
        return builders.resnet9(image, classes)
    if name == "resnet18":
        return resnet.resnet18(values["stem"], classes)
    if name == "resnet50":
        return resnet.resnet50(values["stem"], classes)
    if name == "vgg19":
        return builders.vgg19(classes)
    return builders.vit(classes=classes, **values)


def _agreed(field: str, own: Any, data: Any, faults: list[NetworkFault]) -> Any:
    """The section's value or the data's, which must not differ where both are known."""
    if own is None and data is None:
        mend = "write " + ("[rows, columns, channels]" if field == "image" else "their number")
        faults.append(NetworkFault((field,), "", "missing, as the data does not say it", mend))
    elif own is not None and data is not None and own != data:
        what = f"{_text(own)} is not the data's {_text(data)}"
        faults.append(NetworkFault((field,), "", what, f"write {_text(data)}, or remove it"))
    return data if own is None else own


def _text(value: Any) -> str:
    return str(list(value) if isinstance(value, tuple) else value)


def _of_builder(name: str, misfits: list[NetworkFault]) -> list[NetworkFault]:
    """Faults of layers that the user did not write, by the field that can mend them; one each."""
    found: dict[str, NetworkFault] = {}
    for fault in misfits:
        last = fault.place[-1]
        field = last if isinstance(last, str) and last in MODEL_FIELDS[name] else "image"
        mend = fault.mend if field == last else "use larger images"
        found.setdefault(field, NetworkFault((field,), fault.layer, _named(fault), mend))
    return list(found.values())


def _named(fault: NetworkFault) -> str:
    return f"{fault.layer}: {fault.what}" if fault.layer else fault.what


def _order(fault: NetworkFault) -> tuple[tuple[int, int | str], ...]:
    """By the layer, in the order of the list; faults of one layer stay as they are."""
    layer = fault.place if isinstance(fault.place[-1], int) else fault.place[:-1]
    return tuple((0, step) if isinstance(step, int) else (1, step) for step in layer)
