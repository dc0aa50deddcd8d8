// SPDX-License-Identifier: Apache-2.0
//
// What the testbenches of C/RTL co-simulation share: a job, read from a file that hlsgen.cosim makes
// with the golden model, and the comparison. The tools look at nothing but main's result, so any
// difference must reach it. Host code: no kernel includes this.
//
// The file holds little-endian 32-bit words: count, beats of commands, words of memory, lanes, and how
// many results are infinite or NaN; then the commands; then, 16 bits a lane, memory before and after.
#pragma once

#include <cstdint>
#include <cstdio>

#include "sat_kernels.h"

namespace sat {
namespace testbench {

// A pointer of a kernel: co-simulation copies this many elements of each.
constexpr int kElements = SAT_COSIM_DEPTH;

struct Job {
  int count;
  int words;
  std::uint32_t nonfinite;
  CommandBeat commands[kElements];
  WordT before[kElements];
  WordT after[kElements];
};

inline bool read_words(std::FILE* file, int words, WordT* memory) {
  for (int i = 0; i < words; ++i) {
    std::uint16_t lanes[SatConfig::kLanes];
    if (std::fread(lanes, sizeof lanes, 1, file) != 1) return false;
    for (int c = 0; c < SatConfig::kLanes; ++c) memory[i][c] = lanes[c];
  }
  return true;
}

inline bool read_job(const char* path, Job& job) {
  std::FILE* const file = std::fopen(path, "rb");
  std::uint32_t head[5];
  if (!file || std::fread(head, sizeof head, 1, file) != 1) return false;
  const int beats = static_cast<int>(head[1]);
  job.count = static_cast<int>(head[0]);
  job.words = static_cast<int>(head[2]);
  job.nonfinite = head[4];
  if (beats > kElements || job.words > kElements || head[3] != SatConfig::kLanes) return false;
  for (int i = 0; i < beats; ++i) {
    std::uint32_t words[sizeof(CommandBeat) / sizeof(std::uint32_t)];
    if (std::fread(words, sizeof words, 1, file) != 1) return false;
    for (unsigned w = 0; w < sizeof words / sizeof words[0]; ++w) job.commands[i][w] = words[w];
  }
  const bool whole = read_words(file, job.words, job.before) && read_words(file, job.words, job.after);
  std::fclose(file);
  return whole;
}

// A buffer for each pointer, since co-simulation keeps a memory of its own for each port.
inline void fill(const Job& job, WordT* memory) {
  for (int i = 0; i < job.words; ++i) memory[i] = job.before[i];
}

inline bool equal(const WordT& a, const WordT& b) {
  for (int c = 0; c < SatConfig::kLanes; ++c) {
    if (a[c] != b[c]) return false;
  }
  return true;
}

// Words that are not as they must be, after the kernel wrote to `outputs`, each of them elsewhere.
inline int count_differences(const Job& job, const WordT* const* outputs, int count) {
  int differences = 0;
  for (int i = 0; i < job.words; ++i) {
    const WordT* found = &job.before[i];
    for (int n = 0; n < count; ++n) {
      if (!equal(outputs[n][i], job.before[i])) found = &outputs[n][i];
    }
    if (equal(*found, job.after[i])) continue;
    if (differences++ == 0) std::printf("word %d is the first to differ from the golden model\n", i);
  }
  return differences;
}

}  // namespace testbench
}  // namespace sat
