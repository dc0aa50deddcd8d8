// SPDX-License-Identifier: Apache-2.0
//
// Makes the CPU flush binary32 subnormals, inputs and results, as the FPGA's operators do, for as
// long as the object lives; then restores the caller's mode.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <xmmintrin.h>
#elif !defined(__aarch64__)
#error "csim needs the flush modes of this CPU: only x86-64 and AArch64 are known"
#endif

namespace sat {
namespace csim {

class FlushSubnormals {
 public:
#if defined(__x86_64__)
  FlushSubnormals() : saved_(_mm_getcsr()) {
    constexpr unsigned kFlushToZero = 0x8000;
    constexpr unsigned kDenormalsAreZero = 0x0040;
    _mm_setcsr(saved_ | kFlushToZero | kDenormalsAreZero);
  }
  ~FlushSubnormals() { _mm_setcsr(saved_); }
#else
  FlushSubnormals() {
    asm volatile("mrs %0, fpcr" : "=r"(saved_));
    constexpr std::uint64_t kFlushToZero = std::uint64_t{1} << 24;
    asm volatile("msr fpcr, %0" : : "r"(saved_ | kFlushToZero));
  }
  ~FlushSubnormals() { asm volatile("msr fpcr, %0" : : "r"(saved_)); }
#endif
  FlushSubnormals(const FlushSubnormals&) = delete;
  FlushSubnormals& operator=(const FlushSubnormals&) = delete;

 private:
#if defined(__x86_64__)
  unsigned saved_;
#else
  std::uint64_t saved_ = 0;
#endif
};

}  // namespace csim
}  // namespace sat
