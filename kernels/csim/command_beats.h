// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "sat_descriptor.h"

namespace sat {
namespace csim {

// A command as the port brings it.
template <class Command>
struct Beats {
  sat::CommandBeat beat[sizeof(Command) / sizeof(sat::CommandBeat)];

  explicit Beats(const Command& command) {
    std::uint32_t words[sizeof(Command) / sizeof(std::uint32_t)];
    std::memcpy(words, &command, sizeof words);
    std::size_t word = 0;
    for (sat::CommandBeat& each : beat) {
      for (std::size_t i = 0; i < each.size(); ++i) each[i] = words[word++];
    }
  }
};

}  // namespace csim
}  // namespace sat
