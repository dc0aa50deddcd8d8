# SPDX-License-Identifier: Apache-2.0
"""Settings are checked by field, and the split of the data is fixed and stratified."""

from __future__ import annotations

import copy
import re
import sys
from typing import Any

import numpy as np
import pytest
from sat_host import config
from sat_host.data import load_dataset, stratified_test_mask
from sat_host.errors import MissingPackageError, SettingsError
from sat_host.settings import (
    ABOVE_LOW,
    BELOW_HIGH,
    LIMITS,
    MAX_HIDDEN,
    METHODS,
    PATHS,
    TrainingConfig,
)

from hlsgen.spec import Spec

SETTINGS: dict[str, Any] = {
    "sparsity": {"group": 8, "keep": 2, "method": "bdwp"},
    "optimizer": {"name": "sgd", "learning_rate": 0.2, "momentum": 0.9, "weight_decay": 5e-4},
    "model": {"name": "mlp", "hidden": [32, 16]},
    "data": {"name": "digits", "test_fraction": 0.2},
    "training": {
        "epochs": 2,
        "batch": 64,
        "seed": 0,
        "loss_scale": 1024,
        "loss_scale_growth": 1000,
    },
}


def test_settings_and_overrides() -> None:
    run = TrainingConfig.from_settings(SETTINGS, method="dense", seed=3, epochs=None)
    assert (run.method, run.seed, run.epochs, run.hidden) == ("dense", 3, 2, (32, 16))
    assert run.rate(0, 10) == 0.2
    assert run.rate(10, 10) == pytest.approx(0.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "sgdd"}, "sparsity.method: expected one of dense, bdwp, got 'sgdd'"),
        ({"keep": 9}, "sparsity.keep: expected an integer from 1 to 8, got 9"),
        ({"keep": True}, "sparsity.keep: expected an integer from 1 to 8, got True"),
        ({"epochs": 0}, "training.epochs: expected an integer from 1"),
        ({"learning_rate": 0}, "optimizer.learning_rate: expected a number from above 0"),
        ({"learning_rate": float("nan")}, "optimizer.learning_rate: expected a number"),
        ({"momentum": 1.0}, "optimizer.momentum: expected a number from 0 to below 1"),
        ({"loss_scale": 1000}, "training.loss_scale: expected a power of two, got 1000"),
        (
            {"hidden": [8, 0]},
            "model.hidden: expected 1 to 16 layer widths from 1 to 16384, got [8, 0]",
        ),
        ({"hidden": []}, "model.hidden: expected 1 to 16 layer widths"),
        ({"data": ["digits"]}, "data.name: expected the name of a data set, got ['digits']"),
        ({"hidden": 8}, "model.hidden: expected a list of layer widths, got 8"),
        ({"colour": 1}, "colour: not a field of the training settings"),
    ],
)
def test_wrong_settings_name_the_field(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        TrainingConfig.from_settings(SETTINGS, **changes)
    assert str(caught.value).startswith(message)
    assert caught.value.exit_code == 2


def specified(section: str, name: str) -> dict[str, Any]:
    """The spec's JSON schema of one field of a section."""
    schema = Spec.model_json_schema()
    model = schema["properties"][section]["$ref"].rpartition("/")[2]
    found: dict[str, Any] = schema["$defs"][model]["properties"][name]
    return found


def limits(schema: dict[str, Any]) -> tuple[float, float]:
    low = schema["exclusiveMinimum"] if "exclusiveMinimum" in schema else schema["minimum"]
    high = schema["exclusiveMaximum"] if "exclusiveMaximum" in schema else schema["maximum"]
    return low, high


@pytest.mark.parametrize("field", sorted(set(LIMITS) - {"hidden"}))
def test_limits_are_the_spec_s(field: str) -> None:
    schema = specified(*PATHS[field])
    assert limits(schema) == LIMITS[field]
    assert ("exclusiveMinimum" in schema) == (field in ABOVE_LOW)
    assert ("exclusiveMaximum" in schema) == (field in BELOW_HIGH)


def test_every_other_setting_is_as_the_spec_says() -> None:
    hidden = specified("model", "hidden")
    assert limits(hidden["items"]) == LIMITS["hidden"]
    assert (hidden["minItems"], hidden["maxItems"]) == (1, MAX_HIDDEN)
    assert specified("sparsity", "method")["enum"] == list(METHODS)
    assert limits(specified("sparsity", "keep")) == (1, LIMITS["group"][1])
    assert set(PATHS) - set(LIMITS) == {"method", "keep", "data"}
    for name, pair in config.LIMITS.items():
        assert limits(specified("sparsity" if name == "group" else "array", name)) == pair


@pytest.mark.parametrize("field", sorted(set(LIMITS) - {"hidden", "group"}))
def test_limits_are_what_a_run_accepts(field: str) -> None:
    low, high = LIMITS[field]
    ends = {low: field not in ABOVE_LOW, high: field not in BELOW_HIGH}
    for value, fits in {**ends, low - 1: False, high + 1: False}.items():
        number = int(value) if value == int(value) else value
        if fits:
            TrainingConfig.from_settings(SETTINGS, **{field: number})
        else:
            with pytest.raises(SettingsError, match=re.escape(".".join(PATHS[field]))):
                TrainingConfig.from_settings(SETTINGS, **{field: number})


def test_a_missing_setting_is_named() -> None:
    settings = copy.deepcopy(SETTINGS)
    del settings["training"]["batch"]
    with pytest.raises(SettingsError, match=r"training\.batch: missing"):
        TrainingConfig.from_settings(settings)


def test_digits_are_exact_and_split_evenly() -> None:
    pytest.importorskip("sklearn")
    data = load_dataset("digits", 0.2)
    assert (data.features, data.classes, data.train_x.dtype) == (64, 10, np.float16)
    assert len(data.train_y) + len(data.test_y) == len(data.train_x) + len(data.test_x) == 1797
    assert np.array_equal(data.train_x * 16, np.round(data.train_x * 16))
    assert 0 <= data.train_x.min() < data.train_x.max() == 1
    share = np.bincount(data.test_y) / np.bincount(np.concatenate([data.test_y, data.train_y]))
    assert np.all(np.abs(share - 0.2) < 0.01)


def test_split_takes_the_fraction_of_each_class_or_refuses() -> None:
    labels = np.array([0, 1] * 10)
    mask = stratified_test_mask(labels, 0.3)
    assert np.bincount(labels[mask]).tolist() == [3, 3]
    with pytest.raises(SettingsError, match=r"data\.test_fraction: 0\.05 leaves class 0"):
        stratified_test_mask(labels, 0.05)


def test_missing_scikit_learn_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingPackageError, match="pip install scikit-learn"):
        load_dataset("digits", 0.2)
    with pytest.raises(SettingsError, match=r"data\.name: expected one of digits, got 'mnist'"):
        load_dataset("mnist", 0.2)
