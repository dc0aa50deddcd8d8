# SPDX-License-Identifier: Apache-2.0
"""The data sets by name, and the check of the settings that choose one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..errors import SettingsError
from .cifar import load_cifar10, load_cifar100
from .dataset import Dataset
from .digits import load_digits
from .folder import load_folder

FRACTION_LIMITS = (0.01, 0.9)
SIZE_LIMITS = (1, 1024)


def load_dataset(settings: Mapping[str, Any]) -> Dataset:
    """The data set that the `data` section of a bundle's settings describes.

        name: digits, test_fraction: part of each class that is held out
        name: cifar10 | cifar100, path: folder of the binary version
        name: image_folder, path: folder with train and val, size: pixels of a side, or null

    A path may start with ~; a relative one is relative to the current directory. Raises
    SettingsError, of one line, for wrong settings and missing or damaged files, and
    MissingPackageError when a package that the data needs is absent.
    """
    if not isinstance(settings, Mapping):
        raise SettingsError(f"data: expected a section with a name, got {settings!r}")
    name = settings.get("name")
    if not isinstance(name, str) or name not in _DATASETS:
        raise SettingsError(f"data.name: expected one of {', '.join(_DATASETS)}, got {name!r}")
    fields, load = _DATASETS[name]
    unknown = sorted(str(field) for field in settings if field != "name" and field not in fields)
    if unknown:
        raise SettingsError(f"data.{unknown[0]}: {name} has no such field, only {_listed(fields)}")
    try:
        return load(settings)
    except OSError as error:
        place, reason = error.filename or ".", error.strerror or error
        raise SettingsError(f"data.path: {place}: cannot be read: {reason}") from None


def _listed(fields: tuple[str, ...]) -> str:
    return ", ".join(("name", *fields))


def _digits(settings: Mapping[str, Any]) -> Dataset:
    return load_digits(_fraction(settings))


def _cifar10(settings: Mapping[str, Any]) -> Dataset:
    return load_cifar10(_folder(settings))


def _cifar100(settings: Mapping[str, Any]) -> Dataset:
    return load_cifar100(_folder(settings))


def _image_folder(settings: Mapping[str, Any]) -> Dataset:
    return load_folder(_folder(settings), _size(settings))


_DATASETS: dict[str, tuple[tuple[str, ...], Callable[[Mapping[str, Any]], Dataset]]] = {
    "digits": (("test_fraction",), _digits),
    "cifar10": (("path",), _cifar10),
    "cifar100": (("path",), _cifar100),
    "image_folder": (("path", "size"), _image_folder),
}


def _fraction(settings: Mapping[str, Any]) -> float:
    value = _required(settings, "test_fraction")
    low, high = FRACTION_LIMITS
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        raise SettingsError(
            f"data.test_fraction: expected a number from {low} to {high}, got {value!r}"
        )
    return float(value)


def _size(settings: Mapping[str, Any]) -> int | None:
    value = settings.get("size")
    low, high = SIZE_LIMITS
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise SettingsError(
            f"data.size: expected an integer from {low} to {high} or null, got {value!r}"
        )
    return value


def _folder(settings: Mapping[str, Any]) -> Path:
    """The absolute path of `data.path`, which is a folder."""
    value = _required(settings, "path")
    if not isinstance(value, str) or not value or "\0" in value:
        raise SettingsError(f"data.path: expected the path of a folder, got {value!r}")
    try:
        path = Path(value).expanduser()
    except RuntimeError:
        raise SettingsError(f"data.path: {value}: no home folder to put for the ~") from None
    if path.is_dir():
        return path.absolute()
    what = "not a folder: unpack it and give the folder" if path.is_file() else "no such folder"
    where = "" if path.is_absolute() else f" in the current directory, {Path.cwd()}"
    raise SettingsError(f"data.path: {path}: {what}{where}")


def _required(settings: Mapping[str, Any], field: str) -> Any:
    if field not in settings:
        raise SettingsError(f"data.{field}: missing, and {settings['name']} needs it")
    return settings[field]
