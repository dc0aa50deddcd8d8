// SPDX-License-Identifier: Apache-2.0
//
// The C interface of the timed simulator: a list runs whole, as on the card, and leaves a recording.
// Calls return 0, or 1 with the reason in sat_timed_error(); without memory for it, the process ends.
#include <stdlib.h>

#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "command_beats.h"
#include "csim_diagnostics.h"
#include "flush_mode.h"
#include "recorder.h"
#include "sat_config.h"
#include "sat_kernels.h"

#define SAT_EXPORT extern "C" __attribute__((visibility("default")))

using sat::csim::Diagnostics;
using sat::timed::End;
using sat::timed::Recorder;
using sat::timed::Run;

namespace {

// A list as the port brings it, aligned as its beats ask for.
template <class Command>
class List {
 public:
  List(std::int32_t count, const Command* commands) {
    using Beats = sat::csim::Beats<Command>;
    const std::size_t bytes = sizeof(Beats) * static_cast<std::size_t>(count > 0 ? count : 1);
    // Out of memory: nothing can be reported any more.
    if (posix_memalign(&memory_, alignof(Beats), bytes) != 0) std::abort();
    for (std::int32_t i = 0; i < count; ++i) {
      ::new (static_cast<Beats*>(memory_) + i) Beats(commands[i]);
    }
  }
  ~List() { std::free(memory_); }
  List(const List&) = delete;
  List& operator=(const List&) = delete;

  const sat::CommandBeat* beats() const { return static_cast<const sat::CommandBeat*>(memory_); }

 private:
  void* memory_ = nullptr;
};

void start() {
  Diagnostics::instance().clear();
  Recorder::instance().start(static_cast<int>(sizeof(WordT)));
}

int status() { return Diagnostics::instance().failed() ? 1 : 0; }

// One object of a JSON list: numbers, and text without quotes.
class Object {
 public:
  Object& text(const char* key, const std::string& value) { return raw(key, '"' + value + '"'); }
  Object& number(const char* key, std::int64_t value) { return raw(key, std::to_string(value)); }
  std::string str() const { return '{' + fields_ + '}'; }

 private:
  Object& raw(const char* key, const std::string& value) {
    if (!fields_.empty()) fields_ += ',';
    fields_ += '"' + std::string(key) + "\":" + value;
    return *this;
  }
  std::string fields_;
};

std::string list(const char* key, const std::vector<std::string>& items) {
  std::string text = '"' + std::string(key) + "\":[";
  for (std::size_t i = 0; i < items.size(); ++i) text += (i ? "," : "") + items[i];
  return text + ']';
}

std::vector<const End*> all_ends() {
  std::vector<const End*> ends;
  for (const auto& stream : Recorder::instance().streams) {
    ends.push_back(&stream.write);
    ends.push_back(&stream.read);
  }
  for (const auto& port : Recorder::instance().ports) ends.push_back(&port.end);
  return ends;
}

}  // namespace

SAT_EXPORT const char* sat_timed_error() { return Diagnostics::instance().message(); }

SAT_EXPORT int sat_timed_stce(std::int32_t count, const sat::StceCommand* commands, void* memory,
                              std::uint64_t* nonfinite) noexcept {
  start();
  WordT* const words = static_cast<WordT*>(memory);
  const List<sat::StceCommand> list(count, commands);
  std::uint32_t faults = 0;
  sat_stce(count, list.beats(), words, words, words, words, &faults);
  *nonfinite = faults;
  return status();
}

SAT_EXPORT int sat_timed_wuve(std::int32_t count, const sat::WuveCommand* commands,
                              void* memory) noexcept {
  start();
  WordT* const words = static_cast<WordT*>(memory);
  const List<sat::WuveCommand> list(count, commands);
  const sat::csim::FlushSubnormals flush;
  sat_wuve(count, list.beats(), words, words, words, words, words, words, words);
  return status();
}

// What the last call's processes, streams and ports are, as JSON; valid until the next call.
SAT_EXPORT const char* sat_timed_text() noexcept {
  static thread_local std::string text;
  const Recorder& recorder = Recorder::instance();
  std::vector<std::string> processes;
  for (const auto& each : recorder.processes) {
    processes.push_back(Object().text("name", each.name).text("call", each.call)
                            .number("ticks", each.ticks).str());
  }
  std::vector<std::string> streams;
  for (const auto& each : recorder.streams) {
    streams.push_back(Object().text("name", each.name).number("depth", each.depth)
                          .text("resource", each.resource).str());
  }
  std::vector<std::string> ports;
  for (const auto& each : recorder.ports) {
    ports.push_back(Object().text("name", each.name).text("bundle", each.bundle)
                        .number("writes", each.writes).number("burst", each.burst)
                        .number("outstanding", each.outstanding).number("latency", each.latency)
                        .str());
  }
  text = '{' + list("processes", processes) + ',' + list("streams", streams) + ',' +
         list("ports", ports) + '}';
  return text.c_str();
}

// Rows of sat_timed_runs.
SAT_EXPORT std::int64_t sat_timed_run_count() noexcept {
  std::int64_t count = 0;
  for (const End* end : all_ends()) count += static_cast<std::int64_t>(end->runs.size());
  return count;
}

// The last call's runs: end (2 s for the writer of stream s, 2 s + 1 for its reader, then the ports),
// first, stride, count, address, step; of an end in order.
SAT_EXPORT void sat_timed_runs(std::int64_t* rows) noexcept {
  std::int64_t number = 0;
  for (const End* end : all_ends()) {
    for (const Run& run : end->runs) {
      const std::int64_t row[] = {number, run.first, run.stride, run.count, run.address, run.step};
      for (const std::int64_t value : row) *rows++ = value;
    }
    ++number;
  }
}
