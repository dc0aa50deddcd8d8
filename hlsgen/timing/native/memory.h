// SPDX-License-Identifier: Apache-2.0
//
// Memory ports and the banks behind them.
//
// A word joins its port's transaction when its address is the next one and the transaction has less
// than `burst` words, else it begins another. It may do so when the transaction `outstanding` before
// has completed; words of the same tick are not waited for. A bank serves one word after the other, in
// the order of Memory::request and Memory::serve.
#pragma once

#include <algorithm>
#include <vector>

#include "ring.h"
#include "times.h"

namespace timing {

// Where a port's transactions stand after some word.
struct Progress {
  std::int64_t transaction = -1;
  std::int64_t words = 0;  // of the transaction so far
  std::int64_t next_address = 0;

  void add(std::int64_t address, std::int64_t burst) {
    if (transaction < 0 || address != next_address || words == burst) {
      ++transaction;
      words = 0;
    }
    ++words;
    next_address = address + 1;
  }
};

class Port {
 public:
  // words: how many it moves in all, which no number of transactions exceeds.
  Port(const PortRow& row, std::int64_t words)
      : burst(row.burst), latency(row.latency), bank(row.bank),
        completions_(static_cast<std::size_t>(std::min(row.outstanding, std::max<Time>(words, 1)))) {}

  const std::int64_t burst;
  const std::int64_t latency;
  const std::int64_t bank;

  Progress progress;
  Ring due;  // completion of each word that was served and not yet waited for

  // When `transaction` may begin: the transaction that had its slot before has completed then.
  Time may_begin(std::int64_t transaction) const { return completions_[slot(transaction)]; }

  void complete(std::int64_t transaction, Time completion) {
    completions_[slot(transaction)] = completion;
    due.push(completion);
  }

  // Whether the bank must pay for a new run of words before this one.
  bool begins_run(std::int64_t address, std::int64_t run_words) {
    const bool begins = run_words_ == 0 || run_words_ == run_words || address != run_next_;
    run_words_ = begins ? 1 : run_words_ + 1;
    run_next_ = address + 1;
    return begins;
  }

 private:
  std::size_t slot(std::int64_t transaction) const {
    return static_cast<std::size_t>(transaction) % completions_.size();
  }

  std::vector<Time> completions_;  // of the last `outstanding` transactions
  std::int64_t run_words_ = 0;
  std::int64_t run_next_ = 0;
};

class Memory {
 public:
  explicit Memory(const Problem& problem)
      : problem_(problem), free_(static_cast<std::size_t>(problem.banks), 0) {
    for (std::int64_t p = 0; p < problem.ports; ++p) {
      const std::int64_t end = 2 * problem.streams + p;
      std::int64_t words = 0;
      for (std::int64_t r = problem.offsets[end]; r < problem.offsets[end + 1]; ++r) {
        words += problem.runs[r].count;
      }
      ports_.emplace_back(problem.port_rows[p], words);
    }
  }

  Port& port(std::int64_t number) { return ports_[static_cast<std::size_t>(number)]; }
  const Port& port(std::int64_t number) const { return ports_[static_cast<std::size_t>(number)]; }

  // A request in the present cycle. Its bank comes to it in `serve`, when all of the cycle are known.
  void request(std::int64_t number, std::int64_t address) {
    Port& asking = port(number);
    asking.progress.add(address, asking.burst);
    pending_.push_back({number, address, asking.progress.transaction});
  }

  // Serve what was requested in cycle `now`, the lowest port first.
  void serve(Time now) {
    if (pending_.empty()) return;
    std::stable_sort(pending_.begin(), pending_.end(),
                     [](const Request& a, const Request& b) { return a.port < b.port; });
    for (const Request& request : pending_) {
      Port& asking = port(request.port);
      Time& free = free_[static_cast<std::size_t>(asking.bank)];
      const bool begins = asking.begins_run(request.address, problem_.run_words);
      free = std::max(now * problem_.cycle_units, free) + problem_.word_units +
             (begins ? problem_.overhead_units : 0);
      const Time whole = (free + problem_.cycle_units - 1) / problem_.cycle_units;
      asking.complete(request.transaction, whole + problem_.latency);
    }
    pending_.clear();
  }

 private:
  struct Request {
    std::int64_t port, address, transaction;
  };

  const Problem& problem_;
  std::vector<Port> ports_;
  std::vector<Time> free_;  // when each bank is, in units
  std::vector<Request> pending_;
};

}  // namespace timing
