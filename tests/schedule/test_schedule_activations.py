# SPDX-License-Identifier: Apache-2.0
"""What strips read, beside a walk through every pixel, tap and channel."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st
from sat_host.product import Source
from sat_host.strips import longest_strip, strip_words

from hlsgen.schedule.activations import channel_strips, pixel_run


@st.composite
def sources(draw: st.DrawFn) -> tuple[Source, int]:
    """A source of one to three images, and its output pixels."""
    taps = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    stride = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    out = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    backward = draw(st.booleans())
    padding = draw(st.integers(0, taps[0] - 1))
    height = max(1, (out[0] - 1) * stride[0] + taps[0] - 2 * padding)
    width = max(1, (out[1] - 1) * stride[1] + taps[1])
    origin = (taps[0] - 1 - padding if backward else -padding), 0
    source = Source(
        0, draw(st.integers(1, 3)), 1, (height, width), out, taps, stride, origin, backward
    )
    return source, draw(st.integers(1, 3)) * out[0] * out[1]


def range_words(source: Source, first: int, last: int) -> int:
    """From the first to the last row of the images that pixels first to last touch."""
    touched = []
    for pixel in range(first, last + 1):
        image, row = divmod(pixel // source.out_size[1], source.out_size[0])
        for tap in range(source.taps[0]):
            y = source.origin[0] + row * source.stride[0] + source.direction * tap
            inside = min(max(y, 0), source.size[0] - 1)  # one that lies outside is the nearest row
            touched.append(image * source.size[0] + inside)
    return (max(touched) - min(touched) + 1) * source.size[1] * source.pitch


@given(case=sources(), strip=st.integers(1, 70))
def test_strips_read_the_rows_that_they_touch(case: tuple[Source, int], strip: int) -> None:
    source, rows = case
    words = [
        range_words(source, first, min(first + strip, rows) - 1) for first in range(0, rows, strip)
    ]
    found = strip_words(source, rows, strip)
    assert (found.total, found.longest, found.first) == (sum(words), max(words), words[0])


@given(case=sources(), interleave=st.integers(1, 8), held=st.integers(1, 200))
def test_a_longest_strip_is_of_whole_batches_that_fit(
    case: tuple[Source, int], interleave: int, held: int
) -> None:
    """Beside a walk over the strips; one more batch does not fit, or is not there."""
    source, rows = case

    def most(strip: int) -> int:
        return max(range_words(source, first, min(first + strip, rows) - 1)
                   for first in range(0, rows, strip))  # fmt: skip

    strip = longest_strip(source, rows, interleave, held)
    assert strip % interleave == 0
    assert strip == 0 or most(strip) <= held
    assert strip >= rows or most(strip + interleave) > held


def test_strips_counted_by_hand() -> None:
    # 3 words a row: 33 rows fit 100 words, 30 of them in batches of 5.
    assert longest_strip(Source(0, 3, 96), 1000, 5, 100) == 30
    # Both images of 16 pixels fit, whatever their strips.
    images = Source(0, 1, 32, (4, 4), (4, 4), (3, 3), origin=(-1, -1))
    assert longest_strip(images, 32, 5, 32) == 35
    assert longest_strip(images, 32, 5, 3) == 0


@given(
    channels=st.integers(1, 70), taps=st.integers(1, 5), strip=st.integers(1, 150),
    lanes=st.sampled_from([8, 16]),
)  # fmt: skip
def test_channel_strips_are_those_of_a_walk(
    channels: int, taps: int, strip: int, lanes: int
) -> None:
    given: dict[int, dict[tuple[int, int], int]] = defaultdict(lambda: defaultdict(int))
    for row in range(taps * channels):
        tap, channel = divmod(row, channels)
        given[row // strip][tap, channel // lanes] += 1
    found = channel_strips(taps * channels, channels, strip, lanes)
    whole = {
        number for number, words in given.items()
        if len(words) == -(-channels // lanes) and len({tap for tap, _ in words}) == 1
    }  # fmt: skip
    assert found.words == sum(map(len, given.values()))
    assert found.most == max(map(len, given.values()))
    assert found.whole == sum(len(given[number]) for number in whole)
    assert found.runs == sum(
        len({tap for tap, _ in words}) for number, words in given.items() if number not in whole
    )
    cycles = []
    for words in given.values():
        rows = list(words.values())
        rows[-1] += strip - sum(rows)  # padding follows a panel's last rows
        cycles.append(sum(max(lanes, count) for count in rows))
    assert found.transposer == max(cycles)


def test_pixels_that_follow_each_other() -> None:
    assert pixel_run(Source(0, 1, 32)) == 0  # a plain matrix
    assert pixel_run(Source(0, 1, 32, (8, 8), (8, 8))) == 0  # 1 x 1
    assert pixel_run(Source(0, 1, 32, (8, 8), (8, 8), (3, 3), origin=(-1, -1))) == 8
    assert pixel_run(Source(0, 1, 32, (8, 8), (4, 4), stride=(2, 2))) == 1
