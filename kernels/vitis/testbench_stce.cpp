// SPDX-License-Identifier: Apache-2.0
//
// C/RTL co-simulation of sat_stce: 0 when memory ends with the golden model's bits.
#include "testbench.h"

namespace {

sat::testbench::Job job;
WordT a[sat::testbench::kElements];
WordT b[sat::testbench::kElements];
WordT y_in[sat::testbench::kElements];
WordT y_out[sat::testbench::kElements];
std::uint32_t nonfinite[sat::testbench::kElements];

}  // namespace

int main() {
  if (!sat::testbench::read_job("sat_stce.dat", job)) {
    std::printf("sat_stce.dat: missing, short or of another array\n");
    return 2;
  }
  WordT* const memories[] = {a, b, y_in, y_out};
  for (WordT* const memory : memories) sat::testbench::fill(job, memory);
  sat_stce(job.count, job.commands, a, b, y_in, y_out, nonfinite);
  const WordT* const outputs[] = {y_out};
  const bool counted = nonfinite[0] == job.nonfinite;
  if (!counted) std::printf("%u results are infinite or NaN\n", nonfinite[0]);
  return sat::testbench::count_differences(job, outputs, 1) != 0 || !counted ? 1 : 0;
}
