# SPDX-License-Identifier: Apache-2.0
"""The `data` section of a spec: a union by `name`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from .spec_base import READ_OR_NOT, Section, named, number

Image = tuple[int, int, int]
# The network can be checked before the path is known.
Path = Annotated[str, READ_OR_NOT]


class DigitsSpec(Section):
    """The handwritten digits that come with scikit-learn: 1,797 images of 8 x 8 pixels."""

    image: ClassVar[Image | None] = (8, 8, 1)
    classes: ClassVar[int | None] = 10

    name: Literal["digits"] = Field(default="digits", description="The data: digits, the default.")
    test_fraction: float = number("Part of the images kept for the test", 0.2, 0.01, 0.9)


def _path(text: str) -> Any:
    return Field(min_length=1, max_length=4096, description=f"{text}; no default.")


class Cifar10Spec(Section):
    """CIFAR-10: 60,000 images of 32 x 32 pixels, from its binary files."""

    image: ClassVar[Image | None] = (32, 32, 3)
    classes: ClassVar[int | None] = 10

    name: Literal["cifar10"] = Field(description="The data: cifar10; no default.")
    path: Path = _path("Folder with data_batch_1.bin to data_batch_5.bin and test_batch.bin")


class Cifar100Spec(Section):
    """CIFAR-100: 60,000 images of 32 x 32 pixels, from its binary files; the fine labels."""

    image: ClassVar[Image | None] = (32, 32, 3)
    classes: ClassVar[int | None] = 100

    name: Literal["cifar100"] = Field(description="The data: cifar100; no default.")
    path: Path = _path("Folder with train.bin and test.bin")


class ImageFolderSpec(Section):
    """A tree of image files, a folder a class; the model says how many classes there are."""

    classes: ClassVar[int | None] = None

    name: Literal["image_folder"] = Field(description="The data: image_folder; no default.")
    path: Path = _path("Folder with train/ and val/, each with a folder of images for every class")
    size: int | None = number(
        "Pixels of a side, to which images are scaled; null for those of model.image",
        None, 1, 1024,
    )  # fmt: skip

    @property
    def image(self) -> Image | None:
        """Rows, columns and channels of an image, once known."""
        return None if self.size is None else (self.size, self.size, 3)


DataSpec = Annotated[
    DigitsSpec | Cifar10Spec | Cifar100Spec | ImageFolderSpec,
    Field(discriminator="name"),
    named("digits"),
]
