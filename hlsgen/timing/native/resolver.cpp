// SPDX-License-Identifier: Apache-2.0
//
// Replays the recorded operations of all processes together: what each tick waits for is known when
// its time has come, because no operation depends on another one of the same cycle. So processes are
// taken in order of time; one that needs a token, or a place, that is not there yet stops until the
// process at the stream's other end brings it.
#include <algorithm>
#include <exception>
#include <vector>

#include "agenda.h"
#include "levels.h"
#include "memory.h"
#include "process.h"
#include "stream.h"
#include "times.h"

namespace timing {
namespace {

class Resolver {
 public:
  explicit Resolver(const Problem& problem)
      : problem_(problem), memory_(problem_), levels_(problem.detail ? problem.streams : 0) {
    for (std::int64_t s = 0; s < problem.streams; ++s) {
      std::int64_t writes = 0;
      for (const Run* run = first_run(2 * s); run != first_run(2 * s + 1); ++run) {
        writes += run->count;
      }
      streams_.emplace_back(problem.stream_rows[s], writes);
    }
    make_processes();
  }

  const Outcome* run() {
    for (Process& process : processes_) {
      process.arrived = process.tick = process.next_tick();
      agenda_.add(process.arrived, process.number);
    }
    while (agenda_.next()) {
      for (const std::int64_t number : agenda_.present()) {
        play(processes_[static_cast<std::size_t>(number)], agenda_.now());
      }
      memory_.serve(agenda_.now());
    }
    finish();
    return &outcome_;
  }

 private:
  // Why a tick that could come at `arrived` comes no sooner than `time`.
  struct Verdict {
    Time time;
    const Cursor* late;  // null: nothing is
  };

  const Run* first_run(std::int64_t end) const { return problem_.runs + problem_.offsets[end]; }
  Stream& stream(std::int64_t number) { return streams_[static_cast<std::size_t>(number)]; }

  void make_processes() {
    processes_.resize(static_cast<std::size_t>(problem_.processes));
    for (std::size_t p = 0; p < processes_.size(); ++p) {
      processes_[p].number = static_cast<std::int64_t>(p);
      processes_[p].ticks = problem_.ticks[p];
    }
    const auto add = [this](std::int64_t process, Kind kind, std::int64_t object, std::int64_t end,
                            Time delay) {
      Process& owner = processes_[static_cast<std::size_t>(process)];
      owner.cursors.emplace_back(kind, object, first_run(end), first_run(end + 1), delay,
                                 owner.ticks);
    };
    for (std::int64_t s = 0; s < problem_.streams; ++s) {
      add(stream(s).reader, Kind::kRead, s, 2 * s + 1, 0);
    }
    for (std::int64_t s = 0; s < problem_.streams; ++s) {
      add(stream(s).writer, Kind::kWrite, s, 2 * s, 0);
    }
    for (std::int64_t p = 0; p < problem_.ports; ++p) {
      const PortRow& row = problem_.port_rows[p];
      const std::int64_t end = 2 * problem_.streams + p;
      add(row.process, Kind::kRequest, p, end, 0);
      add(row.process, Kind::kAnswer, p, end, row.latency);
    }
  }

  // A process has come to a tick, or what it waited for is there.
  void play(Process& process, Time now) {
    const Verdict verdict = judge(process);
    if (verdict.time == kUnknown) {
      stop(*verdict.late);
    } else if (verdict.time > now) {
      agenda_.add(verdict.time, process.number);
    } else {
      if (verdict.late != nullptr) note_stall(process, now, *verdict.late);
      act(process, now);
      if (!process.ended) agenda_.add(process.arrived, process.number);
    }
  }

  // When the tick's operations can all happen, and which of them is ready last.
  Verdict judge(const Process& process) {
    Verdict verdict{process.arrived, nullptr};
    for (const Cursor& cursor : process.cursors) {
      if (cursor.tick != process.tick) continue;
      Time ready = 0;
      switch (cursor.kind) {
        case Kind::kRead: ready = stream(cursor.object).readable(); break;
        case Kind::kWrite: ready = stream(cursor.object).writable(); break;
        case Kind::kRequest: ready = accepted(cursor); break;
        case Kind::kAnswer: ready = answered(cursor); break;
      }
      if (ready > verdict.time) verdict = {ready, &cursor};
    }
    return verdict;
  }

  // When the port takes all the requests that the cursor has at its tick.
  Time accepted(Cursor cursor) const {
    const Port& port = memory_.port(cursor.object);
    Progress progress = port.progress;
    Time ready = 0;
    for (const Time tick = cursor.tick; cursor.tick == tick; cursor.advance()) {
      const std::int64_t before = progress.transaction;
      progress.add(cursor.address(), port.burst);
      if (progress.transaction != before) {
        ready = std::max(ready, port.may_begin(progress.transaction));
      }
    }
    return ready;
  }

  // When all the words are there that the cursor waits for at its tick. A port's words complete in
  // order, so the last of them decides.
  Time answered(Cursor cursor) const {
    const Port& port = memory_.port(cursor.object);
    std::size_t words = 0;
    for (const Time tick = cursor.tick; cursor.tick == tick; cursor.advance()) ++words;
    return port.due.at(words - 1);
  }

