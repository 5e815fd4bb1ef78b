#pragma once
// Counter-based random numbers: the n-th number of a stream is a pure function of (seed, stream,
// n), so a data set is a seed and a trace is an index, whoever computes it and in whatever order.
//
// Generator: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2,
// 3", SC 2011).

#include <array>
#include <cstdint>

namespace taugate {

/// Ten rounds of Philox4x32 on a 128-bit counter with a 64-bit key.
std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key);

class Random {
 public:
  /// The stream `stream` of `seed`. Different (seed, stream) pairs are independent.
  Random(std::uint64_t seed, std::uint64_t stream);

  std::uint32_t bits();                         ///< 32 uniform bits
  double uniform();                             ///< in the open interval (0, 1), 2^-32 apart
  double uniform(double low, double high);      ///< in (low, high)
  double log_uniform(double low, double high);  ///< log of it is uniform; 0 < low <= high
  double normal();                              ///< mean 0, deviation 1 (Box-Muller)
  double exponential();                         ///< mean 1
  /// Poisson counts; mean >= 0. Inversion below 10, transformed rejection (Hörmann's PTRS, 1993)
  /// above.
  std::int64_t poisson(double mean);
  /// Successes of `trials` with probability p each; exact, by inversion or by BTRS (Hörmann 1993).
  std::int64_t binomial(std::int64_t trials, double p);
  std::uint64_t below(std::uint64_t bound);  ///< in [0, bound), bound < 2^32

 private:
  std::array<std::uint32_t, 2> key_;
  std::array<std::uint32_t, 4> counter_;
  std::array<std::uint32_t, 4> block_{};
  int next_ = 4;  // of block_; 4: used up
  double spare_normal_ = 0.0;
  bool has_spare_ = false;
};

}  // namespace taugate
