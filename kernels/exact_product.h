// SPDX-License-Identifier: Apache-2.0
//
// The multiplier of a USPE as the FPGA builds it. A binary16 value is unpacked once, at the edge of
// the array, to 17 bits in which subnormals are normal; the product of two is then an 11 x 11 bit
// multiplication (one DSP48E2) and an addition of exponents, and it is exact in binary32.
//
// Operand, from the top: 1 sign, 6 exponent, 10 fraction. Exponent 0 is zero, 63 is infinity or NaN
// (fraction not zero), e in 1..40 is the value (1 + fraction / 2^10) * 2^(e - 25).
#pragma once

#include <ap_int.h>

#include <cstdint>

#include "float_bits.h"

namespace sat {
namespace exact {

using Operand = ap_uint<17>;

constexpr std::uint32_t kZeroExponent = 0;
constexpr std::uint32_t kSpecialExponent = 63;
constexpr int kBias = 25;

inline Operand make_operand(std::uint32_t sign, std::uint32_t exponent, std::uint32_t fraction) {
  SAT_INLINE
  return Operand((sign << 16) | (exponent << 10) | fraction);
}

inline Operand unpack(std::uint16_t half) {
  SAT_INLINE
  const std::uint32_t sign = half >> 15;
  const std::uint32_t exponent = (half >> 10) & 31u;
  const std::uint32_t fraction = half & 1023u;
  if (exponent == 31u) return make_operand(sign, kSpecialExponent, fraction);
  if (exponent != 0u) return make_operand(sign, exponent + kBias - 15, fraction);
  if (fraction == 0u) return make_operand(sign, kZeroExponent, 0);
  std::uint32_t leading = 9;  // of the subnormal's fraction: its place is the shift
  SAT_LOOP(Unpack_LeadingOne)
  for (int bit = 0; bit < 10; ++bit) {
    SAT_UNROLL
    if ((fraction >> bit) & 1u) leading = static_cast<std::uint32_t>(bit);
  }
  return make_operand(sign, leading + 1u, (fraction << (10u - leading)) & 1023u);
}

inline float multiply(Operand a, Operand b) {
  SAT_INLINE
  const std::uint32_t a_bits = a;
  const std::uint32_t b_bits = b;
  const std::uint32_t sign = ((a_bits ^ b_bits) >> 16) << 31;
  const std::uint32_t a_exponent = (a_bits >> 10) & 63u;
  const std::uint32_t b_exponent = (b_bits >> 10) & 63u;
  const bool a_zero = a_exponent == kZeroExponent;
  const bool b_zero = b_exponent == kZeroExponent;
  const bool a_special = a_exponent == kSpecialExponent;
  const bool b_special = b_exponent == kSpecialExponent;
  const bool a_nan = a_special && (a_bits & 1023u);
  const bool b_nan = b_special && (b_bits & 1023u);

  // 1.f x 1.f lies in [1, 4): 22 bits, the leading one at bit 20 or 21.
  const ap_uint<11> a_significand = 1024u | (a_bits & 1023u);
  const ap_uint<11> b_significand = 1024u | (b_bits & 1023u);
  std::uint32_t product =
      static_cast<std::uint32_t>(a_significand) * static_cast<std::uint32_t>(b_significand);
  SAT_OPERATOR(product, mul, dsp)
  const std::uint32_t carry = product >> 21;
  const std::uint32_t fraction = (product << (3u - carry)) & 0x7FFFFFu;
  const std::uint32_t exponent = a_exponent + b_exponent + carry + (127 - 2 * kBias);

  std::uint32_t bits = sign | (exponent << 23) | fraction;
  if (a_zero || b_zero) bits = sign;
  if (a_special || b_special) bits = sign | 0x7F800000u;
  if (a_nan || b_nan || (a_special && b_zero) || (b_special && a_zero)) bits = 0x7FC00000u;
  return as_float(bits);
}

}  // namespace exact
}  // namespace sat
