// SPDX-License-Identifier: Apache-2.0
//
// How full each stream was: the greatest fill in each of up to kPoints equal spans of time. The end is
// not known beforehand, so spans are joined two by two whenever there would be too many.
#pragma once

#include <algorithm>
#include <vector>

#include "times.h"

namespace timing {

class Levels {
 public:
  explicit Levels(std::int64_t streams) : points_(static_cast<std::size_t>(streams)) {}

  Time bucket() const { return bucket_; }

  // A stream's fill goes from `before` to `fill` in this cycle.
  void note(std::int64_t stream, Time now, std::int64_t before, std::int64_t fill) {
    std::vector<std::int64_t>& points = reach(stream, now, before);
    points.back() = std::max(points.back(), fill);
  }

  // The points of all streams, one stream after the other. fills: what stays in each.
  std::vector<std::int64_t> finish(Time cycles, const std::vector<std::int64_t>& fills) {
    std::vector<std::int64_t> all;
    for (std::size_t s = 0; s < points_.size(); ++s) {
      const auto& points = reach(static_cast<std::int64_t>(s), cycles, fills[s]);
      all.insert(all.end(), points.begin(), points.end());
    }
    return all;
  }

 private:
  static constexpr Time kPoints = 2048;

  // The stream's points with that of `now` as the last one; the fill was `before` until then.
  std::vector<std::int64_t>& reach(std::int64_t stream, Time now, std::int64_t before) {
    while (now / bucket_ >= kPoints) coarsen();
    std::vector<std::int64_t>& points = points_[static_cast<std::size_t>(stream)];
    points.resize(std::max(points.size(), static_cast<std::size_t>(now / bucket_) + 1), before);
    return points;
  }

  void coarsen() {
    bucket_ *= 2;
    for (auto& points : points_) {
      for (std::size_t i = 0; i < points.size(); i += 2) {
        const std::size_t second = std::min(i + 1, points.size() - 1);
        points[i / 2] = std::max(points[i], points[second]);
      }
      points.resize((points.size() + 1) / 2);
    }
  }

  Time bucket_ = 1;
  std::vector<std::vector<std::int64_t>> points_;
};

}  // namespace timing
