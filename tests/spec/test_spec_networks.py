# SPDX-License-Identifier: Apache-2.0
"""Networks in a spec: their sections, and every fault of theirs at its own line, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from hlsgen.faults import SpecError
from hlsgen.spec import Spec
from hlsgen.specfile import load_spec, parse_spec

SPECS = Path(__file__).parents[2] / "specs"


def faults(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse_spec(text, "s")
    return str(caught.value).splitlines()


def listed(*layers: str, data: str = "digits") -> str:
    """A spec of these layers, the first in line 5."""
    lines = "".join(f"  - {layer}\n" for layer in layers)
    path = "" if data == "digits" else ", path: p"
    return f"name: x\nmodel:\n  name: layers\n  layers:\n{lines}data: {{name: {data}{path}}}\n"


CONV = "{type: conv, filters: 16, kernel: 3, padding: 1}"
END = ("type: global_avg_pool", "{type: linear, units: 10}")

ONE_LAYER = {
    "{type: conv, filters: 8, kernel: 3, groups: 2}": "5:49: model.layers[0].groups: 2: grouped "
    "convolutions are not supported: the array sums over all input channels: remove it, or write "
    "one convolution of fewer filters instead",
    "{type: conv, filters: 8, kernel: 3, dilation: 2}": "5:51: model.layers[0].dilation: 2: "
    "dilated convolutions are not supported: the loaders read neighbouring pixels: remove it, and "
    "use a larger kernel (up to 7) or two convolutions",
    "{type: conv, filters: 8, kernel: 3, padding_mode: reflect}": "5:55: "
    "model.layers[0].padding_mode: reflect: only zero padding is supported: the loaders make zeros "
    "outside of the image: remove it, or write zeros",
    "{type: conv, filters: 8, kernel: 8}": "5:38: model.layers[0].kernel: kernel 8 is above 7: "
    "use 7 or less, or several convolutions one after the other",
    "{type: conv, filters: 8, kernel: 0}": "5:38: model.layers[0].kernel: 0 is below 1: "
    "write a whole number from 1 to 7",
    "{type: conv, kernel: 3}": "5:5: model.layers[0].filters: missing: "
    "add `filters:` with a whole number from 1 to 16384",
    "{type: conv, filter: 8, filters: 8, kernel: 3}": "5:18: model.layers[0].filter: "
    "unknown field: did you mean filters?",
    "{type: conv, units: 8, filters: 8, kernel: 3}": "5:18: model.layers[0].units: unknown field: "
    "it is a field of linear; those here are name, type, filters, kernel, stride, padding, bias, "
    "groups, dilation, padding_mode",
    "{type: conv, filters: 8, kernel: 3, name: Conv}": "5:47: model.layers[0].name: 'Conv' is no "
    "name of a layer: use up to 60 of a-z, 0-9, _ and dots, first a letter",
    "{type: conv2d, filters: 8, kernel: 3}": '5:12: model.layers[0].type: the text "conv2d" is not '
    "known here: did you mean conv? (one of attention, avg_pool, batch_norm, class_token, conv, "
    "dropout, flatten, gelu, global_avg_pool, layer_norm, linear, max_pool, patch_embedding, "
    "positional_embedding, relu, residual, take_token)",
    "{filters: 8}": "5:5: model.layers[0].type: missing: add `type:` with one of attention, "
    "avg_pool, batch_norm, class_token, conv, dropout, flatten, gelu, global_avg_pool, layer_norm, "
    "linear, max_pool, patch_embedding, positional_embedding, relu, residual, take_token",
    "conv": '5:5: model.layers[0]: the text "conv" is not a section: write a section whose `type` '
    "is one of attention, avg_pool, batch_norm, class_token, conv, dropout, flatten, gelu, "
    "global_avg_pool, layer_norm, linear, max_pool, patch_embedding, positional_embedding, relu, "
    "residual, take_token",
    "type: batch_norm": "5:5: model.layers[0]: comes before the first convolution or linear layer, "
    "to which no gradients flow: put a conv, linear or patch_embedding before it",
    "{type: patch_embedding, patch: 3, dim: 8}": "5:36: model.layers[0].patch: patches of 3 x 3 do "
    "not cut an image of 8 x 8 x 1 evenly: use a patch that divides its rows and columns, or "
    "another image",
}


@pytest.mark.parametrize("layer", ONE_LAYER)
def test_one_wrong_layer(layer: str) -> None:
    found = faults(listed(layer, CONV, *END))
    assert f"s:{ONE_LAYER[layer]}" in found
    assert all(line.startswith(("s:5:", "s:6:")) for line in found)


AFTER_CONV = {
    "{type: linear, units: 10}": "6:5: model.layers[1]: takes a vector or tokens, but gets an "
    "image of 8 x 8 x 16: put a flatten or global_avg_pool before it",
    "{type: max_pool, kernel: 9}": "6:30: model.layers[1].kernel: the kernel 9 is larger than the "
    "image, 8 x 8 with padding 0: make the kernel or the strides before it smaller, or the image "
    "larger",
    "{type: avg_pool, kernel: 3, padding: 2}": "6:42: model.layers[1].padding: padding 2 is more "
    "than half of the kernel 3: lower it to 1 or less",
    "{type: attention, heads: 4}": "6:5: model.layers[1]: takes tokens, but gets an image of "
    "8 x 8 x 16: put a patch_embedding before it",
    "type: layer_norm": "6:5: model.layers[1]: takes tokens or a vector, but gets an image of "
    "8 x 8 x 16: use a batch_norm for images",
    "{type: residual, body: [{type: max_pool, kernel: 2}]}": "6:5: model.layers[1]: the body gives "
    "an image of 4 x 4 x 16, the shortcut an image of 8 x 8 x 16: make both of the same shape, as "
    "by a 1 x 1 convolution with the body's strides and filters in the shortcut",
    "{type: residual, body: []}": "6:28: model.layers[1].body: a list of 0 items: write a list of "
    "1 to 512 sections, each with its `type`: attention, avg_pool, batch_norm, class_token, conv, "
    "dropout, flatten, gelu, global_avg_pool, layer_norm, linear, max_pool, patch_embedding, "
    "positional_embedding, relu, residual, take_token",
    "{type: conv, filters: 8, kernel: 1, name: conv1.x}\n"
    "  - {type: linear, units: 8, name: conv1.x}": "7:36: model.layers[2].name: the name conv1.x "
    "is taken by a layer before: give each layer its own name",
}


@pytest.mark.parametrize("layer", AFTER_CONV)
def test_a_layer_that_does_not_fit_what_is_before(layer: str) -> None:
    assert f"s:{AFTER_CONV[layer]}" in faults(listed(CONV, layer))


def test_heads_tokens_and_the_end() -> None:
    patches = "{type: patch_embedding, patch: 4, dim: 16}"
    attention = "{type: attention, heads: 3}"
    assert faults(listed(patches, attention, "{type: take_token, index: 4}", END[1])) == [
        "s:6:30: model.layers[1].heads: 3 heads do not divide tokens of 16 values: "
        "use a number of heads that divides 16",
        "s:7:31: model.layers[2].index: there is no token 4 among 4: use 0 to 3",
    ]
    assert faults(listed(patches, END[1])) == [
        "s:6:5: model.layers[1]: the network ends with 4 tokens of 10, not with 10 classes: end "
        "with a linear layer of 10 units, after a take_token"
    ]
    assert faults(listed(CONV)) == [
        "s:5:5: model.layers[0]: the network ends with an image of 8 x 8 x 16, not with 10 "
        "classes: end with a linear layer of 10 units, after a flatten or global_avg_pool"
    ]
    assert "there is no convolution or linear layer" in faults(listed("type: flatten"))[0]


def places(found: list[str]) -> list[str]:
    return [": ".join(line.split(": ")[:2]) for line in found]


def test_all_faults_of_all_kinds_at_once() -> None:
    """Faults of the fields, of single layers, and of layers that do not fit, in one go."""
    found = faults(
        listed(
            "{type: conv, filters: 32, kernel: 3, padding: 1, groups: 2}",
            "{type: conv, filters: 32, kernel: 9, padding: 4, dilation: 2}",
            "type: residual\n    body:\n"
            "    - {type: conv, filters: 16, kernel: 3, padding: 1, groups: 4}\n"
            "    - {type: lstm}\n    shortcut:\n    - {type: conv, filters: many, kernel: 1}",
            "{type: conv, filters: 16, kernel: 3, padding_mode: circular}",
            "{type: linear, units: 10}",
            "{type: linear, units: 12, bias: 1}",
            data="cifar10",
        )
        + "training: {epochs: 0}\nsparsity: {keep: 9}\n"
    )
    assert places(found) == [
        "s:5:62: model.layers[0].groups",
        "s:6:39: model.layers[1].kernel",
        "s:6:64: model.layers[1].dilation",
        "s:9:64: model.layers[2].body[0].groups",
        "s:10:14: model.layers[2].body[1].type",
        "s:12:29: model.layers[2].shortcut[0].filters",
        "s:13:56: model.layers[3].padding_mode",
        "s:14:5: model.layers[4]",
        "s:15:37: model.layers[5].bias",
        "s:17:20: training.epochs",
        "s:18:18: sparsity.keep",
    ]


def test_the_network_is_checked_beside_faulty_data_as_far_as_it_can_be() -> None:
    grouped = "{type: conv, filters: 8, kernel: 3, groups: 2}"
    whole = listed(grouped, "{type: linear, units: 10}")
    without_path = whole.replace("digits", "cifar10")
    assert places(faults(without_path)) == [
        "s:5:49: model.layers[0].groups",
        "s:6:5: model.layers[1]",
        "s:7:1: data.path",
    ]
    unknown = whole.replace("digits", "mnist")
    assert places(faults(unknown)) == ["s:5:49: model.layers[0].groups", "s:7:14: data.name"]


BUILDERS = {
    "model: {name: resnet81}": '2:15: model.name: the text "resnet81" is not known here: '
    "did you mean resnet18? (one of cnn, layers, mlp, resnet18, resnet50, resnet9, vgg19, vit)",
    "model: {name: }": "2:9: model.name: has no value: write one of cnn, layers, mlp, resnet18, "
    "resnet50, resnet9, vgg19, vit",
    "model: {name: 5}": "2:15: model.name: 5 is not known here: write one of cnn, layers, mlp, "
    "resnet18, resnet50, resnet9, vgg19, vit",
    "model:": "2:1: model: has no value: write its fields below it (name, classes, image, hidden), "
    "or remove it",
    "model: {stem: small}": "2:9: model.stem: unknown field: it is a field of resnet18, resnet50; "
    "those here are name, classes, image, hidden",
    "model: {name: resnet18, stem: big}": '2:31: model.stem: the text "big" is not known here: '
    "write one of imagenet, small",
    "model: {name: vit, heads: 7}": "2:27: model.heads: blk0: 7 heads do not divide tokens of 512 "
    "values: use a number of heads that divides 512",
    "model: {name: vit, patch: 3}": "2:27: model.patch: patch_embed: patches of 3 x 3 do not cut "
    "an image of 8 x 8 x 1 evenly: use a patch that divides its rows and columns, or another image",
    "model: {name: vgg19}": "2:1: model.image: pool4: the kernel 2 is larger than the image, "
    "1 x 1 with padding 0: use larger images",
    "model: {classes: 12}": "2:18: model.classes: 12 is not the data's 10: write 10, or remove it",
    "model: {image: [8, 8, 3]}": "2:16: model.image: [8, 8, 3] is not the data's [8, 8, 1]: "
    "write [8, 8, 1], or remove it",
    "model: {image: [8, 8]}": "2:16: model.image: a list of 2 items: "
    "write a list of 3, each a whole number from 1 to 1024",
    "model: {name: layers}": "2:1: model.layers: missing: add `layers:` with a list of 1 to 512 "
    "sections, each with its `type`: attention, avg_pool, batch_norm, class_token, conv, dropout, "
    "flatten, gelu, global_avg_pool, layer_norm, linear, max_pool, patch_embedding, "
    "positional_embedding, relu, residual, take_token",
    "data: {name: cifar}": '2:14: data.name: the text "cifar" is not known here: '
    "did you mean cifar10? (one of cifar10, cifar100, digits, image_folder)",
    "data: {name: cifar10}": "2:1: data.path: missing: add `path:` with the folder with "
    "data_batch_1.bin to data_batch_5.bin and test_batch.bin",
    "data: {path: a}": "2:8: data.path: unknown field: it is a field of cifar10, cifar100, "
    "image_folder; those here are name, test_fraction",
    "data: {name: cifar10, path: 3}": "2:29: data.path: 3 is not text: write the folder with "
    "data_batch_1.bin to data_batch_5.bin and test_batch.bin",
}


@pytest.mark.parametrize("body", BUILDERS)
def test_sections_told_apart_by_their_name(body: str) -> None:
    assert faults(f"name: x\n{body}\n") == [f"s:{BUILDERS[body]}"]


def test_an_image_folder_needs_to_know_images_and_classes() -> None:
    found = faults("name: x\nmodel: {name: cnn}\ndata: {name: image_folder, path: p}")
    assert found == [
        "s:2:1: model.image: missing, as the data does not say it: write [rows, columns, channels]",
        "s:2:1: model.classes: missing, as the data does not say it: write their number",
    ]


FOLDER = "data: {name: image_folder, path: p%s}"


def test_an_image_folder_and_the_model_agree_on_the_size() -> None:
    head = "name: x\nmodel: {name: cnn, classes: 3%s}\n"
    spec = parse_spec(head % ", image: [48, 48, 3]" + FOLDER % "", "s")
    assert spec.model_dump()["data"] == {"name": "image_folder", "path": "p", "size": 48}
    assert parse_spec(head % "" + FOLDER % ", size: 40", "s").network().image == (40, 40, 3)
    assert faults(head % ", image: [48, 40, 3]" + FOLDER % "") == [
        "s:2:39: model.image: [48, 40, 3] is not the data's [48, 48, 3]: "
        "write [48, 48, 3], or remove it"
    ]


def test_every_example_makes_its_network() -> None:
    texts = {path.stem: load_spec(path).summary() for path in SPECS.glob("*.yaml")}
    assert "mlp 64-256-256-10 on digits" in texts["digits"]
    assert "cnn (8x8x1 to 10 classes, 94,186 parameters) on digits" in texts["digits_cnn"]
    assert "resnet50 (224x224x3 to 1000 classes, 25,557,032" in texts["imagenet_resnet50"]
    assert "resnet18 (64x64x3 to 200 classes, 11,271,432" in texts["tinyimagenet_resnet18"]
    assert "vgg19 (32x32x3 to 100 classes" in texts["cifar100_vgg19"]
    assert "vit (32x32x3 to 100 classes" in texts["cifar100_vit"]
    assert "resnet9 (32x32x3 to 10 classes" in texts["cifar10_resnet9"]


def test_listed_layers_become_the_network() -> None:
    layers = listed(CONV, "{type: residual, body: [type: relu]}", *END)
    spec = parse_spec(layers, "s")
    names = [getattr(layer, "name", "") for layer in spec.network().layers]
    assert names == ["conv1", "residual1", "global_avg_pool1", "linear1"]
    assert Spec.model_validate(spec.model_dump(mode="json")).network() == spec.network()
