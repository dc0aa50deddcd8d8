// SPDX-License-Identifier: Apache-2.0
//
// Makes the CPU flush binary32 subnormals, inputs and results, for as long as the object lives;
// then restores the caller's mode. SSE decides after rounding whether a result is tiny, which is
// what the golden model states; AArch64 decides before, so it would need a flush of its own.
#pragma once

#if !defined(__x86_64__)
#error "csim's update engine relies on SSE's flush modes: x86-64 only"
#endif

#include <xmmintrin.h>

namespace sat {
namespace csim {

class FlushSubnormals {
 public:
  FlushSubnormals() : saved_(_mm_getcsr()) {
    constexpr unsigned kFlushToZero = 0x8000;
    constexpr unsigned kDenormalsAreZero = 0x0040;
    _mm_setcsr(saved_ | kFlushToZero | kDenormalsAreZero);
  }
  ~FlushSubnormals() { _mm_setcsr(saved_); }
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;

 private:
  unsigned saved_;
};

}  // namespace csim
}  // namespace sat
