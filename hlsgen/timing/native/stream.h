// SPDX-License-Identifier: Apache-2.0
//
// A stream between two processes, as two queues of times: of the tokens in it, when each can be read,
// and of the places that were read empty, when each can be written. Both are a cycle after the
// operation that made them.
#pragma once

#include <algorithm>

#include "ring.h"
#include "times.h"

namespace timing {

class Stream {
 public:
  // writes: how often it is written in all; a stream that deep, or of depth 0, is never full.
  Stream(const StreamRow& row, std::int64_t writes)
      : writer(row.writer), reader(row.reader),
        endless_(row.depth == 0 || row.depth >= writes), unused_(row.depth) {}

  const std::int64_t writer;
  const std::int64_t reader;
  // Whether that process has stopped until the other one acts.
  bool writer_waits = false;
  bool reader_waits = false;

  Time readable() const { return tokens_.empty() ? kUnknown : tokens_.front(); }
  Time writable() const {
    if (endless_ || unused_ > 0) return 0;
    return places_.empty() ? kUnknown : places_.front();
  }
  std::int64_t fill() const { return static_cast<std::int64_t>(tokens_.size()); }
  std::int64_t greatest_fill() const { return greatest_fill_; }

  // The tokens in it in this cycle, `now`: a token takes its place from the cycle in which it is
  // written until the cycle in which it is read, that one included.
  std::int64_t fill_during(Time now) const { return fill() + (last_read_ == now ? 1 : 0); }

  void write(Time now) {
    if (!endless_) {
      if (unused_ > 0) {
        --unused_;
      } else {
        places_.pop();
      }
    }
    tokens_.push(now + 1);
    greatest_fill_ = std::max(greatest_fill_, fill_during(now));
  }
  void read(Time now) {
    tokens_.pop();
    if (!endless_) places_.push(now + 1);
    last_read_ = now;
  }

 private:
  const bool endless_;
  std::int64_t unused_;  // places that no token has been in
  Ring tokens_;
  Ring places_;
  Time last_read_ = -1;
  std::int64_t greatest_fill_ = 0;
};

}  // namespace timing
