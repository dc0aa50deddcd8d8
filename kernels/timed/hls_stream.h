// SPDX-License-Identifier: Apache-2.0
//
// csim's streams that record when they are used.
#pragma once

#include "recorder.h"
#include "token_queue.h"

namespace hls {

template <class T, int Depth = 0>
class stream {
 public:
  stream(const char* name, int depth, const char* resource)
      : tokens_(name),
        number_(sat::timed::Recorder::instance().add_stream(name, depth, resource)) {}

  T read() {
    sat::timed::Recorder& recorder = sat::timed::Recorder::instance();
    recorder.read(number_, stage(recorder.process(), 0));
    return tokens_.read();
  }
  void write(const T& value) {
    sat::timed::Recorder& recorder = sat::timed::Recorder::instance();
    recorder.write(number_, stage(recorder.process(), sat::timed::Recorder::kUnstaged));
    tokens_.write(value);
  }

  // The process at hand uses the stream so many cycles into a turn.
  void set_stage(int cycles) {
    Stage& free = stages_[stages_[0].process < 0 ? 0 : 1];
    free.process = sat::timed::Recorder::instance().process();
    free.cycles = cycles;
  }

 private:
  struct Stage {
    int process = -1;
    int cycles = 0;
  };

  int stage(int process, int otherwise) const {
    for (const Stage& each : stages_) {
      if (each.process == process) return each.cycles;
    }
    return otherwise;
  }

  sat::csim::TokenQueue<T> tokens_;
  int number_;
  Stage stages_[2];  // of writer and reader, where they state one
};

}  // namespace hls

namespace sat {
namespace timed {

template <class T>
void set_stage(hls::stream<T>& stream, int cycles) {
  stream.set_stage(cycles);
}
// Of a stream that a process does not have.
template <class Other>
void set_stage(const Other&, int) {}

}  // namespace timed
}  // namespace sat
