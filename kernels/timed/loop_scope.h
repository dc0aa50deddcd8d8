// SPDX-License-Identifier: Apache-2.0
//
// What the macros of a loop and of a process tell the recorder. A loop that states no pipeline costs
// nothing here, so that loops over lanes stay vector code.
#pragma once

#include "recorder.h"

namespace sat {
namespace timed {

class LoopScope {
 public:
  LoopScope() = default;
  LoopScope(const LoopScope&) = delete;
  LoopScope& operator=(const LoopScope&) = delete;
  ~LoopScope() {
    if (owns_) Recorder::instance().end_pipeline();
  }

  bool enter() {
    entered_ = !entered_;
    return entered_;
  }
  void turn(int ii, int reading) {
    if (owns_) {
      Recorder::instance().next_turn();
    } else if (!pipelined_) {
      owns_ = Recorder::instance().start_pipeline(ii, reading);
      pipelined_ = true;
    }
  }
  void trip() {
    if (!pipelined_) Recorder::instance().pass_turn();
  }

 private:
  bool entered_ = false;
  bool pipelined_ = false;  // as it states
  bool owns_ = false;       // ... and not inside of another one
};

class ProcessScope {
 public:
  ProcessScope(const char* name, const char* call) : named_(name) {
    Recorder::instance().start_process(name, call);
  }
  ~ProcessScope() { Recorder::instance().end_process(); }
  ProcessScope(const ProcessScope&) = delete;
  ProcessScope& operator=(const ProcessScope&) = delete;

 private:
  const csim::ProcessScope named_;
};

}  // namespace timed
}  // namespace sat
