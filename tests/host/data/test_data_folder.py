# SPDX-License-Identifier: Apache-2.0
"""Image trees: which file is which class, how an image is cut, what is said of damage."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from sat_host.data import Dataset, load_dataset
from sat_host.data.folder import NORMALISATION
from sat_host.errors import MissingPackageError, SettingsError

pillow = pytest.importorskip("PIL.Image")

Bytes = npt.NDArray[np.uint8]


def flat(value: int, height: int = 4, width: int = 4) -> Bytes:
    """An image of one grey value, which survives JPEG."""
    return np.full((height, width, 3), value, np.uint8)


def save(path: Path, pixels: Bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pillow.fromarray(pixels).save(path)


def tree(root: Path, tests: str = "val") -> Path:
    """Two classes of an ordinary tree; an image's grey value says which it is."""
    save(root / "train/cat/b.png", flat(20))
    save(root / "train/cat/a.JPEG", flat(10))
    save(root / "train/ant/c.jpg", flat(30))
    save(root / tests / "cat/d.png", flat(40))
    (root / "train/ant/notes.txt").write_text("not an image")
    (root / "train/ant/._c.jpg").write_text("hidden")
    (root / "train/.hidden").mkdir()
    return root


def tiny(root: Path) -> Path:
    """The same in Tiny-ImageNet's layout."""
    save(root / "train/n02/images/n02_0.JPEG", flat(20))
    save(root / "train/n01/images/n01_0.JPEG", flat(30))
    (root / "train/n01/n01_boxes.txt").write_text("n01_0.JPEG\t0\t0\t63\t63\n")
    save(root / "val/images/val_1.JPEG", flat(50))
    save(root / "val/images/val_0.JPEG", flat(40))
    (root / "val/val_annotations.txt").write_text(
        "val_0.JPEG\tn02\t0\t32\t44\t62\nval_1.JPEG\tn01\t52\t55\t57\t59\n"
    )
    save(root / "test/images/test_0.JPEG", flat(60))
    return root


def load(root: Path, size: int | None = 4) -> Dataset:
    return load_dataset({"name": "image_folder", "path": str(root), "size": size})


def pixels(images: Any) -> npt.NDArray[np.int64]:
    """What the bytes were before they were normalised."""
    back = images * np.array(NORMALISATION.std) + np.array(NORMALISATION.mean)
    return np.round(back * 255).astype(np.int64)


def greys(data: Dataset, part: str) -> list[tuple[int, int]]:
    """Label and grey value of each image of a split."""
    split = getattr(data, part)
    values = pixels(split.images(range(len(split))))
    assert np.all(values == values[:, :1, :1, :1])
    return list(zip(split.labels.tolist(), values[:, 0, 0, 0].tolist(), strict=True))


@pytest.mark.parametrize("tests", ["val", "test"])
def test_classes_and_files_are_sorted_by_name(tests: str, tmp_path: Path) -> None:
    data = load(tree(tmp_path, tests))
    assert (data.classes, data.image) == (2, (4, 4, 3))
    assert greys(data, "train") == [(0, 30), (1, 10), (1, 20)]
    assert greys(data, "test") == [(1, 40)]
    assert data.train.labels.dtype == np.int64


def test_val_comes_before_test(tmp_path: Path) -> None:
    tree(tmp_path)
    save(tmp_path / "test/ant/e.png", flat(90))
    assert greys(load(tmp_path), "test") == [(1, 40)]


def test_tiny_imagenet_layout(tmp_path: Path) -> None:
    data = load(tiny(tmp_path))
    assert greys(data, "train") == [(0, 30), (1, 20)]
    assert greys(data, "test") == [(1, 40), (0, 50)]


def test_the_size_left_out_is_the_layout_s(tmp_path: Path) -> None:
    assert load(tiny(tmp_path / "tiny"), None).image == (64, 64, 3)
    assert load(tree(tmp_path / "tree"), None).image == (224, 224, 3)


def test_wnids_choose_the_classes(tmp_path: Path) -> None:
    tiny(tmp_path)
    save(tmp_path / "train/n00/images/n00_0.JPEG", flat(70))
    (tmp_path / "wnids.txt").write_text("n02\nn01\n\n")
    data = load(tmp_path)
    assert data.classes == 2
    assert greys(data, "train") == [(0, 30), (1, 20)]


@pytest.mark.parametrize(("height", "width"), [(6, 6), (6, 10), (14, 6)])
def test_the_shorter_side_is_scaled_and_the_centre_taken(
    height: int, width: int, tmp_path: Path
) -> None:
    tree(tmp_path)
    rng = np.random.default_rng(1)
    image = rng.integers(0, 256, (height, width, 3), np.uint8)
    save(tmp_path / "train/ant/c.jpg", flat(0))
    save(tmp_path / "train/ant/a.png", image)
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    same = pixels(load(tmp_path, side).train.images([0]))[0]
    assert np.array_equal(same, square)
    smaller = pixels(load(tmp_path, 3).train.images([0]))[0]
    halved = (width // 2, height // 2)
    whole = np.asarray(pillow.fromarray(image).resize(halved, pillow.Resampling.BILINEAR))
    top, left = top // 2, left // 2
    assert np.array_equal(smaller, whole[top : top + 3, left : left + 3])


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "1", "CMYK"])
def test_every_mode_becomes_rgb(mode: str, tmp_path: Path) -> None:
    tree(tmp_path)
    suffix = "jpg" if mode == "CMYK" else "png"
    image = pillow.fromarray(flat(255)).convert(mode)
    transparency = {"transparency": b"\x00\x80"} if mode == "P" else {}
    image.save(tmp_path / f"train/ant/a.{suffix}", **transparency)
    assert np.all(pixels(load(tmp_path).train.images([0])) == 255)


