// SPDX-License-Identifier: Apache-2.0
//
// Stand-in for the vendor's hls_stream.h. Two things are errors here that the vendor only prints:
// reading an empty stream, and tokens left when the stream ends.
#pragma once

#include "token_queue.h"

namespace hls {

template <class T, int Depth = 0>
class stream : public sat::csim::TokenQueue<T> {
 public:
  explicit stream(const char* name = "unnamed") : sat::csim::TokenQueue<T>(name) {}

  // So many reads, each with a write to another stream, or, where no process follows, to none.
  void pass_on(int count, stream& to) { this->pass(count, to); }
  template <class None>
  void pass_on(int count, None&) {
    for (int i = 0; i < count; ++i) this->read();
  }
};

}  // namespace hls
