// SPDX-License-Identifier: Apache-2.0
//
// What the timed simulator records: for each process when, by its own count of cycles, it uses its
// streams and ports if nothing makes it wait. Runs of equal steps are one row, so that a recording
// stays small; a resolver replays all processes together (docs/timing.md).
//
// One recording a thread, of one call of a kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "csim_diagnostics.h"
#include "sat_config.h"

namespace sat {
namespace timed {

// `count` operations: at `first`, first + stride, ...; of ports at `address`, address + step, ...
struct Run {
  std::int64_t first;
  std::int64_t stride;
  std::int64_t count;
  std::int64_t address;
  std::int64_t step;
};

// One side of a stream, or a port: one process uses it, in order.
struct End {
  std::int64_t last = -1;
  std::int64_t last_address = 0;
  std::vector<Run> runs;

  void add(std::int64_t tick, std::int64_t address) {
    if (!runs.empty()) {
      Run& run = runs.back();
      if (run.count == 1) {
        run.stride = tick - last;
        run.step = address - last_address;
      }
      if (tick - last == run.stride && address - last_address == run.step) {
        ++run.count;
        last = tick;
        last_address = address;
        return;
      }
    }
    runs.push_back(Run{tick, 0, 1, address, 0});
    last = tick;
    last_address = address;
  }
};

struct ProcessRecord {
  const char* name;
  const char* call;
  std::int64_t ticks;  // in all
};

struct StreamRecord {
  const char* name;
  int depth;
  const char* resource;
  End write;
  End read;
};

struct PortRecord {
  const char* name;
  const char* bundle;
  bool writes;
  int burst;
  int outstanding;
  int latency;
  End end;
};

class Recorder {
 public:
  static Recorder& instance() {
    static thread_local Recorder recorder;
    return recorder;
  }

  // Forgets what was recorded. `word_bytes` of memory are one address.
  void start(int word_bytes) {
    processes.clear();
    streams.clear();
    ports.clear();
    process_ = -1;
    word_bytes_ = word_bytes;
  }

  int add_stream(const char* name, int depth, const char* resource) {
    streams.push_back(StreamRecord{name, depth, resource, End(), End()});
    return static_cast<int>(streams.size()) - 1;
  }
  int add_port(const char* name, const char* bundle, bool writes, int burst, int outstanding,
               int latency) {
    ports.push_back(PortRecord{name, bundle, writes, burst, outstanding, latency, End()});
    return static_cast<int>(ports.size()) - 1;
  }

  // `call`: the process's text, which names the streams and ports that it has, used or not.
  void start_process(const char* name, const char* call) {
    process_ = static_cast<int>(processes.size());
    processes.push_back(ProcessRecord{name, call, 0});
    now_ = last_ = 0;
  }
  void end_process() {
    processes[process_].ticks = longest(now_, last_ + 1);
    process_ = -1;
  }
  int process() const { return process_; }

  void read(int stream, int stage) { use(streams[stream].read, streams[stream].name, stage); }
  void write(int stream, int stage) {
    const int later = stage == kUnstaged ? kStages + reading_ : stage;
    use(streams[stream].write, streams[stream].name, later);
  }
  // An access of `bytes` at element `index` of a port whose elements have as many. Elements of several
  // words are as many requests.
  void access(int port, std::size_t bytes, std::uint64_t index) {
    PortRecord& record = ports[port];
    const int words = bytes > static_cast<std::size_t>(word_bytes_)
                          ? static_cast<int>(bytes / static_cast<std::size_t>(word_bytes_)) : 1;
    const int stage = record.writes ? kStages + reading_ : 0;
    std::int64_t tick = place(record.end, record.name, stage);
    for (int word = 0; word < words; ++word) {
      record.end.add(tick, static_cast<std::int64_t>(index) * words + word);
    }
    tick += record.latency;
    last_ = longest(last_, tick);
    if (!pipelined_) now_ = longest(now_, tick + 1);
  }

  // A pipelined loop: its first turn, and each turn after the one before. False for a loop inside of a
  // turn of another one: it is unrolled, and no time passes.
  bool start_pipeline(int ii, int reading) {
    if (pipelined_) return false;
    pipelined_ = true;
    ii_ = ii;
    reading_ = reading;
    turn_ = now_ + kLoopControl / 2;
    last_ = turn_;
    return true;
  }
  void next_turn() { turn_ += ii_; }
  void end_pipeline() {
    pipelined_ = false;
    reading_ = 0;
    now_ = longest(turn_ + ii_, last_ + 1) + kLoopControl - kLoopControl / 2;
  }
  // A turn of a loop that is not pipelined.
  void pass_turn() {
    if (!pipelined_) ++now_;
  }

  static constexpr int kUnstaged = -1;

  std::vector<ProcessRecord> processes;
  std::vector<StreamRecord> streams;
  std::vector<PortRecord> ports;

 private:
  static constexpr int kStages = SAT_PIPELINE_STAGES;
  static constexpr int kLoopControl = SAT_LOOP_CONTROL;

  static std::int64_t longest(std::int64_t a, std::int64_t b) { return a > b ? a : b; }

  void use(End& end, const char* name, int stage) { end.add(place(end, name, stage), 0); }

  // The cycle of an operation at `stage` of the turn, or, outside of pipelines, the next one. A second
  // use of an end in a turn comes a cycle later; more than the interval has room for is no hardware.
  std::int64_t place(End& end, const char* name, int stage) {
    if (!pipelined_) return now_++;
    std::int64_t tick = turn_ + stage;
    if (tick <= end.last) {
      tick = end.last + 1;
      if (tick - turn_ - stage >= ii_) csim::Diagnostics::instance().fail_interval(name, ii_);
    }
    last_ = longest(last_, tick);
    return tick;
  }

  int process_ = -1;
  int word_bytes_ = 1;
  bool pipelined_ = false;
  int ii_ = 1;
  int reading_ = 0;
  std::int64_t now_ = 0;   // of what is not pipelined: the next cycle
  std::int64_t turn_ = 0;  // start of the pipelined loop's turn at hand
  std::int64_t last_ = 0;  // last operation
};

}  // namespace timed
}  // namespace sat
