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
};

}  // namespace hls
