// SPDX-License-Identifier: Apache-2.0
//
// Stand-in for the vendor's hls_vector.h: the members that the kernels use. Size and alignment
// follow UG1399 (aligned to the greatest power of two that divides the size).
#pragma once

#include <cstddef>

namespace hls {

// The greatest power of two that divides the size, but no more than a cache line: what follows a vector
// in a token should not lie in the next line but one.
constexpr std::size_t vector_alignment(std::size_t bytes) {
  return (bytes & -bytes) < 64 ? (bytes & -bytes) : 64;
}

template <class T, std::size_t N>
class alignas(vector_alignment(sizeof(T) * N)) vector {
  static_assert(N > 0, "hls::vector needs at least one element");

 public:
  static constexpr std::size_t size() { return N; }

  vector() = default;
  vector(const T& value) {  // NOLINT: implicit, as the vendor's is
    for (std::size_t i = 0; i < N; ++i) data_[i] = value;
  }

  T& operator[](std::size_t index) { return data_[index]; }
  const T& operator[](std::size_t index) const { return data_[index]; }

 private:
  T data_[N];
};

}  // namespace hls
