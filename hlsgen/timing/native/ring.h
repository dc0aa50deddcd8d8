// SPDX-License-Identifier: Apache-2.0
//
// A queue of times in one block that grows by doubling, and so takes no more than twice what was in
// it at once.
#pragma once

#include <cstddef>
#include <vector>

#include "times.h"

namespace timing {

class Ring {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  Time front() const { return slots_[head_]; }
  Time at(std::size_t place) const { return slots_[(head_ + place) & (slots_.size() - 1)]; }

  void push(Time time) {
    if (size_ == slots_.size()) grow();
    slots_[(head_ + size_) & (slots_.size() - 1)] = time;
    ++size_;
  }
  Time pop() {
    const Time time = front();
    head_ = (head_ + 1) & (slots_.size() - 1);
    --size_;
    return time;
  }

 private:
  static constexpr std::size_t kFirstSlots = 8;

  void grow() {
    std::vector<Time> wider(slots_.empty() ? kFirstSlots : 2 * slots_.size());
    for (std::size_t i = 0; i < size_; ++i) wider[i] = at(i);
    slots_.swap(wider);
    head_ = 0;
  }

  std::vector<Time> slots_;  // a power of two of them
  std::size_t head_ = 0;
  std::size_t size_ = 0;
};

}  // namespace timing
