// SPDX-License-Identifier: Apache-2.0
//
// A process as the operations that each of its ticks has: the runs of its ends, merged by tick.
#pragma once

#include <algorithm>
#include <array>
#include <vector>

#include "times.h"

namespace timing {

// What a tick may have to do, in the order in which equals count as the cause of a stall. A word of
// memory has two operations: its request, and `latency` ticks later its answer.
enum class Kind { kRead, kWrite, kRequest, kAnswer };

inline Cause cause_of(Kind kind) {
  return kind == Kind::kRead ? kRead : kind == Kind::kWrite ? kWrite : kMemory;
}

// Walks through the runs of one end. tick: of its next operation, kUnknown behind the last.
class Cursor {
 public:
  // latest: ticks beyond it become it. A process does not end before its last answer.
  Cursor(Kind what, std::int64_t which, const Run* run, const Run* last, Time delay, Time latest)
      : kind(what), object(which), run_(run), last_(last), delay_(delay), latest_(latest) {
    begin_run();
  }

  const Kind kind;
  const std::int64_t object;  // the stream or the port
  Time tick = kUnknown;

  std::int64_t address() const { return address_; }

  void advance() {
    if (--left_ == 0) {
      ++run_;
      begin_run();
      return;
    }
    address_ += run_->step;
    next_ += run_->stride;
    tick = std::min(next_, latest_);
  }

 private:
  void begin_run() {
    if (run_ == last_) {
      tick = kUnknown;
      return;
    }
    left_ = run_->count;
    address_ = run_->address;
    next_ = run_->first + delay_;
    tick = std::min(next_, latest_);
  }

  const Run* run_;
  const Run* last_;
  Time delay_;
  Time latest_;
  Time next_ = 0;
  std::int64_t left_ = 0;
  std::int64_t address_ = 0;
};

struct Process {
  std::int64_t number = 0;
  Time ticks = 0;
  std::vector<Cursor> cursors;  // in the order of Kind, then of object
  Time tick = 0;                // the next one with something to do, or the last one
  Time arrived = 0;             // when it gets there if nothing is late
  bool ended = false;
  std::array<Time, kCauses> blocked{};
  std::vector<Stall> stalls;

  // The tick that is next, from where the cursors are.
  Time next_tick() const {
    Time next = ticks;
    for (const Cursor& cursor : cursors) next = std::min(next, cursor.tick);
    return next;
  }
};

}  // namespace timing
