# SPDX-License-Identifier: Apache-2.0
"""The simulator's streams: order and size, and the errors that name stream and process."""

from __future__ import annotations

import ctypes
import random

import numpy as np
import pytest
from accelerators import (
    ARRAYS,
    QUICKLY,
    changed,
    library_of,
    open_library,
    probe,
    project_of,
    with_flags,
)
from operands import halves
from sat_host.device import DeviceError
from sat_host.engine import EngineDevice
from sat_host.golden_device import GoldenDevice
from sat_host.selftest import first_difference

from hlsgen.project import Project

PROBE = """
#include <hls_stream.h>

#include <cstdint>
#include <cstring>

#include "hls_macros.h"

#define PROBE extern "C" __attribute__((visibility("default")))

using sat::csim::Diagnostics;

namespace {

// Larger than a cache line, so that a chunk holds few and its end is often met.
struct Token {
  std::int32_t number;
  char rest[1020];
};

char text[256];
const char* message() {
  std::strcpy(text, Diagnostics::instance().message());
  return text;
}

void write_one(hls::stream<int>& out, int value) { out.write(value); }

void read_one(hls::stream<int>& in, int* value) { *value = in.read(); }

}  // namespace

// steps > 0 writes that many, < 0 reads that many; returns the first read or size that is wrong.
template <class T, class Make, class Number>
int walk(const std::int32_t* steps, int count, Make make, Number number) {
  Diagnostics::instance().clear();
  hls::stream<T> tokens("walked");
  int written = 0;
  int taken = 0;
  for (int i = 0; i < count; ++i) {
    for (int n = 0; n < steps[i]; ++n) tokens.write(make(written++));
    for (int n = 0; n > steps[i]; --n) {
      if (number(tokens.read()) != taken++) return i + 1;
    }
    if (tokens.size() != static_cast<std::size_t>(written - taken)) return i + 1;
    if ((tokens.size() == 0) != (written == taken)) return i + 1;
  }
  return 0;
}

PROBE int walk_small(const std::int32_t* steps, int count) {
  return walk<char>(steps, count, [](int n) { return static_cast<char>(n); },
                    [](char c) { return static_cast<int>(c); });
}

PROBE int walk_middle(const std::int32_t* steps, int count) {
  return walk<int>(steps, count, [](int n) { return n; }, [](int n) { return n; });
}

PROBE int walk_large(const std::int32_t* steps, int count) {
  const auto make = [](int n) {
    Token token = Token();
    token.number = n;
    return token;
  };
  return walk<Token>(steps, count, make, [](const Token& token) { return token.number; });
}

PROBE int walk_failed() { return Diagnostics::instance().failed(); }
PROBE const char* last_message() { return message(); }

PROBE const char* starved_read(int* value, int* status) {
  Diagnostics::instance().clear();
  {
    hls::stream<int> words("some_words");
    SAT_PROCESS("writer", write_one(words, 41));
    SAT_PROCESS("reader", read_one(words, value));
    SAT_PROCESS("reader", read_one(words, value));
  }
  *status = Diagnostics::instance().failed();
  return message();
}

PROBE const char* leftover(int tokens, int* status) {
  Diagnostics::instance().clear();
  {
    hls::stream<int> words("more_words");
    for (int i = 0; i < tokens; ++i) SAT_PROCESS("eager_writer", write_one(words, i));
  }
  *status = Diagnostics::instance().failed();
  return message();
}

// The first error is kept: the read fails, and the leftover of another stream follows from it.
PROBE const char* both() {
  Diagnostics::instance().clear();
  int value = 0;
  {
    hls::stream<int> kept("kept");
    hls::stream<int> empty("empty");
    kept.write(1);
    SAT_PROCESS("reader", read_one(empty, &value));
  }
  return message();
}
"""


@pytest.fixture(scope="module")
def streams() -> ctypes.CDLL:
    library = probe(PROBE, (".", "kernels", "kernels/csim"))
    for name in ("starved_read", "leftover", "both", "last_message"):
        getattr(library, name).restype = ctypes.c_char_p
    return library


@pytest.mark.parametrize("kind", ["middle", "large"])
def test_tokens_keep_their_order_over_many_chunks(kind: str, streams: ctypes.CDLL) -> None:
    rng = random.Random(7)
    chunk = {"middle": 8128, "large": 31}[kind]
    for _ in range(30):
        steps, held = [], 0
        for _ in range(60):
            most = rng.choice([1, 3, chunk - 1, chunk, chunk + 1, 3 * chunk])
            step = rng.randint(1, most) if rng.random() < 0.5 else -min(held, rng.randint(1, most))
            held += step
            steps.append(step)
        steps.append(-held)
        given = (ctypes.c_int32 * len(steps))(*steps)
        assert getattr(streams, f"walk_{kind}")(given, len(steps)) == 0
        assert streams.walk_failed() == 0, streams.last_message()


