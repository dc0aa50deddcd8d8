// SPDX-License-Identifier: Apache-2.0
//
// C/RTL co-simulation of sat_wuve: 0 when memory ends with the golden model's bits.
#include "testbench.h"

namespace {

sat::testbench::Job job;
WordT weights_in[sat::testbench::kElements];
WordT velocity_in[sat::testbench::kElements];
WordT gradient[sat::testbench::kElements];
WordT weights_out[sat::testbench::kElements];
WordT velocity_out[sat::testbench::kElements];
WordT ff[sat::testbench::kElements];
WordT bp[sat::testbench::kElements];

}  // namespace

int main() {
  if (!sat::testbench::read_job("sat_wuve.dat", job)) {
    std::printf("sat_wuve.dat: missing, short or of another array\n");
    return 2;
  }
  WordT* const memories[] = {weights_in, velocity_in, gradient, weights_out, velocity_out, ff, bp};
  for (WordT* const memory : memories) sat::testbench::fill(job, memory);
  sat_wuve(job.count, job.commands, weights_in, velocity_in, gradient, weights_out, velocity_out, ff,
           bp);
  const WordT* const outputs[] = {weights_out, velocity_out, ff, bp};
  return sat::testbench::count_differences(job, outputs, 4) != 0 ? 1 : 0;
}
