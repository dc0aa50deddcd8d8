// SPDX-License-Identifier: Apache-2.0
//
// Runs command lists from a file whole, as the card does: all commands of a list are in flight. The
// file holds words: kind (0 STCE, 1 WUVE), count, memory bytes; then the commands; then the memory.
// The memory after the run goes to standard output, the least distance between a sum's write and
// its next read to standard error.
#include <stdlib.h>
#include <uspe.h>

#include <cstdint>
#include <cstdio>

#include "flush_mode.h"
#include "sat_kernels.h"

namespace {

void* aligned(std::uint64_t bytes) {
  void* memory = nullptr;
  return posix_memalign(&memory, 4096, bytes) == 0 ? memory : nullptr;
}

}  // namespace

int main(int, char** arguments) {
  std::FILE* file = std::fopen(arguments[1], "rb");
  std::uint64_t head[3];
  if (!file || std::fread(head, sizeof head, 1, file) != 1) return 2;
  const std::uint64_t bytes = head[0] == 0 ? sizeof(sat::StceCommand) : sizeof(sat::WuveCommand);
  void* const commands = aligned(bytes * head[1]);
  void* const memory = aligned(head[2]);
  if (!commands || !memory) return 2;
  if (std::fread(commands, bytes, head[1], file) != head[1]) return 2;
  if (std::fread(memory, 1, head[2], file) != head[2]) return 2;
  WordT* const words = static_cast<WordT*>(memory);
  const int count = static_cast<int>(head[1]);
  if (head[0] == 0) {
    std::uint32_t nonfinite = 0;
    sat_stce(count, static_cast<sat::CommandBeat*>(commands), words, words, words, words,
             &nonfinite);
    std::fprintf(stderr, "%ld\n", bounded::Watch::instance().least.load());
  } else {
    sat_wuve(count, static_cast<sat::CommandBeat*>(commands), words, words, words, words, words,
             words, words);
  }
  return std::fwrite(memory, 1, head[2], stdout) == head[2] ? 0 : 2;
}
