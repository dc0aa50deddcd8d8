// SPDX-License-Identifier: Apache-2.0
//
// Stand-in for the vendor's ap_int.h: unsigned integers of up to 64 bits that wrap to their width.
// Reading converts to the built-in integer, so arithmetic happens there and wraps when stored.
#pragma once

#include <cstdint>
#include <type_traits>

template <int W>
class ap_uint {
  static_assert(W >= 1 && W <= 64, "the stand-in covers 1 to 64 bits");

 public:
  using Storage = typename std::conditional<
      W <= 8, std::uint8_t,
      typename std::conditional<
          W <= 16, std::uint16_t,
          typename std::conditional<W <= 32, std::uint32_t, std::uint64_t>::type>::type>::type;

  ap_uint() = default;
  template <class I, class = typename std::enable_if<std::is_integral<I>::value>::type>
  ap_uint(I value)  // NOLINT: implicit, as the vendor's is
      : bits_(static_cast<Storage>(static_cast<std::uint64_t>(value) & kMask)) {}

  operator Storage() const { return bits_; }  // NOLINT: implicit, as the vendor's is

 private:
  static constexpr std::uint64_t kMask = ~std::uint64_t{0} >> (64 - W);
  Storage bits_;
};
