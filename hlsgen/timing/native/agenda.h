// SPDX-License-Identifier: Apache-2.0
//
// Which processes are to be looked at, and when. Most are due in the next cycle, and these need no
// sorting.
#pragma once

#include <functional>
#include <queue>
#include <utility>
#include <vector>

#include "times.h"

namespace timing {

class Agenda {
 public:
  Time now() const { return now_; }
  const std::vector<std::int64_t>& present() const { return present_; }

  // time: later than now. No process is in it twice.
  void add(Time time, std::int64_t process) {
    if (time == now_ + 1) {
      soon_.push_back(process);
    } else {
      later_.emplace(time, process);
    }
  }

  // Go on to the next time that a process is due at; false when there is none.
  bool next() {
    if (soon_.empty() && later_.empty()) return false;
    now_ = soon_.empty() ? later_.top().first : now_ + 1;
    present_.swap(soon_);
    soon_.clear();
    for (; !later_.empty() && later_.top().first == now_; later_.pop()) {
      present_.push_back(later_.top().second);
    }
    return true;
  }

 private:
  using Event = std::pair<Time, std::int64_t>;

  Time now_ = -1;
  std::vector<std::int64_t> present_;
  std::vector<std::int64_t> soon_;
  std::priority_queue<Event, std::vector<Event>, std::greater<Event>> later_;
};

}  // namespace timing
