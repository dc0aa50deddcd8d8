// SPDX-License-Identifier: Apache-2.0
//
// The pruning rule on one word, where a group is `group` consecutive lanes: what an operand that
// can't be packed beforehand needs, such as output gradients.
#pragma once

#include "types.h"

namespace sat {

// All but the `keep` largest magnitudes of each group become +0; a tie keeps the lower lane.
template <class Config>
inline Word<Config> prune_word(const Word<Config>& word, int keep) {
  SAT_INLINE
  Word<Config> pruned;
  SAT_LOOP(PruneWord_Lane)
  for (int c = 0; c < Config::kLanes; ++c) {
    SAT_UNROLL
    const int group = c / Config::kGroup * Config::kGroup;
    const int own = word[c] & kHalfMagnitude;
    int preferred = 0;  // of the others in the group
    SAT_LOOP(PruneWord_Other)
    for (int other = group; other < group + Config::kGroup; ++other) {
      SAT_UNROLL
      const int magnitude = word[other] & kHalfMagnitude;
      preferred += (other < c ? magnitude >= own : magnitude > own) ? 1 : 0;
    }
    pruned[c] = preferred < keep ? word[c] : std::uint16_t{0};
  }
  return pruned;
}

}  // namespace sat
