// SPDX-License-Identifier: Apache-2.0
//
// Test-only stand-in: streams as deep as their STREAM pragma says and no deeper, each process a
// thread. A process that waits longer than a generous bound has deadlocked; the first one to do so
// is kept in Diagnostics' words and all others give up.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace bounded {

struct Run {
  std::vector<std::thread> threads;
  std::atomic<bool> stopped{false};
  static Run& instance() {
    static Run run;
    return run;
  }
  void join() {
    for (std::thread& thread : threads) thread.join();
    threads.clear();
  }
};

// Ends the process; of threads that notice at once, all but the first wait for that.
[[noreturn]] inline void report(const char* action, const char* stream, std::size_t depth) {
  while (Run::instance().stopped.exchange(true)) std::this_thread::sleep_for(std::chrono::hours(1));
  std::fprintf(stderr, "deadlock: %s '%s' of depth %zu\n", action, stream, depth);
  std::fflush(stderr);
  std::_Exit(3);
}

}  // namespace bounded

namespace hls {

template <class T, int Depth = 0>
class stream {
 public:
  explicit stream(const char* name = "unnamed") : name_(name) {}
  stream(const stream&) = delete;
  stream& operator=(const stream&) = delete;
  // The streams of a region go first when it ends: wait for its processes here.
  ~stream() { bounded::Run::instance().join(); }

  void set_depth(std::size_t depth) { depth_ = depth; }

  T read() {
    std::unique_lock<std::mutex> lock(mutex_);
    wait(lock, "reading", [this] { return !tokens_.empty(); });
    T value = tokens_.front();
    tokens_.pop_front();
    changed_.notify_one();
    return value;
  }
  void write(const T& value) {
    std::unique_lock<std::mutex> lock(mutex_);
    wait(lock, "writing", [this] { return tokens_.size() < depth_; });
    tokens_.push_back(value);
    changed_.notify_one();
  }

 private:
  template <class Ready>
  void wait(std::unique_lock<std::mutex>& lock, const char* action, Ready ready) {
    if (!changed_.wait_for(lock, std::chrono::seconds(5), ready)) {
      bounded::report(action, name_, depth_);
    }
  }

  const char* name_;
  std::size_t depth_ = 2;  // the vendor's default
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> tokens_;
};

}  // namespace hls
