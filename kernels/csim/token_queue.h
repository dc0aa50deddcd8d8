// SPDX-License-Identifier: Apache-2.0
//
// A stream's tokens: a queue that grows as needed, so that processes can run one after the other.
// Reading an empty one and leaving tokens in it are errors, kept in Diagnostics for the C interface.
//
// Tokens live in fixed chunks from a per-thread pool: the chunk that a reader empties is the next
// one its thread writes, so a chain of processes works in memory that is still in the cache.
#pragma once

#include <stdlib.h>

#include <cstddef>
#include <cstdlib>
#include <type_traits>

#include "csim_diagnostics.h"

namespace sat {
namespace csim {

constexpr std::size_t kChunkBytes = 32768;

struct alignas(256) Chunk {
  Chunk* next;
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
    chunk->next = nullptr;
    return chunk;
  }
  void give(Chunk* chunk) {
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

  ~TokenQueue() {
    const std::size_t left = size();
    if (left != 0) Diagnostics::instance().fail_leftover(name_, writer_, left);
    while (first_ != nullptr) {
      Chunk* const chunk = first_;
      first_ = chunk->next;
      ChunkPool::instance().give(chunk);
    }
  }

  std::size_t size() const {
    if (first_ == nullptr) return 0;
    std::size_t tokens = static_cast<std::size_t>(read_limit() - read_);
    for (Chunk* chunk = first_; chunk != last_; chunk = chunk->next) {
      tokens += chunk->next == last_ ? static_cast<std::size_t>(write_ - begin(last_)) : kTokens;
    }
    return tokens;
  }

  T read() {
    if (read_ == read_end_ && !refill()) {
      Diagnostics::instance().fail_read(name_);
      return T{};
    }
    return *read_++;
  }

  void write(const T& value) {
    if (write_ == write_end_) extend();
    *write_++ = value;
  }

 private:
  static constexpr std::size_t kTokens = (kChunkBytes - sizeof(Chunk)) / sizeof(T);
  static_assert(kTokens > 0, "a token must fit a chunk");

  static T* begin(Chunk* chunk) { return reinterpret_cast<T*>(chunk + 1); }
  const T* read_limit() const { return first_ == last_ ? write_ : begin(first_) + kTokens; }

  // Finds tokens to read: more in this chunk since the last look, or the next chunk's.
  bool refill() {
    if (first_ != nullptr && first_ != last_ && read_ == begin(first_) + kTokens) {
      Chunk* const chunk = first_;
      first_ = chunk->next;
      ChunkPool::instance().give(chunk);
      read_ = begin(first_);
    }
    read_end_ = read_limit();
    return read_ != read_end_;
  }

  void extend() {
    Chunk* const chunk = ChunkPool::instance().take();
    if (last_ == nullptr) {
      first_ = chunk;
      read_ = read_end_ = begin(chunk);
      writer_ = Diagnostics::instance().process();
    } else {
      last_->next = chunk;
    }
    last_ = chunk;
    write_ = begin(chunk);
    write_end_ = write_ + kTokens;
  }

  const char* name_;
  const char* writer_ = "none";
  Chunk* first_ = nullptr;
  Chunk* last_ = nullptr;
  const T* read_ = nullptr;
  const T* read_end_ = nullptr;
  T* write_ = nullptr;
  T* write_end_ = nullptr;
};

}  // namespace csim
}  // namespace sat
