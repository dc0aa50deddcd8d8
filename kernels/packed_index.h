// SPDX-License-Identifier: Apache-2.0
//
// The index words of packed records: each lane's 16 bits hold the indices of kIndexSlots
// consecutive value words, the first one lowest. Both sides of the format are here.
#pragma once

#include "types.h"

namespace sat {

// Where the indices of the value words, one after the other, lie.
template <class Config>
struct IndexPlace {
  int word;
  int slot;

  IndexPlace() : word(0), slot(0) {}

  void advance() {
    SAT_INLINE
    if (++slot == Geometry<Config>::kIndexSlots) {
      slot = 0;
      ++word;
    }
  }
};

// Adds the indices of one slot to a word; the first slot starts it anew.
template <class Config>
inline void put_indices(Word<Config>& word, int slot, const IndexWord<Config>& indices) {
  SAT_INLINE
  SAT_LOOP(PutIndices_Lane)
  for (int c = 0; c < Config::kLanes; ++c) {
    SAT_UNROLL
    const int kept = slot == 0 ? 0 : word[c];
    // Widened first: an ap_uint keeps its width when it is shifted.
    const int index = static_cast<int>(indices[c]);
    word[c] = static_cast<std::uint16_t>(kept | (index << (slot * Geometry<Config>::kIndexBits)));
  }
}

// One lane's index in a slot.
template <class Config>
inline int get_index(std::uint16_t lane, int slot) {
  SAT_INLINE
  return (lane >> (slot * Geometry<Config>::kIndexBits)) & (Config::kGroup - 1);
}

}  // namespace sat
