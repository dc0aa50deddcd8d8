# SPDX-License-Identifier: Apache-2.0
"""A tree of image files: train/<class>/ and val/<class>/, or as Tiny-ImageNet has it.

Tiny-ImageNet keeps a class's images in train/<class>/images and all test images in val/images,
with a line "<file> tab <class> tab ..." for each in val/val_annotations.txt. Images are decoded
when they are asked for, so that a batch is all that is in memory.
"""

from __future__ import annotations

import importlib
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import MissingPackageError, SettingsError
from .dataset import Bytes, Dataset, Normalisation, Positions, Split

# Of ImageNet's training images, as torchvision's models have it.
NORMALISATION = Normalisation(255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
SIZE, TINY_SIZE = 224, 64
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
TRAIN, TESTS = "train", ("val", "test")
IMAGES, ANNOTATIONS, CLASSES = "images", "val_annotations.txt", "wnids.txt"

_DEEP = ("I", "F")  # modes of more than 8 bits a channel, which Pillow would clip


@dataclass(frozen=True)
class FilePixels:
    """Image files below `root`, by relative path; decoded to RGB, the shorter side scaled to `size`
    (bilinear, with Pillow's anti-aliasing) and the central `size` x `size` taken."""

    root: Path
    files: tuple[str, ...]
    size: int

    def read(self, positions: Positions) -> Bytes:
        """uint8 [n, size, size, 3]. Raises SettingsError that names the file."""
        pillow = _pillow()
        images = np.empty((len(positions), self.size, self.size, 3), np.uint8)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of odd metadata
            for image, position in zip(images, positions, strict=True):
                image[:] = _decode(pillow, self.root / self.files[position], self.size)
        return images

    def identity(self) -> Iterator[bytes | memoryview]:
        """Name and size in bytes of each file."""
        for name in self.files:
            try:
                size = os.stat(self.root / name).st_size
            except OSError as error:
                raise _unreadable(self.root / name, error) from None
            yield os.fsencode(name)
            yield size.to_bytes(8, "little")


def load_folder(root: Path, size: int | None = None) -> Dataset:
    """The tree below `root`; its classes are those of train, or of wnids.txt, sorted by name.

    size: pixels of an image's side; None: 64 for Tiny-ImageNet's layout, else 224. The test images
    are those of val, or of test if there is no val. Raises SettingsError for a tree of another
    form, OSError for an unreadable one, MissingPackageError without Pillow.
    """
    _pillow()
    train = root / TRAIN
    if not train.is_dir():
        raise SettingsError(f"data.path: {root}: expected a folder train, and val or test")
    tested = next((root / name for name in TESTS if (root / name).is_dir()), None)
    if tested is None:
        raise SettingsError(f"data.path: {root}: expected a folder val or test beside train")
    classes = _classes(root, train)
    tiny = (tested / ANNOTATIONS).is_file() and (tested / IMAGES).is_dir()
    if size is None:
        size = TINY_SIZE if tiny else SIZE
    by_class = [(label, name) for label, name in enumerate(classes)]
    learned = _images_by_class(root, train, by_class)
    if tiny:
        held_out = list(_annotated(root, tested, classes))
    else:
        held_out = _images_by_class(root, tested, _known(tested, classes))
    return Dataset(
        len(classes),
        (size, size, 3),
        _split(root, learned, size),
        _split(root, held_out, size),
    )


def _split(root: Path, found: list[tuple[int, str]], size: int) -> Split:
    labels = np.array([label for label, _ in found], np.int64)
    pixels = FilePixels(root, tuple(name for _, name in found), size)
    return Split(labels, pixels, NORMALISATION)


def _classes(root: Path, train: Path) -> list[str]:
    """Names of the classes, sorted; their positions are the labels."""
    listed = root / CLASSES
    if listed.is_file():
        names = sorted({line.strip() for line in _lines(listed)} - {""})
        absent = [name for name in names if not (train / name).is_dir()]
        if absent:
            raise SettingsError(
                f"data.path: {train}: expected a folder {absent[0]} for that class of {listed}"
            )
    else:
        names = _folders(train)
    if not names:
        raise SettingsError(
            f"data.path: {train}: expected a folder for each class, with its images"
        )
    return names


def _known(tested: Path, classes: list[str]) -> list[tuple[int, str]]:
    """Label and name of the classes that have a folder in the test part."""
    labels = {name: label for label, name in enumerate(classes)}
    names = _folders(tested)
    if not names or names == [IMAGES]:
        raise SettingsError(
            f"data.path: {tested}: expected a folder for each class, with its images, or "
            f"Tiny-ImageNet's {IMAGES} and {ANNOTATIONS}"
        )
    for name in names:
        if name not in labels:
            raise SettingsError(f"data.path: {tested / name}: a class that train does not have")
    return [(labels[name], name) for name in names]


def _images_by_class(
    root: Path, part: Path, classes: list[tuple[int, str]]
) -> list[tuple[int, str]]:
    """Label and path below root of every image, class by class, each sorted by name."""
    found = []
    for label, name in classes:
        folder = part / name
        files = _images(folder)
        if not files and (folder / IMAGES).is_dir():
            folder = folder / IMAGES
            files = _images(folder)
        if not files:
            raise SettingsError(
                f"data.path: {folder}: expected images ({', '.join(SUFFIXES)}), found none"
            )
        inside = folder.relative_to(root)
        found += [(label, str(inside / file)) for file in files]
    return found


def _annotated(root: Path, tested: Path, classes: list[str]) -> Iterator[tuple[int, str]]:
    """Label and path below root of every line of val_annotations.txt."""
    labels = {name: label for label, name in enumerate(classes)}
    annotations = tested / ANNOTATIONS
    folder = tested / IMAGES
    present = set(_images(folder))
    lines = _lines(annotations)
    if not lines:
        raise SettingsError(f"data.path: {annotations}: empty, expected a line for each image")
    for number, line in enumerate(lines, 1):
        file, _, rest = line.partition("\t")
        name = rest.partition("\t")[0].strip()
        if name not in labels:
            raise SettingsError(
                f"data.path: {annotations}:{number}: expected a file, a tab and a class of train, "
                f"got {line[:60]!r}"
            )
        if file not in present:
            raise SettingsError(
                f"data.path: {folder}: expected the image {file} of {annotations}:{number}"
            )
        yield labels[name], str((folder / file).relative_to(root))


def _folders(parent: Path) -> list[str]:
    return sorted(entry.name for entry in _entries(parent) if entry.is_dir())


def _images(folder: Path) -> list[str]:
    return sorted(
        entry.name
        for entry in _entries(folder)
        if entry.name.lower().endswith(SUFFIXES) and entry.is_file()
    )


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """What is in a folder and not hidden."""
    with os.scandir(folder) as entries:
        return [entry for entry in entries if not entry.name.startswith(".")]


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise SettingsError(f"data.path: {file}: expected UTF-8 text") from None


def _unreadable(path: Path, error: OSError) -> SettingsError:
    return SettingsError(f"data.path: {path}: cannot be read: {error.strerror or error}")


def _pillow() -> Any:
    try:
        return importlib.import_module("PIL.Image")
    except ImportError:
        raise MissingPackageError(
            "data.name: image_folder needs Pillow, which is not installed: run `pip install pillow`"
        ) from None


def _decode(pillow: Any, file: Path, size: int) -> Any:
    """The centre of an image file whose shorter side is scaled to `size`, as RGB."""
    try:
        with pillow.open(file) as image:
            if image.mode.partition(";")[0] in _DEEP:
                raise ValueError(f"has more than 8 bits a channel (mode {image.mode})")
            colours = image.convert("RGB")
    except pillow.UnidentifiedImageError:
        raise _undecodable(file, "of no format that Pillow knows") from None
    except OSError as error:
        if error.strerror:
            raise _unreadable(file, error) from None
        raise _undecodable(file, _reason(error)) from None
    except Exception as error:  # what a decoder raises on damaged data is without limit
        raise _undecodable(file, _reason(error)) from None
    width, height = colours.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    square = (left, top, left + side, top + side)
    # Only the square is computed, from what lies around it too.
    return colours.resize((size, size), pillow.Resampling.BILINEAR, box=square)


def _reason(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _undecodable(file: Path, reason: str) -> SettingsError:
    return SettingsError(f"data.path: {file}: not an image that can be decoded: {reason}")