def test_images_are_decoded_only_when_asked_for(tmp_path: Path) -> None:
    tree(tmp_path)
    (tmp_path / "train/cat/a.JPEG").write_bytes(b"no image")
    split = load(tmp_path).train
    assert split.images([2, 0]).shape == (2, 4, 4, 3)
    with pytest.raises(SettingsError):
        split.images([0, 1])


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def deepen(path: Path) -> None:
    pillow.fromarray(np.zeros((4, 4), np.uint16)).save(path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(b"no image"), "of no format that Pillow knows"),
        (lambda path: path.write_bytes(b""), "of no format that Pillow knows"),
        (cut, ""),
        (deepen, "has more than 8 bits a channel (mode I"),
    ],
    ids=["other", "empty", "cut", "deep"],
)
def test_an_undecodable_image_is_named(
    damage: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    tree(tmp_path)
    file = tmp_path / "train/cat/b.png"
    rng = np.random.default_rng(2)
    save(file, rng.integers(0, 256, (64, 64, 3), np.uint8))
    damage(file)
    with pytest.raises(SettingsError) as caught:
        load(tmp_path).train.images([2])
    start = f"data.path: {file}: not an image that can be decoded: {message}"
    assert str(caught.value).startswith(start) and "\n" not in str(caught.value)
    assert len(str(caught.value)) > len(start) or message


def test_an_image_that_is_gone_is_named(tmp_path: Path) -> None:
    data = load(tree(tmp_path))
    (tmp_path / "train/cat/b.png").unlink()
    expected = r"data\.path: .*b\.png: cannot be read: No such file or directory"
    with pytest.raises(SettingsError, match=expected):
        data.train.images([2])
    with pytest.raises(SettingsError, match=expected):
        data.fingerprint()


def remove(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    folder.rmdir()


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda root: remove(root / "train"), ": expected a folder train, and val or test"),
        (lambda root: remove(root / "val"), ": expected a folder val or test beside train"),
        (
            lambda root: [remove(root / "train/cat"), remove(root / "train/ant")],
            "/train: expected a folder for each class, with its images",
        ),
        (
            lambda root: (root / "train/ant/c.jpg").unlink(),
            "/train/ant: expected images (.bmp, .jpeg, ",
        ),
        (
            lambda root: save(root / "val/dog/a.png", flat(1)),
            "/val/dog: a class that train does not have",
        ),
        (
            lambda root: [remove(root / "val/cat"), save(root / "val/a.png", flat(1))],
            "/val: expected a folder for each class, with its images, or Tiny-ImageNet's",
        ),
        (
            lambda root: (root / "wnids.txt").write_text("cat\ndog\n"),
            "/train: expected a folder dog for that class of ",
        ),
        (lambda root: (root / "wnids.txt").write_bytes(b"\xff"), "/wnids.txt: expected UTF-8 text"),
    ],
)
def test_a_tree_of_another_form_says_what_was_expected(
    damage: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    damage(tree(tmp_path))
    with pytest.raises(SettingsError) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(f"data.path: {tmp_path}{message}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        ("", "val/val_annotations.txt: empty, expected a line for each image"),
        (
            "val_0.JPEG\tn02\nval_1.JPEG n01\n",
            "val/val_annotations.txt:2: expected a file, a tab and a class of train, "
            "got 'val_1.JPEG n01'",
        ),
        ("val_0.JPEG\tn03\n", "val/val_annotations.txt:1: expected a file, a tab and a class"),
        ("val_9.JPEG\tn01\n", "val/images: expected the image val_9.JPEG of "),
        (None, "val: expected a folder for each class, with its images, or Tiny-ImageNet's images"),
    ],
)
def test_damaged_annotations_are_named(
    annotations: str | None, message: str, tmp_path: Path
) -> None:
    file = tiny(tmp_path) / "val/val_annotations.txt"
    if annotations is None:
        file.unlink()
    else:
        file.write_text(annotations)
    with pytest.raises(SettingsError) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(f"data.path: {tmp_path}/{message}")


def test_fingerprint_knows_names_sizes_and_image_size(tmp_path: Path) -> None:
    prints = [load(tree(tmp_path)).fingerprint(), load(tmp_path, 5).fingerprint()]
    assert load(tmp_path).fingerprint() == prints[0]
    (tmp_path / "train/cat/b.png").rename(tmp_path / "train/cat/bb.png")
    prints.append(load(tmp_path).fingerprint())
    with open(tmp_path / "train/cat/bb.png", "ab") as file:
        file.write(b"\0")
    prints.append(load(tmp_path).fingerprint())
    assert len(set(prints)) == len(prints)


def test_missing_pillow_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(MissingPackageError, match="pip install pillow"):
        load(tree_without_images(tmp_path))


def tree_without_images(root: Path) -> Path:
    (root / "train/a").mkdir(parents=True)
    return root
