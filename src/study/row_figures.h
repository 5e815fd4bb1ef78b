#pragma once
// The figures of a row over its seeds, for the tables of reproduction.cpp and paper_tables.cpp.

#include <algorithm>
#include <cmath>

#include "core/formatted.h"
#include "study/reproduction.h"

namespace taugate {

template <class Get>
OverSeeds over_runs(const std::map<int, RunResult>& runs, Get&& get) {
  std::vector<double> values;
  for (const auto& [seed, run] : runs) values.push_back(get(run));
  return over_seeds(values);
}

/// "0.01234 +- 0.00005", or the value alone for one seed.
inline std::string mean_stddev(const OverSeeds& s, int digits, bool sign = false) {
  if (std::isnan(s.mean)) return "none";
  const char* one = sign ? "%+.*f" : "%.*f";
  if (s.n < 2) return formatted(one, digits, s.mean);
  return formatted(one, digits, s.mean) + formatted(" ± %.*f", digits, s.deviation);
}

inline double bias(const RunScores& s) { return s.lifetime.bias_ns; }
inline double deviation(const RunScores& s) { return s.lifetime.deviation_ns; }

/// The figures of a row, with a name each: what all three forms of output show.
struct Column {
  const char* key;
  int digits;
  double (*get)(const RunResult&);
};
inline constexpr Column kColumns[] = {
    {"rmse", 5, [](const RunResult& r) { return r.test.channels[0].rmse.mean; }},
    {"r2", 4, [](const RunResult& r) { return r.test.channels[0].r2.mean; }},
    {"l2", 4, [](const RunResult& r) { return r.test.channels[0].l2.mean; }},
    {"dtw", 3, [](const RunResult& r) { return r.test.channels[0].dtw.mean; }},
    {"lifetime_bias_ns", 4, [](const RunResult& r) { return bias(r.test); }},
    {"lifetime_deviation_ns", 4, [](const RunResult& r) { return deviation(r.test); }},
    {"plate_rmse", 5, [](const RunResult& r) { return r.plate.channels[0].rmse.mean; }},
    {"plate_r2", 4, [](const RunResult& r) { return r.plate.channels[0].r2.mean; }},
    {"plate_l2", 4, [](const RunResult& r) { return r.plate.channels[0].l2.mean; }},
    {"plate_dtw", 3, [](const RunResult& r) { return r.plate.channels[0].dtw.mean; }},
    {"plate_lifetime_bias_ns", 4, [](const RunResult& r) { return bias(r.plate); }},
    {"plate_lifetime_deviation_ns", 4, [](const RunResult& r) { return deviation(r.plate); }},
};

inline const Column& column(const std::string& key) {
  return *std::find_if(std::begin(kColumns), std::end(kColumns),
                       [&](const Column& c) { return c.key == key; });
}

}  // namespace taugate
