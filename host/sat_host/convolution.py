# SPDX-License-Identifier: Apache-2.0
"""The geometry of a convolution, and how its tensors lie in matrices (docs/architecture.md).

A tensor of images is a matrix of pixels: one row a pixel, in the order (image, row, column), one
column a channel. Weights are a matrix of taps: the rows are the taps (kh, kw) one after the other,
the channels of each from a multiple of `lanes` on, the columns are the filters. A linear layer is
the convolution of 1 x 1 images with one tap.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import ArgumentError

MAX_SIDE = 32767  # of a padded image, in pixels: the commands hold coordinates in 16 bits


def output_size(size: int, taps: int, stride: int, padding: int) -> int:
    """Places of a kernel along one axis of an image that has `padding` more pixels on each side."""
    return (size + 2 * padding - taps) // stride + 1


@dataclass(frozen=True)
class Convolution:
    """One convolution: `images` of height x width x channels -> `filters` channels.

    kernel, stride, padding: (rows, columns) each. Raises ArgumentError for a geometry that has no
    output pixel or that no command can hold.
    """

    images: int
    height: int
    width: int
    channels: int
    filters: int
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        for name in ("images", "height", "width", "channels", "filters"):
            _check(name, getattr(self, name), 1)
        for name, low in (("kernel", 1), ("stride", 1), ("padding", 0)):
            pair = getattr(self, name)
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise ArgumentError(f"{name}: expected (rows, columns), got {pair!r}")
            for value in pair:
                _check(name, value, low, MAX_SIDE)
        for name, padded, taps in zip(("rows", "columns"), self._padded, self.kernel, strict=True):
            if padded < taps:
                raise ArgumentError(
                    f"kernel: {taps} {name} do not fit the {padded} of the padded image"
                )
            if padded > MAX_SIDE:
                raise ArgumentError(f"image: at most {MAX_SIDE} padded {name} fit, got {padded}")

    @classmethod
    def linear(cls, rows: int, inputs: int, outputs: int) -> Convolution:
        """The product of `rows` vectors with a matrix inputs x outputs."""
        return cls(rows, 1, 1, inputs, outputs)

    @property
    def out_height(self) -> int:
        """Rows of an output image."""
        return output_size(self.height, self.kernel[0], self.stride[0], self.padding[0])

    @property
    def out_width(self) -> int:
        """Columns of an output image."""
        return output_size(self.width, self.kernel[1], self.stride[1], self.padding[1])

    @property
    def in_pixels(self) -> int:
        """Rows of the matrices X and dX."""
        return self.images * self.height * self.width

    @property
    def out_pixels(self) -> int:
        """Rows of the matrices Y and dY."""
        return self.images * self.out_height * self.out_width

    @property
    def taps(self) -> int:
        """Places of the kernel."""
        return self.kernel[0] * self.kernel[1]

    def tap_rows(self, lanes: int) -> int:
        """Rows of the weight matrix from the first channel of a tap to the next tap's."""
        return self.channels if self.taps == 1 else -(-self.channels // lanes) * lanes

    def weight_rows(self, lanes: int) -> int:
        """Rows of the weight matrix; those between a tap's channels and the next tap are zero."""
        return (self.taps - 1) * self.tap_rows(lanes) + self.channels

    @property
    def _padded(self) -> tuple[int, int]:
        return self.height + 2 * self.padding[0], self.width + 2 * self.padding[1]


def _check(name: str, value: object, low: int, most: int | None = None) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < low:
        raise ArgumentError(f"{name}: expected an integer of at least {low}, got {value!r}")
    if most is not None and value > most:
        raise ArgumentError(f"{name}: expected at most {most}, got {value}")
