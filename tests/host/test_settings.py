# SPDX-License-Identifier: Apache-2.0
"""The settings of a run are checked by field, within the spec's limits."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest
from sat_host.errors import SettingsError
from sat_host.settings import (
    ABOVE_LOW,
    BELOW_HIGH,
    LIMITS,
    NULLABLE,
    PATHS,
    TrainingConfig,
)

SETTINGS: dict[str, Any] = {
    "sparsity": {"group": 8, "keep": 2, "method": "bdwp", "sr_decay": 2e-4},
    "optimizer": {
        "name": "sgd",
        "learning_rate": 0.2,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "schedule": {"name": "cosine", "warmup_epochs": 0.0, "milestones": [], "factor": 0.1},
    },
    "model": {"name": "mlp", "hidden": [32, 16]},
    "data": {"name": "digits", "test_fraction": 0.2},
    "training": {
        "epochs": 2,
        "batch": 64,
        "micro_batch": None,
        "seed": 0,
        "loss_scale": 1024,
        "loss_scale_growth": 1000,
        "label_smoothing": 0.0,
        "augment": {"crop": 0, "flip": False},
        "patience": None,
        "checkpoint_every": None,
    },
}


def test_settings_and_overrides() -> None:
    run = TrainingConfig.from_settings(SETTINGS, method="dense", seed=3, epochs=None)
    assert (run.method, run.seed, run.epochs, run.milestones) == ("dense", 3, 2, ())
    assert run.learning_rates().rate(0, 5, 2) == 0.2
    assert (run.patience, run.checkpoint_every, run.flip) == (None, None, False)


def test_nested_settings_come_back() -> None:
    nested = TrainingConfig.from_settings(SETTINGS).nested()
    own = {name: SETTINGS[name] for name in ("sparsity", "optimizer", "training")}
    del nested["sparsity"], own["sparsity"]
    own["optimizer"] = {k: v for k, v in own["optimizer"].items() if k != "name"}
    assert nested == own
    assert TrainingConfig.from_settings({**SETTINGS, **nested}) == TrainingConfig.from_settings(
        SETTINGS
    )


@pytest.mark.parametrize(
    ("batch", "micro_batch", "piece"), [(64, None, 64), (64, 16, 16), (8, 16, 8), (64, 64, 64)]
)
def test_a_piece_is_at_most_the_batch(batch: int, micro_batch: int | None, piece: int) -> None:
    run = TrainingConfig.from_settings(SETTINGS, batch=batch, micro_batch=micro_batch)
    assert run.piece == piece


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"method": "sgdd"},
            "sparsity.method: expected one of dense, sr_ste, sdgp, sdwp, bdwp, got 'sgdd'",
        ),
        ({"keep": 9}, "sparsity.keep: expected an integer from 1 to 8, got 9"),
        ({"keep": True}, "sparsity.keep: expected an integer from 1 to 8, got True"),
        ({"epochs": 0}, "training.epochs: expected an integer from 1"),
        ({"learning_rate": 0}, "optimizer.learning_rate: expected a number from above 0"),
        ({"learning_rate": float("nan")}, "optimizer.learning_rate: expected a number"),
        ({"momentum": 1.0}, "optimizer.momentum: expected a number from 0 to below 1"),
        ({"loss_scale": 1000}, "training.loss_scale: expected a power of two, got 1000"),
        ({"schedule": "linear"}, "optimizer.schedule.name: expected one of cosine, step, constant"),
        (
            {"milestones": [3, 3]},
            "optimizer.schedule.milestones: expected up to 16 rising epochs from 1 to 10000, "
            "got [3, 3]",
        ),
        ({"milestones": [3, 2]}, "optimizer.schedule.milestones: expected up to 16 rising"),
        ({"milestones": [1.5]}, "optimizer.schedule.milestones: expected up to 16 rising"),
        ({"milestones": 3}, "optimizer.schedule.milestones: expected a list of epochs, got 3"),
        ({"flip": 1}, "training.augment.flip: expected true or false, got 1"),
        ({"patience": 0}, "training.patience: expected an integer from 1 to 10000, got 0"),
        ({"colour": 1}, "colour: not a field of the training settings"),
    ],
)
def test_wrong_settings_name_the_field(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        TrainingConfig.from_settings(SETTINGS, **changes)
    assert str(caught.value).startswith(message)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("field", sorted(set(LIMITS) - {"milestones", "group"}))
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


@pytest.mark.parametrize("field", sorted(PATHS))
def test_null_is_for_what_may_be_off(field: str) -> None:
    settings = copy.deepcopy(SETTINGS)
    *sections, name = PATHS[field]
    inner = settings
    for section in sections:
        inner = inner[section]
    inner[name] = None
    if field in NULLABLE:
        assert getattr(TrainingConfig.from_settings(settings), field) is None
    else:
        with pytest.raises(SettingsError, match=re.escape(".".join(PATHS[field]))):
            TrainingConfig.from_settings(settings)


@pytest.mark.parametrize("field", sorted(PATHS))
def test_a_missing_setting_is_named(field: str) -> None:
    settings = copy.deepcopy(SETTINGS)
    *sections, name = PATHS[field]
    inner = settings
    for section in sections:
        inner = inner[section]
    del inner[name]
    message = f"{'.'.join(PATHS[field])}: missing from the bundle's settings"
    with pytest.raises(SettingsError, match=re.escape(message)):
        TrainingConfig.from_settings(settings)
