// SPDX-License-Identifier: Apache-2.0
//
// What went wrong in a simulated call, kept for the C interface. The first error wins, because the
// later ones follow from it. One state a thread: calls from different threads do not mix.
#pragma once

#include <cstdio>

namespace sat {
namespace csim {

class Diagnostics {
 public:
  static Diagnostics& instance() {
    static thread_local Diagnostics diagnostics;
    return diagnostics;
  }

  void clear() {
    failed_ = false;
    message_[0] = '\0';
  }
  bool failed() const { return failed_; }
  const char* message() const { return message_; }

  const char* process() const { return process_; }
  void set_process(const char* name) { process_ = name; }

  // A failure of another thread, for this one's caller.
  void adopt(const char* message) {
    if (begin_failure()) std::snprintf(message_, sizeof message_, "%s", message);
  }

  void fail_read(const char* stream) {
    if (begin_failure()) {
      std::snprintf(message_, sizeof message_,
                    "stream '%s' read while empty by process '%s'", stream, process_);
    }
  }
  void fail_leftover(const char* stream, const char* writer, unsigned long tokens) {
    if (begin_failure()) {
      std::snprintf(message_, sizeof message_,
                    "stream '%s' still holds %lu of the tokens that process '%s' wrote", stream,
                    tokens, writer);
    }
  }
  void fail_interval(const char* name, int cycles) {
    if (begin_failure()) {
      std::snprintf(message_, sizeof message_,
                    "process '%s' uses '%s' more often than its interval of %d has room for",
                    process_, name, cycles);
    }
  }

 private:
  // False when a failure is already kept.
  bool begin_failure() {
    const bool first = !failed_;
    failed_ = true;
    return first;
  }

  bool failed_ = false;
  char message_[256] = "";
  const char* process_ = "top";
};

// Names the running process for as long as it lives.
class ProcessScope {
 public:
  explicit ProcessScope(const char* name) : outer_(Diagnostics::instance().process()) {
    Diagnostics::instance().set_process(name);
  }
  ~ProcessScope() { Diagnostics::instance().set_process(outer_); }
  ProcessScope(const ProcessScope&) = delete;
  ProcessScope& operator=(const ProcessScope&) = delete;

 private:
  const char* outer_;
};

}  // namespace csim
}  // namespace sat
