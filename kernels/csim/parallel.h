// SPDX-License-Identifier: Apache-2.0
//
// Independent pieces of work on several threads. Each thread has its own streams, contexts and
// diagnostics; the first piece that failed, by number, tells the caller's.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "csim_diagnostics.h"

namespace sat {
namespace csim {

// run(number) for each of `count` pieces, the caller's thread being one of `threads`. What follows a
// failure is not begun.
template <class Run>
void for_each_piece(int count, int threads, const Run& run) {
  std::atomic<int> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  int first = count;
  std::string message;
  const auto work = [&] {
    for (int piece = next++; piece < count && !failed; piece = next++) {
      Diagnostics::instance().clear();
      run(piece);
      if (!Diagnostics::instance().failed()) continue;
      failed = true;
      const std::lock_guard<std::mutex> lock(mutex);
      if (piece < first) {
        first = piece;
        message = Diagnostics::instance().message();
      }
    }
  };
  std::vector<std::thread> others;
  for (int thread = 1; thread < threads; ++thread) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
  Diagnostics::instance().clear();
  if (failed) Diagnostics::instance().adopt(message.c_str());
}

}  // namespace csim
}  // namespace sat
