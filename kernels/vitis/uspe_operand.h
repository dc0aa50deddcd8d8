// SPDX-License-Identifier: Apache-2.0
//
// What a USPE multiplies on the FPGA: the 17-bit operand of exact_product.h.
#pragma once

#include "exact_product.h"

namespace sat {

using Operand = exact::Operand;

inline Operand unpack(std::uint16_t half) {
  SAT_INLINE
  return exact::unpack(half);
}

}  // namespace sat