@pytest.mark.parametrize("around", [-1, 0, 1])
def test_a_stream_may_be_emptied_at_the_end_of_a_chunk(around: int, streams: ctypes.CDLL) -> None:
    for kind, chunk in (("middle", 8128), ("large", 31)):
        for copies in (1, 2, 3):
            step = copies * chunk + around
            steps = [step, -step, step, -step, 1, -1, step, 1, -step, -1]
            given = (ctypes.c_int32 * len(steps))(*steps)
            assert getattr(streams, f"walk_{kind}")(given, len(steps)) == 0
            assert streams.walk_failed() == 0, streams.last_message()


def test_one_byte_tokens(streams: ctypes.CDLL) -> None:
    steps = (ctypes.c_int32 * 4)(100, -50, 20, -70)
    assert streams.walk_small(steps, 4) == 0


def test_reading_an_empty_stream_is_an_error(streams: ctypes.CDLL) -> None:
    value, status = ctypes.c_int(), ctypes.c_int()
    message = streams.starved_read(ctypes.byref(value), ctypes.byref(status)).decode()
    assert message == "stream 'some_words' read while empty by process 'reader'"
    assert status.value == 1
    assert value.value == 0


def test_tokens_left_are_an_error(streams: ctypes.CDLL) -> None:
    status = ctypes.c_int()
    for tokens in (1, 3, 8128, 20_000):
        message = streams.leftover(tokens, ctypes.byref(status)).decode()
        assert "stream 'more_words' still holds" in message
        assert f" still holds {tokens} of the tokens" in message
        assert "process 'eager_writer'" in message
        assert status.value == 1
    assert streams.leftover(0, ctypes.byref(status)) == b""
    assert status.value == 0


def test_the_first_error_is_kept(streams: ctypes.CDLL) -> None:
    assert streams.both() == b"stream 'empty' read while empty by process 'reader'"


# End to end: a kernel that is wrong for a reduction of 3 elements, and right otherwise -----------

ARRAY = "4x8_g8"


def product(device: EngineDevice, reduction: int) -> None:
    """A product that must equal the golden model's."""
    results = []
    for used in (device, GoldenDevice(device.config)):
        a, b = used.matrix(5, reduction, np.float16), used.matrix(reduction, 9, np.float16)
        y = used.matrix(5, 9, np.float32)
        used.write(a, halves(1, (5, reduction), "normal"))
        used.write(b, halves(2, (reduction, 9), "normal"))
        try:
            used.product(y, a, b)
            results.append(used.read(y))
        finally:
            used.free(a, b, y)
    assert first_difference(*results) is None


DROPPED_PACKET = (
    "kernels/form_packets.h",
    "    packets.write(make_packet<Config>(values, indices, place.slot, dense, at, left));",
    "    const Packet<Config> packet =\n"
    "        make_packet<Config>(values, indices, place.slot, dense, at, left);\n"
    "    if (left != 3 || block != 1) packets.write(packet);",
)
EXTRA_WORD = (
    "kernels/read_weights.h",
    "      words.write(memory[at.address]);",
    "      words.write(memory[at.address]);\n"
    "      const bool last = at.tail.runs == 3 && at.runs == 1 && at.words == 1;\n"
    "      if (last) words.write(memory[at.address]);",
)
EXTRA_TILE = (
    "kernels/fetch.h",
    "    to_sums.write(command);",
    "    to_sums.write(command);\n    if (command.reduction == 3) to_sums.write(command);",
)
DROPPED_PACKET_COMMAND = (
    "kernels/read_weights.h",
    "    forward.write(command);",
    "    if (command.reduction != 3) forward.write(command);",
)
DROPPED_COMMAND = (
    "kernels/fetch.h",
    "      to_activations.write(next);",
    "      if (next.reduction != 3) to_activations.write(next);",
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (DROPPED_PACKET, "csim: stream 'packets_0' read while empty by process 'row_0'"),
        (
            DROPPED_COMMAND,
            "csim: stream 'activation_commands' read while empty by process 'read_activations'",
        ),
        (
            DROPPED_PACKET_COMMAND,
            "csim: stream 'packet_commands' read while empty by process 'form_packets'",
        ),
        (
            EXTRA_WORD,
            "csim: stream 'weight_words' still holds 1 of the tokens",
        ),
        (
            EXTRA_TILE,
            "csim: stream 'sum_commands' still holds 1 of the tokens",
        ),
    ],
    ids=[
        "dropped packet",
        "dropped command",
        "dropped packet command",
        "extra word",
        "extra command",
    ],
)
def test_a_wrong_kernel_is_an_error_with_names(change: tuple[str, str, str], message: str) -> None:
    project: Project = changed(project_of(ARRAY), *change)
    device = open_library(library_of(project, with_flags(QUICKLY)), ARRAYS[ARRAY])
    product(device, 4)
    for _ in range(2):
        with pytest.raises(DeviceError) as caught:
            product(device, 3)
        assert str(caught.value).startswith(message)
        assert "\n" not in str(caught.value)
        # The next good call works, with nothing left of the bad one.
        product(device, 4)
        product(device, 17)
