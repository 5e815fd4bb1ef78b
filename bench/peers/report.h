#pragma once
// What was measured, for people and for programs.

#include <iosfwd>
#include <string>
#include <vector>

#include "bench/machine.h"

namespace peers {

/// One engine at one task. Its rounds were interleaved with those of the other engines of the task,
/// so round i of each saw the same machine.
struct Timing {
  std::string engine;
  std::string isa;              ///< the instructions it says it uses
  std::vector<double> seconds;  ///< of one call, per round
};

struct Comparison {
  std::string network;
  std::string job;  ///< "infer", "train" or "busy"
  int steps = 0, batch = 0, threads = 0;
  double flops = 0;          ///< of one call
  std::vector<double> peak;  ///< floating-point operations per second, per round
  double largest_error = 0;  ///< of the outputs before the timing, |found - wanted|
  std::vector<Timing> timings;
};

/// Sequences per second, spread, share of the FMA peak; and how many times as fast the first engine
/// (ours) is: the median of the rounds' ratios.
void print(std::ostream& out, const Comparison& comparison);

void write_json(const std::string& path, const bench::Machine& setting,
                const std::vector<Comparison>& comparisons);
void write_csv(const std::string& path, const bench::Machine& setting,
               const std::vector<Comparison>& comparisons);

}  // namespace peers
