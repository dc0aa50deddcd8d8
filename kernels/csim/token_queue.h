// SPDX-License-Identifier: Apache-2.0
//
// A stream's tokens: a queue that grows as needed, so that processes can run one after the other.
// Reading an empty one and leaving tokens in it are errors, kept in Diagnostics for the C interface.
//
// Tokens lie in fixed chunks from a per-thread pool; a queue is a list of spans of them. A token that
// a process hands on unchanged stays where it is: the next queue has a span of the same chunk, which
// goes back to the pool with its last span.
#pragma once

#include <stdlib.h>

#include <cstddef>
#include <cstdlib>
#include <type_traits>
#include <vector>

#include "csim_diagnostics.h"
#include "fibers.h"

namespace sat {
namespace csim {

constexpr std::size_t kChunkBytes = 32768;

struct alignas(256) Chunk {
  Chunk* next;  // in the pool
  int spans;
};

class ChunkPool {
 public:
  static ChunkPool& instance() {
    static thread_local ChunkPool pool;
    return pool;
  }
  ~ChunkPool() {
    while (free_ != nullptr) {
      Chunk* const chunk = free_;
      free_ = chunk->next;
      std::free(chunk);
    }
  }
  Chunk* take() {
    Chunk* chunk = free_;
    if (chunk != nullptr) {
      free_ = chunk->next;
    } else {
      void* memory = nullptr;
      // Out of memory: nothing can be reported any more.
      if (posix_memalign(&memory, 4096, kChunkBytes) != 0) std::abort();
      chunk = static_cast<Chunk*>(memory);
    }
    chunk->spans = 1;
    return chunk;
  }
  void release(Chunk* chunk) {
    if (--chunk->spans != 0) return;
    chunk->next = free_;
    free_ = chunk;
  }

 private:
  Chunk* free_ = nullptr;
};

template <class T>
class TokenQueue {
  static_assert(std::is_trivially_copyable<T>::value, "tokens are plain data");
  static_assert(alignof(T) <= alignof(Chunk), "a chunk must align its tokens");

 public:
  explicit TokenQueue(const char* name) : name_(name) {}
  TokenQueue(const TokenQueue&) = delete;
  TokenQueue& operator=(const TokenQueue&) = delete;

  // The streams of a region go first when it ends: its processes run now.
  ~TokenQueue() {
    Fibers::instance().run();
    const std::size_t left = size();
    if (left != 0) Diagnostics::instance().fail_leftover(name_, writer_, left);
    for (; first_ < spans_.size(); ++first_) ChunkPool::instance().release(spans_[first_].chunk);
  }

  std::size_t size() const {
    std::size_t tokens = 0;
    for (std::size_t i = first_; i < spans_.size(); ++i) {
      const T* const begin = i == first_ && reading_ ? read_ : spans_[i].begin;
      tokens += static_cast<std::size_t>(end_of(i) - begin);
    }
    return tokens;
  }

  T read() {
    if (read_ == read_end_ && !await()) {
      Diagnostics::instance().fail_read(name_);
      return T{};
    }
    return *read_++;
  }

  // Waits until so many tokens are there; false when nobody will write them.
  bool await(int count) {
    for (std::size_t there = size(); there < static_cast<std::size_t>(count);) {
      if (!Fibers::instance().wait_for_tokens()) return false;
      const std::size_t now = size();
      if (now > there) Fibers::instance().went_on();
      there = now;
    }
    return true;
  }
  // visit(token) for the next ones, which stay; as many must be there.
  template <class Visit>
  void peek(int count, const Visit& visit) const {
    for (std::size_t span = first_; count > 0; ++span) {
      const T* token = span == first_ && reading_ ? read_ : spans_[span].begin;
      for (const T* const end = end_of(span); token != end && count > 0; ++token, --count) {
        visit(*token);
      }
    }
  }

  void write(const T& value) {
    if (write_ == write_end_) extend();
    *write_++ = value;
  }

  // As many reads, each with a write to `to`: the tokens stay where they are.
  void pass(int count, TokenQueue& to) {
    while (count > 0) {
      if (read_ == read_end_ && !await()) {
        Diagnostics::instance().fail_read(name_);
        return;
      }
      const int there = static_cast<int>(read_end_ - read_);
      const int taken = count < there ? count : there;
      to.append(read_, taken, spans_[first_].chunk);
      read_ += taken;
      count -= taken;
    }
  }

 private:
  struct Span {
    const T* begin;
    const T* end;  // of the last span while it is written: write_ instead
    Chunk* chunk;
  };

  static constexpr std::size_t kTokens = (kChunkBytes - sizeof(Chunk)) / sizeof(T);
  static_assert(kTokens > 0, "a token must fit a chunk");

  const T* end_of(std::size_t span) const {
    return writing_ && span + 1 == spans_.size() ? write_ : spans_[span].end;
  }

  bool await() {
    while (!refill()) {
      if (!Fibers::instance().wait_for_tokens()) return false;
    }
    Fibers::instance().went_on();
    return true;
  }

  // Finds tokens to read: more in this span since the last look, or the next one's.
  bool refill() {
    if (first_ == spans_.size()) return false;
    if (!reading_) {
      reading_ = true;
      read_ = spans_[first_].begin;
    }
    read_end_ = end_of(first_);
    while (read_ == read_end_) {
      if (first_ + 1 == spans_.size()) {
        if (!writing_) drop();
        return false;
      }
      drop();
      if (first_ == spans_.size()) return false;
      reading_ = true;
      read_ = spans_[first_].begin;
      read_end_ = end_of(first_);
    }
    return true;
  }

  // The first span is done with.
  void drop() {
    ChunkPool::instance().release(spans_[first_].chunk);
    reading_ = false;
    read_ = read_end_ = nullptr;
    if (++first_ < spans_.size()) return;
    spans_.clear();
    first_ = 0;
  }

  void extend() {
    begin_span();
    Chunk* const chunk = ChunkPool::instance().take();
    if (writing_) spans_.back().end = write_;
    write_ = reinterpret_cast<T*>(chunk + 1);
    write_end_ = write_ + kTokens;
    writing_ = true;
    spans_.push_back(Span{write_, write_, chunk});
  }

  void append(const T* tokens, int count, Chunk* chunk) {
    if (writing_) {
      spans_.back().end = write_;
      writing_ = false;
      write_ = write_end_ = nullptr;
    }
    if (!spans_.empty() && spans_.back().end == tokens && spans_.back().chunk == chunk) {
      spans_.back().end += count;
      return;
    }
    ++chunk->spans;
    begin_span();
    spans_.push_back(Span{tokens, tokens + count, chunk});
  }

  void begin_span() {
    if (spans_.empty()) writer_ = Diagnostics::instance().process();
    Fibers::instance().wait_for_reader(spans_.size() - first_);
    Fibers::instance().went_on();
  }

  const char* name_;
  const char* writer_ = "none";
  std::vector<Span> spans_;
  std::size_t first_ = 0;  // span that is read
  bool reading_ = false;
  bool writing_ = false;  // the last span is this queue's own, and open
  const T* read_ = nullptr;
  const T* read_end_ = nullptr;
  T* write_ = nullptr;
  T* write_end_ = nullptr;
};

}  // namespace csim
}  // namespace sat