  void stop(const Cursor& cursor) {
    Stream& late = stream(cursor.object);
    (cursor.kind == Kind::kRead ? late.reader_waits : late.writer_waits) = true;
  }

  void note_stall(Process& process, Time until, const Cursor& late) {
    const Cause cause = cause_of(late.kind);
    const Time cycles = until - process.arrived;
    process.blocked[cause] += cycles;
    if (problem_.detail && cycles > 0) {
      process.stalls.push_back({process.number, process.arrived, cycles, cause, late.object});
    }
  }

  // Do all the operations of the tick, and go on to the next one.
  void act(Process& process, Time now) {
    Time next = process.ticks;
    for (Cursor& cursor : process.cursors) {
      for (; cursor.tick == process.tick; cursor.advance()) {
        switch (cursor.kind) {
          case Kind::kRead: read(cursor.object, now); break;
          case Kind::kWrite: write(cursor.object, now); break;
          case Kind::kRequest: memory_.request(cursor.object, cursor.address()); break;
          case Kind::kAnswer: memory_.port(cursor.object).due.pop(); break;
        }
      }
      next = std::min(next, cursor.tick);
    }
    process.ended = process.tick == process.ticks;
    process.arrived = now + (next - process.tick);
    process.tick = next;
  }

  void read(std::int64_t number, Time now) {
    Stream& from = stream(number);
    if (problem_.detail) levels_.note(number, now, from.fill(), from.fill());
    from.read(now);
    if (from.writer_waits) wake(from.writer_waits, from.writer, now);
  }

  void write(std::int64_t number, Time now) {
    Stream& to = stream(number);
    const std::int64_t before = to.fill();
    to.write(now);
    if (problem_.detail) levels_.note(number, now, before, to.fill_during(now));
    if (to.reader_waits) wake(to.reader_waits, to.reader, now);
  }

  // What was done in cycle `now` is of use a cycle later.
  void wake(bool& waits, std::int64_t number, Time now) {
    waits = false;
    agenda_.add(std::max(processes_[static_cast<std::size_t>(number)].arrived, now + 1), number);
  }

  // Nobody goes on any more: sum up, and name what each process that has not ended waits for.
  void finish() {
    for (const Process& process : processes_) {
      outcome_.cycles = std::max(outcome_.cycles, process.arrived);
    }
    for (Process& process : processes_) {
      if (!process.ended) note_waiting(process);
      ends_.push_back(process.arrived);
      busy_.push_back(process.ended ? process.ticks : process.tick);
      blocked_.insert(blocked_.end(), process.blocked.begin(), process.blocked.end());
      stalls_.insert(stalls_.end(), process.stalls.begin(), process.stalls.end());
    }
    std::vector<std::int64_t> left;
    for (const Stream& each : streams_) {
      fills_.push_back(each.greatest_fill());
      left.push_back(each.fill());
    }
    if (problem_.detail) points_ = levels_.finish(outcome_.cycles, left);
    outcome_.bucket = levels_.bucket();
    outcome_.points = streams_.empty() ? 0 : static_cast<Time>(points_.size() / streams_.size());
    outcome_.ends = ends_.data();
    outcome_.busy = busy_.data();
    outcome_.blocked = blocked_.data();
    outcome_.fills = fills_.data();
    outcome_.levels = points_.data();
    outcome_.stalls = stalls_.data();
    outcome_.stall_count = static_cast<std::int64_t>(stalls_.size());
    outcome_.waiting = waiting_.data();
    outcome_.waiting_count = static_cast<std::int64_t>(waiting_.size());
  }

  void note_waiting(Process& process) {
    note_stall(process, outcome_.cycles, *judge(process).late);
    for (const Cursor& cursor : process.cursors) {
      if (cursor.tick != process.tick || cause_of(cursor.kind) == kMemory) continue;
      const Stream& at = stream(cursor.object);
      const bool reads = cursor.kind == Kind::kRead;
      if ((reads ? at.readable() : at.writable()) != kUnknown) continue;
      waiting_.push_back({process.number, cursor.object, reads, at.fill()});
    }
  }

  const Problem problem_;
  Memory memory_;
  Levels levels_;
  std::vector<Stream> streams_;
  std::vector<Process> processes_;
  Agenda agenda_;

  Outcome outcome_{};
  std::vector<std::int64_t> ends_, busy_, blocked_, fills_, points_;
  std::vector<Stall> stalls_;
  std::vector<Waiting> waiting_;
};

}  // namespace
}  // namespace timing

#define TIMING_API extern "C" __attribute__((visibility("default")))

// A resolver for a problem whose arrays outlive it; null when memory is short.
TIMING_API void* timing_new(const timing::Problem* problem) try {
  return new timing::Resolver(*problem);
} catch (const std::exception&) {
  return nullptr;
}

// To be called once. Null when memory is short.
TIMING_API const timing::Outcome* timing_run(void* resolver) try {
  return static_cast<timing::Resolver*>(resolver)->run();
} catch (const std::exception&) {
  return nullptr;
}

TIMING_API void timing_delete(void* resolver) { delete static_cast<timing::Resolver*>(resolver); }
