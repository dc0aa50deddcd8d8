// SPDX-License-Identifier: Apache-2.0
//
// Runs the processes of a dataflow region in turns: each goes on until it finds a stream empty or
// finds that it is far ahead of a reader, and then waits while the others do their part. So tokens are
// read while they are still in the cache, and memory stays bounded however long the lists are.
//
// A process is a context of its own on one thread. How far ahead a writer may be is no limit of the
// design: where all processes wait, writers may go further.
#pragma once

#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "csim_diagnostics.h"

namespace sat {
namespace csim {

class Fibers {
 public:
  static Fibers& instance() {
    static thread_local Fibers fibers;
    return fibers;
  }
  ~Fibers() {
    for (void* stack : stacks_) munmap(stack, kStackBytes);
  }

  void add(const char* name, std::function<void()> body) {
    fibers_.emplace_back(new Fiber{name, std::move(body), take_stack(), false, false, {}, {}});
  }

  // Until all have ended.
  void run() {
    if (running_ || fibers_.empty()) return;
    running_ = true;
    ahead_ = kAhead;
    starved_ = false;
    std::size_t left = fibers_.size();
    while (left > 0) {
      const std::uint64_t before = progress_;
      bool full = false;
      for (auto& fiber : fibers_) {
        if (fiber->done) continue;
        resume(*fiber);
        if (fiber->done) {
          --left;
          ++progress_;
        }
        full = full || waits_full_;
        starved_ = false;
      }
      if (progress_ != before) continue;
      // Nobody goes on: writers may get further ahead, or else some read what nobody will write.
      if (full) {
        ahead_ *= 2;
      } else {
        starved_ = true;
      }
    }
    for (auto& fiber : fibers_) stacks_.push_back(fiber->stack);
    fibers_.clear();
    running_ = false;
  }

  // Of a process that finds a stream empty: false when nobody will write to it.
  bool wait_for_tokens() {
    if (!running_ || starved_) return false;
    waits_full_ = false;
    pause();
    return true;
  }
  // Of a process that is so many spans ahead of its reader.
  void wait_for_reader(std::size_t spans) {
    while (running_ && spans >= ahead_) {
      const std::size_t limit = ahead_;
      waits_full_ = true;
      pause();
      if (ahead_ == limit) return;
    }
  }
  void went_on() { ++progress_; }

 private:
  static constexpr std::size_t kStackBytes = std::size_t{32} << 20;  // address space; pages as used
  static constexpr std::size_t kAhead = 6;                           // spans

  struct Fiber {
    const char* name;
    std::function<void()> body;
    void* stack;
    bool started;
    bool done;
    ucontext_t context;
    jmp_buf place;
  };

  void* take_stack() {
    if (!stacks_.empty()) {
      void* const stack = stacks_.back();
      stacks_.pop_back();
      return stack;
    }
    void* const stack = mmap(nullptr, kStackBytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    // Out of memory: nothing can be reported any more.
    if (stack == MAP_FAILED) std::abort();
    return stack;
  }

  static void enter() {
    Fibers& fibers = instance();
    Fiber& fiber = *fibers.current_;
    fiber.body();
    fiber.done = true;
    _longjmp(fibers.back_, 1);
  }

  void resume(Fiber& fiber) {
    current_ = &fiber;
    waits_full_ = false;
    Diagnostics::instance().set_process(fiber.name);
    if (_setjmp(back_) == 0) {
      if (fiber.started) _longjmp(fiber.place, 1);
      fiber.started = true;
      getcontext(&fiber.context);
      fiber.context.uc_stack.ss_sp = fiber.stack;
      fiber.context.uc_stack.ss_size = kStackBytes;
      fiber.context.uc_link = nullptr;
      makecontext(&fiber.context, &Fibers::enter, 0);
      setcontext(&fiber.context);
    }
    Diagnostics::instance().set_process("top");
  }

  void pause() {
    if (_setjmp(current_->place) == 0) _longjmp(back_, 1);
  }

  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<void*> stacks_;
  Fiber* current_ = nullptr;
  jmp_buf back_;
  bool running_ = false;
  bool starved_ = false;
  bool waits_full_ = false;
  std::size_t ahead_ = kAhead;
  std::uint64_t progress_ = 0;
};

}  // namespace csim
}  // namespace sat
