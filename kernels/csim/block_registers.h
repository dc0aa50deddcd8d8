// SPDX-License-Identifier: Apache-2.0
//
// The CPU's side of kernels/vitis/block_registers.h: rows are vectors, and all columns are made when the
// first one after a new row is asked for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "types.h"

namespace sat {
namespace csim {

// Two rows made one: the lower halves of both, lane by lane, or the upper ones.
template <class Row, std::size_t... Place>
inline void zip_rows(const Row& first, const Row& second, Row& lower, Row& upper,
                     std::index_sequence<Place...>) {
  constexpr std::size_t kLanes = sizeof...(Place);
  lower = __builtin_shufflevector(first, second, (Place / 2 + Place % 2 * kLanes)...);
  upper = __builtin_shufflevector(first, second,
                                  (Place / 2 + Place % 2 * kLanes + kLanes / 2)...);
}

}  // namespace csim

template <class Config>
struct Block {
  static constexpr int kLanes = Config::kLanes;
  typedef std::uint16_t Lanes __attribute__((vector_size(2 * kLanes)));

  Lanes element[kLanes];

  void set_row(int row, const Word<Config>& word) {
    std::memcpy(&element[row], &word[0], sizeof element[row]);
    turned_ = false;
  }

  Word<Config> column(int index) {
    if (!turned_) turn();
    Word<Config> word;
    std::memcpy(&word[0], &columns_[index], sizeof word);
    return word;
  }

 private:
  // A perfect shuffle of all elements moves a bit of the row's number into the column's: log2(lanes) of
  // them exchange the two.
  void turn() {
    Lanes rows[kLanes];
    std::memcpy(columns_, element, sizeof columns_);
    for (int shuffles = log2_exact(kLanes); shuffles > 0; --shuffles) {
      std::memcpy(rows, columns_, sizeof rows);
      for (int row = 0; row < kLanes / 2; ++row) {
        csim::zip_rows(rows[row], rows[row + kLanes / 2], columns_[2 * row], columns_[2 * row + 1],
                       std::make_index_sequence<kLanes>());
      }
    }
    turned_ = true;
  }

  Lanes columns_[kLanes];
  bool turned_ = false;
};

}  // namespace sat
