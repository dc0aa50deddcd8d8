// SPDX-License-Identifier: Apache-2.0
//
// What a WUVE command asks for beyond an update and its packed forms.
#pragma once

#include "types.h"

namespace sat {

// SR-STE: the update decays what FF prunes of the old weights.
inline bool decays_pruned(const WuveCommand& command) {
  SAT_INLINE
  const std::uint32_t both = kWuveUpdate | kWuveDecayPruned;
  return (command.flags & both) == both && command.ff_keep != 0;
}

// SR-STE: BP gets zeros for what FF prunes of the new weights.
inline bool masks_bp(const WuveCommand& command) {
  SAT_INLINE
  return (command.flags & kWuveMaskedBp) != 0 && command.ff_keep != 0 && command.bp_keep != 0;
}

}  // namespace sat
