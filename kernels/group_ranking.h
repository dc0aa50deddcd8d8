// SPDX-License-Identifier: Apache-2.0
//
// Which weights of a group N:M pruning keeps: the `keep` largest magnitudes of `group` consecutive
// elements, a tie to the earlier one (docs/architecture.md, N:M pruning). A lane is one group.
#pragma once

#include "types.h"

namespace sat {

// One bit for each lane: set where the element of a row is kept.
template <class Config>
using LaneMask = hls::vector<ap_uint<1>, Config::kLanes>;

// For each lane a kept weight and its index in its group.
template <class Config>
struct Selection {
  Word<Config> value;
  IndexWord<Config> index;
};

// One group while its rows come in: an element's rank is how many of the others are preferred.
template <class Config>
struct GroupRanking {
  using Ranks = hls::vector<std::uint8_t, Config::kLanes>;
  Word<Config> value[Config::kGroup];
  Ranks rank[Config::kGroup];

  void take(int element, const Word<Config>& word) {
    SAT_INLINE
    Ranks own = Ranks(std::uint8_t{0});
    SAT_LOOP(GroupRanking_Earlier)
    for (int earlier = 0; earlier < Config::kGroup - 1; ++earlier) {
      SAT_UNROLL
      if (earlier < element) {
        SAT_LOOP(GroupRanking_Lane)
        for (int c = 0; c < Config::kLanes; ++c) {
          SAT_UNROLL
          const bool loses =
              (value[earlier][c] & kHalfMagnitude) < (word[c] & kHalfMagnitude);
          rank[earlier][c] = static_cast<std::uint8_t>(rank[earlier][c] + (loses ? 1 : 0));
          own[c] = static_cast<std::uint8_t>(own[c] + (loses ? 0 : 1));
        }
      }
    }
    value[element] = word;
    rank[element] = own;
  }

  void copy(const GroupRanking& other) {
    SAT_INLINE
    SAT_LOOP(GroupRanking_Copy)
    for (int element = 0; element < Config::kGroup; ++element) {
      SAT_UNROLL
      value[element] = other.value[element];
      rank[element] = other.rank[element];
    }
  }

  // Where one element is kept.
  LaneMask<Config> kept(int element, int keep) const {
    SAT_INLINE
    const Ranks ranks = rank[element];
    LaneMask<Config> mask;
    SAT_LOOP(GroupRanking_Kept)
    for (int c = 0; c < Config::kLanes; ++c) {
      SAT_UNROLL
      mask[c] = ranks[c] < keep ? 1 : 0;
    }
    return mask;
  }

  // The n-th element, in ascending order, of those whose rank is below `keep`.
  Selection<Config> pick(int n, int keep) const {
    SAT_INLINE
    Selection<Config> selection;
    Ranks before = Ranks(std::uint8_t{0});
    SAT_LOOP(GroupRanking_Element)
    for (int element = 0; element < Config::kGroup; ++element) {
      SAT_UNROLL
      SAT_LOOP(GroupRanking_PickLane)
      for (int c = 0; c < Config::kLanes; ++c) {
        SAT_UNROLL
        const bool kept = rank[element][c] < keep;
        const bool here = kept && before[c] == n;
        if (here || element == 0) {
          selection.value[c] = value[element][c];
          selection.index[c] = element;
        }
        before[c] = static_cast<std::uint8_t>(before[c] + (kept ? 1 : 0));
      }
    }
    return selection;
  }
};

// +0 in the lanes that a mask leaves out.
template <class Config>
inline Word<Config> mask_word(const Word<Config>& word, const LaneMask<Config>& kept) {
  SAT_INLINE
  Word<Config> masked;
  SAT_LOOP(MaskWord_Lane)
  for (int c = 0; c < Config::kLanes; ++c) {
    SAT_UNROLL
    masked[c] = kept[c] ? word[c] : std::uint16_t{0};
  }
  return masked;
}

}  // namespace sat
