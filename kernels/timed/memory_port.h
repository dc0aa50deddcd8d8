// SPDX-License-Identifier: Apache-2.0
//
// A kernel's memory port that records what it accesses. Copies are the same port.
#pragma once

#include "recorder.h"

namespace sat {
namespace timed {

template <class T>
class Port {
 public:
  int latency() const { return latency_; }

 protected:
  explicit Port(T* memory) : memory_(memory) {}

  void open(const char* name, const char* bundle, bool writes, int burst, int outstanding,
            int latency) {
    number_ = Recorder::instance().add_port(name, bundle, writes, burst, outstanding, latency);
    latency_ = latency;
  }
  T& at(std::uint64_t index) const {
    Recorder::instance().access(number_, sizeof(T), index);
    return memory_[index];
  }

 private:
  T* memory_;
  int number_ = -1;
  int latency_ = 0;
};

template <class T>
class ReadPort : public Port<const T> {
 public:
  ReadPort(const T* memory) : Port<const T>(memory) {}  // NOLINT: as a pointer converts
  void open(const char* name, const char* bundle, int burst, int outstanding, int latency) {
    Port<const T>::open(name, bundle, false, burst, outstanding, latency);
  }
  const T& operator[](std::uint64_t index) const { return this->at(index); }
};

template <class T>
class WritePort : public Port<T> {
 public:
  WritePort(T* memory) : Port<T>(memory) {}  // NOLINT: as a pointer converts
  void open(const char* name, const char* bundle, int burst, int outstanding, int latency) {
    Port<T>::open(name, bundle, true, burst, outstanding, latency);
  }
  T& operator[](std::uint64_t index) const { return this->at(index); }
};

}  // namespace timed
}  // namespace sat
