// SPDX-License-Identifier: Apache-2.0
//
// Which weights of a group N:M pruning keeps: the `keep` largest magnitudes of `group` consecutive
// elements, a tie to the earlier one (docs/architecture.md, N:M pruning). A lane is one group.
#pragma once

#include <lane_words.h>

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
  using Ranks = hls::vector<LaneRank, Config::kLanes>;
  Word<Config> value[Config::kGroup];
  Ranks rank[Config::kGroup];

  void take(int element, const Word<Config>& word) {
    SAT_INLINE
    Ranks own = Ranks(LaneRank{0});
    SAT_LOOP(GroupRanking_Earlier)
    for (int earlier = 0; earlier < Config::kGroup - 1; ++earlier) {
      SAT_UNROLL
      if (earlier < element) {
        SAT_LOOP(GroupRanking_Lane)
        for (int c = 0; c < Config::kLanes; ++c) {
          SAT_UNROLL
          const bool loses =
              (value[earlier][c] & kHalfMagnitude) < (word[c] & kHalfMagnitude);
          rank[earlier][c] = static_cast<LaneRank>(rank[earlier][c] + (loses ? 1 : 0));
          own[c] = static_cast<LaneRank>(own[c] + (loses ? 0 : 1));
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
    const LaneRank wanted = static_cast<LaneRank>(n);
    const LaneRank bound = static_cast<LaneRank>(keep);
    Word<Config> picked = value[0];
    Ranks index = Ranks(LaneRank{0});
    Ranks before = Ranks(LaneRank{0});
    SAT_LOOP(GroupRanking_Element)
    for (int element = 0; element < Config::kGroup; ++element) {
      SAT_UNROLL
      const LaneRank number = static_cast<LaneRank>(element);
      SAT_LOOP(GroupRanking_PickLane)
      for (int c = 0; c < Config::kLanes; ++c) {
        SAT_UNROLL
        const bool kept = rank[element][c] < bound;
        const bool here = kept & (before[c] == wanted);
        picked[c] = here ? value[element][c] : picked[c];
        index[c] = here ? number : index[c];
        before[c] = static_cast<LaneRank>(before[c] + (kept ? 1 : 0));
      }
    }
    Selection<Config> selection;
    selection.value = picked;
    SAT_LOOP(GroupRanking_Index)
    for (int c = 0; c < Config::kLanes; ++c) {
      SAT_UNROLL
      selection.index[c] = index[c];
    }
    return selection;
  }
};

// +0 in the lanes that a mask leaves out. In a loop that it vectorises over rows of up to 16 lanes,
// GCC 12 gets this wrong (-O3, AVX-512): it is called between stream reads and writes only.
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
